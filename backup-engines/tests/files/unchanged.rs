//! What is known from the previous backup.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use rustix::fs::{XattrFlags, setxattr};

use super::recording::{Backup, back_up, request};
use super::scratch::{Scratch, noise, not_run};

async fn follow(scratch: &Scratch, parent: &Backup) -> Backup {
    request(&scratch.engine()).parent(parent).run().await.unwrap()
}

#[tokio::test]
async fn what_did_not_change_is_taken_from_the_parent() {
    let scratch = Scratch::with(&["a/b", "a/c", "empty/", "link -> a", "z"]);
    scratch.write("large", noise(1_000_000, 1));
    let has_xattrs = setxattr(scratch.path("a/b"), "user.a", b"1", XattrFlags::empty()).is_ok();
    let first = back_up(&scratch.engine()).await.long_after_the_files();
    let second = follow(&scratch, &first).await;
    assert_eq!(second.kept(), ["a/b", "a/c", "large", "z"]);
    assert_eq!(second.paths(), first.paths());
    assert_eq!(second.fact("files.unchanged"), "4");
    assert!(second.tree.iter().zip(&first.tree).all(|(now, then)| {
        now.content == then.content
            && now.xattrs == then.xattrs
            && now.metadata == then.metadata
            && now.target == then.target
    }));
    if !has_xattrs {
        not_run("attributes taken from the parent: the file system has none");
    }
}

#[tokio::test]
async fn every_change_is_seen() {
    let names = [
        "appended",
        "attribute",
        "back",
        "gone/x",
        "mode",
        "moved",
        "replaced",
        "same",
        "to folder",
        "touched",
    ];
    let scratch = Scratch::with(&names);
    let has_xattrs = setxattr(scratch.path("attribute"), "user.a", b"1", XattrFlags::empty()).is_ok();
    let first = back_up(&scratch.engine()).await.long_after_the_files();

    scratch.write("appended", "appended and more");
    if has_xattrs {
        setxattr(scratch.path("attribute"), "user.a", b"2", XattrFlags::empty()).unwrap();
    }
    // Same size, modification time set back: only the change time tells.
    let modified = fs::metadata(scratch.path("back")).unwrap().modified().unwrap();
    scratch.write("back", "kcab");
    File::options().write(true).open(scratch.path("back")).unwrap().set_modified(modified).unwrap();
    fs::remove_dir_all(scratch.path("gone")).unwrap();
    fs::set_permissions(scratch.path("mode"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(scratch.path("moved"), scratch.path("moved here")).unwrap();
    fs::remove_file(scratch.path("replaced")).unwrap();
    symlink("same", scratch.path("replaced")).unwrap();
    fs::remove_file(scratch.path("to folder")).unwrap();
    scratch.write("to folder/inside", "inside");
    File::options()
        .write(true)
        .open(scratch.path("touched"))
        .unwrap()
        .set_modified(modified + Duration::from_secs(1))
        .unwrap();
    scratch.write("a new one", "new");

    let second = follow(&scratch, &first).await;
    if has_xattrs {
        assert_eq!(second.kept(), ["same"]);
        assert_ne!(second.get("attribute").xattrs, first.get("attribute").xattrs);
    } else {
        not_run("changes of attributes: the file system has none");
    }
    assert_eq!(second.get("appended").content, b"appended and more");
    assert_eq!(second.get("back").content, b"kcab");
    assert_eq!(second.get("mode").metadata.mode, 0o600);
    assert_eq!(second.get("moved here").content, b"moved");
    assert_eq!(second.get("replaced").target, b"same");
    assert_eq!(second.get("to folder/inside").content, b"inside");
    assert_eq!(second.get("a new one").content, b"new");
    assert!(["gone", "gone/x", "moved"].iter().all(|path| second.find(path).is_none()));
}

#[tokio::test]
async fn a_file_changed_shortly_before_the_parent_began_is_read_again() {
    let scratch = Scratch::with(&["a"]);
    let mut first = back_up(&scratch.engine()).await;
    let changed = first.get("a").metadata.ctime;
    let changed = chrono::DateTime::from_timestamp(changed.seconds, changed.nanoseconds).unwrap();
    for (began, is_kept) in
        [(2_000_000_001, true), (2_000_000_000, false), (1_000_000_000, false), (0, false)]
    {
        first.started_at = changed + Duration::from_nanos(began);
        let second = follow(&scratch, &first).await;
        assert_eq!(second.get("a").kept, is_kept, "began {began} ns after the change");
        assert_eq!(second.get("a").content, b"a");
    }
}

#[tokio::test]
async fn file_numbers_count_unless_they_are_to_be_ignored() {
    let scratch = Scratch::with(&["device", "number", "same"]);
    let mut first = back_up(&scratch.engine()).await.long_after_the_files();
    let entry = |name: &str| scratch_position(&first, name);
    let (device, number) = (entry("device"), entry("number"));
    first.tree[device].metadata.device += 1;
    first.tree[number].metadata.inode += 1;

    assert_eq!(follow(&scratch, &first).await.kept(), ["same"]);
    let engine = scratch.engine().ignore_inode();
    let relaxed = request(&engine).parent(&first).run().await.unwrap();
    assert_eq!(relaxed.kept(), ["device", "number", "same"]);
    // What is stored is what the file system says now.
    assert_eq!(relaxed.tree[number].metadata.inode, first.tree[number].metadata.inode - 1);

    // Other signs of change still count.
    scratch.write("number", "NUMBER");
    let changed = request(&engine).parent(&first).run().await.unwrap();
    assert_eq!(changed.kept(), ["device", "same"]);
}

fn scratch_position(backup: &Backup, path: &str) -> usize {
    backup.tree.iter().position(|stored| stored.path == path.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_parent_that_lost_its_content_is_not_trusted() {
    let scratch = Scratch::with(&["a", "b"]);
    let mut first = back_up(&scratch.engine()).await.long_after_the_files();
    let position = scratch_position(&first, "a");
    first.tree[position].content.clear();
    let second = follow(&scratch, &first).await;
    assert_eq!(second.kept(), ["b"]);
    assert_eq!(second.get("a").content, b"a");
}

#[tokio::test]
async fn a_damaged_parent_costs_time_and_is_told() {
    let names: Vec<String> = (0..30).map(|number| format!("{number:02}")).collect();
    let scratch = Scratch::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut first = back_up(&scratch.engine()).await.long_after_the_files();
    first.damaged = true;
    let second = follow(&scratch, &first).await;
    assert_eq!(second.paths(), first.paths());
    assert_eq!(second.kept(), names[..6]);
    assert_eq!(second.warnings().len(), 1);
}
