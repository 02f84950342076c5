//! What backups are in bytes.

use std::sync::Arc;

use backup_core::storage::testing::{Operation, Recording};
use backup_core::storage::{Storage, StorageExt as _};
use backup_core::testing::{Observed, RecordingObserver};
use backup_core::{
    BackupId, BackupStats, CancellationToken, Environment, ErrorKind, Phase, Repository, Stats,
};

use crate::changes::back_up;
use crate::home::{builder, create, memory, shop, stored};
use crate::memory::Item;
use crate::random::large;
use crate::tree::{Data, Tree};

fn of(stats: &Stats, id: BackupId) -> BackupStats {
    stats.backups.iter().find(|backup| backup.id == id).unwrap().clone()
}

/// Whatever is there, the totals add up to what the storage holds.
async fn expect_totals(stats: &Stats, storage: &Arc<dyn Storage>) {
    let total = &stats.total;
    assert_eq!(total.packs_bytes, stored(storage, "packs").await);
    assert_eq!(total.index_bytes, stored(storage, "index").await);
    assert_eq!(total.packs_bytes + total.index_bytes + total.other_bytes, stored(storage, "").await);
    assert!(total.stored_bytes + total.deleted_bytes + total.unused_bytes <= total.packs_bytes, "{total:?}");
    assert_eq!(stats.problems, []);
}

#[tokio::test]
async fn an_empty_repository_has_nothing() {
    let storage = memory();
    let repository = create(&storage).await;
    let stats = repository.stats().await.unwrap();
    assert_eq!((stats.total.backups, stats.total.packs_bytes, stats.total.ratio), (0, 0, None));
    assert!(stats.backups.is_empty() && stats.environments.is_empty());
    expect_totals(&stats, &storage).await;
}

/// What is shared is counted once in all and frees nothing; what is new is freed.
#[tokio::test]
async fn shared_and_own_bytes_are_told_apart() {
    const NEW: u64 = 400_000;
    let (storage, tree) = (memory(), Tree::small());
    let repository = create(&storage).await;
    let first = repository.backup(&shop(&tree)).await.unwrap();
    let alone = repository.stats().await.unwrap();
    let only = of(&alone, first.id);
    assert_eq!((only.logical_bytes, only.freed_bytes), (first.logical_bytes, only.stored_bytes));
    assert_eq!((only.stored_bytes, alone.total.unused_bytes), (alone.total.stored_bytes, 0));
    let added = async |id| repository.find(&BackupId::to_string(&id)).await.unwrap().stored_bytes;
    assert_eq!(only.added_bytes, added(first.id).await);

    let again = repository.backup(&shop(&tree)).await.unwrap();
    tree.write("new", Data::Noise(77, 400_000));
    let last = repository.backup(&shop(&tree)).await.unwrap();
    let stats = repository.stats().await.unwrap();
    expect_totals(&stats, &storage).await;
    assert_eq!(stats.backups.iter().map(|one| one.id).collect::<Vec<_>>(), [first.id, again.id, last.id]);
    for id in [first.id, again.id] {
        let shared = of(&stats, id);
        assert_eq!((shared.unique_bytes, shared.stored_bytes), (only.unique_bytes, only.stored_bytes));
        assert_eq!(shared.freed_bytes, 0);
    }
    let grown = of(&stats, last.id);
    assert!((NEW..NEW + 20_000).contains(&grown.freed_bytes), "{grown:?}");
    assert_eq!(stats.total.stored_bytes, only.stored_bytes + grown.freed_bytes);
    let logical = [first.logical_bytes, again.logical_bytes, last.logical_bytes].iter().sum::<u64>();
    assert_eq!(stats.total.logical_bytes, logical);
    let ratio = stats.total.ratio.unwrap();
    assert!((ratio * stats.total.stored_bytes as f64 - logical as f64).abs() < 1.0);

    let [environment] = &stats.environments[..] else { panic!("{:?}", stats.environments) };
    assert_eq!((environment.backups, environment.stored_bytes), (3, stats.total.stored_bytes));
    let growth: Vec<_> = environment.growth.iter().map(|point| (point.id, point.total_added_bytes)).collect();
    let sums = [added(first.id).await, added(again.id).await, added(last.id).await];
    assert_eq!(growth, [(first.id, sums[0]), (again.id, sums[0] + sums[1]), (last.id, sums.iter().sum()),]);
    assert_eq!(environment.months.iter().map(|month| month.backups).sum::<u64>(), 3);
    assert_eq!(environment.months.last().unwrap().total_added_bytes, sums.iter().sum::<u64>());
}

/// Environments share chunks too; what is asked for is told, of all that there is.
#[tokio::test]
async fn environments_are_told_apart_and_share() {
    let (storage, tree) = (memory(), Tree::small());
    let repository = create(&storage).await;
    let shop = repository.backup(&shop(&tree)).await.unwrap().id;
    let copy = repository.backup(&Environment::new("copy").service("files", tree.clone())).await.unwrap().id;
    let all = repository.stats().await.unwrap();
    expect_totals(&all, &storage).await;
    assert_eq!((of(&all, shop).freed_bytes, of(&all, copy).freed_bytes), (0, 0));
    let names: Vec<_> =
        all.environments.iter().map(|one| (one.environment.as_str(), one.stored_bytes)).collect();
    let bytes = all.total.stored_bytes;
    assert_eq!(names, [("copy", bytes), ("shop", bytes)]);

    let some = repository.stats().of("shop").await.unwrap();
    assert_eq!((some.total, some.backups), (all.total, vec![of(&all, shop)]));
    assert_eq!(some.environments, all.environments[1..]);
    let one = repository.stats().backup(copy).await.unwrap();
    assert_eq!((one.backups, one.environments), (vec![of(&all, copy)], all.environments[..1].to_vec()));
    assert!(repository.stats().of("nowhere").await.unwrap().backups.is_empty());
    let none: BackupId = "00".repeat(16).parse().unwrap();
    assert_eq!(repository.stats().backup(none).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// A deleted backup makes nothing shared, and is told apart until it is brought back.
#[tokio::test]
async fn a_deleted_backup_counts_for_its_own_line_only() {
    let (storage, tree) = (memory(), Tree::small());
    let repository = create(&storage).await;
    let first = repository.backup(&shop(&tree)).await.unwrap().id;
    let alone = repository.stats().await.unwrap();
    tree.write("new", Data::Noise(80, 300_000));
    let second = repository.backup(&shop(&tree)).await.unwrap().id;
    let both = repository.stats().await.unwrap();
    repository.delete(&second).await.unwrap();
    let deleted = repository.stats().await.unwrap();
    expect_totals(&deleted, &storage).await;
    assert_eq!((deleted.total.backups, deleted.total.deleted_backups), (1, 1));
    assert_eq!(of(&deleted, first), of(&alone, first));
    let mut expected = of(&both, second);
    expected.deleted = true;
    assert_eq!(of(&deleted, second), expected);
    assert_eq!(deleted.total.deleted_bytes, of(&both, second).freed_bytes);
    assert_eq!(deleted.total.stored_bytes, alone.total.stored_bytes);
    assert_eq!(deleted.environments, alone.environments);
    repository.undelete(&second).await.unwrap();
    let back = repository.stats().await.unwrap();
    assert_eq!((back.backups, back.environments), (both.backups, both.environments));
}

async fn read_by_stats(storage: &Arc<dyn Storage>) -> u64 {
    let recording = Arc::new(Recording::new(storage.clone()));
    let inner: Arc<dyn Storage> = recording.clone();
    let repository = builder(&inner).memory(1).open().await.unwrap();
    assert_eq!(repository.stats().await.unwrap().problems, []);
    recording.bytes(Operation::GetRange)
}

/// A tree larger than what is kept in memory is read once, however many backups in a row have it.
#[tokio::test]
async fn what_backups_share_is_read_once() {
    let storage = memory();
    let repository = create(&storage).await;
    let mut items = large(30_000);
    back_up(&repository, &items).await;
    let one = read_by_stats(&storage).await;
    assert!(one > 0);
    for _ in 0..3 {
        back_up(&repository, &items).await;
    }
    assert_eq!(read_by_stats(&storage).await, one);
    items.push(Item::folder("zzz"));
    back_up(&repository, &items).await;
    let more = read_by_stats(&storage).await - one;
    assert!(more < one / 10, "one new folder costs {more} bytes after {one}");
}

/// What a run left that never became a backup is unused, and nothing is counted for it.
#[tokio::test]
async fn what_an_interrupted_run_left_is_unused() {
    let (storage, tree) = (memory(), Tree::small());
    let repository = create(&storage).await;
    repository.backup(&shop(&tree)).await.unwrap();
    let before = repository.stats().await.unwrap();
    tree.write("new", Data::Noise(78, 300_000));
    let made = repository.backup(&shop(&tree)).await.unwrap();
    let whole = repository.stats().await.unwrap();
    for object in storage.list_all("backups").await.unwrap() {
        if object.name.as_str().contains(&made.id.to_string()) {
            storage.delete(&object.name).await.unwrap();
        }
    }
    let after = repository.stats().await.unwrap();
    expect_totals(&after, &storage).await;
    assert_eq!(after.backups, before.backups);
    assert_eq!(after.total.unused_bytes, of(&whole, made.id).freed_bytes);
    let index = storage.list_all("index").await.unwrap();
    for segment in index {
        storage.delete(&segment.name).await.unwrap();
    }
    let lost = repository.stats().await.unwrap();
    assert_eq!((lost.total.stored_bytes, lost.total.unused_bytes), (0, lost.total.packs_bytes));
    assert!(!lost.problems.is_empty());
}

/// A damaged repository is counted as far as it can be read, and what cannot be is named.
#[tokio::test]
async fn what_cannot_be_read_is_told() {
    let (storage, tree) = (memory(), Tree::small());
    let repository = create(&storage).await;
    let first = repository.backup(&shop(&tree)).await.unwrap().id;
    let sound = repository.stats().await.unwrap();
    let packs = storage.list_all("packs").await.unwrap();
    tree.write("new", Data::Noise(79, 300_000));
    let second = repository.backup(&shop(&tree)).await.unwrap().id;
    for pack in storage.list_all("packs").await.unwrap() {
        if !packs.contains(&pack) {
            storage.delete(&pack.name).await.unwrap();
        }
    }
    let stats = repository.stats().await.unwrap();
    assert_eq!(of(&stats, first).stored_bytes, of(&sound, first).stored_bytes);
    assert!(!stats.problems.is_empty());
    assert!(stats.problems.iter().all(|problem| problem.backups == [second]), "{:?}", stats.problems);

    let manifests = storage.list_all("backups").await.unwrap();
    let is_second = |name: &str| name.contains(&second.to_string()) && !name.ends_with("-ok");
    let manifest = manifests.iter().find(|object| is_second(object.name.as_str())).unwrap();
    storage.delete(&manifest.name).await.unwrap();
    storage.create(&manifest.name, b"no manifest".to_vec().into()).await.unwrap();
    let stats = repository.stats().await.unwrap();
    assert_eq!(stats.backups.iter().map(|one| one.id).collect::<Vec<_>>(), [first]);
    let [problem] = &stats.problems[..] else { panic!("{:?}", stats.problems) };
    assert_eq!((problem.object.as_str(), &problem.backups[..]), (manifest.name.as_str(), &[second][..]));
}

#[tokio::test]
async fn progress_is_told_and_cancelling_ends_it() {
    let storage = memory();
    let repository: Repository = create(&storage).await;
    for _ in 0..3 {
        repository.backup(&shop(&Tree::small())).await.unwrap();
    }
    let observer = RecordingObserver::new();
    repository.observed_by(Arc::new(observer.clone())).stats().await.unwrap();
    let last = observer.events().into_iter().rev().find_map(|event| match event {
        Observed::Progress(progress) => Some(progress),
        _ => None,
    });
    let last = last.unwrap();
    assert_eq!((last.items, last.total_items), (3, Some(3)));
    let is_phase = |event: &Observed| matches!(event, Observed::Phase { phase: Phase::Structure, .. });
    assert!(observer.events().iter().any(is_phase));
    let token = CancellationToken::new();
    token.cancel();
    assert_eq!(repository.stats().cancel(token).await.unwrap_err().kind(), ErrorKind::Cancelled);
}
