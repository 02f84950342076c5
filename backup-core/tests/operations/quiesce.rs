//! Holding the application: always let go, measured, and never for too long.

use std::sync::Arc;
use std::time::Duration;

use backup_core::testing::{Gate, GateCall, SteppingClock};
use backup_core::{CancellationToken, Environment, Error, ErrorKind, Repository};
use chrono::DateTime;
use tokio::task::yield_now;

use crate::home::{builder, create, expect_sound, files, memory, shop};
use crate::tree::{Data, Tree};

fn held(tree: &Tree, gate: &Gate) -> Environment {
    shop(tree).quiesce(gate.clone())
}

async fn expect_nothing(repository: &Repository) {
    assert!(repository.backups().await.unwrap().is_empty());
    expect_sound(repository, "after a backup that was not made").await;
}

const HELD: [GateCall; 2] = [GateCall::Hold(Duration::from_secs(30)), GateCall::Release];

#[tokio::test]
async fn the_application_is_held_while_services_are_frozen_and_the_pause_is_measured() {
    let storage = memory();
    let clock = SteppingClock::fixed(DateTime::UNIX_EPOCH);
    let repository = builder(&storage).clock(Arc::new(clock.clone())).create().await.unwrap();
    let gate = Gate::new();
    let (seen, time) = (gate.clone(), clock.clone());
    let tree = Tree::small().on_freeze(move || {
        assert!(seen.is_held());
        time.advance(Duration::from_millis(250));
        Ok(())
    });
    let report = repository.backup(&held(&tree, &gate)).await.unwrap();
    assert_eq!(gate.calls(), HELD);
    assert_eq!(report.pause, Duration::from_millis(250));
    let info = repository.find("latest").await.unwrap();
    assert_eq!((info.consistency.as_str(), info.pause), ("frozen", report.pause));
    assert_eq!(files(&repository, report.id).await, tree.files());
}

#[tokio::test]
async fn a_first_pass_leaves_to_the_pause_only_what_changed_since() {
    let repository = create(&memory()).await;
    let gate = Gate::new();
    let tree = Tree::small();
    let application = tree.clone();
    let engine = tree.clone().on_freeze(move || {
        application.write("a/second", Data::Noise(50, 200));
        Ok(())
    });
    let report = repository.backup(&held(&engine, &gate)).await.unwrap();
    assert_eq!(gate.calls(), HELD);
    // Both passes count, and what the first one stored in vain is no part of the backup.
    assert_eq!((report.unchanged_entries, report.read_bytes), (0, 605_120 + 200));
    assert_eq!(report.logical_bytes, 5_000 + 200 + 600_000 + 1_000_020);
    assert!(report.stored_bytes < 620_000, "{} bytes were stored", report.stored_bytes);
    assert_eq!(files(&repository, report.id).await, tree.files());
    let again = repository.backup(&held(&tree, &gate)).await.unwrap();
    assert_eq!((again.parent, again.unchanged_entries, again.read_bytes), (Some(report.id), 4, 0));
    assert_eq!(files(&repository, again.id).await, tree.files());
    expect_sound(&repository, "after two passes").await;
}

#[tokio::test]
async fn a_refused_hold_and_a_failed_freeze_let_go_and_fail() {
    let repository = create(&memory()).await;
    let gate = Gate::refusing();
    let error = repository.backup(&held(&Tree::small(), &gate)).await.unwrap_err();
    assert!(
        error.is_retryable() && error.chain().contains("hold the application's writes"),
        "{}",
        error.chain()
    );
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;

    let gate = Gate::new();
    let tree = Tree::small().on_freeze(|| Err(Error::new(ErrorKind::Permission, "the tables are locked")));
    let error = repository.backup(&held(&tree, &gate)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(
        error.chain().contains("freeze the service \"files\": the tables are locked"),
        "{}",
        error.chain()
    );
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;
}

#[tokio::test]
async fn a_hold_or_freeze_beyond_the_deadline_aborts_the_backup_and_lets_go() {
    let repository = create(&memory()).await;
    let gate = Gate::hanging();
    let short = Duration::from_millis(5);
    let error = repository.backup(&held(&Tree::small(), &gate).hold_deadline(short)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(gate.calls(), [GateCall::Hold(short), GateCall::Release]);
    expect_nothing(&repository).await;

    let storage = memory();
    let clock = SteppingClock::fixed(DateTime::UNIX_EPOCH);
    let repository = builder(&storage).clock(Arc::new(clock.clone())).create().await.unwrap();
    let gate = Gate::new();
    let tree = Tree::small().on_freeze(move || {
        clock.advance(Duration::from_secs(31));
        Ok(())
    });
    let error = repository.backup(&held(&tree, &gate)).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("30 seconds"), "{}", error.chain());
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;
}

#[tokio::test]
async fn a_cancelled_backup_has_let_go_when_it_returns() {
    let repository = create(&memory()).await;
    let gate = Gate::hanging();
    let token = CancellationToken::new();
    let cancel = async {
        while !gate.is_held() {
            yield_now().await;
        }
        token.cancel();
    };
    let environment = held(&Tree::small(), &gate);
    let (result, ()) = tokio::join!(repository.backup(&environment).cancel(token.clone()), cancel);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;
}

#[tokio::test]
async fn a_dropped_backup_and_a_gate_that_panics_let_go_soon() {
    let repository = create(&memory()).await;
    for gate in [Gate::hanging(), Gate::panicking()] {
        let (repository, environment) = (repository.clone(), held(&Tree::small(), &gate));
        let backup = tokio::spawn(async move { repository.backup(&environment).await });
        while gate.calls().is_empty() {
            yield_now().await;
        }
        backup.abort();
        backup.await.unwrap_err();
        while gate.is_held() {
            yield_now().await;
        }
        assert_eq!(gate.calls(), HELD);
    }
    expect_nothing(&repository).await;
}

#[tokio::test]
async fn an_application_that_was_not_held_is_not_let_go() {
    let repository = create(&memory()).await;
    let gate = Gate::new();
    let token = CancellationToken::new();
    token.cancel();
    repository.backup(&held(&Tree::small(), &gate)).cancel(token).await.unwrap_err();
    assert_eq!(gate.calls(), []);
}
