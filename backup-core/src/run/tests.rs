//! Which runs are alive, and which of their objects nobody needs.

use std::sync::Arc;
use std::time::Duration;

use backup_crypto::{KdfParameters, KeyRing};
use backup_storage::{Name, Storage, StorageExt as _};
use bytes::Bytes;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use self::stamping::Stamping;
use super::{About, Operation, RunRecorder, RunStatus};
use crate::engine::Context;
use crate::{Error, ErrorKind, Repository, Result, RunId};

#[path = "../../tests/operations/stamping.rs"]
mod stamping;

struct Rig {
    stamping: Arc<Stamping>,
    repository: Repository,
    context: Context,
}

impl Rig {
    async fn new() -> Self {
        let stamping = Stamping::new();
        let storage: Arc<dyn Storage> = stamping.clone();
        let repository = Repository::builder(storage)
            .keys(KeyRing::passphrase("runs"))
            .kdf(KdfParameters::insecure_for_tests())
            .create()
            .await
            .unwrap();
        let context = repository.context(&CancellationToken::new());
        Self { stamping, repository, context }
    }

    fn recorder(&self) -> RunRecorder {
        RunRecorder::new(&self.repository, About::repository(Operation::Prune)).unwrap()
    }

    async fn begin(&self) -> RunRecorder {
        let mut recorder = self.recorder();
        assert_eq!(recorder.begin().await.unwrap(), self.stamping.now());
        recorder
    }

    async fn alive(&self) -> Vec<RunId> {
        let alive = self.repository.alive_runs().await.unwrap();
        assert!(alive.iter().all(|run| run.status == RunStatus::Running));
        let mut ids: Vec<_> = alive.into_iter().map(|run| run.id).collect();
        ids.sort_unstable();
        ids
    }

    /// The objects of old runs, by run and number.
    async fn old(&self, days: u64) -> Vec<String> {
        let keep = Duration::from_secs(days * 24 * 60 * 60);
        let old = self.repository.old_runs(keep, self.stamping.now()).await.unwrap();
        let mut names: Vec<_> = old.iter().map(|object| object.name.as_str()[5..46].to_owned()).collect();
        names.sort_unstable();
        names
    }

    async fn put_garbage(&self, id: RunId, number: u32) -> Name {
        let name: Name = format!("runs/{id}/{number:08}-{}", "ab".repeat(32)).parse().unwrap();
        self.repository.storage().create(&name, Bytes::from_static(b"garbage")).await.unwrap();
        name
    }
}

fn sorted<const N: usize>(mut ids: [RunId; N]) -> [RunId; N] {
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn alive_is_what_has_begun_not_ended_and_been_heard_of_within_a_day() {
    let rig = Rig::new().await;
    let mut queued = rig.recorder();
    queued.queue().await.unwrap();
    let (first, second) = (rig.begin().await, rig.begin().await);
    let ids = [first.id(), second.id()];
    assert_eq!(rig.alive().await, sorted(ids));
    // No clock but the storage's decides, and only what it stamped.
    rig.stamping.pass(TimeDelta::days(9));
    assert_eq!(rig.alive().await, sorted(ids));
    let failed: Result<()> = Err(Error::new(ErrorKind::Invalid, "it failed"));
    first.finish(&rig.context, &failed).await;
    let third = rig.begin().await;
    assert_eq!(rig.alive().await, [third.id()]);
    third.finish(&rig.context, &Ok(())).await;
    assert_eq!(rig.alive().await, []);
    second.finish(&rig.context, &Ok(())).await;
    assert_eq!(rig.alive().await, []);
}

#[tokio::test]
async fn a_run_that_is_given_up_is_alive_no_more() {
    let rig = Rig::new().await;
    let recorder = rig.begin().await;
    assert_eq!(rig.alive().await, [recorder.id()]);
    drop(recorder);
    assert_eq!(rig.alive().await, []);
}

#[tokio::test]
async fn nobody_is_taken_for_dead_because_his_status_cannot_be_read() {
    let rig = Rig::new().await;
    let recorder = rig.begin().await;
    let garbage = rig.put_garbage(recorder.id(), 2).await;
    let error = rig.repository.alive_runs().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.chain().contains(garbage.as_str()), "{}", error.chain());
    // After a day it does not matter what it says.
    rig.stamping.pass(TimeDelta::hours(25));
    let other = rig.begin().await;
    assert_eq!(rig.alive().await, [other.id()]);
}

#[tokio::test(start_paused = true)]
async fn old_is_all_of_what_is_long_ended_and_what_later_statuses_made_superfluous() {
    let rig = Rig::new().await;
    let mut long = rig.begin().await;
    long.during(&rig.context, tokio::time::sleep(Duration::from_secs(35 * 60))).await;
    let (ended, left) = (long.id(), rig.begin().await);
    long.finish(&rig.context, &Ok(())).await;
    let mut queued = rig.recorder();
    queued.queue().await.unwrap();
    let of = |id: RunId, numbers: &[u32]| {
        numbers.iter().map(|number| format!("{id}/{number:08}")).collect::<Vec<_>>()
    };
    let all = |mut lists: Vec<Vec<String>>| {
        lists.iter_mut().for_each(|list| list.sort_unstable());
        let mut names = lists.concat();
        names.sort_unstable();
        names
    };
    // Whoever was heard of within a day may go on.
    assert_eq!(rig.old(0).await, Vec::<String>::new());
    rig.stamping.pass(TimeDelta::hours(24) + TimeDelta::milliseconds(1));
    assert_eq!(rig.old(7).await, of(ended, &[1, 2, 3]));
    let everything = all(vec![of(ended, &[1, 2, 3, 4]), of(left.id(), &[1]), of(queued.id(), &[1])]);
    assert_eq!(rig.old(0).await, everything);
    rig.stamping.pass(TimeDelta::days(6) - TimeDelta::milliseconds(1));
    assert_eq!(rig.old(7).await, of(ended, &[1, 2, 3]));
    rig.stamping.pass(TimeDelta::milliseconds(1));
    assert_eq!(rig.old(7).await, everything);
    // What is left when the superfluous is gone says the same.
    let before = rig.repository.run(ended).await.unwrap();
    for name in rig.repository.old_runs(Duration::from_secs(9 * 86_400), rig.stamping.now()).await.unwrap() {
        rig.repository.storage().delete(&name.name).await.unwrap();
    }
    assert_eq!(rig.repository.run(ended).await.unwrap(), before);
}
