//! Locks: the host's own survive a backup, and others' are waited for until a deadline.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backup_core::engine::Quiesce;
use backup_core::storage::{ObjectStorage, Storage};
use backup_core::testing::SteppingClock;
use backup_core::{CancellationToken, ErrorKind, KdfParameters, KeyRing, Passphrase, Repository, Result};
use chrono::DateTime;
use rusqlite::Connection;

use super::child;
use super::shop::{self, Shop, WAYS, back_up, environment, repository};

/// Whether another process may write to the database now.
fn another_process_may_write(folder: &Path) -> bool {
    let output = child::passed(child::start(&[], "locks::child_tries_to_write", folder));
    let (yes, no) = (output.contains("LOCK TAKEN"), output.contains("LOCK REFUSED"));
    assert!(yes != no, "{output}");
    yes
}

#[test]
#[ignore = "run by the tests of this file"]
#[allow(clippy::print_stdout, reason = "the test that runs it reads this")]
fn child_tries_to_write() {
    let connection = Connection::open(child::folder().join("shop.db")).unwrap();
    connection.busy_timeout(Duration::ZERO).unwrap();
    let taken = connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
    println!("{}", if taken.is_ok() { "LOCK TAKEN" } else { "LOCK REFUSED" });
}

/// Asks, while the snapshot is open, whether another process may write.
#[derive(Debug, Clone)]
struct Asking {
    folder: PathBuf,
    answer: Arc<Mutex<Option<bool>>>,
}

#[async_trait]
impl Quiesce for Asking {
    async fn hold(&self, _: Duration) -> Result<()> {
        Ok(())
    }

    async fn release(&self) -> Result<()> {
        *self.answer.lock().unwrap() = Some(another_process_may_write(&self.folder));
        Ok(())
    }
}

#[tokio::test]
async fn the_host_keeps_its_lock_during_and_after_a_backup() {
    for way in WAYS {
        let shop = Shop::new(way, 2000);
        let host = shop.connect();
        host.execute_batch("BEGIN IMMEDIATE; INSERT INTO orders (item) VALUES ('unfinished')").unwrap();
        assert!(!another_process_may_write(shop.folder()));
        let asking = Asking { folder: shop.folder().to_owned(), answer: Arc::default() };
        let environment = environment(shop.engine()).quiesce(asking.clone());
        repository().await.backup(&environment).await.unwrap();
        assert_eq!(*asking.answer.lock().unwrap(), Some(false), "during the backup, {way:?}");
        assert!(!another_process_may_write(shop.folder()), "after the backup, {way:?}");
        host.execute_batch("COMMIT").unwrap();
        assert!(another_process_may_write(shop.folder()), "after the transaction, {way:?}");
    }
}

/// What the engine must never do, and that these tests would see it.
#[test]
fn a_plain_read_of_the_file_would_drop_the_lock() {
    let shop = Shop::new(WAYS[2], 10);
    let host = shop.connect();
    host.execute_batch("BEGIN IMMEDIATE; INSERT INTO orders (item) VALUES ('unfinished')").unwrap();
    std::fs::read(shop.path()).unwrap();
    assert!(another_process_may_write(shop.folder()));
}

/// A repository whose clock goes on by ten seconds each time somebody looks.
async fn hasty_repository() -> Repository {
    let storage: Arc<dyn Storage> = Arc::new(ObjectStorage::memory());
    Repository::builder(storage)
        .keys(KeyRing::from(Passphrase::from("shop")))
        .kdf(KdfParameters::insecure_for_tests())
        .clock(Arc::new(SteppingClock::stepping(DateTime::UNIX_EPOCH, Duration::from_secs(10))))
        .create()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_database_that_stays_locked_is_given_up() {
    for way in WAYS {
        let shop = Shop::new(way, 10);
        let other = shop.connect();
        let lock =
            if way.wal { "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE" } else { "BEGIN EXCLUSIVE" };
        other.execute_batch(lock).unwrap();
        other.execute_batch("INSERT INTO orders (item) VALUES ('x')").unwrap();
        let error = back_up(&hasty_repository().await, shop.engine()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
        assert!(error.is_retryable() && error.chain().contains("locked"), "{}", error.chain());
        other.execute_batch("COMMIT").unwrap();
    }
}

/// Locks the database when the application is held.
#[derive(Debug, Clone)]
struct Locking(Arc<Mutex<Connection>>);

#[async_trait]
impl Quiesce for Locking {
    async fn hold(&self, _: Duration) -> Result<()> {
        self.0.lock().unwrap().execute_batch("BEGIN EXCLUSIVE").unwrap();
        Ok(())
    }

    async fn release(&self) -> Result<()> {
        self.0.lock().unwrap().execute_batch("COMMIT").unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn a_database_that_is_locked_in_the_pause_aborts_the_backup_only() {
    for way in [WAYS[2], WAYS[3]] {
        let shop = Shop::new(way, 10);
        let gate = Locking(Arc::new(Mutex::new(shop.connect())));
        let environment = environment(shop.engine()).quiesce(gate);
        let repository = hasty_repository().await;
        let error = repository.backup(&environment).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
        assert!(error.chain().contains("deadline of the pause"), "{}", error.chain());
        shop::add_orders(&shop.connect(), 1);
        back_up(&self::repository().await, shop.engine()).await.unwrap();
    }
}

#[tokio::test]
async fn writers_of_a_rollback_database_are_warned_of() {
    for way in WAYS {
        let shop = Shop::new(way, 10);
        let backup = back_up(&repository().await, shop.engine()).await.unwrap();
        let warned: Vec<_> = backup.notices.iter().map(|notice| notice.message.as_str()).collect();
        if way.wal {
            assert!(warned.is_empty(), "{warned:?}");
        } else {
            assert!(warned.len() == 1 && warned[0].contains("1 s at 100 MB/s"), "{warned:?}");
            for words in ["WAL", "new readers", "their own timeout", "read first"] {
                assert!(warned[0].contains(words), "{warned:?}");
            }
        }
    }
}

/// Cancels the backup when its snapshot is open.
#[derive(Debug)]
struct Cancelling(CancellationToken);

#[async_trait]
impl Quiesce for Cancelling {
    async fn hold(&self, _: Duration) -> Result<()> {
        Ok(())
    }

    async fn release(&self) -> Result<()> {
        self.0.cancel();
        Ok(())
    }
}

#[tokio::test]
async fn a_snapshot_that_is_over_holds_nobody_up() {
    for way in WAYS {
        let shop = Shop::new(way, 10);
        let repository = repository().await;
        let host = shop.connect();
        host.busy_timeout(Duration::ZERO).unwrap();
        let may_write =
            || host.execute_batch("BEGIN EXCLUSIVE; UPDATE account SET cents = cents; COMMIT").unwrap();
        back_up(&repository, shop.engine()).await.unwrap();
        may_write();
        let token = CancellationToken::new();
        let environment = environment(shop.engine()).quiesce(Cancelling(token.clone()));
        let error = repository.backup(&environment).cancel(token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", error.chain());
        may_write();
        assert!(std::fs::read_dir(shop.scratch()).unwrap().next().is_none());
    }
}
