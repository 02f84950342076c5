//! A writer and a prune at the same time, stopped at each of their steps.
//!
//! A prune gives up where a backup is alive. Here the writer's run is made to look dead, as if it had slept for days, so that only the order
//! of steps stands between the two.

use std::future::IntoFuture as _;

use backup_core::{BackupReport, PruneReport, Result};
use tokio::task::JoinHandle;

use crate::home::{files, open, shop};
use crate::steps::Stopping;
use crate::store::{Store, prune_all};

/// How both ended, and how many calls each made.
struct Outcome {
    backup: Result<BackupReport>,
    prune: Result<PruneReport>,
    calls: (u64, u64),
}

/// Waits until a task has reached its call, or has ended.
async fn stopped<T>(stopping: &Stopping, task: &JoinHandle<T>) {
    tokio::select! {
        biased;
        () = stopping.reached() => {}
        () = async { while !task.is_finished() { tokio::task::yield_now().await } } => {}
    }
}

/// The writer goes to its call `i`, the prune to its call `j`, the writer to its end, the prune to its end. With 0 the writer begins where the
/// prune stopped, and the prune does not stop.
async fn interleaved(store: &Store, i: u64, j: u64) -> Outcome {
    let (writing, stopped_writer) = Stopping::open(i, &store.storage).await;
    let (pruning, stopped_prune) = Stopping::open(j, &store.storage).await;
    let begin = || tokio::spawn(writing.backup(&shop(&store.tree)).into_future());
    let mut early = (i > 0).then(begin);
    if let Some(writer) = &early {
        stopped(&stopped_writer, writer).await;
    }
    stopped_prune.hide_runs().await;
    let prune = tokio::spawn(async move { prune_all(&pruning).await });
    stopped(&stopped_prune, &prune).await;
    stopped_writer.go_on();
    let backup = early.take().unwrap_or_else(begin).await.unwrap();
    stopped_prune.go_on();
    let prune = prune.await.unwrap();
    Outcome { backup, prune, calls: (stopped_writer.calls(), stopped_prune.calls()) }
}

/// Fails unless all that anybody was told is true.
async fn expect_true(store: &Store, outcome: &Outcome, when: &str) {
    let clean = open(&store.storage).await;
    match &outcome.backup {
        Ok(report) => assert_eq!(files(&clean, report.id).await, store.tree.files(), "{when}"),
        Err(error) => assert!(error.is_retryable(), "{when}: {}", error.chain()),
    }
    if let Err(error) = &outcome.prune {
        assert!(error.is_retryable(), "{when}: {}", error.chain());
    }
    store.expect_sound(when).await;
    store.forget_runs().await;
    prune_all(&clean).await.unwrap_or_else(|error| panic!("{when}: {}", error.chain()));
    store.expect_sound(&format!("{when}, and pruned again")).await;
    if let Ok(report) = &outcome.backup {
        assert_eq!(files(&clean, report.id).await, store.tree.files(), "{when}, and pruned again");
    }
}

#[tokio::test]
async fn a_writer_that_looks_dead_fails_or_its_backup_is_whole() {
    let (writer, prune) = interleaved(&Store::with_deleted().await, 0, 0).await.calls;
    let mut ended = [0, 0];
    // Each step of the writer against some of the prune, another choice for each.
    for i in 1..=writer {
        for j in (1 + i % STRIDE..=prune).step_by(usize::try_from(STRIDE).unwrap()) {
            let store = Store::with_deleted().await;
            let outcome = interleaved(&store, i, j).await;
            expect_true(&store, &outcome, &format!("writer at {i} of {writer}, prune at {j} of {prune}"))
                .await;
            ended[usize::from(outcome.backup.is_ok())] += 1;
        }
    }
    assert!(ended[0] > 20 && ended[1] > 20, "{ended:?} backups failed and succeeded");
}

#[tokio::test]
async fn a_whole_prune_within_a_writer_and_a_whole_writer_within_a_prune() {
    let (writer, prune) = interleaved(&Store::with_deleted().await, 0, 0).await.calls;
    for i in 1..=writer {
        let store = Store::with_deleted().await;
        let outcome = interleaved(&store, i, 0).await;
        expect_true(&store, &outcome, &format!("a prune at call {i} of a writer")).await;
        assert!(outcome.prune.is_ok());
    }
    for j in 1..=prune {
        let store = Store::with_deleted().await;
        let outcome = interleaved(&store, 0, j).await;
        expect_true(&store, &outcome, &format!("a writer at call {j} of a prune")).await;
    }
}

#[tokio::test]
async fn an_undelete_fails_or_brings_back_all() {
    let prune = interleaved(&Store::with_deleted().await, 0, 0).await.calls.1;
    let mut back = 0;
    for j in (1..=prune).step_by(2) {
        for i in [0, 8, 12] {
            let store = Store::with_deleted().await;
            let (undeleting, slow) = Stopping::open(i, &store.storage).await;
            let (pruning, stopping) = Stopping::open(j, &store.storage).await;
            let first = store.first;
            let begin = || tokio::spawn(undeleting.undelete(&first).into_future());
            let mut early = (i > 0).then(begin);
            if let Some(undelete) = &early {
                stopped(&slow, undelete).await;
            }
            let prune = tokio::spawn(async move { prune_all(&pruning).await });
            stopped(&stopping, &prune).await;
            slow.go_on();
            let undeleted = early.take().unwrap_or_else(begin).await.unwrap();
            stopping.go_on();
            let when = format!("undelete at {i}, prune at {j}");
            prune.await.unwrap().unwrap_or_else(|error| panic!("{when}: {}", error.chain()));
            store.expect_sound(&when).await;
            if undeleted.is_ok() {
                back += 1;
                assert_eq!(files(&open(&store.storage).await, first).await, store.tree.files(), "{when}");
            }
        }
    }
    assert!(back > 10, "{back} were brought back");
}

const STRIDE: u64 = 11;
