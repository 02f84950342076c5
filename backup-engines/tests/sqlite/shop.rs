//! A shop with a database, and a repository to keep it in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backup_core::engine::{Existing, Facts};
use backup_core::storage::{ObjectStorage, Storage};
use backup_core::{
    BackupId, BackupReport, Environment, KdfParameters, KeyRing, Passphrase, Repository, Result,
    restore::RestoreReport,
};
use backup_engines::Sqlite;
use futures_util::TryStreamExt;
use rusqlite::Connection;

/// How the database is kept, and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) wal: bool,
    pub(crate) by_page: bool,
}

/// All ways: each test of what is captured runs in each of them.
pub(crate) const WAYS: [Way; 4] = [
    Way { wal: true, by_page: true },
    Way { wal: true, by_page: false },
    Way { wal: false, by_page: true },
    Way { wal: false, by_page: false },
];

/// A folder with a database.
#[derive(Debug)]
pub(crate) struct Shop {
    folder: tempfile::TempDir,
    pub(crate) way: Way,
}

impl Shop {
    /// With two accounts that hold a thousand together, and so many orders.
    pub(crate) fn new(way: Way, orders: u32) -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap(), way };
        std::fs::create_dir(shop.scratch()).unwrap();
        let connection = create(&shop.path(), way.wal);
        connection
            .execute_batch(
                "CREATE TABLE account (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL);
                 INSERT INTO account VALUES (1, 400), (2, 600);
                 CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL);
                 CREATE INDEX orders_by_item ON orders (item);",
            )
            .unwrap();
        add_orders(&connection, orders);
        shop
    }

    /// With an idle WAL database that is read page by page.
    pub(crate) fn usual() -> Self {
        Self::new(WAYS[0], 500)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join("shop.db")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder().join("scratch")
    }

    pub(crate) fn engine(&self) -> Sqlite {
        engine(&self.path(), self.way).scratch_folder(self.scratch())
    }

    pub(crate) fn connect(&self) -> Connection {
        connect(&self.path())
    }

    /// The file as it is once its log is in it.
    pub(crate) fn checkpointed(&self) -> Vec<u8> {
        let connection = self.connect();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        drop(connection);
        std::fs::read(self.path()).unwrap()
    }

    /// The names in the folder besides the scratch folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> = names
            .map(|name| name.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "scratch")
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn engine(path: &Path, way: Way) -> Sqlite {
    let engine = Sqlite::file(path);
    if way.by_page { engine } else { engine.without_dbpage() }
}

/// Makes a database.
pub(crate) fn create(path: &Path, wal: bool) -> Connection {
    let connection = connect(path);
    let mode = if wal { "wal" } else { "delete" };
    connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(())).unwrap();
    connection
}

pub(crate) fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection
}

pub(crate) fn add_orders(connection: &Connection, count: u32) {
    let add = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
               INSERT INTO orders (item) SELECT hex(randomblob(20 + i % 200)) FROM n WHERE ?1 > 0";
    connection.execute(add, [count]).unwrap();
}

/// All rows as text, and that the database is sound.
pub(crate) fn content(path: &Path) -> String {
    let connection = connect(path);
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let tables = "SELECT (SELECT group_concat(id || ':' || cents) FROM account), \
                  (SELECT group_concat(id || ':' || item) FROM (SELECT * FROM orders ORDER BY id))";
    connection
        .query_row(tables, [], |row| {
            let (accounts, orders): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            Ok(format!("{accounts} | {}", orders.unwrap_or_default()))
        })
        .unwrap()
}

/// A repository in memory.
pub(crate) async fn repository() -> Repository {
    let storage: Arc<dyn Storage> = Arc::new(ObjectStorage::memory());
    Repository::builder(storage)
        .keys(KeyRing::from(Passphrase::from("shop")))
        .kdf(KdfParameters::insecure_for_tests())
        .create()
        .await
        .unwrap()
}

pub(crate) fn environment(engine: Sqlite) -> Environment {
    Environment::new("shop").service("database", engine)
}

pub(crate) async fn back_up(repository: &Repository, engine: Sqlite) -> Result<BackupReport> {
    repository.backup(&environment(engine)).await
}

/// What a backup has of the database.
pub(crate) async fn stored(repository: &Repository, backup: &BackupId) -> Stored {
    let reader = repository.service(backup, "database").await.unwrap();
    let names: Vec<_> = reader.artifacts().iter().map(|artifact| artifact.name.clone()).collect();
    assert_eq!(names.len(), 1);
    let pieces: Vec<bytes::Bytes> = reader.stream(&names[0]).await.unwrap().try_collect().await.unwrap();
    let name = names.into_iter().next().unwrap();
    Stored { name, bytes: pieces.concat(), facts: reader.facts().clone() }
}

pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) facts: Facts,
}

impl Stored {
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("no fact {name} in {:?}", self.facts))
    }
}

/// Restores onto the database of an engine.
pub(crate) async fn restore(
    repository: &Repository,
    backup: BackupId,
    engine: Sqlite,
    existing: Existing,
) -> Result<RestoreReport> {
    repository.restore(backup).in_place(&environment(engine)).existing(existing).await
}
