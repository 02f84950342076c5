//! What many backups share is looked at once, and what is wrong with it is told of each.

use std::collections::BTreeSet;
use std::sync::Arc;

use backup_core::engine::{Artifact, Entries};
use backup_core::storage::testing::{Call, Operation, Recording};
use backup_core::storage::{Storage, StorageExt as _};
use backup_core::{BackupId, Environment, Repository, Share};

use crate::folder;
use crate::home::{builder, create, memory, shop};
use crate::stream::Scripted;
use crate::tree::{Data, Tree, noise};

/// A repository that keeps little of what it has read in memory, and the record of what it reads.
async fn watched(storage: &Arc<dyn Storage>) -> (Repository, Arc<Recording>) {
    let recording = Arc::new(Recording::new(storage.clone()));
    let inner: Arc<dyn Storage> = recording.clone();
    (builder(&inner).memory(1).open().await.unwrap(), recording)
}

/// How many bytes of packs a check reads.
async fn read_by_a_check(storage: &Arc<dyn Storage>) -> u64 {
    let (repository, recording) = watched(storage).await;
    let report = repository.check().await.unwrap();
    assert_eq!(report.problems, []);
    recording.bytes(Operation::GetRange)
}

/// A tree of so many folders with long names, which is larger than what is kept in memory.
fn folders(count: u64) -> Environment {
    let engine = Scripted::new(move |sink| async move {
        let mut tree = sink.tree(Artifact::new("tree")).await?;
        let mut entries = Entries::new();
        entries.push(&folder(""));
        for number in 0..count {
            let name = noise(number, 120).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            entries.push(&folder(&format!("{number:08}{name}")));
        }
        tree.put(&entries).await?;
        tree.commit().await.map(drop)
    });
    Environment::new("shop").service("files", engine)
}

#[tokio::test]
async fn backups_that_share_a_tree_cost_a_check_no_more_than_one() {
    let storage = memory();
    let repository = create(&storage).await;
    repository.backup(&folders(40_000)).await.unwrap();
    let one = read_by_a_check(&storage).await;
    for _ in 0..3 {
        repository.backup(&folders(40_000)).await.unwrap();
    }
    assert_eq!(read_by_a_check(&storage).await, one);
    repository.backup(&folders(40_001)).await.unwrap();
    let changed = read_by_a_check(&storage).await;
    assert!(changed - one < one / 10, "one new folder costs {} bytes after {one}", changed - one);
}

/// All problems name each of the backups, whatever it is that they share.
#[tokio::test]
async fn what_is_lost_is_told_of_each_backup_that_has_it() {
    let (storage, tree) = (memory(), Tree::many(2000));
    tree.write("large", Data::Noise(5_000_000, 40_000_000));
    let repository = create(&storage).await;
    let mut ids: Vec<BackupId> = Vec::new();
    for _ in 0..3 {
        ids.push(repository.backup(&shop(&tree)).await.unwrap().id);
    }
    ids.sort_unstable();
    let packs = storage.list_all("packs").await.unwrap();
    assert!(packs.len() > 2, "{packs:?}");
    for pack in packs {
        let bytes = storage.get(&pack.name).await.unwrap();
        storage.delete(&pack.name).await.unwrap();
        for share in [Share::NONE, Share::ALL] {
            let report = repository.check().read_data(share).await.unwrap();
            let of_backups = report.problems.iter().filter(|problem| problem.object != pack.name.as_str());
            let mut named: Vec<BackupId> =
                of_backups.flat_map(|problem| problem.backups.iter().copied()).collect();
            named.sort_unstable();
            named.dedup();
            assert_eq!(named, ids, "{:#?}", report.problems);
            let blamed = report.problems.iter().find(|problem| problem.object == pack.name.as_str());
            let expected = if share.is_some() { &ids[..] } else { &[] };
            assert_eq!(blamed.unwrap().backups, expected);
        }
        storage.create(&pack.name, bytes).await.unwrap();
    }
    assert_eq!(repository.check().read_data(Share::ALL).await.unwrap().problems, []);
}

/// A pack is blamed for the backups that need it and for no others.
#[tokio::test]
async fn a_damaged_pack_is_told_of_the_backups_that_need_it() {
    let (storage, tree) = (memory(), Tree::many(500));
    let repository = create(&storage).await;
    let first = repository.backup(&shop(&tree)).await.unwrap().id;
    let before = storage.list_all("packs").await.unwrap();
    tree.write("new", Data::Noise(1_000_000, 400_000));
    let mut later = Vec::new();
    for _ in 0..3 {
        later.push(repository.backup(&shop(&tree)).await.unwrap().id);
    }
    later.sort_unstable();
    let packs = storage.list_all("packs").await.unwrap();
    let new: Vec<_> = packs.iter().filter(|pack| !before.contains(pack)).collect();
    let [pack] = new[..] else { panic!("{new:?}") };
    storage.delete(&pack.name).await.unwrap();
    let report = repository.check().read_data(Share::ALL).await.unwrap();
    let blamed = report.problems.iter().find(|problem| problem.object == pack.name.as_str()).unwrap();
    assert_eq!(blamed.backups, later);
    assert!(!later.contains(&first));
}

/// Looking for what no segment names reads nothing of the index again.
#[tokio::test]
async fn lost_chunks_do_not_cost_an_index_each() {
    let (storage, tree) = (memory(), Tree::default());
    let repository = create(&storage).await;
    for number in 0..20 {
        tree.write(&format!("lost/{number}"), Data::Noise(number, 300_000));
    }
    repository.backup(&shop(&tree)).await.unwrap();
    let lost = storage.list_all("index").await.unwrap();
    tree.write("new", Data::Noise(1_000, 100));
    let id = repository.backup(&shop(&tree)).await.unwrap().id;
    for segment in lost {
        storage.delete(&segment.name).await.unwrap();
    }
    let (repository, recording) = watched(&storage).await;
    let report = repository.verify(id).read_data(true).await.unwrap();
    let is_lost = |name: &&str| name.starts_with("files: lost/");
    let objects: BTreeSet<&str> = report.problems.iter().map(|problem| problem.object.as_str()).collect();
    assert_eq!((objects.iter().filter(|name| is_lost(name)).count(), objects.len()), (20, 20));
    let calls = recording.calls();
    let is_index = |call: &&Call| call.operation == Operation::Get && call.subject.starts_with("index");
    assert_eq!(calls.iter().filter(is_index).count(), 1);
}
