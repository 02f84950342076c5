//! The contract of engines, kept by the files engine.

use std::fmt;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use backup_core::engine::Engine;
use backup_core::engine::conformance::{self, Subject};

use super::scratch::{Scratch, noise};

/// An application that keeps uploads.
struct Uploads {
    scratch: Scratch,
    changes: AtomicUsize,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "uploads in {:?}", self.scratch.root())
    }
}

impl Uploads {
    fn subject() -> Arc<dyn Subject> {
        let scratch = Scratch::with(&["a/b", "a/c", "link -> a", "empty/"]);
        scratch.write("large", noise(700_000, 1));
        Arc::new(Self { scratch, changes: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Subject for Uploads {
    fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(self.scratch.engine())
    }

    async fn change(&self) {
        let change = self.changes.fetch_add(1, Ordering::SeqCst);
        self.scratch.write("a/b", format!("change {change}"));
        self.scratch.write("large", noise(700_000, change as u64 + 2));
        self.scratch.write(&format!("added/{change}"), "added");
        let _ = fs::remove_file(self.scratch.path("a/c"));
        let _ = fs::remove_file(self.scratch.path("link"));
        fs::create_dir_all(self.scratch.path("link")).unwrap();
    }

    async fn content(&self) -> Vec<u8> {
        let mut text = String::new();
        describe(self.scratch.root(), &mut text);
        text.into_bytes()
    }
}

fn describe(path: &Path, text: &mut String) {
    let metadata = fs::symlink_metadata(path).unwrap();
    write!(text, "{path:?} {:o} {}.{} ", metadata.mode(), metadata.mtime(), metadata.mtime_nsec()).unwrap();
    if metadata.is_dir() {
        text.push('\n');
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.iter().for_each(|path| describe(path, text));
    } else if metadata.is_symlink() {
        writeln!(text, "{:?}", fs::read_link(path).unwrap()).unwrap();
    } else {
        writeln!(text, "{:?}", fs::read(path).unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_engine_keeps_the_contract() {
    conformance::run(|| async { Uploads::subject() }).await.unwrap();
}
