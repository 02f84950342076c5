//! Killed at every call of the storage, and storages whose answers get lost.

use std::future::IntoFuture as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backup_core::engine::Artifact;
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation, Recording};
use backup_core::storage::{ErrorKind, Storage};
use backup_core::{Environment, Repository};

use crate::home::{builder, create, expect_backup, expect_sound, memory, open, shop};
use crate::stream::Scripted;
use crate::tree::{Data, Tree, noise};

/// A repository with one backup, opened through a storage that can fail.
async fn prepared(tree: &Tree) -> (Repository, Arc<Faulty>, Arc<dyn Storage>) {
    let storage = memory();
    create(&storage).await.backup(&shop(tree)).await.unwrap();
    tree.write("a/second", Data::Noise(77, 300));
    let faulty = Arc::new(Faulty::new(storage.clone()));
    let shared: Arc<dyn Storage> = faulty.clone();
    let repository = builder(&shared).open().await.unwrap();
    (repository, faulty, storage)
}

#[tokio::test]
async fn a_backup_killed_at_any_call_leaves_a_sound_repository() {
    for n in 1.. {
        let tree = Tree::small();
        let (repository, faulty, storage) = prepared(&tree).await;
        let before = faulty.calls();
        faulty.crash_from(before + n);
        let result = repository.backup(&shop(&tree)).await;
        if faulty.calls() < before + n {
            result.unwrap();
            assert!(n > 15, "a backup makes {n} calls");
            break;
        }
        let clean = open(&storage).await;
        match result {
            // Only the last word of the run was lost, or what makes listing fast: its backup is confirmed.
            Ok(report) => drop(clean.service(&report.id, "files").await.unwrap()),
            Err(error) => {
                let kind = error.kind();
                assert_eq!(
                    kind,
                    backup_core::ErrorKind::Unavailable,
                    "killed at call {n}: {}",
                    error.chain()
                );
            }
        }
        expect_sound(&clean, &format!("killed at call {n}")).await;
        expect_backup(&clean, &tree, &format!("after a run that was killed at call {n}")).await;
    }
}

#[tokio::test]
async fn creating_a_repository_can_be_killed_at_any_call_and_done_again() {
    for n in 1.. {
        let storage = memory();
        let faulty = Arc::new(Faulty::new(storage.clone()));
        faulty.crash_from(n);
        let shared: Arc<dyn Storage> = faulty.clone();
        let result = builder(&shared).create().await;
        if faulty.calls() < n {
            result.unwrap();
            assert!(n > 4, "creating makes {n} calls");
            break;
        }
        result.expect_err("a repository without its storage");
        let repository = builder(&storage).open_or_create().await.unwrap_or_else(|error| {
            panic!("killed at call {n}, the next attempt failed: {}", error.chain());
        });
        expect_backup(&repository, &Tree::small(), &format!("created again after call {n}")).await;
    }
}

#[tokio::test]
async fn an_answer_lost_at_any_call_costs_nothing_or_a_retry() {
    for harm in [Harm::FailAfter(ErrorKind::Unavailable), Harm::FailBefore(ErrorKind::Unavailable)] {
        for n in 1.. {
            let tree = Tree::small();
            let (repository, faulty, storage) = prepared(&tree).await;
            let before = faulty.calls();
            faulty.plan(Fault::new(harm).nth(n));
            let result = repository.backup(&shop(&tree)).await;
            if faulty.calls() < before + n {
                result.unwrap();
                break;
            }
            match result {
                Ok(report) => {
                    let found = open(&storage).await.find(&report.id.to_string()).await;
                    assert_eq!(found.unwrap().id, report.id, "{harm:?} at call {n}");
                }
                Err(error) => assert!(error.is_retryable(), "{harm:?} at call {n}: {}", error.chain()),
            }
            faulty.heal();
            expect_backup(&repository, &tree, &format!("{harm:?} at call {n}")).await;
        }
    }
}

#[tokio::test]
async fn every_lost_put_is_settled() {
    let tree = Tree::small();
    let (repository, faulty, _) = prepared(&tree).await;
    faulty.plan(Fault::new(Harm::FailAfter(ErrorKind::Unavailable)).on(Operation::PutNew));
    repository.backup(&shop(&tree)).await.unwrap();
    faulty.heal();
    expect_sound(&repository, "after answers that all got lost").await;
}

#[tokio::test]
async fn an_unreliable_storage_costs_retries_only() {
    for seed in 0..30 {
        let storage = memory();
        let tree = Tree::small();
        create(&storage).await.backup(&shop(&tree)).await.unwrap();
        let faulty: Arc<dyn Storage> = Arc::new(Faulty::seeded(storage.clone(), seed, 5));
        let mut confirmed = 1;
        for round in 0..4 {
            tree.write("a/second", Data::Noise(100 + round, 300));
            let Ok(repository) = builder(&faulty).open().await else { continue };
            match repository.backup(&shop(&tree)).await {
                Ok(_) => confirmed += 1,
                Err(error) => assert!(error.is_retryable(), "seed {seed}: {}", error.chain()),
            }
        }
        let clean = open(&storage).await;
        let listed = clean.backups().await.unwrap().len();
        assert!(listed >= confirmed, "seed {seed}: {confirmed} backups succeeded, {listed} are there");
        expect_backup(&clean, &tree, &format!("seed {seed}")).await;
    }
}

#[tokio::test]
async fn a_full_storage_fails_the_backup_as_full_and_hurts_nothing() {
    let tree = Tree::small();
    let (repository, faulty, _) = prepared(&tree).await;
    for folder in ["runs", "packs", "index", "backups"] {
        faulty.plan(Fault::new(Harm::FailBefore(ErrorKind::Full)).on(Operation::PutNew).named(folder));
        let error = repository.backup(&shop(&tree)).await.unwrap_err();
        assert_eq!(error.kind(), backup_core::ErrorKind::Full, "{}", error.chain());
        assert!(error.remedy().contains("make room"), "{}", error.remedy());
        faulty.heal();
        expect_sound(&repository, "after no space was left").await;
    }
    expect_backup(&repository, &tree, "after room was made").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_killed_after_half_the_data_is_continued_by_the_next() {
    let storage = memory();
    // What is on its way when the run is killed is lost; the memory allowed bounds it.
    let repository = builder(&storage).memory(32 * PIECE).create().await.unwrap();
    let pushed = Arc::new(AtomicU64::new(0));
    let stop_at = Arc::new(AtomicU64::new(PIECES / 2));
    let (count, stop) = (pushed.clone(), stop_at.clone());
    let engine = Scripted::new(move |sink| {
        let (count, stop) = (count.clone(), stop.clone());
        async move {
            let mut writer = sink.stream(Artifact::new("dump")).await?;
            for number in 0..PIECES {
                if number == stop.load(Ordering::SeqCst) {
                    count.store(number, Ordering::SeqCst);
                    std::future::pending::<()>().await;
                }
                writer.write(noise(number, PIECE)).await?;
            }
            writer.commit().await.map(drop)
        }
    });
    let environment = Environment::new("shop").service("database", engine);
    {
        let mut killed = pin!(repository.backup(&environment).into_future());
        // Dropped as soon as half of the data has been handed over, whatever is still on its way.
        std::future::poll_fn(|context| {
            assert!(killed.as_mut().poll(context).is_pending());
            if pushed.load(Ordering::SeqCst) > 0 {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
    let repository = open(&storage).await;
    expect_sound(&repository, "after a run was killed").await;
    assert!(repository.backups().await.unwrap().is_empty());
    stop_at.store(u64::MAX, Ordering::SeqCst);
    let report = repository.backup(&environment).await.unwrap();
    let whole = PIECES * PIECE as u64;
    assert_eq!(report.logical_bytes, whole);
    assert!(
        report.stored_bytes <= whole / 10 * 6,
        "{} of {whole} bytes were stored again",
        report.stored_bytes
    );
}

const PIECE: usize = 1024 * 1024;
const PIECES: u64 = 256;

#[tokio::test]
async fn a_storage_that_panics_while_a_pack_is_put_yields_no_backup() {
    let tree = Tree::small();
    let number = {
        let (repository, recording, _) = recorded().await;
        repository.backup(&shop(&tree)).await.unwrap();
        1 + recording.calls().iter().position(|call| call.subject.starts_with("packs/")).unwrap()
    };
    let (repository, recording, storage) = recorded().await;
    recording.before(number, || panic!("the storage panicked"));
    let backup = repository.backup(&shop(&tree)).into_future();
    let ended = tokio::spawn(backup).await;
    assert!(!matches!(ended, Ok(Ok(_))), "a backup was made without its pack");
    let clean = open(&storage).await;
    assert!(clean.backups().await.unwrap().is_empty());
    expect_backup(&clean, &tree, "after a panic").await;
}

async fn recorded() -> (Repository, Arc<Recording>, Arc<dyn Storage>) {
    let storage = memory();
    create(&storage).await;
    let recording = Arc::new(Recording::new(storage.clone()));
    let watched: Arc<dyn Storage> = recording.clone();
    let repository = builder(&watched).open().await.unwrap();
    recording.clear();
    (repository, recording, storage)
}
