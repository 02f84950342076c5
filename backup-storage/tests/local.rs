//! What a local directory does beyond the contract.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backup_storage::{Bytes, ErrorKind, Listing, Name, ObjectStorage, Result, Storage, StorageExt};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

/// A storage in a directory that does not exist yet.
struct Home {
    outer: TempDir,
    storage: ObjectStorage,
}

impl Home {
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let storage = ObjectStorage::local(outer.path().join("r")).unwrap();
        Self { outer, storage }
    }

    async fn with(names: &[&str]) -> Self {
        let home = Self::new();
        for text in names {
            home.put(text).await.unwrap();
        }
        home
    }

    fn path(&self, below: &str) -> PathBuf {
        self.outer.path().join("r").join(below)
    }

    async fn put(&self, text: &str) -> Result<()> {
        self.storage.put_new(&name(text), Bytes::copy_from_slice(text.as_bytes())).await
    }

    async fn names(&self) -> Vec<String> {
        self.storage.list_all("").await.unwrap().into_iter().map(|object| object.name.to_string()).collect()
    }

    fn close(self) {
        self.outer.close().unwrap();
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn only_a_put_makes_the_directory() {
    let home = Home::new();
    let storage = &home.storage;
    assert_eq!(kind(storage.get(&name("a")).await), ErrorKind::NotFound);
    assert_eq!(kind(storage.get_range(&name("a"), 0..1).await), ErrorKind::NotFound);
    assert_eq!(kind(storage.head(&name("a/b")).await), ErrorKind::NotFound);
    assert!(storage.list_all("").await.unwrap().is_empty());
    storage.delete(&name("a")).await.unwrap();
    storage.capabilities();
    assert!(!home.path("").exists());
    home.put("a").await.unwrap();
    assert_eq!(home.names().await, ["a"]);
    home.close();
}

#[tokio::test]
async fn a_made_directory_is_private_and_a_found_one_is_left_as_it_is() {
    let outer = tempfile::tempdir().unwrap();
    let made = ObjectStorage::local(outer.path().join("x/y")).unwrap();
    made.put_new(&name("a/b"), Bytes::new()).await.unwrap();
    assert_eq!((mode(&outer.path().join("x")), mode(&outer.path().join("x/y"))), (0o700, 0o700));
    let found = outer.path().join("found");
    fs::create_dir(&found).unwrap();
    fs::set_permissions(&found, PermissionsExt::from_mode(0o750)).unwrap();
    ObjectStorage::local(&found).unwrap().put_new(&name("a/b"), Bytes::new()).await.unwrap();
    assert_eq!(mode(&found), 0o750);
    outer.close().unwrap();
}

#[tokio::test]
async fn a_directory_that_was_removed_is_made_again() {
    let home = Home::with(&["a/b/c"]).await;
    fs::remove_dir_all(home.path("")).unwrap();
    assert!(home.names().await.is_empty());
    assert_eq!(kind(home.storage.get(&name("a/b/c")).await), ErrorKind::NotFound);
    home.put("a/b/d").await.unwrap();
    fs::remove_dir_all(home.path("a")).unwrap();
    home.put("a/b/e").await.unwrap();
    assert_eq!((home.names().await, mode(&home.path(""))), (vec!["a/b/e".to_owned()], 0o700));
    home.close();
}

#[tokio::test]
async fn foreign_files_are_neither_listed_nor_touched() {
    let home = Home::with(&["a/b"]).await;
    let foreign =
        ["README", ".nfs0001", "a/b#1", "a/c#2", "a/.hidden", "a/x y", "a/\u{e4}", &"l".repeat(201)];
    for text in foreign {
        fs::write(home.path(text), "foreign").unwrap();
    }
    let not_text = home.path("a").join(OsStr::from_bytes(b"\xff\xfe"));
    fs::write(&not_text, "foreign").unwrap();
    for folder in ["lost+found", ".snapshot/a", "a/empty"] {
        fs::create_dir_all(home.path(folder)).unwrap();
    }
    fs::write(home.path(".snapshot/a/b"), "foreign").unwrap();
    symlink("/etc", home.path("Link")).unwrap();
    assert_eq!(home.names().await, ["a/b"]);
    home.storage.delete(&name("a/b")).await.unwrap();
    home.put("a/b").await.unwrap();
    assert_eq!(home.names().await, ["a/b"]);
    assert!(foreign.iter().all(|text| home.path(text).exists()) && not_text.exists());
    home.close();
}

#[tokio::test]
async fn links_below_the_directory_are_refused() {
    let home = Home::with(&["kept/object", "in/side"]).await;
    let outside = home.outer.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, home.path("folder")).unwrap();
    symlink(outside.join("secret"), home.path("kept/file")).unwrap();
    symlink(outside.join("new"), home.path("kept/dangling")).unwrap();
    symlink(home.path("in"), home.path("kept/inside")).unwrap();
    for text in
        ["folder/secret", "folder/new", "folder/deep/new", "kept/file", "kept/dangling", "kept/inside/side"]
    {
        let name = name(text);
        assert_eq!(kind(home.storage.get(&name).await), ErrorKind::Invalid, "{text}");
        assert_eq!(kind(home.storage.get_range(&name, 0..1).await), ErrorKind::Invalid);
        assert_eq!(kind(home.storage.head(&name).await), ErrorKind::Invalid);
        assert_eq!(kind(home.put(text).await), ErrorKind::Invalid);
        assert_eq!(kind(home.storage.create(&name, Bytes::from("secret")).await), ErrorKind::Invalid);
        let refused = home.storage.delete(&name).await.unwrap_err();
        assert!(refused.to_string().contains("symbolic link"), "{refused}");
    }
    for prefix in ["", "kept", "folder", "folder/deep"] {
        assert_eq!(kind(home.storage.list_all(prefix).await), ErrorKind::Invalid, "{prefix}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(home.storage.list_all("in").await.unwrap().len(), 1);
    home.close();
}

#[tokio::test]
async fn devices_are_refused_and_never_waited_for() {
    let home = Home::with(&["a/b"]).await;
    mknodat(CWD, home.path("a/fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert_eq!(kind(home.storage.get(&name("a/fifo")).await), ErrorKind::Invalid);
    assert_eq!(kind(home.put("a/fifo").await), ErrorKind::Invalid);
    assert_eq!(kind(home.put("a/fifo/x").await), ErrorKind::Invalid);
    assert_eq!(kind(home.storage.list_all("").await), ErrorKind::Invalid);
    home.close();
}

#[tokio::test]
async fn the_directory_itself_may_be_a_link() {
    let outer = tempfile::tempdir().unwrap();
    let (real, link) = (outer.path().join("real"), outer.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    let storage = ObjectStorage::local(&link).unwrap();
    storage.put_new(&name("a/b"), Bytes::from("x")).await.unwrap();
    assert_eq!(storage.get(&name("a/b")).await.unwrap(), "x");
    assert_eq!(storage.list_all("a").await.unwrap().len(), 1);
    assert_eq!(fs::read(real.join("a/b")).unwrap(), b"x");
    assert_eq!(storage.to_string(), link.to_str().unwrap());
    outer.close().unwrap();
}

#[tokio::test]
async fn a_name_is_not_both_an_object_and_a_folder() {
    let home = Home::with(&["a/b"]).await;
    for text in ["a", "a/b/c", "a/b/c/d"] {
        assert_eq!(kind(home.put(text).await), ErrorKind::Invalid, "{text}");
        assert_eq!(kind(home.storage.create(&name(text), Bytes::new()).await), ErrorKind::Invalid, "{text}");
        home.storage.delete(&name(text)).await.unwrap();
    }
    assert_eq!(home.names().await, ["a/b"]);
    home.close();
}

#[tokio::test]
async fn unusable_directories_are_named() {
    let outer = tempfile::tempdir().unwrap();
    assert_eq!(kind(ObjectStorage::local("")), ErrorKind::Invalid);
    let not_text = outer.path().join(OsStr::from_bytes(b"\xff"));
    assert_eq!(kind(ObjectStorage::local(&not_text)), ErrorKind::Invalid);
    fs::create_dir(&not_text).unwrap();
    symlink(&not_text, outer.path().join("link")).unwrap();
    fs::write(outer.path().join("file"), "").unwrap();
    for (directory, reason) in [("link", "UTF-8"), ("file", "is not a directory"), ("file/below", "")] {
        let storage = ObjectStorage::local(outer.path().join(directory)).unwrap();
        let errors = [
            storage.put_new(&name("a"), Bytes::new()).await.unwrap_err(),
            storage.get(&name("a")).await.unwrap_err(),
            storage.list_all("").await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
    outer.close().unwrap();
}

#[tokio::test]
async fn what_memory_should_not_hold_is_refused() {
    let home = Home::with(&["a/b"]).await;
    let limit = ObjectStorage::MAX_OBJECT_BYTES;
    File::options().write(true).open(home.path("a/b")).unwrap().set_len(limit + 1).unwrap();
    let huge = name("a/b");
    assert_eq!(home.storage.head(&huge).await.unwrap().size, limit + 1);
    assert_eq!(kind(home.storage.get(&huge).await), ErrorKind::Invalid);
    assert_eq!(kind(home.storage.get_range(&huge, 0..limit + 1).await), ErrorKind::Invalid);
    assert_eq!(home.storage.get_range(&huge, 0..3).await.unwrap(), "a/b");
    assert_eq!(home.storage.get_range(&huge, limit..limit + 1).await.unwrap(), &[0][..]);
    // Zeroed pages that nobody touches cost nothing.
    let bytes = Bytes::from(vec![0; usize::try_from(limit + 1).unwrap()]);
    assert_eq!(kind(home.storage.put_new(&name("a/c"), bytes).await), ErrorKind::Invalid);
    assert_eq!(home.names().await, ["a/b"]);
    home.close();
}

#[tokio::test]
async fn a_local_disk_lists_at_once_and_creates_exclusively() {
    let home = Home::new();
    let before = home.storage.capabilities();
    home.put("a").await.unwrap();
    assert_eq!(home.storage.capabilities(), before);
    assert_eq!((before.exclusive_creation, before.listing), (true, Listing::Immediate));
    home.close();
}

#[tokio::test]
async fn old_leftovers_of_puts_are_removed_at_the_first_put() {
    let home = Home::with(&["packs/ab/x", "packs/cd/y", "top"]).await;
    let old = ["packs/ab/x#1", "packs/ab/z#12", "packs/cd/y#2"];
    // Beside the folders may lie what is not ours: a note#1.
    let kept = ["packs/ab/x#a", "packs/ab/x#", "packs/ab/X#1", "Packs#1", "packs/ab/w", "note#1"];
    for text in old.iter().chain(&kept) {
        fs::write(home.path(text), "left").unwrap();
        age(&home.path(text), Duration::from_hours(25));
    }
    fs::hard_link(home.path("packs/ab/x"), home.path("packs/ab/x#7")).unwrap();
    for young in ["packs/ab/x#3", "top#1"] {
        fs::write(home.path(young), "left").unwrap();
        age(&home.path(young), Duration::from_hours(23));
    }
    fs::create_dir_all(home.path("foreign#1/deep#1")).unwrap();
    symlink(home.path("packs/ab/z#12"), home.path("packs/ab/link#1")).unwrap();
    let exist = |texts: &[&str]| texts.iter().filter(|text| home.path(text).exists()).count();

    home.put("packs/ab/more").await.unwrap();
    assert_eq!(exist(&old), old.len(), "this opening had its first put before");
    let next = ObjectStorage::local(home.path("")).unwrap();
    next.list_all("").await.unwrap();
    next.get(&name("top")).await.unwrap();
    assert_eq!(exist(&old), old.len(), "only a put sweeps");
    next.put_new(&name("packs/ef/first"), Bytes::new()).await.unwrap();
    assert_eq!(exist(&old), 0);
    assert_eq!(exist(&kept), kept.len());
    assert_eq!(exist(&["packs/ab/x#3", "top#1", "packs/ab/x#7", "foreign#1/deep#1"]), 4);
    assert!(home.path("packs/ab/link#1").is_symlink());
    assert_eq!(next.list_all("").await.unwrap().len(), 6);
    home.close();
}

fn age(path: &Path, age: Duration) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}
