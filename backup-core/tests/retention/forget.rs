//! Forgetting by policy: a plan with reasons, then exactly that plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use backup_core::policy::{Policy, Rule};
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
use backup_core::storage::{Bytes, ErrorKind as StorageErrorKind, Name, Storage};
use backup_core::{BackupId, Environment, ErrorKind, Hold, Repository};

use crate::home::{create, memory, open, shop};
use crate::store::{Store, names, prune_all};
use crate::tree::{Data, Tree};

/// A repository with so many backups, oldest first.
pub(crate) async fn many(count: usize) -> (Repository, Arc<dyn Storage>, Tree, Vec<BackupId>) {
    let (storage, tree) = (memory(), Tree::default());
    let repository = create(&storage).await;
    for number in 0..count {
        tree.write("file", Data::Noise(number as u64, 2000));
        repository.backup(&shop(&tree)).await.unwrap();
    }
    // Two of the same millisecond are in the order of their ids.
    let ids = left(&repository).await;
    (repository, storage, tree, ids)
}

fn last(count: u32) -> Policy {
    Policy::keep(Rule::last(count))
}

pub(crate) async fn left(repository: &Repository) -> Vec<BackupId> {
    repository.backups().await.unwrap().iter().map(|backup| backup.id).collect()
}

#[tokio::test]
async fn a_plan_says_what_goes_and_why_and_does_exactly_that() {
    let (repository, storage, _, ids) = many(4).await;
    let plan = repository.forget(&last(2)).plan().await.unwrap();
    assert_eq!((plan.kept, plan.removed, plan.groups.len()), (2, 2, 1));
    assert_eq!(plan.groups[0].group.environment, "shop");
    let removed: Vec<_> = plan.removed().map(|decision| decision.backup.id).collect();
    assert_eq!(removed, ids[..2]);
    let decisions = &plan.groups[0].decisions;
    assert!(decisions[0].explanation.starts_with("removed: "), "{}", decisions[0].explanation);
    assert!(decisions[3].explanation.starts_with("kept: "), "{}", decisions[3].explanation);
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["groups"][0]["environment"], "shop");
    assert_eq!(json["groups"][0]["decisions"][3]["expiry"], "conditional");
    assert_eq!(json["groups"][0]["decisions"][0]["expiry"], serde_json::Value::Null);
    assert_eq!(json["fingerprint"].as_str().unwrap().len(), 16);
    assert!(names(&storage, "notes").await.is_empty(), "a plan changes nothing");
    let report = plan.execute().await.unwrap();
    let deleted: BTreeSet<_> = report.deleted.iter().copied().collect();
    assert_eq!((deleted, report.held.len(), report.kept), (ids[..2].iter().copied().collect(), 0, 2));
    assert_eq!(left(&repository).await, ids[2..]);
    prune_all(&repository).await.unwrap();
    let clean = open(&storage).await;
    assert_eq!(left(&clean).await, ids[2..]);
    assert_eq!(clean.check().await.unwrap().problems, []);
}

#[tokio::test]
async fn only_what_was_confirmed_is_forgotten() {
    let (repository, _, tree, ids) = many(3).await;
    let policy = last(2);
    let plan = repository.forget(&policy).plan().await.unwrap();
    let again = repository.forget(&policy).plan().await.unwrap();
    assert_eq!(plan.fingerprint, again.fingerprint);
    let other = repository.forget(&last(1)).plan().await.unwrap();
    assert_ne!(plan.fingerprint, other.fingerprint);
    let error = repository.forget(&policy).confirmed("0123456789abcdef").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.remedy().contains("plan again"), "{}", error.remedy());
    // A new backup makes another one go.
    tree.write("file", Data::Noise(99, 2000));
    let new = repository.backup(&shop(&tree)).await.unwrap().id;
    repository.forget(&policy).confirmed(&plan.fingerprint).await.unwrap_err();
    assert_eq!(left(&repository).await.len(), 4);
    let fingerprint = repository.forget(&policy).plan().await.unwrap().fingerprint;
    // In another environment it makes no difference.
    let elsewhere = Environment::new("elsewhere").service("files", tree.clone());
    repository.backup(&elsewhere).await.unwrap();
    let report = repository.forget(&policy).confirmed(&fingerprint.to_uppercase()).await.unwrap();
    assert_eq!(report.deleted.len(), 2);
    assert_eq!(repository.backups().of("shop").await.unwrap().len(), 2);
    assert!(left(&repository).await.contains(&new) && !left(&repository).await.contains(&ids[0]));
}

#[tokio::test]
async fn what_changed_since_the_plan_is_named_and_nothing_is_forgotten() {
    let (repository, _, _, ids) = many(4).await;
    let plan = || async { repository.forget(&last(2)).plan().await.unwrap() };
    let held = plan().await;
    repository.note(&ids[1]).hold(Hold::open("case-17")).await.unwrap();
    let error = held.execute().await.unwrap_err();
    assert!(error.to_string().contains(&ids[1].to_string()), "{error}");
    assert_eq!(left(&repository).await.len(), 4);
    repository.note(&ids[1]).release("case-17").await.unwrap();

    // One that stays is deleted, so one that would have gone must stay.
    let stale = plan().await;
    repository.delete(&ids[3]).await.unwrap();
    let error = stale.execute().await.unwrap_err();
    assert!(
        error.to_string().contains(&ids[1].to_string()) && error.to_string().contains("would stay"),
        "{error}"
    );
    repository.undelete(&ids[3]).await.unwrap();

    let gone = plan().await;
    repository.delete(&ids[0]).await.unwrap();
    let error = gone.execute().await.unwrap_err();
    assert!(error.to_string().contains(&ids[0].to_string()), "{error}");
    assert_eq!(left(&repository).await, ids[1..]);
}

#[tokio::test]
async fn groups_do_not_compete_and_held_or_unconfirmed_backups_are_left_alone() {
    let (repository, storage, tree, ids) = many(3).await;
    let other = Environment::new("other").service("files", tree.clone());
    let alone = repository.backup(&other).await.unwrap().id;
    repository.note(&ids[0]).hold(Hold::open("case-17")).await.unwrap();
    let faulty = Arc::new(Faulty::new(storage.clone()));
    faulty.plan(
        Fault::new(Harm::FailBefore(StorageErrorKind::Full)).on(Operation::PutNew).named("backups").nth(2),
    );
    Store::through(&faulty).await.backup(&shop(&tree)).await.unwrap_err();
    let manifests = names(&storage, "backups").await;
    let plan = repository.forget(&last(1)).plan().await.unwrap();
    assert_eq!(plan.removed().map(|decision| decision.backup.id).collect::<Vec<_>>(), [ids[1]]);
    assert_eq!(plan.groups.len(), 2);
    assert!(plan.groups[1].decisions[0].explanation.contains("case-17"), "{plan:#?}");
    plan.execute().await.unwrap();
    assert_eq!(left(&repository).await.iter().collect::<BTreeSet<_>>(), [&ids[0], &ids[2], &alone].into());
    assert_eq!(names(&storage, "backups").await, manifests, "forgetting removes nothing");
    let one = repository.forget(&last(1)).of("other").plan().await.unwrap();
    assert_eq!((one.groups.len(), one.removed), (1, 0));
}

#[tokio::test]
async fn an_environment_with_something_unreadable_is_refused_and_others_go_on() {
    let (repository, storage, tree, _) = many(3).await;
    let other = Environment::new("other").service("files", tree.clone());
    for _ in 0..3 {
        repository.backup(&other).await.unwrap();
    }
    let manifests = names(&storage, "backups").await;
    let of_shop = repository.backups().of("shop").await.unwrap()[1].id.to_string();
    let name = manifests.iter().find(|name| name.contains(&of_shop) && !name.ends_with("-ok")).unwrap();
    let name: Name = name.parse().unwrap();
    storage.delete(&name).await.unwrap();
    storage.put_new(&name, Bytes::from("rubbish")).await.unwrap();
    let repository = open(&storage).await;
    let error = repository.forget(&last(1)).of("shop").plan().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(name.as_str()), "{error}");
    let plan = repository.forget(&last(1)).plan().await.unwrap();
    assert_eq!((plan.refused.len(), plan.refused[0].environment.as_deref()), (1, Some("shop")));
    assert_eq!(plan.execute().await.unwrap().deleted.len(), 2);
    assert_eq!(repository.backups().of("other").await.unwrap().len(), 1);
    assert_eq!(repository.backups().of("shop").await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_empty_policy_keeps_everything() {
    let (repository, _, _, ids) = many(3).await;
    let plan = repository.forget(&Policy::keep_everything()).plan().await.unwrap();
    assert_eq!((plan.kept, plan.removed), (3, 0));
    assert_eq!(plan.execute().await.unwrap().deleted, []);
    assert_eq!(left(&repository).await, ids);
}
