//! Full file systems and deep trees.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use backup_core::ErrorKind;
use backup_core::engine::{Existing, VerdictLevel};
use rustix::fs::{Mode, OFlags, openat};

use crate::service::{Item, Service};
use crate::target::{Target, is_root};

/// A small file system, gone when dropped.
pub(crate) struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    pub(crate) fn at(path: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o"]).arg(format!("size={size}")).arg("none").arg(path);
        mount.status().is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[tokio::test]
async fn a_full_target_is_named_and_keeps_whole_files_only() {
    for size in [100_000, 3_000_000] {
        let target = Target::new();
        if !is_root("a full target") {
            return;
        }
        let path = target.path();
        let Some(_mounted) = Mounted::at(&path, "8m") else {
            eprintln!("NOT RUN: a full target: nothing can be mounted here");
            return;
        };
        let mut items = vec![Item::folder("")];
        items.extend((0..100_u8).map(|n| Item::file(format!("f{n:02}"), vec![n; size])));
        let from = Service::of(&items).shared();
        let plan = target.plan(&from, Existing::Refuse).await.unwrap();
        assert_eq!(plan.verdicts.len(), 1);
        assert_eq!(plan.verdicts[0].level, VerdictLevel::Warn);
        let error = target.restore(&from, Existing::Refuse).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{}", error.chain());
        let left = target.seen().paths();
        let failed = format!("{}/f{:02}\"", path.display(), left.len() - 1);
        assert!(error.to_string().contains(&failed), "{error}, {left:?}");
        for name in &left[1..] {
            assert_eq!(std::fs::metadata(target.at(name)).unwrap().len(), size as u64);
        }
        assert!(left.len() > 2);
    }
}

#[tokio::test]
async fn what_is_mounted_in_an_extra_folder_is_not_emptied() {
    if !is_root("a mount in the target") {
        return;
    }
    let target = Target::new();
    let mount = target.at("extra/mount");
    let Some(_mounted) = Mounted::at(&mount, "1m") else {
        eprintln!("NOT RUN: a mount in the target: nothing can be mounted here");
        return;
    };
    std::fs::write(mount.join("mine"), "mine").unwrap();
    let error = target.restore(&Service::of(&[]).shared(), Existing::Mirror).await.unwrap_err();
    assert!(error.to_string().contains("extra/mount"), "{error}");
    assert!(error.remedy().contains("unmount"));
    assert_eq!(std::fs::read(mount.join("mine")).unwrap(), b"mine");
}

#[tokio::test]
async fn a_tree_of_two_thousand_levels_comes_back_and_goes() {
    const LEVELS: usize = 2_000;
    let target = Target::new();
    let mut items = vec![Item::folder("")];
    let mut path = String::new();
    for _ in 0..LEVELS {
        path.push_str(if path.is_empty() { "level" } else { "/level" });
        items.push(Item::folder(&path).mode(0o751));
    }
    items.push(Item::file(format!("{path}/f"), "deep"));
    items.push(Item::symlink(format!("{path}/l"), "f"));
    let from = Service::of(&items).shared();
    let summary = target.restore(&from, Existing::Refuse).await.unwrap();
    assert_eq!(summary.written, items.len() as u64);

    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut folder: OwnedFd = rustix::fs::open(target.path(), flags, Mode::empty()).unwrap();
    for _ in 0..LEVELS {
        folder = openat(&folder, "level", flags, Mode::empty()).unwrap();
        let found = rustix::fs::fstat(&folder).unwrap();
        assert_eq!((found.st_mode & 0o7777, found.st_mtime), (0o751, 1_600_000_000));
    }
    assert_eq!(rustix::fs::statat(&folder, "f", rustix::fs::AtFlags::empty()).unwrap().st_size, 4);

    let again = target.restore(&from, Existing::Mirror).await.unwrap();
    assert_eq!((again.written, again.unchanged), (0, items.len() as u64));
    let removed = target.restore(&Service::of(&[]).shared(), Existing::Mirror).await.unwrap();
    assert_eq!(removed.deleted, items.len() as u64 - 1);
    assert_eq!(target.seen().paths(), [""]);
}
