//! Digests of real backups.

use std::sync::Arc;

use backup_core::Repository;
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation, Recording};
use backup_core::storage::{ErrorKind, Storage, StorageExt as _};
use backup_core::testing::RecordingObserver;

use crate::home::{builder, create, memory};
use crate::shop::whole;

async fn listed(repository: &Repository) -> usize {
    repository.backups().await.unwrap().len()
}

#[tokio::test]
async fn backups_bring_the_digests_up_to_date_and_read_few_manifests() {
    let storage = memory();
    let recording = Arc::new(Recording::new(storage.clone()));
    let shared = recording.clone() as Arc<dyn Storage>;
    create(&storage).await;
    let mut most = 0;
    for number in 1..=20 {
        // Each as a process of its own.
        let repository = builder(&shared).open().await.unwrap();
        recording.clear();
        repository.backup(&whole("shop")).await.unwrap();
        let calls = recording.calls();
        let reads = calls.iter().filter(|call| {
            call.operation == Operation::Get
                && ["backups/", "notes/", "catalog/"].iter().any(|folder| call.subject.starts_with(folder))
        });
        most = most.max(reads.count());
        assert_eq!(storage.list_all("catalog").await.unwrap().len(), number / 8);
    }
    println!("20 backups one after the other: at most {most} reads of manifests, notes and digests for one");
    assert!(most <= 8 + 3, "{most}");
    let reader = builder(&shared).open().await.unwrap();
    recording.clear();
    assert_eq!(listed(&reader).await, 20);
    assert_eq!(recording.count(Operation::Get), 1 + 4);
    recording.clear();
    assert_eq!(listed(&reader).await, 20);
    assert_eq!(recording.count(Operation::Get), 0);
}

#[tokio::test]
async fn a_backup_succeeds_though_no_digest_can_be_written() {
    for harm in [Harm::FailBefore(ErrorKind::Permission), Harm::FailBefore(ErrorKind::Unavailable)] {
        let storage = memory();
        create(&storage).await;
        let faulty = Arc::new(Faulty::new(storage.clone()));
        let observer = RecordingObserver::new();
        let repository = builder(&(faulty.clone() as Arc<dyn Storage>)).observer(Arc::new(observer.clone()));
        let repository = repository.open().await.unwrap();
        faulty.plan(Fault::new(harm).on(Operation::PutNew).named("catalog/"));
        for _ in 0..8 {
            repository.backup(&whole("shop")).await.unwrap();
        }
        assert_eq!(listed(&repository).await, 8);
        assert!(storage.list_all("catalog").await.unwrap().is_empty());
        let notices = observer.notices();
        let about: Vec<_> = notices.iter().filter(|notice| notice.path == "catalog").collect();
        assert_eq!(about.len(), 1, "{notices:?}");
        assert_eq!(about[0].level, backup_core::NoticeLevel::Info);
    }
}

#[tokio::test]
async fn a_run_that_dies_while_it_writes_a_digest_has_made_its_backup() {
    let storage = memory();
    let repository = create(&storage).await;
    for _ in 0..7 {
        repository.backup(&whole("shop")).await.unwrap();
    }
    let faulty = Arc::new(Faulty::new(storage.clone()));
    let dying = builder(&(faulty.clone() as Arc<dyn Storage>)).open().await.unwrap();
    faulty.plan(Fault::new(Harm::HangAfter).on(Operation::PutNew).named("catalog/"));
    let environment = whole("shop");
    let mut last = Box::pin(dying.backup(&environment).into_future());
    loop {
        tokio::select! {
            biased;
            _ = &mut last => panic!("it hangs"),
            () = tokio::task::yield_now() => {}
        }
        if !storage.list_all("catalog").await.unwrap().is_empty() {
            break;
        }
    }
    drop(last);
    let reader = builder(&storage).open().await.unwrap();
    assert_eq!(listed(&reader).await, 8);
    assert!(reader.check().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn a_check_reads_digests_and_names_a_damaged_one() {
    let storage = memory();
    let repository = create(&storage).await;
    for _ in 0..8 {
        repository.backup(&whole("shop")).await.unwrap();
    }
    assert!(repository.check().await.unwrap().problems.is_empty());
    let digest = storage.list_all("catalog").await.unwrap().remove(0).name;
    let mut bytes = storage.get(&digest).await.unwrap().to_vec();
    bytes[100] ^= 1;
    storage.delete(&digest).await.unwrap();
    storage.create(&digest, bytes.into()).await.unwrap();
    let reader = builder(&storage).open().await.unwrap();
    let problems = reader.check().await.unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].object == digest.as_str() && problems[0].message.contains("no backup is affected"));
}
