//! Creation with resolution: each row of its table, on a storage that fails as planned.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::sync::Arc;

use backup_storage::testing::{Fault, Faulty, Harm, Operation, Recording};
use backup_storage::{Bytes, Created, ErrorKind, Name, ObjectStorage, Storage, StorageExt};
use tokio::task::JoinSet;

const UNCLEAR: [ErrorKind; 3] = [ErrorKind::AlreadyExists, ErrorKind::Unavailable, ErrorKind::Other];
const CLEAR: [ErrorKind; 7] = [
    ErrorKind::NotFound,
    ErrorKind::Conflict,
    ErrorKind::Unknown,
    ErrorKind::Permission,
    ErrorKind::Full,
    ErrorKind::Unsupported,
    ErrorKind::Invalid,
];

struct Stage {
    inner: Arc<dyn Storage>,
    faulty: Arc<Faulty>,
    seen: Recording,
    name: Name,
}

impl Stage {
    fn new() -> Self {
        let inner: Arc<dyn Storage> = Arc::new(ObjectStorage::memory());
        let faulty = Arc::new(Faulty::new(Arc::clone(&inner)));
        let seen = Recording::new(faulty.clone());
        Self { inner, faulty, seen, name: "leases/1".parse().unwrap() }
    }

    fn with(fault: Fault) -> Self {
        let stage = Self::new();
        stage.faulty.plan(fault);
        stage
    }

    async fn create(&self) -> Result<Created, ErrorKind> {
        let created = self.seen.create(&self.name, Bytes::from("mine")).await;
        created.map_err(|error| {
            assert_eq!(error.subject(), "leases/1");
            error.kind()
        })
    }

    async fn holds(&self, bytes: &str) -> bool {
        self.inner.get(&self.name).await.unwrap() == bytes
    }

    fn puts(&self) -> usize {
        self.seen.count(Operation::PutNew)
    }
}

fn on_put(harm: Harm) -> Fault {
    Fault::new(harm).on(Operation::PutNew)
}

#[tokio::test]
async fn a_put_that_succeeds_is_not_read_back() {
    let stage = Stage::new();
    assert_eq!(stage.create().await, Ok(Created::New));
    assert_eq!(stage.seen.calls().len(), 1);
}

#[tokio::test]
async fn the_same_bytes_are_found_again() {
    let stage = Stage::new();
    stage.create().await.unwrap();
    assert_eq!(stage.create().await, Ok(Created::Found));
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading_back() {
    for kind in UNCLEAR {
        let stage = Stage::with(on_put(Harm::FailAfter(kind)).nth(1));
        assert_eq!(stage.create().await, Ok(Created::Found), "{kind:?}");
        assert_eq!(stage.puts(), 1);
        assert!(stage.holds("mine").await);
    }
}

#[tokio::test]
async fn a_lost_request_is_put_again() {
    for kind in UNCLEAR {
        for lost in 1..=3 {
            let stage = Stage::new();
            (1..=lost).for_each(|n| stage.faulty.plan(on_put(Harm::FailBefore(kind)).nth(n)));
            assert_eq!(stage.create().await, Ok(Created::New), "{kind:?}");
            assert!(stage.holds("mine").await);
        }
    }
}

#[tokio::test]
async fn requests_that_are_always_lost_end_in_their_error() {
    for (kind, ends) in [
        (ErrorKind::Unavailable, ErrorKind::Unavailable),
        (ErrorKind::Other, ErrorKind::Other),
        // It claims what it cannot show.
        (ErrorKind::AlreadyExists, ErrorKind::Unavailable),
    ] {
        let stage = Stage::with(on_put(Harm::FailBefore(kind)));
        assert_eq!(stage.create().await, Err(ends), "{kind:?}");
        assert_eq!(stage.puts(), 4);
        assert!(!stage.inner.exists(&stage.name).await.unwrap());
    }
}

#[tokio::test]
async fn other_bytes_are_a_conflict_and_stay() {
    for other in ["them", "longer than mine", ""] {
        for fault in [None, Some(ErrorKind::Unavailable), Some(ErrorKind::Other)] {
            let stage = Stage::new();
            stage.inner.put_new(&stage.name, Bytes::from(other)).await.unwrap();
            if let Some(kind) = fault {
                stage.faulty.plan(on_put(Harm::FailBefore(kind)));
            }
            assert_eq!(stage.create().await, Err(ErrorKind::Conflict), "{other:?} {fault:?}");
            assert_eq!(stage.puts(), 1);
            assert!(stage.holds(other).await);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_back_is_unknown() {
    for reading in [Operation::Head, Operation::Get] {
        for failure in [ErrorKind::Unavailable, ErrorKind::Permission, ErrorKind::Other, ErrorKind::Unknown] {
            let stage = Stage::with(on_put(Harm::FailAfter(ErrorKind::Unavailable)).nth(1));
            stage.faulty.plan(Fault::new(Harm::FailBefore(failure)).on(reading));
            assert_eq!(stage.create().await, Err(ErrorKind::Unknown), "{reading:?} {failure:?}");
            stage.faulty.heal();
            assert_eq!(stage.create().await, Ok(Created::Found), "trying again settles it");
        }
    }
}

#[tokio::test]
async fn what_vanishes_while_it_is_read_back_is_put_again() {
    let stage = Stage::with(on_put(Harm::FailBefore(ErrorKind::Unavailable)).nth(1));
    stage.inner.put_new(&stage.name, Bytes::from("mine")).await.unwrap();
    let (inner, name) = (Arc::clone(&stage.inner), stage.name.clone());
    // Calls: put, head, get.
    stage.seen.before(3, move || {
        use futures_util::FutureExt;
        inner.delete(&name).now_or_never().expect("memory is never pending").unwrap();
    });
    assert_eq!(stage.create().await, Ok(Created::New));
    assert_eq!(stage.puts(), 2);
}

#[tokio::test]
async fn a_clear_error_is_passed_on_at_once() {
    for kind in CLEAR {
        let stage = Stage::with(on_put(Harm::FailBefore(kind)));
        assert_eq!(stage.create().await, Err(kind));
        assert_eq!(stage.seen.calls().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_torn_put_is_a_conflict_not_a_success() {
    let stage = Stage::with(on_put(Harm::Truncate(2)));
    assert_eq!(stage.create().await, Ok(Created::New), "nothing tells that the storage lied");
    assert_eq!(stage.create().await, Err(ErrorKind::Conflict));
}

#[tokio::test]
async fn whatever_the_chance_creation_never_reports_what_is_not_so() {
    for seed in 0..300 {
        let inner: Arc<dyn Storage> = Arc::new(ObjectStorage::memory());
        let faulty = Faulty::seeded(Arc::clone(&inner), seed, 40);
        let name: Name = "object".parse().unwrap();
        let taken = seed % 3 == 0;
        if taken {
            inner.put_new(&name, Bytes::from("other")).await.unwrap();
        }
        match faulty.create(&name, Bytes::from("mine")).await {
            Ok(_) => assert_eq!(inner.get(&name).await.unwrap(), "mine", "seed {seed}"),
            Err(error) if error.kind() == ErrorKind::Conflict => assert!(taken, "seed {seed}"),
            Err(error) => assert!(error.is_retryable(), "seed {seed}: {error}"),
        }
        if taken {
            assert_eq!(inner.get(&name).await.unwrap(), "other", "seed {seed}");
        }
    }
}

#[test]
fn of_fifty_racing_creations_one_wins_and_the_others_know() {
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let local: Arc<dyn Storage> = Arc::new(ObjectStorage::local(home.path().join("r")).unwrap());
    for storage in [local, Arc::new(ObjectStorage::memory())] {
        assert!(storage.capabilities().exclusive_creation);
        runtime.block_on(race(&storage));
    }
    drop(runtime);
    home.close().unwrap();
}

async fn race(storage: &Arc<dyn Storage>) {
    for round in 0..5 {
        let name: Name = format!("leases/a/{round}").parse().unwrap();
        let mut tasks = JoinSet::new();
        for racer in 0..50 {
            let (storage, name) = (Arc::clone(storage), name.clone());
            tasks.spawn(async move { storage.create(&name, Bytes::from(format!("racer {racer}"))).await });
        }
        let ended = tasks.join_all().await;
        let won = ended.iter().filter(|ended| matches!(ended, Ok(Created::New))).count();
        let lost = ended.iter().filter_map(|ended| ended.as_ref().err()).map(|error| error.kind());
        let lost: Vec<_> = lost.filter(|kind| *kind == ErrorKind::Conflict).collect();
        assert_eq!((won, lost.len()), (1, 49), "round {round}: {ended:?}");
    }
    let name: Name = "packs/same".parse().unwrap();
    let ended =
        futures_util::future::join_all((0..50).map(|_| storage.create(&name, Bytes::from("same")))).await;
    assert_eq!(ended.iter().filter(|ended| matches!(ended, Ok(Created::New))).count(), 1);
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
}
