//! What is taken and what is left out.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use backup_core::{ErrorKind, NoticeLevel};

use super::recording::{back_up, request};
use super::scratch::{Scratch, not_run};

const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a test\n";

#[tokio::test]
async fn excluded_folders_are_not_looked_into() {
    let scratch =
        Scratch::with(&["a.tmp", "cache/x", "deep/cache/x", "deep/b.tmp", "keep.tmp", "logs/a", "logs/b"]);
    let engine = scratch.engine().exclude("*.tmp").exclude("!keep.tmp").exclude("/cache/**").exclude("logs/");
    let backup = back_up(&engine).await;
    assert_eq!(backup.paths(), ["", "cache", "deep", "deep/cache", "deep/cache/x", "keep.tmp"]);
    assert!(backup.notices.is_empty());
}

#[tokio::test]
async fn includes_bring_the_folders_above_and_no_others() {
    let scratch = Scratch::with(&[
        "a/b/c/photo.jpg",
        "a/b/c/text",
        "a/b/empty/",
        "a/x",
        "whole/deep/text",
        "z/none",
        "photo.jpg",
        "zz/trash/photo.jpg",
    ]);
    let engine = scratch.engine().include("*.jpg").include("/whole/").exclude("trash");
    let backup = back_up(&engine).await;
    let expected =
        ["", "a", "a/b", "a/b/c", "a/b/c/photo.jpg", "photo.jpg", "whole", "whole/deep", "whole/deep/text"];
    assert_eq!(backup.paths(), expected);
    assert_eq!(
        backup.get("a/b").metadata.inode,
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(scratch.path("a/b")).unwrap())
    );
}

#[tokio::test]
async fn nothing_included_is_a_root_without_content() {
    let scratch = Scratch::with(&["a/b"]);
    let backup = back_up(&scratch.engine().include("*.jpg")).await;
    assert_eq!(backup.paths(), [""]);
}

#[tokio::test]
async fn a_bad_pattern_stops_everything_and_is_named() {
    let scratch = Scratch::with(&["a"]);
    for engine in [scratch.engine().exclude("[z-a]"), scratch.engine().include("a{b")] {
        let error = request(&engine).run().await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("[z-a]") || error.to_string().contains("a{b"), "{error}");
    }
}

#[tokio::test]
async fn a_tagged_cache_is_kept_without_its_contents() {
    let scratch = Scratch::with(&["cache/x", "cache/deep/y", "false/x", "fifo/x", "short/x"]);
    scratch.write("cache/CACHEDIR.TAG", TAG);
    scratch.write("false/CACHEDIR.TAG", "Signature: 0000");
    scratch.write("short/CACHEDIR.TAG", &TAG[..42]);
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        scratch.path("fifo/CACHEDIR.TAG"),
        rustix::fs::FileType::Fifo,
        mode,
        0,
    )
    .unwrap();
    let backup = back_up(&scratch.engine()).await;
    assert!(backup.find("cache/CACHEDIR.TAG").is_some());
    assert!(backup.find("cache/x").is_none() && backup.find("cache/deep").is_none());
    assert!(
        backup.find("false/x").is_some()
            && backup.find("short/x").is_some()
            && backup.find("fifo/x").is_some()
    );
    assert_eq!(backup.told(NoticeLevel::Info, "cache").len(), 1);
    assert_eq!(backup.notices.len(), 1);

    let whole = back_up(&scratch.engine().keep_caches()).await;
    assert!(whole.find("cache/deep/y").is_some() && whole.notices.is_empty());
}

#[tokio::test]
async fn a_root_that_is_a_cache_is_doubtful() {
    let scratch = Scratch::with(&["x"]);
    scratch.write("CACHEDIR.TAG", TAG);
    let backup = back_up(&scratch.engine()).await;
    assert_eq!(backup.paths(), ["", "CACHEDIR.TAG"]);
    assert_eq!(backup.warnings().len(), 1);
}

#[tokio::test]
async fn another_file_system_is_entered_unless_told_otherwise() {
    let scratch = Scratch::with(&["first/", "second/", "z"]);
    let (Some(_first), Some(_second)) = (Mount::new(&scratch, "first"), Mount::new(&scratch, "second"))
    else {
        return not_run("mount points: mounting a tmpfs needs root");
    };
    for mount in ["first", "second"] {
        scratch.write(&format!("{mount}/one"), mount);
        fs::hard_link(scratch.path(mount).join("one"), scratch.path(mount).join("two")).unwrap();
    }

    let whole = back_up(&scratch.engine()).await;
    assert_eq!(
        whole.paths(),
        ["", "first", "first/one", "first/two", "second", "second/one", "second/two", "z"]
    );
    let file = |path: &str| whole.get(path).metadata;
    // Both file systems count their files from the same number.
    assert_eq!(file("first/one").inode, file("second/one").inode);
    assert_ne!(file("first/one").link, file("second/one").link);
    for mount in ["first", "second"] {
        let (one, two) = (file(&format!("{mount}/one")).link, file(&format!("{mount}/two")).link);
        assert!(one != 0 && one == two);
    }

    let one = back_up(&scratch.engine().one_file_system()).await;
    assert_eq!(one.paths(), ["", "first", "second", "z"]);
    assert_eq!(one.told(NoticeLevel::Info, "first").len(), 1);
}

/// A file system in memory, until dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(scratch: &Scratch, name: &str) -> Option<Self> {
        let folder = scratch.path(name);
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&folder).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}
