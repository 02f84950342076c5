//! Stopped at every call of the storage.

use std::future::Future;
use std::sync::Arc;

use backup_core::policy::{Policy, Rule};
use backup_core::storage::ErrorKind as StorageErrorKind;
use backup_core::storage::testing::{Fault, Faulty, Harm};
use backup_core::{BackupId, Repository, Result};

use crate::home::{files, open, shop};
use crate::store::{Store, prune_all};

/// Lets something be killed at each call of the storage, and looks what that leaves.
async fn killed_anywhere<F: Future<Output = Result<()>>>(
    what: &str,
    at_least: u64,
    work: impl Fn(Repository, BackupId) -> F,
) {
    for n in 1.. {
        let store = Store::with_deleted().await;
        let faulty = Arc::new(Faulty::new(store.storage.clone()));
        let repository = Store::through(&faulty).await;
        let before = faulty.calls();
        faulty.crash_from(before + n);
        let result = work(repository, store.first).await;
        let when = format!("{what} killed at call {n}");
        if faulty.calls() < before + n {
            result.unwrap();
            assert!(n > at_least, "{what} makes {n} calls");
            return;
        }
        let _ = result;
        store.expect_kept(&when).await;
        let clean = open(&store.storage).await;
        // Whoever is kept from writing is told that it may try again, and how that comes about.
        if let Err(error) = clean.backup(&shop(&store.tree)).await {
            assert!(error.is_retryable() && error.remedy().contains("prune"), "{when}: {}", error.chain());
            let report = clean.check().await.unwrap();
            assert!(report.problems.iter().any(|problem| problem.message.contains("run prune")), "{when}");
        }
        prune_all(&clean)
            .await
            .unwrap_or_else(|error| panic!("{when}, the next prune failed: {}", error.chain()));
        store.expect_sound(&format!("{when}, and pruned again")).await;
        assert!(store.names("sweeps").await.is_empty(), "{when}");
        let backup = clean.backup(&shop(&store.tree)).await.unwrap();
        assert_eq!(files(&clean, backup.id).await, store.tree.files(), "{when}");
    }
}

#[tokio::test]
async fn a_prune_killed_at_any_call_loses_nothing_and_the_next_completes_it() {
    killed_anywhere("a prune", 40, |repository, _| async move { prune_all(&repository).await.map(drop) })
        .await;
}

#[tokio::test]
async fn undelete_delete_and_forget_killed_at_any_call_lose_nothing() {
    killed_anywhere("undelete", 10, |repository, first| async move {
        repository.undelete(&first).await.map(drop)
    })
    .await;
    killed_anywhere("undelete, delete", 15, |repository, first| async move {
        repository.undelete(&first).await?;
        repository.delete(&first).await
    })
    .await;
    killed_anywhere("undelete, forget", 15, |repository, first| async move {
        repository.undelete(&first).await?;
        let policy = Policy::keep(Rule::last(1));
        repository.forget(&policy).plan().await?.execute().await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn an_answer_lost_at_any_call_costs_a_retry_at_most() {
    for harm in
        [Harm::FailAfter(StorageErrorKind::Unavailable), Harm::FailBefore(StorageErrorKind::Unavailable)]
    {
        for n in 1.. {
            let store = Store::with_deleted().await;
            let faulty = Arc::new(Faulty::new(store.storage.clone()));
            let repository = Store::through(&faulty).await;
            let before = faulty.calls();
            faulty.plan(Fault::new(harm).nth(n));
            let result = prune_all(&repository).await;
            if faulty.calls() < before + n {
                result.unwrap();
                break;
            }
            let when = format!("{harm:?} at call {n}");
            if let Err(error) = result {
                assert!(error.is_retryable(), "{when}: {}", error.chain());
            }
            // One lost answer keeps nobody from writing.
            assert!(store.names("sweeps").await.is_empty(), "{when}");
            store.expect_kept(&when).await;
            prune_all(&repository).await.unwrap();
            store.expect_sound(&when).await;
        }
    }
}
