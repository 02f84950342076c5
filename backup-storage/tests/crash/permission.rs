//! Directories that this process may not read or write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

use backup_storage::{Bytes, ErrorKind, Storage, StorageExt};

use crate::child;

#[test]
fn missing_rights_are_told_from_missing_objects() {
    if let Some(directory) = child::directory() {
        return child::in_order(tries(&directory));
    }
    let home = tempfile::tempdir().unwrap();
    let storage = child::storage(home.path());
    child::in_order(storage.put_new(&child::name("a/b"), Bytes::from("x"))).unwrap();
    let set = |below: &str, mode| {
        fs::set_permissions(home.path().join(below), PermissionsExt::from_mode(mode)).unwrap();
    };
    // Nobody writes, everybody reads.
    for (below, mode) in [("", 0o755), ("r", 0o555), ("r/a", 0o555), ("r/a/b", 0o444)] {
        set(below, mode);
    }
    fs::create_dir(home.path().join("closed")).unwrap();
    set("closed", 0o000);
    if rustix::process::geteuid().is_root() {
        // Root may do everything: somebody else tries.
        let mut nobody =
            child::command("permission::missing_rights_are_told_from_missing_objects", home.path(), &[]);
        nobody.uid(65_534).gid(65_534);
        match nobody.output() {
            Err(error) => {
                child::not_run("missing rights", format!("another user cannot run the test: {error}"))
            }
            Ok(_) => child::succeeds(nobody),
        }
    } else {
        child::in_order(tries(home.path()));
    }
    for below in ["r", "r/a", "closed"] {
        set(below, 0o755);
    }
    home.close().unwrap();
}

async fn tries(directory: &Path) {
    let storage = child::storage(directory);
    let object = child::name("a/b");
    assert_eq!(storage.get(&object).await.unwrap(), "x");
    assert_eq!(storage.list_all("").await.unwrap().len(), 1);
    for text in ["a/new", "new/new"] {
        let error = storage.create(&child::name(text), Bytes::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permission, "{error:?}");
    }
    assert_eq!(storage.delete(&object).await.unwrap_err().kind(), ErrorKind::Permission);
    let closed = child::storage(&directory.join("closed"));
    assert_eq!(closed.get(&object).await.unwrap_err().kind(), ErrorKind::Permission);
    assert_eq!(closed.delete(&object).await.unwrap_err().kind(), ErrorKind::Permission);
    assert_eq!(closed.list_all("").await.unwrap_err().kind(), ErrorKind::Permission);
    let error = closed.create(&object, Bytes::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission, "{error:?}");
}
