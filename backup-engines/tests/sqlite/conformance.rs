//! The contract of engines, kept by the SQLite engine.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use backup_core::engine::Engine;
use backup_core::engine::conformance::{self, Subject};
use rusqlite::ErrorCode;

use super::shop::{self, Shop, WAYS, Way};

/// An application that opens its database for each change.
#[derive(Debug)]
struct Application {
    shop: Shop,
    changes: AtomicU32,
    /// A change that waits until a backup has read the database.
    waiting: Mutex<Option<JoinHandle<()>>>,
}

impl Application {
    fn subject(way: Way) -> Arc<dyn Subject> {
        let shop = Shop::new(way, 300);
        Arc::new(Self { shop, changes: AtomicU32::new(0), waiting: Mutex::default() })
    }

    fn finish_waiting(&self) {
        if let Some(waiting) = self.waiting.lock().unwrap().take() {
            waiting.join().unwrap();
        }
    }
}

#[async_trait]
impl Subject for Application {
    fn engine(&self) -> Arc<dyn Engine> {
        self.finish_waiting();
        Arc::new(self.shop.engine())
    }

    async fn change(&self) {
        self.finish_waiting();
        let change = self.changes.fetch_add(1, Ordering::SeqCst);
        let statements = format!(
            "BEGIN IMMEDIATE;
             UPDATE account SET cents = cents + {change} + 1 WHERE id = 1;
             UPDATE orders SET item = 'changed {change}' WHERE id % 50 = {change} % 50;
             DELETE FROM orders WHERE id % 70 = {change} % 70;
             INSERT INTO orders (item) VALUES ('added {change}');
             COMMIT"
        );
        let connection = self.shop.connect();
        connection.busy_timeout(Duration::ZERO).unwrap();
        if let Err(error) = connection.execute_batch(&statements) {
            // Writers wait while a backup reads, in rollback mode only.
            assert!(!self.shop.way.wal, "{error}");
            assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
            drop(connection);
            let connection = self.shop.connect();
            let write = move || loop {
                // A commit that waits keeps its lock, so that the backup would not be let in: begin again.
                match connection.execute_batch(&statements) {
                    Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                        let _ = connection.execute_batch("ROLLBACK");
                    }
                    done => break done.unwrap(),
                }
            };
            *self.waiting.lock().unwrap() = Some(std::thread::spawn(write));
        }
    }

    async fn content(&self) -> Vec<u8> {
        self.finish_waiting();
        shop::content(&self.shop.path()).into_bytes()
    }
}

async fn keeps_the_contract(way: Way) {
    conformance::run(|| async { Application::subject(way) }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wal_mode_read_by_page() {
    keeps_the_contract(WAYS[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wal_mode_copied() {
    keeps_the_contract(WAYS[1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollback_mode_read_by_page() {
    keeps_the_contract(WAYS[2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollback_mode_copied() {
    keeps_the_contract(WAYS[3]).await;
}
