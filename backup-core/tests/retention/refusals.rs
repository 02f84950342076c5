//! When a prune does nothing.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
use backup_core::storage::{Bytes, ErrorKind as StorageErrorKind, Listing, Name};
use backup_core::{CancellationToken, Error, ErrorKind};

use crate::home::{files, open, shop};
use crate::steps::Stopping;
use crate::store::{Store, prune_all};

/// The error of a prune that deleted nothing but, perhaps, its own record.
async fn refused(store: &Store) -> Error {
    let mut before = store.names("").await;
    let repository = open(&store.storage).await;
    let error = prune_all(&repository).await.unwrap_err();
    let planned = repository.prune().grace(Duration::ZERO).plan().await.map(|plan| plan.packs);
    before.retain(|name| !name.starts_with("runs/"));
    let mut after = store.names("").await;
    after.retain(|name| !name.starts_with("runs/"));
    assert_eq!(after, before, "{}", error.chain());
    if error.kind() == ErrorKind::Damaged {
        assert_eq!(planned.unwrap_err().kind(), ErrorKind::Damaged, "the plan says so too");
    }
    error
}

fn is_pack_of(packs: &[String], name: &str) -> bool {
    packs.iter().any(|pack| pack == name)
}

#[tokio::test]
async fn damage_in_a_backup_forbids_a_prune_until_that_backup_is_deleted() {
    let store = Store::new().await;
    let before = store.names("packs").await;
    store.tree.write("third", crate::tree::Data::Noise(30, 200_000));
    let third = store.repository.backup(&shop(&store.tree)).await.unwrap().id;
    store.delete_all("packs", |name| !is_pack_of(&before, name)).await;
    store.repository.delete(&store.first).await.unwrap();
    let error = refused(&store).await;
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(&third.to_string()), "{}", error.chain());
    assert!(error.remedy().contains(&format!("delete the backup {third}")), "{}", error.remedy());
    store.repository.delete(&third).await.unwrap();
    assert_eq!(prune_all(&store.repository).await.unwrap().backups.len(), 2);
    store.expect_sound("after the damaged backup was pruned").await;
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_forbids_a_prune_until_it_is_deleted() {
    let store = Store::new().await;
    let manifests = store.names("backups").await;
    let manifest = manifests
        .iter()
        .find(|name| name.contains(&store.first.to_string()) && !name.ends_with("-ok"))
        .unwrap();
    let name: Name = manifest.parse().unwrap();
    store.storage.delete(&name).await.unwrap();
    // Missing, and then there with other bytes.
    for bytes in [None, Some("not a manifest")] {
        if let Some(bytes) = bytes {
            store.storage.put_new(&name, Bytes::from(bytes)).await.unwrap();
        }
        let error = refused(&store).await;
        assert_eq!(error.kind(), ErrorKind::Damaged, "{}", error.chain());
        assert!(error.remedy().contains(&format!("delete the backup {}", store.first)), "{}", error.remedy());
    }
    let plan = store.repository.delete(&store.first).plan().await.unwrap();
    assert!(plan.backup.is_none() && plan.warnings[0].contains("cannot be read"), "{plan:?}");
    plan.execute().await.unwrap();
    assert_eq!(prune_all(&store.repository).await.unwrap().backups, [store.first]);
    store.expect_sound("after a damaged manifest was pruned").await;
}

#[tokio::test]
async fn a_lost_manifest_can_be_deleted_by_what_its_confirmation_says() {
    let store = Store::new().await;
    let id = store.first.to_string();
    store.delete_all("backups", |name| name.contains(&id) && !name.ends_with("-ok")).await;
    let plan = store.repository.delete(&store.first).plan().await.unwrap();
    assert!(plan.backup.is_none() && plan.warnings[0].contains("missing"), "{plan:?}");
    plan.execute().await.unwrap();
    prune_all(&store.repository).await.unwrap();
    assert_eq!(store.names("backups").await.len(), 2);
    store.expect_sound("after the rest of a lost backup was pruned").await;
}

#[tokio::test]
async fn a_backup_that_later_ones_name_and_that_is_gone_forbids_a_prune_unless_accepted() {
    let store = Store::new().await;
    let id = store.first.to_string();
    store.delete_all("backups", |name| name.contains(&id)).await;
    let error = refused(&store).await;
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(&format!("which the backup {} names", store.second)), "{error}");
    let request = store.repository.prune().grace(Duration::ZERO).accept_missing();
    let report = request.plan().await.unwrap().execute().await.unwrap();
    assert!(report.freed_bytes > 300_000, "{report:?}");
}

#[tokio::test]
async fn an_index_segment_that_cannot_be_read_forbids_a_prune() {
    let store = Store::with_deleted().await;
    let name: Name = store.names("index").await[0].parse().unwrap();
    store.storage.delete(&name).await.unwrap();
    store.storage.put_new(&name, Bytes::from("rubbish")).await.unwrap();
    let error = refused(&store).await;
    assert!(error.chain().contains(name.as_str()), "{}", error.chain());
}

#[tokio::test]
async fn a_note_that_cannot_be_read_keeps_a_deleted_backup() {
    let store = Store::new().await;
    store.repository.note(&store.first).comment("fine").await.unwrap();
    let name: Name = store.names("notes").await[0].parse().unwrap();
    store.repository.delete(&store.first).await.unwrap();
    store.storage.delete(&name).await.unwrap();
    store.storage.put_new(&name, Bytes::from("rubbish")).await.unwrap();
    // Others are pruned all the same.
    store.repository.delete(&store.second).await.unwrap();
    let plan = store.repository.prune().grace(Duration::ZERO).plan().await.unwrap();
    assert_eq!((plan.recent.as_slice(), plan.backups.as_slice()), (&[store.first][..], &[store.second][..]));
    assert!(plan.problems[0].message.contains("may be held"), "{:?}", plan.problems);
    let report = plan.execute().await.unwrap();
    assert_eq!(report.backups, [store.second]);
    assert_eq!((report.problems.len(), report.problems[0].backups.as_slice()), (1, &[store.first][..]));
    store.storage.delete(&name).await.unwrap();
    store.repository.undelete(&store.first).await.unwrap();
    assert_eq!(files(&store.repository, store.first).await, store.tree.files(), "all of it stayed");
}

#[tokio::test]
async fn a_backup_under_way_makes_a_prune_give_up() {
    let store = Store::with_deleted().await;
    for n in [4, 9, 15] {
        let (repository, stopping) = Stopping::open(n, &store.storage).await;
        let writer = tokio::spawn(repository.backup(&shop(&store.tree)).into_future());
        stopping.reached().await;
        let error = prune_all(&store.repository).await.unwrap_err();
        assert!(error.is_retryable() && error.kind() == ErrorKind::Unavailable, "{}", error.chain());
        assert!(error.to_string().contains("a backup is at work"), "{error}");
        assert_eq!(store.names("sweeps").await, Vec::<String>::new());
        stopping.go_on();
        writer.await.unwrap().unwrap();
    }
    prune_all(&store.repository).await.unwrap();
    store.expect_sound("after the backups").await;
}

#[tokio::test]
async fn while_a_prune_is_at_work_others_fail_and_may_try_again() {
    let store = Store::with_deleted().await;
    let (pruning, stopping) = Stopping::open(20, &store.storage).await;
    let prune = tokio::spawn(async move { prune_all(&pruning).await });
    stopping.reached().await;
    assert_eq!(store.names("sweeps").await.len(), 1);
    let error = store.repository.backup(&shop(&store.tree)).await.unwrap_err();
    assert!(error.is_retryable() && error.chain().contains("pruned"), "{}", error.chain());
    let error = prune_all(&store.repository).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("another prune is at work"), "{error}");
    let notes = store.names("notes").await;
    let error = store.repository.undelete(&store.first).await.unwrap_err();
    assert!(error.is_retryable(), "{}", error.chain());
    assert_eq!(store.names("notes").await, notes, "nobody promises what the prune may remove");
    assert_eq!(store.repository.check().await.unwrap().problems, [], "nothing is wrong meanwhile");
    stopping.go_on();
    prune.await.unwrap().unwrap();
    assert_eq!(store.names("sweeps").await, Vec::<String>::new());
    store.repository.backup(&shop(&store.tree)).await.unwrap();
    store.expect_sound("after the prune").await;
}

#[tokio::test]
async fn a_storage_whose_listings_are_not_to_be_relied_on_is_not_pruned() {
    let store = Store::with_deleted().await;
    let repository = Store::through(&Stopping::listing(Listing::Unknown, &store.storage)).await;
    let error = prune_all(&repository).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(store.names("sweeps").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_newer_version_that_prunes_is_left_alone() {
    let store = Store::with_deleted().await;
    let name: Name = format!("marks/{}", "0".repeat(64)).parse().unwrap();
    store.storage.put_new(&name, Bytes::from("from the future")).await.unwrap();
    assert_eq!(refused(&store).await.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn whoever_may_not_delete_learns_it_before_anybody_is_kept_from_writing() {
    let store = Store::with_deleted().await;
    let faulty = Arc::new(Faulty::new(store.storage.clone()));
    faulty.plan(Fault::new(Harm::FailBefore(StorageErrorKind::Permission)).on(Operation::Delete));
    let error = prune_all(&Store::through(&faulty).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert_eq!(store.names("sweeps").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_prune_that_is_cancelled_or_dropped_lets_others_write() {
    for (dropped, n) in [20, 23, 26, 29, 32, 35, 40].into_iter().flat_map(|n| [(false, n), (true, n)]) {
        let store = Store::with_deleted().await;
        let (pruning, stopping) = Stopping::open(n, &store.storage).await;
        let token = CancellationToken::new();
        let cancel = token.clone();
        let prune = tokio::spawn(async move {
            let request = pruning.prune().grace(Duration::ZERO).max_unused(0).cancel(cancel);
            request.plan().await?.execute().await
        });
        stopping.reached().await;
        if dropped {
            prune.abort();
            assert!(prune.await.unwrap_err().is_cancelled());
            stopping.go_on();
        } else {
            token.cancel();
            stopping.go_on();
            assert_eq!(prune.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        }
        // What it was about to say when it was stopped is taken back by itself.
        while !store.names("sweeps").await.is_empty() {
            tokio::task::yield_now().await;
        }
        store.repository.backup(&shop(&store.tree)).await.unwrap();
        prune_all(&store.repository).await.unwrap();
        store.expect_sound("after a prune was given up").await;
    }
}
