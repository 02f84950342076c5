//! A repository, two handles on hosts with clocks of their own, and what must be known of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use backup_core::storage::{Storage, StorageExt as _};
use backup_core::testing::{SeededRandom, SteppingClock};
use backup_core::{BackupId, Repository, Result, Share};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use proptest::sample::Index;

use super::application::{Application, ENVIRONMENTS};
use super::naive::{Backup, Refusal, Said, What};
use super::operation::{Operation, Step};
use super::view::View;
use crate::home::builder;
use crate::stamping::Stamping;

pub(super) struct World {
    pub(super) storage: Arc<Stamping>,
    random: Arc<SeededRandom>,
    pub(super) handles: Vec<Handle>,
    pub(super) applications: BTreeMap<&'static str, Application>,
    /// All that were ever made, in the order in which they were.
    pub(super) backups: Vec<Backup>,
    /// Those that are chosen now, by their places; all if there is none.
    pub(super) aim: Vec<usize>,
    /// The one that was chosen before.
    before: Option<usize>,
    /// How often what happened.
    pub(super) seen: Seen,
}

/// A repository as one host has it open.
pub(super) struct Handle {
    pub(super) repository: Repository,
    pub(super) clock: SteppingClock,
}

pub(super) type Seen = BTreeMap<&'static str, u64>;

impl World {
    /// An empty repository, and hosts whose clocks are so many hours ahead of the storage's.
    pub(super) async fn new(seed: u64, ahead: [i64; 2]) -> Self {
        let (storage, random) = (Stamping::new(), Arc::new(SeededRandom::new(seed)));
        let clock = |hours| SteppingClock::fixed(storage.now() + TimeDelta::hours(hours));
        let [first, second] = ahead.map(clock);
        let shared = storage.clone() as Arc<dyn Storage>;
        let creation = builder(&shared).clock(Arc::new(first.clone())).random(random.clone());
        let repository = creation.create().await.unwrap();
        let handles = vec![Handle { repository, clock: first }];
        let applications = ENVIRONMENTS.map(|name| (name, Application::default())).into();
        let (backups, aim, before, seen) = (Vec::new(), Vec::new(), None, Seen::new());
        let mut world = Self { storage, random, handles, applications, backups, aim, before, seen };
        let repository = world.open(&shared, &second).await;
        world.handles.push(Handle { repository, clock: second });
        world
    }

    /// Opens the repository as somebody does who remembers nothing of it.
    pub(super) async fn open(&self, storage: &Arc<dyn Storage>, clock: &SteppingClock) -> Repository {
        let opened = builder(storage).clock(Arc::new(clock.clone())).random(self.random.clone());
        opened.open().await.unwrap()
    }

    /// Does something, and looks whether it did what it must.
    pub(super) fn step<'a>(&'a mut self, step: &'a Step) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let handle = step.handle;
            match &step.operation {
                Operation::BackUp(order) => self.back_up(handle, order).await,
                Operation::Say { about, words } => self.say(handle, about, words).await,
                Operation::Verify(backup) => self.verify(handle, backup).await,
                Operation::Delete { backup, planned } => self.delete(handle, backup, *planned).await,
                Operation::Undelete(backup) => self.undelete(handle, backup).await,
                Operation::Forget(forgetting) => self.forget(handle, forgetting).await,
                Operation::Prune { grace_hours, max_unused } => {
                    self.prune(handle, *grace_hours, *max_unused).await;
                }
                Operation::Reopen => self.reopen(handle).await,
                Operation::Pass { hours } => self.pass(*hours),
                Operation::List(filter) => self.expect_list(handle, filter).await,
                Operation::Find { environment, what } => self.expect_found(handle, *environment, what).await,
                Operation::Environments => self.expect_environments(handle).await,
                Operation::Restore(backup) => self.expect_content(handle, backup).await,
            }
        })
    }

    /// Fails unless both handles tell of all backups what must be told.
    pub(super) async fn expect_known(&self, when: &str) {
        for handle in 0..self.handles.len() {
            let told = self.repository(handle).backups().any_status().await.unwrap();
            let told: Vec<View> = told.into_iter().map(View::from).collect();
            expect_equal(&told, &self.views(handle), &format!("handle {handle} after {when}"));
        }
    }

    /// Removes all that can be removed, and looks whether all the rest is sound and holds what it must.
    pub(super) async fn end(&mut self) {
        let digests = self.storage.list_all("catalog").await.unwrap().len();
        self.count_if("a digest", digests > 0);
        self.prune(0, 0, 0).await;
        self.reopen(0).await;
        let report = self.repository(0).check().read_data(Share::ALL).await.unwrap();
        assert!(report.problems.is_empty(), "{:#?}", report.problems);
        for place in 0..self.backups.len() {
            self.expect_content_of(0, place).await;
        }
        self.expect_restored(1).await;
    }

    async fn reopen(&mut self, handle: usize) {
        let clock = self.handles[handle].clock.clone();
        self.handles[handle].repository =
            self.open(&(self.storage.clone() as Arc<dyn Storage>), &clock).await;
    }

    fn pass(&self, hours: u32) {
        self.storage.pass(TimeDelta::hours(hours.into()));
        for handle in &self.handles {
            handle.clock.advance(Duration::from_secs(3600 * u64::from(hours)));
        }
    }

    pub(super) fn repository(&self, handle: usize) -> &Repository {
        &self.handles[handle].repository
    }

    /// By the clock of a host.
    pub(super) fn now(&self, handle: usize) -> DateTime<Utc> {
        use backup_core::Clock as _;
        self.handles[handle].clock.now()
    }

    /// All backups that are there, oldest first.
    pub(super) fn ordered(&self) -> Vec<&Backup> {
        let mut there: Vec<&Backup> = self.backups.iter().filter(|backup| !backup.gone).collect();
        there.sort_by_key(|backup| (backup.created_at, backup.id));
        there
    }

    pub(super) fn views(&self, handle: usize) -> Vec<View> {
        let now = self.now(handle);
        self.ordered().into_iter().map(|backup| View::of(backup, now)).collect()
    }

    /// The place of a backup in the list of all, if there ever was one. Often it is one of the newest or the same as before, since it is what
    /// is done to one backup that must meet.
    pub(super) fn choose(&mut self, index: &Index) -> Option<usize> {
        if !self.aim.is_empty() {
            return Some(*index.get(&self.aim));
        }
        let all: Vec<usize> = (0..self.backups.len()).collect();
        let there: Vec<usize> = all.iter().copied().filter(|place| !self.backups[*place].gone).collect();
        let newest = there[there.len().saturating_sub(3)..].repeat(all.len());
        let before = self.before.as_slice().repeat(6 * all.len());
        let places = [all, there.repeat(4), newest, before].concat();
        self.before = (!places.is_empty()).then(|| *index.get(&places));
        self.before
    }

    pub(super) fn id(&self, place: Option<usize>) -> BackupId {
        place.map_or_else(|| "0".repeat(32).parse().unwrap(), |place| self.backups[place].id)
    }

    /// Remembers what was said about a backup by a host.
    pub(super) fn remember(&mut self, handle: usize, place: usize, what: What) {
        let (at, stamp) = (self.now(handle), self.storage.now());
        self.backups[place].said.push(Said { at, stamp, what });
    }

    pub(super) fn places(&self, ids: &BTreeSet<BackupId>) -> Vec<usize> {
        (0..self.backups.len()).filter(|place| ids.contains(&self.backups[*place].id)).collect()
    }

    /// Fails unless it went as it must. Returns what came of it, if it had to succeed.
    pub(super) fn expect<T>(
        &mut self,
        what: &'static str,
        result: Result<T>,
        expected: Refusal,
    ) -> Option<T> {
        match (result, expected) {
            (Ok(value), Ok(())) => {
                self.count(what);
                Some(value)
            }
            (Err(error), Err(kind)) if error.kind() == kind => {
                self.count("a refusal");
                None
            }
            (Ok(_), Err(kind)) => panic!("{what} went well instead of failing as {kind:?}"),
            (Err(error), expected) => panic!("{what} failed ({}) instead of {expected:?}", error.chain()),
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        self.count_if(what, true);
    }

    pub(super) fn count_if(&mut self, what: &'static str, happened: bool) {
        *self.seen.entry(what).or_default() += u64::from(happened);
    }
}

/// Fails with the first difference between two lists.
pub(super) fn expect_equal(told: &[View], expected: &[View], when: &str) {
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!(told, expected, "{when}");
    }
    assert_eq!(told.len(), expected.len(), "{when}");
}
