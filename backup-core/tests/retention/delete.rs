//! Deleting one backup and bringing it back.

use std::sync::Arc;

use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
use backup_core::storage::{ErrorKind as StorageErrorKind, StorageExt as _};
use backup_core::{BackupStatus, ErrorKind, Hold};
use chrono::{TimeDelta, Utc};

use crate::home::{files, shop};
use crate::store::{Store, prune_all};

#[tokio::test]
async fn a_deleted_backup_is_not_listed_and_not_read_and_nothing_of_it_is_removed() {
    let store = Store::new().await;
    let before = store.names("packs").await;
    let plan = store.repository.delete(&store.first).by("alice").reason("wrong data").plan().await.unwrap();
    assert_eq!((plan.backup.as_ref().unwrap().id, plan.warnings.len()), (store.first, 0));
    assert!(store.names("notes").await.is_empty(), "a plan changes nothing");
    plan.execute().await.unwrap();
    let listed = store.repository.backups().await.unwrap();
    assert_eq!(listed.iter().map(|backup| backup.id).collect::<Vec<_>>(), [store.second]);
    let found = store.repository.find(&store.first.to_string()).await.unwrap();
    assert_eq!((found.status, found.restorable), (BackupStatus::Deleted, false));
    assert!(found.deleted_at.is_some());
    assert_eq!(store.repository.service(&store.first, "files").await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(store.names("packs").await, before);
    let report = store.repository.check().await.unwrap();
    assert_eq!((report.backups, report.deleted, report.problems.len()), (1, 1, 0));
}

#[tokio::test]
async fn the_last_backup_to_restore_from_is_deleted_with_a_warning_only() {
    let store = Store::with_deleted().await;
    let plan = store.repository.delete(&store.second).plan().await.unwrap();
    assert!(plan.warnings[0].contains("last backup from which \"shop\""), "{:?}", plan.warnings);
    plan.execute().await.unwrap();
    assert!(store.repository.backups().await.unwrap().is_empty());
    prune_all(&store.repository).await.unwrap();
    assert_eq!(store.names("packs").await.len() + store.names("backups").await.len(), 0);
    assert_eq!(store.names("index").await, Vec::<String>::new());
    store.repository.backup(&shop(&store.tree)).await.unwrap();
    assert_eq!(store.repository.check().await.unwrap().problems, []);
}

#[tokio::test]
async fn what_is_held_or_in_use_is_not_deleted() {
    let store = Store::new().await;
    let note = || store.repository.note(&store.first);
    note().hold(Hold::open("case-17")).await.unwrap();
    let error = store.repository.delete(&store.first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.remedy().contains("release the hold \"case-17\" first"), "{}", error.remedy());
    note().release("case-17").await.unwrap();
    note().pin("restore", Utc::now() + TimeDelta::hours(1)).await.unwrap();
    let error = store.repository.delete(&store.first).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("in use until"), "{error}");
    note().pin("restore", Utc::now() - TimeDelta::hours(1)).await.unwrap();
    store.repository.delete(&store.first).await.unwrap();
}

#[tokio::test]
async fn a_hold_that_comes_between_plan_and_deletion_wins() {
    let store = Store::new().await;
    let plan = store.repository.delete(&store.first).plan().await.unwrap();
    store.repository.note(&store.first).hold(Hold::open("late")).await.unwrap();
    assert!(plan.execute().await.unwrap_err().to_string().contains("\"late\""));
    assert_eq!(store.repository.backups().await.unwrap().len(), 2);
    prune_all(&store.repository).await.unwrap();
    assert_eq!(files(&store.repository, store.first).await, store.tree.files());
}

#[tokio::test]
async fn what_cannot_be_deleted_or_brought_back_is_refused_by_name() {
    let store = Store::with_deleted().await;
    let repository = &store.repository;
    let nobody = "00000000000000000000000000000000".parse().unwrap();
    assert_eq!(repository.delete(&nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(repository.undelete(&nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
    let error = repository.delete(&store.first).await.unwrap_err();
    assert!(error.to_string().contains("deleted already"), "{error}");
    let error = repository.undelete(&store.second).await.unwrap_err();
    assert!(error.to_string().contains("is not deleted"), "{error}");
    let faulty = Arc::new(Faulty::new(store.storage.clone()));
    let unlucky = Store::through(&faulty).await;
    faulty.plan(
        Fault::new(Harm::FailBefore(StorageErrorKind::Full)).on(Operation::PutNew).named("backups").nth(2),
    );
    unlucky.backup(&shop(&store.tree)).await.unwrap_err();
    let unconfirmed = repository.backups().status(BackupStatus::Unconfirmed).await.unwrap()[0].id;
    for error in [
        repository.delete(&unconfirmed).await.unwrap_err(),
        repository.undelete(&unconfirmed).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("never confirmed"), "{error}");
    }
}

#[tokio::test]
async fn a_backup_of_which_something_has_gone_stays_deleted() {
    let store = Store::with_deleted().await;
    let packs = store.storage.list_all("packs").await.unwrap();
    let largest = packs.iter().max_by_key(|pack| pack.size).unwrap().clone();
    store.storage.delete(&largest.name).await.unwrap();
    let error = store.repository.undelete(&store.first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("is in no pack that exists"), "{error}");
    let found = store.repository.find(&store.first.to_string()).await.unwrap();
    assert_eq!(found.status, BackupStatus::Deleted);
}
