//! Disks without space.

use std::path::Path;
use std::process::Command;

use backup_storage::{Bytes, ErrorKind, ObjectStorage, Storage, StorageExt};

use crate::child;

#[test]
fn a_file_size_limit_is_full_and_leaves_nothing() {
    if let Some(directory) = child::directory() {
        return child::in_order(fills(&child::storage(&directory)));
    }
    let home = tempfile::tempdir().unwrap();
    let limit = r#"trap "" XFSZ; ulimit -f 256 && exec "$@""#;
    let test = "full::a_file_size_limit_is_full_and_leaves_nothing";
    child::succeeds(child::command(test, home.path(), &["sh", "-c", limit, "sh"]));
    assert!(child::leftovers(home.path()).is_empty());
    home.close().unwrap();
}

#[test]
fn a_full_file_system_is_full_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(home.path()).output();
    match mounted {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            return child::not_run("a full file system", String::from_utf8_lossy(&output.stderr).trim());
        }
        Err(error) => return child::not_run("a full file system", format!("mount: {error}")),
    }
    let unmount = Unmount(home.path());
    child::in_order(fills(&child::storage(home.path())));
    assert!(child::leftovers(home.path()).is_empty());
    drop(unmount);
    home.close().unwrap();
}

/// 2 MiB fit nowhere here, 4 KiB do.
async fn fills(storage: &ObjectStorage) {
    let large = Bytes::from(vec![7; 2 << 20]);
    for text in ["packs/a", "packs/b"] {
        let error = storage.put_new(&child::name(text), large.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
        assert!(!error.is_retryable() && error.to_string().contains("free space"), "{error}");
        let error = storage.create(&child::name(text), large.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
    }
    assert!(storage.list_all("").await.unwrap().is_empty());
    storage.put_new(&child::name("packs/a"), large.slice(..4096)).await.unwrap();
    assert_eq!(storage.get(&child::name("packs/a")).await.unwrap(), large.slice(..4096));
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(), "umount failed");
    }
}
