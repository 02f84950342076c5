//! What of a prune goes on when it is given up, and who takes over.

use std::future::IntoFuture as _;
use std::time::Duration;

use backup_core::ErrorKind;
use backup_core::storage::Listing;
use tokio::time::Instant;

use crate::home::{files, open};
use crate::steps::Stopping;
use crate::store::{Store, prune_all};

#[tokio::test]
async fn what_a_dropped_prune_has_begun_ends_before_its_record_goes() {
    for what in ["put_new sweeps", "delete backups", "delete index", "delete packs"] {
        let store = Store::with_deleted().await;
        let (pruning, stopping) = Stopping::open(0, &store.storage).await;
        stopping.stop_at(what);
        let prune = tokio::spawn(async move { prune_all(&pruning).await });
        stopping.reached().await;
        prune.abort();
        assert!(prune.await.unwrap_err().is_cancelled());
        // All that can be done while the call is stopped.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        let records = store.names("sweeps").await.len();
        assert_eq!(records, usize::from(what.starts_with("delete")), "{what}");
        stopping.go_on();
        // One was for trying whether it may delete.
        let withdrawn =
            |deleted: &[String]| deleted.iter().filter(|name| name.starts_with("sweeps/")).count() == 2;
        while !withdrawn(&stopping.deleted()) {
            tokio::task::yield_now().await;
        }
        let deleted = stopping.deleted();
        assert!(deleted.last().unwrap().starts_with("sweeps/"), "{what}: {deleted:?}");
        let stopped = what.strip_prefix("delete ").unwrap_or("sweeps");
        assert!(deleted.iter().any(|name| name.starts_with(stopped)), "{what}: {deleted:?}");
        assert_eq!(store.names("sweeps").await, Vec::<String>::new(), "{what}");
        prune_all(&store.repository).await.unwrap();
        store.expect_sound(what).await;
    }
}

#[tokio::test]
async fn a_prune_that_was_taken_for_dead_and_wakes_up_gives_up() {
    let store = Store::with_deleted().await;
    let (pruning, asleep) = Stopping::open(0, &store.storage).await;
    asleep.stop_at("delete backups");
    let prune = tokio::spawn(async move { prune_all(&pruning).await });
    asleep.reached().await;
    let before = asleep.deleted().len();
    let (taking, successor) = Stopping::open(0, &store.storage).await;
    successor.hide_runs().await;
    let plan = taking.prune().grace(Duration::ZERO).max_unused(0).plan().await.unwrap();
    successor.stop_at("list notes");
    let other = tokio::spawn(plan.execute());
    successor.reached().await;
    asleep.go_on();
    let error = prune.await.unwrap().unwrap_err();
    assert!(error.is_retryable() && error.kind() == ErrorKind::Unavailable, "{}", error.chain());
    // What it had begun, and its record, which had gone before.
    assert_eq!(asleep.deleted().len(), before + 2, "{:?}", asleep.deleted());
    successor.go_on();
    let report = other.await.unwrap().unwrap();
    assert_eq!(report.completed_prunes, 1);
    assert_eq!(store.names("sweeps").await, Vec::<String>::new());
    store.expect_sound("after another prune took over").await;
}

#[tokio::test(start_paused = true)]
async fn where_listings_take_time_a_prune_waits_for_them() {
    let settle = Duration::from_secs(10);
    let store = Store::with_deleted().await;
    let first = store.first.to_string();
    store.delete_all("backups", |name| name.contains(&first) && name.ends_with("-ok")).await;
    store.delete_all("notes", |_| true).await;
    let slow = Stopping::listing(Listing::Settles(settle), &store.storage);
    let report = prune_all(&Store::through(&slow).await).await.unwrap();
    assert_eq!(report.unconfirmed, [store.first]);
    let asked = slow.asked();
    let last = |what: &str| asked.iter().rposition(|(_, asked)| asked.starts_with(what)).unwrap();
    let next =
        |from: usize, what: &str| asked[from..].iter().find(|(_, asked)| asked.starts_with(what)).unwrap().0;
    let waited = |from: usize, what: &str| -> Duration { next(from, what) - at(&asked, from) };
    assert!(waited(last("put_new sweeps"), "list marks") >= settle * 2, "until it looks around");
    assert!(waited(last("put_new notes"), "list backups") >= settle * 2, "until it looks who confirmed");
    assert!(waited(last("delete packs"), "delete sweeps") >= settle, "until it is over");
    store.expect_sound("after a slow prune").await;
}

#[tokio::test]
async fn an_undelete_that_is_dropped_goes_on() {
    let store = Store::with_deleted().await;
    let (undeleting, stopping) = Stopping::open(0, &store.storage).await;
    stopping.stop_at("put_new notes");
    let undelete = tokio::spawn(undeleting.undelete(&store.first).into_future());
    stopping.reached().await;
    undelete.abort();
    assert!(undelete.await.unwrap_err().is_cancelled());
    stopping.go_on();
    // It looks whether all is there, to the end.
    while !stopping.asked().iter().any(|(_, asked)| asked.starts_with("list packs")) {
        tokio::task::yield_now().await;
    }
    assert_eq!(files(&open(&store.storage).await, store.first).await, store.tree.files());
}

fn at(asked: &[(Instant, String)], call: usize) -> Instant {
    asked[call].0
}
