//! What a forget keeps because nothing else would be left, and what it does not go by.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backup_core::policy::{Policy, Rule};
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
use backup_core::storage::{Bytes, ErrorKind as StorageErrorKind, Name, Storage};
use backup_core::{BackupId, BackupStatus, Environment, Error, ErrorKind, Hold, Repository, Result};
use tokio::task::JoinHandle;

use crate::forget::{left, many};
use crate::home::{memory, open};
use crate::steps::Stopping;
use crate::store::{Store, names, prune_all};
use crate::tree::{Data, Tree};

fn last() -> Policy {
    Policy::keep(Rule::last(1))
}

async fn manifest(storage: &Arc<dyn Storage>, id: BackupId) -> Name {
    let all = names(storage, "backups").await;
    let name = all.iter().find(|name| name.contains(&id.to_string()) && !name.ends_with("-ok")).unwrap();
    name.parse().unwrap()
}

#[tokio::test]
async fn a_backup_found_damaged_stays_and_is_not_counted() {
    let (repository, storage, tree, ids) = many(3).await;
    let packs = names(&storage, "packs").await;
    tree.write("file", Data::Noise(77, 2000));
    let damaged = repository.backup(&crate::home::shop(&tree)).await.unwrap().id;
    for pack in names(&storage, "packs").await.into_iter().filter(|pack| !packs.contains(pack)) {
        storage.delete(&pack.parse().unwrap()).await.unwrap();
    }
    let repository = open(&storage).await;
    assert!(!repository.verify(damaged).read_data(true).await.unwrap().problems.is_empty());
    assert!(repository.find(&damaged.to_string()).await.unwrap().is_damaged());
    let plan = repository.forget(&last()).plan().await.unwrap();
    let decision = plan.groups[0].decisions.iter().find(|decision| decision.backup.id == damaged).unwrap();
    assert!(decision.kept && decision.explanation.contains("found damage"), "{decision:#?}");
    assert_eq!((plan.kept, plan.removed), (2, 2));
    plan.execute().await.unwrap();
    assert_eq!(left(&repository).await, [ids[2], damaged]);
    // Alone in its group, too.
    repository.delete(&ids[2]).await.unwrap();
    assert_eq!(repository.forget(&last()).plan().await.unwrap().kept, 1);
}

#[tokio::test]
async fn a_backup_that_stays_must_be_readable_itself_whatever_a_digest_says() {
    let (repository, storage, _, ids) = many(16).await;
    assert!(!names(&storage, "catalog").await.is_empty(), "there must be a digest");
    let plan = repository.forget(&last()).plan().await.unwrap();
    assert_eq!(plan.removed, 15);
    let name = manifest(&storage, ids[15]).await;
    storage.delete(&name).await.unwrap();
    storage.put_new(&name, Bytes::from("rubbish")).await.unwrap();
    let clean = open(&storage).await;
    assert_eq!(left(&clean).await, ids, "the digest vouches for it");
    let error = plan.execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(name.as_str()), "{error}");
    let error = clean.forget(&last()).of("shop").plan().await.unwrap_err();
    assert!(error.to_string().contains(name.as_str()), "{error}");
    let plan = clean.forget(&last()).plan().await.unwrap();
    assert_eq!((plan.removed, plan.refused.len(), plan.groups.len()), (0, 1, 0));
    assert_eq!(
        (plan.refused[0].environment.as_deref(), plan.refused[0].object.as_str()),
        (Some("shop"), name.as_str())
    );
    assert_eq!(plan.execute().await.unwrap().deleted, []);
    assert_eq!(left(&open(&storage).await).await, ids);
}

#[tokio::test]
async fn the_newest_of_failed_backups_stays_until_a_complete_one_has_what_it_has() {
    let storage = memory();
    let repository = crate::home::create(&storage).await;
    let failing = Arc::new(AtomicBool::new(true));
    let (files, fails) = (Tree::default(), failing.clone());
    files.write("file", Data::Noise(1, 2000));
    let other = Tree::default().on_freeze(move || match fails.load(Ordering::SeqCst) {
        true => Err(Error::new(ErrorKind::Invalid, "it fails")),
        false => Ok(()),
    });
    let environment = Environment::new("shop").service("files", files).service("other", other);
    for _ in 0..2 {
        repository.backup(&environment).partial().await.unwrap();
    }
    let failed = left(&repository).await;
    let plan = repository.forget(&last()).plan().await.unwrap();
    assert_eq!(plan.removed().map(|decision| decision.backup.id).collect::<Vec<_>>(), [failed[0]]);
    let kept = &plan.groups[0].decisions[1];
    assert!(kept.explanation.contains("no newer complete backup"), "{}", kept.explanation);
    plan.execute().await.unwrap();
    assert_eq!(left(&repository).await, [failed[1]]);
    failing.store(false, Ordering::SeqCst);
    let whole = repository.backup(&environment).await.unwrap().id;
    let plan = repository.forget(&last()).plan().await.unwrap();
    assert_eq!(plan.removed().map(|decision| decision.backup.id).collect::<Vec<_>>(), [failed[1]]);
    plan.execute().await.unwrap();
    assert_eq!(left(&repository).await, [whole]);
}

/// Holds a backup; stopped before the hold is put.
async fn hold(store: &Store) -> (Arc<Stopping>, JoinHandle<Result<()>>) {
    let (counting, counted) = Stopping::open(0, &store.storage).await;
    counting.note(&store.second).hold(Hold::open("other")).await.unwrap();
    let (repository, stopping) = Stopping::open(counted.calls(), &store.storage).await;
    let id = store.first;
    let task = tokio::spawn(async move { repository.note(&id).hold(Hold::open("late")).await });
    stopping.reached().await;
    (stopping, task)
}

/// Lets somebody hold a backup at each call of its deletion, then ends the hold.
async fn held_at_each_call<F>(delete: impl Fn(Repository, BackupId) -> F)
where
    F: Future<Output = bool> + Send + 'static,
{
    let mut taken_back = 0;
    for n in 1.. {
        let store = Store::new().await;
        let (held, holding) = hold(&store).await;
        let (repository, stopping) = Stopping::open(n, &store.storage).await;
        let deleting = tokio::spawn(delete(repository, store.first));
        tokio::select! {
            biased;
            () = stopping.reached() => {}
            () = async { while !deleting.is_finished() { tokio::task::yield_now().await } } => {}
        }
        let over = deleting.is_finished();
        held.go_on();
        holding.await.unwrap().unwrap();
        stopping.go_on();
        let deleted = deleting.await.unwrap();
        store.repository.note(&store.first).release("late").await.unwrap();
        let status = open(&store.storage).await.find(&store.first.to_string()).await.unwrap().status;
        let expected = if deleted { BackupStatus::Deleted } else { BackupStatus::Completed };
        assert_eq!(status, expected, "held at call {n}");
        taken_back += usize::from(!deleted && !store.names("notes").await.is_empty());
        if over {
            break;
        }
    }
    assert!(taken_back > 0);
}

#[tokio::test]
async fn a_deletion_that_loses_to_a_hold_is_taken_back() {
    held_at_each_call(|repository, id| async move { repository.delete(&id).into_future().await.is_ok() })
        .await;
}

#[tokio::test]
async fn a_forget_that_loses_to_a_hold_takes_its_deletion_back() {
    held_at_each_call(|repository, id| async move {
        let Ok(plan) = repository.forget(&last()).plan().await else { return false };
        plan.execute().await.is_ok_and(|report| report.deleted == [id])
    })
    .await;
}

#[tokio::test]
async fn what_a_person_gives_as_the_reason_means_nothing_to_a_prune() {
    let store = Store::new().await;
    store.repository.delete(&store.first).reason("its run ended before it was confirmed").await.unwrap();
    let report = prune_all(&store.repository).await.unwrap();
    assert_eq!(report.backups, [store.first]);
    store.expect_sound("after it was deleted for the reason of a prune").await;
}

#[tokio::test]
async fn a_disk_error_beneath_a_manifest_or_a_run_is_damage_of_that_one_alone() {
    let store = Store::new().await;
    let manifest = manifest(&store.storage, store.first).await;
    let run = store.names("runs").await.pop().unwrap();
    let faulty = Arc::new(Faulty::new(store.storage.clone()));
    for name in [manifest.as_str(), &run] {
        faulty.plan(Fault::new(Harm::FailBefore(StorageErrorKind::Other)).on(Operation::Get).named(name));
    }
    let repository = Store::through(&faulty).await;
    let problems = repository.check().await.unwrap().problems;
    for name in [manifest.as_str(), &run] {
        assert!(problems.iter().any(|problem| problem.object == name), "{name}: {problems:#?}");
    }
    repository.runs().await.unwrap();
    // A prune cannot tell whether that run is under way, until it has been silent for a day.
    store.forget_runs().await;
    repository.delete(&store.first).await.unwrap();
    prune_all(&repository).await.unwrap();
    store.expect_sound("after what could not be read was deleted").await;
}
