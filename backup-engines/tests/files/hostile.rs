//! Trees that are deep, wide, forbidden, or change their shape under the walk.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use backup_core::NoticeLevel;
use backup_engines::Files;
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use super::child;
use super::recording::{back_up, request};
use super::scratch::{Scratch, is_root, noise, not_run};

const LEVELS: usize = 2000;

/// A chain of folders below a scratch folder, each with a file after the next folder in order.
fn deep(levels: usize) -> Scratch {
    let scratch = Scratch::new();
    let mode = Mode::from_raw_mode(0o755);
    let mut folder = openat(CWD, scratch.root(), OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&folder, "d", mode).unwrap();
        let file = openat(&folder, "z", OFlags::CREATE | OFlags::WRONLY, mode).unwrap();
        rustix::io::write(file, b"z").unwrap();
        folder = openat(&folder, "d", OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    scratch
}

#[test]
fn a_deep_tree_needs_few_descriptors() {
    let scratch = deep(LEVELS);
    let limited = ["sh", "-c", "ulimit -n 400 && exec \"$0\" \"$@\""];
    let output = child::run(&limited, "hostile::child_backs_up_a_deep_tree", scratch.root()).unwrap();
    child::passed(&output);
}

#[tokio::test]
#[ignore = "run by a_deep_tree_needs_few_descriptors"]
async fn child_backs_up_a_deep_tree() {
    let engine = Files::tree(child::folder());
    let backup = back_up(&engine).await;
    assert_eq!(backup.tree.len(), 1 + 2 * LEVELS);
    assert!(backup.notices.is_empty());
    let deepest = backup.tree.iter().map(|stored| stored.path.len()).max();
    assert_eq!(deepest, Some(2 * LEVELS - 1));
    // The same when folders wait for their first content.
    let included = back_up(&engine.include("z")).await;
    assert_eq!(included.tree.len(), 2 * LEVELS);
    let second =
        request(&Files::tree(child::folder())).parent(&backup.long_after_the_files()).run().await.unwrap();
    assert_eq!(second.kept().len(), LEVELS);
}

#[tokio::test]
async fn paths_too_long_to_be_stored_are_named() {
    let scratch = Scratch::new();
    let name = "n".repeat(250);
    let mut folder = openat(CWD, scratch.root(), OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..263 {
        mkdirat(&folder, &name, Mode::from_raw_mode(0o755)).unwrap();
        folder = openat(&folder, &name, OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let backup = back_up(&scratch.engine()).await;
    // 261 names of 250 bytes and the slashes between them are 65,510 bytes.
    assert_eq!(backup.tree.len(), 1 + 261);
    assert_eq!(backup.warnings().len(), 1);
}

#[tokio::test]
async fn a_wide_folder_is_sorted() {
    let scratch = Scratch::new();
    for number in 0..20_000 {
        fs::write(scratch.path(&format!("{number}")), number.to_string()).unwrap();
    }
    let backup = back_up(&scratch.engine()).await;
    assert_eq!(backup.tree.len(), 20_001);
    assert!(backup.tree[1..].iter().all(|stored| stored.content == stored.path));
    let second = request(&scratch.engine()).parent(&backup.long_after_the_files()).run().await.unwrap();
    assert_eq!(second.kept().len(), 20_000);
}

#[tokio::test]
async fn a_folder_swapped_for_a_link_leads_nowhere() {
    swapped(|outside, folder| symlink(outside, folder).unwrap()).await;
}

#[tokio::test]
async fn a_folder_swapped_for_another_is_not_mixed_with_it() {
    swapped(|outside, folder| fs::rename(outside, folder).unwrap()).await;
}

async fn swapped(put_in_place: fn(&Path, &Path)) {
    let outside = Scratch::with(&["other/zz", "other/d/secret"]);
    let scratch = Scratch::new();
    // The walk closes folders so far above it, and must open "0/1/2/3" again after the ten thousand files.
    let deep = (0..50).map(|level| level.to_string()).collect::<Vec<_>>().join("/");
    for number in 0..10_000 {
        fs::create_dir_all(scratch.path(&deep)).unwrap();
        fs::write(scratch.path(&format!("{deep}/{number}")), b"").unwrap();
    }
    scratch.write("0/1/2/3/zz", "inside");
    scratch.write("0/zz", "still there");
    scratch.write("-", noise(3 << 20, 1));
    let happened = AtomicBool::new(false);
    let (swapped, aside, other) =
        (scratch.path("0/1/2/3"), scratch.path("0/1/2/aside"), outside.path("other"));
    let swap = move |path: &str| {
        if path == "-" && !happened.swap(true, Ordering::SeqCst) {
            fs::rename(&swapped, &aside).unwrap();
            put_in_place(&other, &swapped);
        }
    };
    let backup = request(&scratch.engine()).on_write(swap).run().await.unwrap();
    assert_eq!(backup.tree.iter().filter(|stored| stored.path.starts_with(deep.as_bytes())).count(), 10_001);
    assert!(backup.find("0/1/2/3/zz").is_none() && backup.find("0/1/2/3/d").is_none());
    assert_eq!(backup.get("0/zz").content, b"still there");
    assert_eq!(backup.told(NoticeLevel::Warning, "0/1/2/3").len(), 1);
}

#[test]
fn what_may_not_be_read_is_named() {
    let scratch = Scratch::with(&["file", "folder/inside", "listed/inside", "z"]);
    for (name, mode) in [("file", 0o000), ("folder", 0o000), ("listed", 0o444), ("", 0o755)] {
        fs::set_permissions(scratch.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let test = "hostile::child_backs_up_what_it_may_read";
    let output = if is_root() {
        let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        match child::run(&user, test, scratch.root()) {
            Ok(output) if output.status.code() != Some(126) && output.status.code() != Some(127) => output,
            _ => return not_run("files without permission: setpriv is missing or may not run this program"),
        }
    } else {
        child::run(&["env"], test, scratch.root()).unwrap()
    };
    child::passed(&output);
    for name in ["folder", "listed"] {
        fs::set_permissions(scratch.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
#[ignore = "run by what_may_not_be_read_is_named"]
async fn child_backs_up_what_it_may_read() {
    let backup = back_up(&Files::tree(child::folder())).await;
    assert_eq!(backup.paths(), ["", "folder", "listed", "z"]);
    for path in ["file", "folder", "listed/inside"] {
        let told = backup.told(NoticeLevel::Warning, path);
        assert!(told.len() == 1 && told[0].contains("Permission denied"), "{path}: {:?}", backup.notices);
    }
    assert_eq!(backup.notices.len(), 3);
    let root = Files::tree(child::folder().join("folder"));
    let error = request(&root).run().await.err().unwrap();
    assert_eq!(error.kind(), backup_core::ErrorKind::Permission);
}
