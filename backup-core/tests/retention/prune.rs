//! What a prune removes, moves and leaves alone.

use std::time::Duration;

use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
use backup_core::storage::{ErrorKind as StorageErrorKind, StorageExt as _};
use backup_core::{BackupStatus, Environment, ErrorKind, Share};

use crate::home::{builder, create, expect_backup, expect_sound, files, memory, open, shop, stored};
use crate::store::{Store, prune_all};
use crate::tree::{Data, Tree};

#[tokio::test]
async fn where_all_is_needed_nothing_is_removed() {
    let store = Store::new().await;
    let before = store.names("packs").await;
    let plan = store.repository.prune().grace(Duration::ZERO).max_unused(0).plan().await.unwrap();
    assert_eq!((plan.dead_packs, plan.rewritten_packs, plan.freed_bytes, plan.unused_bytes), (0, 0, 0, 0));
    assert_eq!((plan.packs, plan.pack_bytes), (before.len() as u64, stored(&store.storage, "packs").await));
    let report = plan.execute().await.unwrap();
    assert_eq!((report.deleted_packs, report.backups.len(), report.freed_bytes), (0, 0, 0));
    assert_eq!(store.names("packs").await, before);
    assert_eq!(store.names("sweeps").await, Vec::<String>::new());
    store.expect_sound("after nothing was pruned").await;
}

#[tokio::test]
async fn a_deleted_backup_can_be_brought_back_until_its_grace_is_over() {
    let store = Store::with_deleted().await;
    let plan = store.repository.prune().plan().await.unwrap();
    assert_eq!((plan.recent.as_slice(), plan.backups.len(), plan.dead_packs), (&[store.first][..], 0, 0));
    let report = plan.execute().await.unwrap();
    assert_eq!((report.deleted_packs, report.backups.len()), (0, 0));
    let back = store.repository.undelete(&store.first).by("alice").await.unwrap();
    assert_eq!((back.id, back.status), (store.first, BackupStatus::Completed));
    assert_eq!(store.repository.backups().await.unwrap().len(), 2);
    assert_eq!(files(&store.repository, store.first).await, store.tree.files());
    store.expect_sound("after it was brought back").await;
}

#[tokio::test]
async fn a_deleted_backup_is_gone_after_its_grace_with_all_that_only_it_needed() {
    let store = Store::with_deleted().await;
    let before = stored(&store.storage, "packs").await;
    let plan = store.repository.prune().grace(Duration::ZERO).max_unused(0).plan().await.unwrap();
    assert_eq!(plan.backups, [store.first]);
    let promised = plan.freed_bytes;
    let report = plan.execute().await.unwrap();
    assert_eq!(report.backups, [store.first]);
    let freed = before - stored(&store.storage, "packs").await;
    assert!(freed > 300_000, "{freed} bytes were freed, {report:?}");
    assert!(promised.abs_diff(freed) < 10_000, "{promised} bytes were promised and {freed} freed");
    assert_eq!(store.names("backups").await.len(), 2, "a manifest and its confirmation");
    store.expect_sound("after it was pruned").await;
    let error = store.repository.undelete(&store.first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("pruned"), "{error}");
    let again = prune_all(&store.repository).await.unwrap();
    assert_eq!((again.deleted_packs, again.index_segments, again.backups.len()), (0, 0, 0), "{again:?}");
    expect_backup(&open(&store.storage).await, &store.tree, "after a prune").await;
}

#[tokio::test]
async fn packs_are_rewritten_only_where_too_much_is_unused() {
    let store = Store::with_deleted().await;
    let request = || store.repository.prune().grace(Duration::ZERO);
    let lazy = request().max_unused(100).plan().await.unwrap();
    assert_eq!((lazy.rewritten_packs, lazy.copied_bytes), (0, 0));
    assert!(lazy.unused_bytes > 300_000, "{lazy:?}");
    let bounded = request().max_rewrite(1000).plan().await.unwrap();
    assert_eq!(bounded.rewritten_packs, 0);
    let usual = request().plan().await.unwrap();
    assert_eq!((usual.rewritten_packs, usual.unused_bytes), (1, 0), "{usual:?}");
    assert!(usual.copied_bytes > 300_000 && usual.copied_bytes < 310_000, "{usual:?}");
    let report = usual.execute().await.unwrap();
    assert_eq!((report.rewritten_packs, report.deleted_packs, report.problems.len()), (1, 1, 0));
    store.expect_sound("after packs were rewritten").await;
}

#[tokio::test]
async fn leftovers_of_an_interrupted_run_are_young_first_and_then_dead() {
    let store = Store::new().await;
    let packs = store.names("packs").await;
    let faulty = std::sync::Arc::new(Faulty::new(store.storage.clone()));
    store.tree.write("new", Data::Noise(9, 400_000));
    faulty.plan(Fault::new(Harm::FailBefore(StorageErrorKind::Full)).on(Operation::PutNew).named("index"));
    Store::through(&faulty).await.backup(&shop(&store.tree)).await.unwrap_err();
    assert_eq!(store.names("packs").await.len(), packs.len() + 1);
    let young = store.repository.prune().plan().await.unwrap();
    assert_eq!((young.dead_packs, young.young_packs), (0, 1));
    assert!(young.young_bytes > 400_000);
    assert_eq!(young.execute().await.unwrap().deleted_packs, 0);
    let dead = store.repository.prune().grace(Duration::ZERO).plan().await.unwrap();
    assert_eq!((dead.dead_packs, dead.orphan_packs, dead.young_packs), (1, 1, 0));
    assert_eq!(dead.execute().await.unwrap().deleted_packs, 1);
    assert_eq!(store.names("packs").await, packs);
    store.expect_sound("after an orphan was removed").await;
}

#[tokio::test]
async fn what_was_never_confirmed_is_kept_for_a_while_and_then_given_up() {
    let store = Store::new().await;
    let faulty = std::sync::Arc::new(Faulty::new(store.storage.clone()));
    let repository = Store::through(&faulty).await;
    store.tree.write("new", Data::Noise(9, 400_000));
    // Only confirmations are empty, and only they are put after manifests.
    faulty.plan(
        Fault::new(Harm::FailBefore(StorageErrorKind::Full)).on(Operation::PutNew).named("backups").nth(2),
    );
    repository.backup(&shop(&store.tree)).await.unwrap_err();
    let plan = store.repository.prune().plan().await.unwrap();
    assert_eq!((plan.recent.len(), plan.unconfirmed.len(), plan.dead_packs), (1, 0, 0));
    let id = plan.recent[0];
    assert_eq!(plan.execute().await.unwrap().unconfirmed, []);
    let report = prune_all(&store.repository).await.unwrap();
    assert_eq!(report.unconfirmed, [id]);
    assert!(report.freed_bytes > 400_000, "{report:?}");
    assert_eq!(store.names("backups").await.len(), 4);
    // Whoever confirms it now finds that it was given up.
    let notes = store.names("notes").await;
    assert!(notes.iter().any(|note| note.contains(&id.to_string())), "{notes:?}");
    store.expect_sound("after an unconfirmed backup was given up").await;
}

#[tokio::test]
async fn many_small_segments_become_few() {
    let (storage, tree) = (memory(), Tree::default());
    let repository = create(&storage).await;
    for number in 0..20 {
        tree.write("file", Data::Noise(number, 5_000));
        repository.backup(&shop(&tree)).await.unwrap();
    }
    let before = storage.list_all("index").await.unwrap().len();
    assert!(before >= 20);
    let packs = storage.list_all("packs").await.unwrap().len();
    let report = repository.prune().plan().await.unwrap().execute().await.unwrap();
    assert_eq!(report.index_segments, before as u64);
    assert_eq!(storage.list_all("index").await.unwrap().len(), 1);
    assert_eq!(storage.list_all("packs").await.unwrap().len(), packs, "segments are merged, packs stay");
    expect_sound(&open(&storage).await, "after segments were merged").await;
    expect_backup(&repository, &tree, "after segments were merged").await;
}

#[tokio::test]
async fn a_chunk_that_is_stored_twice_is_kept_once() {
    let (storage, tree) = stored_twice().await;
    let repository = open(&storage).await;
    let report = prune_all(&repository).await.unwrap();
    assert!(report.freed_bytes > 490_000, "{report:?}");
    assert!(stored(&storage, "packs").await < 510_000);
    let clean = open(&storage).await;
    expect_sound(&clean, "after a copy was removed").await;
    for backup in clean.backups().await.unwrap() {
        assert_eq!(files(&clean, backup.id).await, tree.files());
    }
}

/// Two backups that hold the same, each in a pack of its own.
async fn stored_twice() -> (std::sync::Arc<dyn backup_core::storage::Storage>, Tree) {
    let (storage, tree) = (memory(), Tree::default());
    let repository = create(&storage).await;
    tree.write("file", Data::Noise(1, 500_000));
    repository.backup(&shop(&tree)).await.unwrap();
    // Two writers that do not see each other's packs: the second lists none.
    let hidden = std::sync::Arc::new(Faulty::new(storage.clone()));
    hidden.plan(Fault::new(Harm::ShortList(1000)).on(Operation::List).named("packs").nth(1));
    let other = Environment::new("other").service("files", tree.clone());
    Store::through(&hidden).await.backup(&other).await.unwrap();
    assert!(stored(&storage, "packs").await > 1_000_000);
    (storage, tree)
}

#[tokio::test]
async fn the_only_copy_that_can_be_read_is_kept() {
    let mut kept = 0;
    for rotten in 0..2 {
        let (storage, tree) = stored_twice().await;
        let packs = storage.list_all("packs").await.unwrap();
        let name = &packs[rotten].name;
        let mut bytes = storage.get(name).await.unwrap().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        storage.delete(name).await.unwrap();
        storage.put_new(name, bytes.into()).await.unwrap();
        let repository = open(&storage).await;
        for _ in 0..2 {
            let report = prune_all(&repository).await.unwrap();
            kept += report.problems.len();
            assert!(report.problems.iter().all(|problem| problem.object == name.as_str()), "{report:?}");
            for backup in repository.backups().await.unwrap() {
                assert_eq!(
                    files(&open(&storage).await, backup.id).await,
                    tree.files(),
                    "pack {rotten} is rotten"
                );
            }
        }
    }
    assert!(kept > 0, "nobody noticed");
}

#[tokio::test]
async fn old_runs_go_and_recent_ones_stay() {
    let store = Store::with_deleted().await;
    let runs = store.names("runs").await.len();
    let report = prune_all(&store.repository).await.unwrap();
    assert_eq!(report.run_records, 0, "they are of today, whatever the grace is");
    assert!(store.names("runs").await.len() > runs);
    let run = &store.repository.runs().await.unwrap()[0];
    assert_eq!(
        (run.operation, run.status),
        (backup_core::Operation::Prune, backup_core::RunStatus::Completed)
    );
}

#[tokio::test]
async fn plans_and_reports_are_json() {
    let store = Store::with_deleted().await;
    let plan = store.repository.prune().grace(Duration::ZERO).plan().await.unwrap();
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["backups"], serde_json::json!([store.first.to_string()]));
    assert!(json.get("request").is_none());
    let report = serde_json::to_value(plan.execute().await.unwrap()).unwrap();
    assert!(
        report["duration_seconds"].is_number() && report["deleted_bytes"].as_u64() > Some(300_000),
        "{report}"
    );
}

#[tokio::test]
async fn an_observer_hears_how_far_it_is() {
    let store = Store::with_deleted().await;
    let observer = backup_core::testing::RecordingObserver::new();
    let repository =
        builder(&store.storage).observer(std::sync::Arc::new(observer.clone())).open().await.unwrap();
    prune_all(&repository).await.unwrap();
    let phases = observer.phases();
    assert!(
        phases.ends_with(&[
            backup_core::Phase::Structure,
            backup_core::Phase::Rewrite,
            backup_core::Phase::Remove
        ]),
        "{phases:?}"
    );
    let progress = observer.progress().unwrap();
    assert!(progress.items > 5 && progress.bytes > 300_000, "{progress:?}");
    let report = repository.check().read_data(Share::ALL).await.unwrap();
    assert_eq!(report.problems, []);
}
