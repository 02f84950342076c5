//! Owners, modes, times, extended attributes, devices.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use backup_core::NoticeLevel;
use backup_core::engine::{EntryKind, Existing, Selection, Timestamp};

use crate::service::{Item, Service};
use crate::target::{Seen, Target, is_root, xattrs};

#[tokio::test]
async fn times_are_kept_to_the_nanosecond_also_of_folders_and_links() {
    let target = Target::new();
    let at = |item: Item, seconds, nanoseconds| Item { mtime: Timestamp { seconds, nanoseconds }, ..item };
    let items = [
        at(Item::folder(""), 1, 1),
        at(Item::folder("a"), 1_234_567_890, 999_999_999),
        at(Item::folder("a/b"), 0, 0),
        at(Item::file("a/b/f", "x"), 2_000_000_000, 7),
        at(Item::symlink("a/b/l", "f"), 1_700_000_000, 42),
        at(Item::new("a/b/p", EntryKind::Fifo), 1_700_000_001, 43),
    ];
    target.restore(&Service::of(&items).shared(), Existing::Refuse).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&items));
}

#[tokio::test]
async fn a_file_runs_as_its_owner_only_if_that_is_the_owner_in_the_backup() {
    if !is_root("set-user-id bits") {
        return;
    }
    let target = Target::new();
    let items = [
        Item::folder(""),
        Item::file("own", "x").mode(0o4755),
        Item::file("other", "x").mode(0o6755).owner(12_345, 54_321),
        Item::folder("shared").mode(0o2775).owner(12_345, 54_321),
    ];
    target.restore(&Service::of(&items).shared(), Existing::Refuse).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&items));
}

/// Run again by [`without_root_owners_are_left_and_nothing_runs_as_another`] as another user.
#[tokio::test]
#[ignore = "run by another test, as a user who is not root"]
async fn child_without_root() {
    if rustix::process::geteuid().is_root() {
        eprintln!("NOT RUN: restoring as a user who is not root: this is root");
        return;
    }
    let target = Target::new();
    let own = Item::folder("");
    let items = [
        Item::folder(""),
        Item::file("own", "x").mode(0o4755),
        Item::file("other", "x").mode(0o6755).owner(own.uid + 1, own.gid + 1),
        Item::folder("closed").mode(0o500),
        Item::file("closed/f", "x").mode(0o400),
    ];
    let from = Service::of(&items).shared();
    target.restore(&from, Existing::Refuse).await.unwrap();
    let mode = |name: &str| std::fs::metadata(target.at(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("own"), mode("other"), mode("closed")), (0o4755, 0o755, 0o500));
    assert_eq!(std::fs::metadata(target.at("other")).unwrap().uid(), own.uid);
    let notices = target.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!((notices[0].level, notices[0].path.as_str()), (NoticeLevel::Warning, "other"));
    assert!(notices[0].message.contains("owner of 1 entries"), "{notices:?}");
    // What could not be attained does not count as a difference; a closed folder is opened and closed again.
    assert_eq!(target.plan(&from, Existing::Mirror).await.unwrap().overwrite, 0);
    std::fs::set_permissions(target.at("closed/f"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    std::fs::write(target.at("closed/f"), "changed").unwrap();
    target.restore(&from, Existing::Mirror).await.unwrap();
    assert_eq!(std::fs::read(target.at("closed/f")).unwrap(), b"x");
    assert_eq!(mode("closed"), 0o500);
}

#[test]
fn without_root_owners_are_left_and_nothing_runs_as_another() {
    if !is_root("restoring as a user who is not root") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    // The build folder may be closed to others.
    let program = home.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut child = Command::new("setpriv");
    child.args(["--reuid=12345", "--regid=12345", "--clear-groups"]).arg(&program);
    child.args(["--ignored", "--exact", "attributes::child_without_root"]).env("TMPDIR", home.path());
    match child.output() {
        Err(_) => eprintln!("NOT RUN: restoring as a user who is not root: needs setpriv"),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
        }
    }
}

#[tokio::test]
async fn extended_attributes_are_added_changed_and_removed() {
    let target = Target::new();
    let old = [
        Item::folder("").xattr("user.root", b"1"),
        Item::folder("a").xattr("user.x", b"old"),
        Item::file("f", "same").xattr("user.gone", b"1").xattr("user.x", &[0; 3000]).mode(0o444),
        Item::file("g", "same").xattr("user.x", b"same"),
    ];
    target.restore(&Service::of(&old).shared(), Existing::Refuse).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&old));
    assert_eq!(xattrs(&target.at("f")).len(), 2);
    let new = [
        Item::folder(""),
        Item::folder("a").xattr("user.x", b"new"),
        Item::file("f", "same").xattr("user.x", b"new").mode(0o444),
        Item::file("g", "same").xattr("user.x", b"same"),
    ];
    let summary = target.restore(&Service::of(&new).shared(), Existing::Update).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&new));
    assert_eq!(summary.written_bytes, 0);
    assert!(target.notices().is_empty());
}

#[tokio::test]
async fn an_attribute_that_the_system_refuses_is_named_once_and_the_rest_restored() {
    let target = Target::new();
    let items = [
        Item::file("f", "x").xattr("nobody.knows", b"1").xattr("user.x", b"1"),
        Item::file("g", "x").xattr("nobody.knows", b"1"),
    ];
    target.restore(&Service::of(&items).shared(), Existing::Refuse).await.unwrap();
    assert_eq!(xattrs(&target.at("f")), [("user.x".to_owned(), b"1".to_vec())]);
    let notices = target.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].message.contains("nobody.knows of 2 entries"), "{notices:?}");
}

#[tokio::test]
async fn access_lists_of_the_target_are_not_inherited() {
    let target = Target::new();
    std::fs::create_dir(target.path()).unwrap();
    // The stored form of "user::rwx,user:1:rwx,group::r-x,mask::rwx,other::r-x".
    let entry = |tag: u16, permissions: u16, id: u32| {
        [&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let none = u32::MAX;
    let list = [entry(1, 7, none), entry(2, 7, 1), entry(4, 5, none), entry(16, 7, none), entry(32, 5, none)]
        .concat();
    let list = [&2_u32.to_le_bytes()[..], &list].concat();
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(target.path(), "system.posix_acl_default", &list, flags).is_err() {
        eprintln!("NOT RUN: access lists: the file system has none");
        return;
    }
    let items =
        [Item::folder(""), Item::folder("a"), Item::file("a/f", "x").mode(0o640), Item::file("f", "x")];
    target.restore(&Service::of(&items).shared(), Existing::Refuse).await.unwrap();
    for name in ["", "a", "a/f", "f"] {
        let mut list = [0; 1000];
        let length = rustix::fs::llistxattr(target.at(name), &mut list[..]).unwrap();
        assert!(!list[..length].starts_with(b"system.posix_acl"), "{name}");
    }
    assert_eq!(target.seen(), Seen::of(&items));
}

#[tokio::test]
async fn devices_are_made_only_on_request() {
    let node = |path: &str, kind, major: u64, minor: u64| Item {
        special: major << 32 | minor,
        ..Item::new(path, kind)
    };
    let items = [
        Item::folder(""),
        node("block", EntryKind::BlockDevice, 259, 300_000),
        node("null", EntryKind::CharacterDevice, 1, 3),
        Item::new("pipe", EntryKind::Fifo).mode(0o620),
    ];
    let from = Service::of(&items).shared();
    let target = Target::new();
    let summary = target.restore(&from, Existing::Refuse).await.unwrap();
    assert_eq!((summary.written, summary.skipped), (2, 2));
    assert_eq!(target.seen().paths(), ["", "pipe"]);
    assert!(target.notices().iter().all(|notice| notice.level == NoticeLevel::Info));
    if !is_root("making devices") {
        return;
    }
    let all = Selection { paths: Vec::new(), devices: true };
    let summary = target.restore_selected(&from, Existing::Update, &all).await.unwrap();
    assert_eq!((summary.written, summary.unchanged, summary.skipped), (2, 2, 0));
    assert_eq!(target.seen(), Seen::of(&items));
    let null = std::fs::metadata(target.at("null")).unwrap().rdev();
    assert_eq!(null, std::fs::metadata("/dev/null").unwrap().rdev());
    let block = std::fs::metadata(target.at("block")).unwrap().rdev();
    assert_eq!((rustix::fs::major(block), rustix::fs::minor(block)), (259, 300_000));
    assert_eq!(target.restore_selected(&from, Existing::Update, &all).await.unwrap().written, 0);
}
