//! Databases as a crash of their application leaves them.

use std::path::{Path, PathBuf};

use super::shop::{self, Shop, Way};

/// A folder with a database and what a crash left beside it.
#[derive(Debug)]
pub(crate) struct Crashed {
    folder: tempfile::TempDir,
    /// What is committed.
    pub(crate) content: String,
}

impl Crashed {
    /// In WAL mode, with a committed change in the log only. In rollback mode, with half a transaction in the file and a journal to undo it.
    pub(crate) fn new(way: Way, orders: u32) -> Self {
        let shop = Shop::new(way, orders);
        let crashed = Self { folder: tempfile::tempdir().unwrap(), content: String::new() };
        let application = shop.connect();
        let beside = if way.wal {
            application
                .execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE orders SET item = 'logged ' || id")
                .unwrap();
            "shop.db-wal"
        } else {
            // Its cache is too small for the transaction: pages reach the file before the commit.
            application
                .execute_batch("PRAGMA cache_size = 5; BEGIN; UPDATE orders SET item = 'unfinished ' || id")
                .unwrap();
            "shop.db-journal"
        };
        for name in ["shop.db", beside] {
            let bytes = std::fs::copy(shop.folder().join(name), crashed.folder().join(name)).unwrap();
            assert!(bytes > 4096, "{name}");
        }
        let copy = tempfile::tempdir().unwrap();
        crashed.copy_to(copy.path());
        let content = shop::content(&copy.path().join("shop.db"));
        assert_eq!(content.contains("logged 7"), way.wal);
        assert!(!content.contains("unfinished"));
        Self { content, ..crashed }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join("shop.db")
    }

    /// Copies all files.
    pub(crate) fn copy_to(&self, folder: &Path) {
        for name in std::fs::read_dir(self.folder()).unwrap() {
            let name = name.unwrap();
            std::fs::copy(name.path(), folder.join(name.file_name())).unwrap();
        }
    }
}
