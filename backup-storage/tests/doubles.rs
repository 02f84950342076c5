//! The doubles do what they are for.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backup_storage::testing::{Call, Fault, Faulty, Harm, Operation, Recording};
use backup_storage::{Bytes, ErrorKind, Name, ObjectStorage, Storage, StorageExt, conformance};
use futures_util::{FutureExt, StreamExt};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Three objects in memory, behind a storage that will fail.
async fn faulty() -> Faulty {
    let faulty = Faulty::new(Arc::new(ObjectStorage::memory()));
    for text in ["a/1", "a/2", "b/1"] {
        faulty.put_new(&name(text), Bytes::from("0123456789")).await.unwrap();
    }
    faulty
}

#[tokio::test]
async fn without_a_plan_both_conform() {
    let faulty = || async { Arc::new(Faulty::new(Arc::new(ObjectStorage::memory()))) as Arc<dyn Storage> };
    conformance::run(faulty).await.unwrap();
    let recording =
        || async { Arc::new(Recording::new(Arc::new(ObjectStorage::memory()))) as Arc<dyn Storage> };
    conformance::run(recording).await.unwrap();
}

#[tokio::test]
async fn a_fault_hits_by_operation_name_and_turn() {
    let faulty = faulty().await;
    let fail = Harm::FailBefore(ErrorKind::Permission);
    faulty.plan(Fault::new(fail).on(Operation::Get).named("a/").nth(2));
    faulty.plan(Fault::new(fail).on(Operation::Head).from_nth(2));
    faulty.get(&name("b/1")).await.unwrap();
    faulty.get(&name("a/1")).await.unwrap();
    assert_eq!(faulty.get(&name("a/2")).await.unwrap_err().kind(), ErrorKind::Permission);
    faulty.get(&name("a/2")).await.unwrap();
    faulty.head(&name("a/1")).await.unwrap();
    for _ in 0..3 {
        assert_eq!(faulty.head(&name("a/1")).await.unwrap_err().kind(), ErrorKind::Permission);
    }
    faulty.heal();
    faulty.head(&name("a/1")).await.unwrap();
    assert_eq!(faulty.calls(), 3 + 4 + 4 + 1);
}

#[tokio::test]
async fn before_has_no_effect_and_after_has() {
    let (faulty, kind) = (faulty().await, ErrorKind::Unavailable);
    faulty.plan(Fault::new(Harm::FailBefore(kind)).named("b/"));
    faulty.plan(Fault::new(Harm::FailAfter(kind)).named("a/"));
    for text in ["a/1", "b/1"] {
        assert_eq!(faulty.delete(&name(text)).await.unwrap_err().kind(), kind);
    }
    for text in ["a/new", "b/new"] {
        assert_eq!(faulty.put_new(&name(text), Bytes::new()).await.unwrap_err().kind(), kind);
    }
    faulty.heal();
    let names: Vec<_> = faulty.list_all("").await.unwrap().into_iter().map(|object| object.name).collect();
    assert_eq!(names, ["a/2", "a/new", "b/1"].map(name));
}

#[tokio::test]
async fn a_hanging_call_ends_only_by_being_dropped() {
    let faulty = faulty().await;
    faulty.plan(Fault::new(Harm::Hang).named("a/hang"));
    faulty.plan(Fault::new(Harm::HangAfter).named("a/late"));
    faulty.plan(Fault::new(Harm::Hang).on(Operation::List));
    assert!(faulty.put_new(&name("a/hang"), Bytes::new()).now_or_never().is_none());
    assert!(faulty.put_new(&name("a/late"), Bytes::new()).now_or_never().is_none());
    assert!(faulty.list("").next().now_or_never().is_none());
    faulty.heal();
    assert!(!faulty.exists(&name("a/hang")).await.unwrap());
    assert!(faulty.exists(&name("a/late")).await.unwrap());
}

#[tokio::test]
async fn bytes_are_damaged_on_the_way_out_and_in() {
    let faulty = faulty().await;
    faulty.plan(Fault::new(Harm::Truncate(3)).named("a/1"));
    faulty.plan(Fault::new(Harm::FlipByte(11)).named("a/2"));
    assert_eq!(faulty.get(&name("a/1")).await.unwrap(), "012");
    assert_eq!(faulty.get(&name("a/2")).await.unwrap(), &b"0\xce23456789"[..]);
    assert_eq!(faulty.get_range(&name("a/2"), 4..6).await.unwrap(), &b"4\xca"[..]);
    faulty.plan(Fault::new(Harm::Truncate(1)).on(Operation::PutNew));
    faulty.put_new(&name("torn"), Bytes::from("xyz")).await.unwrap();
    faulty.heal();
    assert_eq!(faulty.get(&name("torn")).await.unwrap(), "x");
    assert_eq!(faulty.get(&name("a/1")).await.unwrap(), "0123456789");
}

#[tokio::test]
async fn listings_are_short_late_or_broken() {
    let faulty = faulty().await;
    faulty.plan(Fault::new(Harm::ShortList(2)).on(Operation::List).nth(1));
    faulty.plan(Fault::new(Harm::FailAfter(ErrorKind::Unavailable)).on(Operation::List).nth(2));
    faulty.plan(Fault::new(Harm::FailBefore(ErrorKind::Unavailable)).on(Operation::List).nth(3));
    faulty.plan(Fault::new(Harm::DelayedVisibility(2)).on(Operation::PutNew));
    assert_eq!(faulty.list_all("").await.unwrap().len(), 1);
    let cut: Vec<_> = faulty.list("").collect().await;
    assert_eq!((cut.len(), cut.iter().filter(|found| found.is_ok()).count()), (4, 3));
    assert_eq!(faulty.list("").count().await, 1);
    faulty.put_new(&name("c/late"), Bytes::new()).await.unwrap();
    assert!(faulty.exists(&name("c/late")).await.unwrap());
    assert_eq!(faulty.list_all("a").await.unwrap().len(), 2, "does not count: it would not show it");
    for seen in [3, 3, 4, 4] {
        assert_eq!(faulty.list_all("").await.unwrap().len(), seen);
    }
}

#[tokio::test]
async fn after_a_crash_everything_fails_without_effect() {
    let faulty = faulty().await;
    faulty.crash_from(5);
    faulty.delete(&name("a/1")).await.unwrap();
    assert!(faulty.delete(&name("a/2")).await.is_err());
    assert!(faulty.put_new(&name("new"), Bytes::new()).await.is_err());
    assert!(faulty.get(&name("a/2")).await.is_err() && faulty.list_all("").await.is_err());
    assert!(!faulty.head(&name("a/2")).await.unwrap_err().is_retryable());
    faulty.heal();
    assert_eq!(faulty.list_all("").await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_same_seed_fails_alike_and_another_does_not() {
    let run = async |seed| {
        let faulty = Faulty::seeded(Arc::new(ObjectStorage::memory()), seed, 30);
        let mut failed = Vec::new();
        for _ in 0..400 {
            failed.push(faulty.delete(&name("x")).await.is_err());
        }
        failed
    };
    let first = run(1).await;
    assert_eq!(first, run(1).await);
    assert_ne!(first, run(2).await);
    let count = first.iter().filter(|failed| **failed).count();
    assert!((80..160).contains(&count), "{count} of 400 failed at 30 percent");
}

#[tokio::test]
async fn calls_are_recorded_with_name_and_size() {
    let recording = Recording::new(Arc::new(ObjectStorage::memory()));
    let object = name("a/1");
    recording.put_new(&object, Bytes::from("12345")).await.unwrap();
    recording.get(&object).await.unwrap();
    recording.get_range(&object, 1..3).await.unwrap();
    recording.head(&object).await.unwrap();
    recording.list_all("a").await.unwrap();
    recording.delete(&object).await.unwrap();
    recording.get(&object).await.unwrap_err();
    let call = |operation, subject: &str, bytes| Call { operation, subject: subject.to_owned(), bytes };
    let right = [
        call(Operation::PutNew, "a/1", 5),
        call(Operation::Get, "a/1", 5),
        call(Operation::GetRange, "a/1", 2),
        call(Operation::Head, "a/1", 0),
        call(Operation::List, "a", 0),
        call(Operation::Delete, "a/1", 0),
        call(Operation::Get, "a/1", 0),
    ];
    assert_eq!(recording.calls(), right);
    assert_eq!((recording.count(Operation::Get), recording.bytes(Operation::Get)), (2, 5));
    recording.clear();
    assert_eq!(recording.calls(), []);
}

#[tokio::test]
async fn a_callback_runs_once_before_its_call() {
    let recording = Arc::new(Recording::new(Arc::new(ObjectStorage::memory())));
    let seen = Arc::new(AtomicUsize::new(0));
    let (log, count) = (Arc::clone(&recording), Arc::clone(&seen));
    recording.before(2, move || {
        count.fetch_add(log.calls().len(), Ordering::SeqCst);
    });
    for _ in 0..4 {
        recording.delete(&name("x")).await.unwrap();
    }
    assert_eq!(seen.load(Ordering::SeqCst), 2, "it ran once, with its own call on record");
}
