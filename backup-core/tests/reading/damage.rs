//! A broken disk and damaged metadata are findings, and cost no more than what needs them.

use std::sync::Arc;

use backup_core::engine::{Artifact, Entries};
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
use backup_core::storage::{Bytes, ErrorKind as StorageErrorKind, Storage, StorageExt as _};
use backup_core::{Environment, ErrorKind, Repository, Share};

use crate::folder;
use crate::home::{create, expect_backup, files, memory, shop};
use crate::stream::Scripted;
use crate::tree::Tree;

fn broken(operation: Operation, prefix: &str) -> Fault {
    Fault::new(Harm::FailBefore(StorageErrorKind::Other)).on(operation).named(prefix)
}

async fn faulty() -> (Repository, Arc<Faulty>, Arc<dyn Storage>) {
    let inner = memory();
    let faulty = Arc::new(Faulty::new(inner.clone()));
    let storage: Arc<dyn Storage> = faulty.clone();
    (create(&storage).await, faulty, inner)
}

#[tokio::test]
async fn a_pack_on_broken_disk_is_a_finding_and_stops_no_backup() {
    let (repository, faulty, _) = faulty().await;
    let tree = Tree::small();
    let id = repository.backup(&shop(&tree)).await.unwrap().id;
    faulty.plan(broken(Operation::GetRange, "packs/"));
    faulty.plan(broken(Operation::Get, "packs/"));
    for read_data in [false, true] {
        let report = repository.verify(id).read_data(read_data).await.unwrap();
        assert!(report.problems.iter().any(|problem| problem.message.contains("packs/")), "{report:#?}");
    }
    let report = repository.check().read_data(Share::ALL).await.unwrap();
    let pack = report.problems.iter().find(|problem| problem.object.starts_with("packs/")).unwrap();
    assert_eq!((&pack.backups[..], report.packs_read), (&[id][..], 1));
    assert!(pack.message.contains("cannot be read"), "{}", pack.message);
    let error = repository.service(&id, "files").await.unwrap().tree("tree", b"").await.unwrap().next().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Damaged);

    let backup = repository.backup(&shop(&tree)).await.unwrap();
    faulty.heal();
    assert_eq!(files(&repository, backup.id).await, tree.files());
    expect_backup(&repository, &tree, "after the disk was mended").await;
}

#[tokio::test]
async fn a_storage_that_does_not_answer_is_no_finding() {
    let (repository, faulty, _) = faulty().await;
    let id = repository.backup(&shop(&Tree::small())).await.unwrap().id;
    for operation in [Operation::GetRange, Operation::Get] {
        let silent = Fault::new(Harm::FailBefore(StorageErrorKind::Unavailable));
        faulty.plan(silent.on(operation).named("packs/"));
        let error = repository.check().read_data(Share::ALL).await.unwrap_err();
        assert!(error.is_retryable(), "{}", error.chain());
        let verified = repository.verify(id).read_data(true).await;
        assert_eq!(verified.is_err(), operation == Operation::GetRange);
        faulty.heal();
    }
}

#[tokio::test]
async fn plain_objects_on_broken_disk_are_findings() {
    let (repository, faulty, _) = faulty().await;
    for folder in ["keys/", "config/"] {
        faulty.plan(broken(Operation::Get, folder));
        let report = repository.check().await.unwrap();
        let [problem] = &report.problems[..] else { panic!("{:?}", report.problems) };
        assert!(problem.object.starts_with(folder) && problem.message.contains("cannot be read"));
        faulty.heal();
    }
    assert_eq!(repository.check().await.unwrap().problems, []);
}

/// What is lost of one artifact ends neither its service nor the other services.
#[tokio::test]
async fn each_artifact_is_looked_at_whatever_the_others_are() {
    let storage = memory();
    let repository = create(&storage).await;
    let engine = Scripted::new(|sink| async move {
        for name in ["first", "second"] {
            let mut tree = sink.tree(Artifact::new(name)).await?;
            let mut entries = Entries::new();
            entries.push(&folder(""));
            entries.push(&folder(name));
            tree.put(&entries).await?;
            tree.commit().await?;
        }
        let mut stream = sink.stream(Artifact::new("third")).await?;
        stream.write(Bytes::from_static(b"something")).await?;
        stream.commit().await.map(drop)
    });
    let shop = Environment::new("shop").service("one", engine.clone()).service("two", engine);
    let id = repository.backup(&shop).await.unwrap().id;
    for pack in storage.list_all("packs").await.unwrap() {
        storage.delete(&pack.name).await.unwrap();
    }
    let expected = ["one: first", "one: second", "one: third", "two: first", "two: second", "two: third"];
    for read_data in [false, true] {
        let report = repository.verify(id).read_data(read_data).await.unwrap();
        let objects: Vec<&str> = report.problems.iter().map(|problem| problem.object.as_str()).collect();
        assert_eq!(objects, expected);
    }
}

/// Each leaf that cannot be read is told with where it begins, and the others are looked at.
#[tokio::test]
async fn leaves_beside_a_damaged_one_are_looked_at() {
    let (repository, faulty, _) = faulty().await;
    let tree = Tree::many(2000);
    let id = repository.backup(&shop(&tree)).await.unwrap().id;
    let whole = repository.verify(id).await.unwrap();
    assert_eq!(whole.problems, []);
    // The root is the first thing read; what is read ahead of its leaves fails, and then the first of them.
    let failure = |n| broken(Operation::GetRange, "packs/").nth(n);
    faulty.plan(failure(2));
    faulty.plan(failure(3));
    let report = repository.verify(id).await.unwrap();
    assert!(report.entries > 0 && report.entries < whole.entries, "{}", report.entries);
    let objects: Vec<&str> = report.problems.iter().map(|problem| problem.object.as_str()).collect();
    assert_eq!(objects, ["files: tree"]);
}
