//! Another process writes all the time while backups run.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::child;
use super::shop::{self, Shop, WAYS, Way, back_up, repository};

/// A process that moves money between accounts until this is dropped.
struct Writer(Option<Child>);

impl Writer {
    fn start(shop: &Shop) -> Self {
        let mut child = child::start(&[], "writer::child_moves_money", shop.folder());
        let output = child.stdout.take().unwrap();
        let mut lines = BufReader::new(output);
        let mut line = String::new();
        while !line.contains(BEGUN) {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the writer ended");
        }
        child.stdout = Some(lines.into_inner());
        Self(Some(child))
    }

    /// Ends it, and checks that nothing kept it from writing.
    fn end(mut self) {
        let mut child = self.0.take().unwrap();
        drop(child.stdin.take());
        child::passed(child);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn is_consistent_under_writes(way: Way) {
    let shop = Shop::new(way, 4000);
    let writer = Writer::start(&shop);
    let repository = repository().await;
    let mut seen = Vec::new();
    for round in 0..6 {
        let backup = back_up(&repository, shop.engine()).await.unwrap();
        let target = shop.folder().join(format!("restored-{round}"));
        repository.restore(backup.id).service("database").to_directory(&target).await.unwrap();
        shop::content(&target.join("shop.db"));
        let restored = shop::connect(&target.join("shop.db"));
        let sum = "SELECT sum(cents), (SELECT count(*) FROM orders) FROM account";
        let (cents, orders): (i64, i64) =
            restored.query_row(sum, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(cents, 1000);
        seen.push(orders);
    }
    writer.end();
    assert!(seen.is_sorted() && seen.first() < seen.last(), "the writer went on all the time: {seen:?}");
}

#[tokio::test]
async fn wal_mode_read_by_page() {
    is_consistent_under_writes(WAYS[0]).await;
}

#[tokio::test]
async fn wal_mode_copied() {
    is_consistent_under_writes(WAYS[1]).await;
}

#[tokio::test]
async fn rollback_mode_read_by_page() {
    is_consistent_under_writes(WAYS[2]).await;
}

#[tokio::test]
async fn rollback_mode_copied() {
    is_consistent_under_writes(WAYS[3]).await;
}

#[test]
#[ignore = "run by the tests above"]
#[allow(clippy::print_stdout, reason = "the test that runs it waits for this line")]
fn child_moves_money() {
    let connection = shop::connect(&child::folder().join("shop.db"));
    let ended = Arc::new(AtomicBool::new(false));
    let told = ended.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::SeqCst);
    });
    println!("{BEGUN}");
    while !ended.load(Ordering::SeqCst) {
        let moved = connection.execute_batch(
            "BEGIN IMMEDIATE;
             UPDATE account SET cents = cents - 7 WHERE id = 1;
             INSERT INTO orders (item) VALUES (hex(randomblob(40)));
             UPDATE account SET cents = cents + 7 WHERE id = 2;
             COMMIT",
        );
        moved.unwrap();
    }
}

const BEGUN: &str = "the writer has begun";
