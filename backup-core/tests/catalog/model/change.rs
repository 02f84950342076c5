//! Operations that change something, done by the repository and by the model.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backup_core::storage::testing::{Fault, Faulty, Harm, Operation as Call};
use backup_core::storage::{ErrorKind as StorageErrorKind, Storage};
use backup_core::{BackupId, BackupRequest, BackupStatus, ErrorKind, Hold, Kind, Result};
use chrono::TimeDelta;
use proptest::sample::Index;

use super::application::SERVICES;
use super::naive::{Backup, Fate, Refusal, What};
use super::operation::{Order, Words};
use super::world::World;

impl World {
    pub(super) async fn back_up(&mut self, handle: usize, order: &Order) {
        let application = self.applications.get_mut(order.environment).unwrap();
        for (place, seed) in &order.changes {
            application.change(*place, *seed);
        }
        let environment = application.environment(order.environment, order.failing());
        let mut repository = self.repository(handle).clone();
        let expected = order.expected();
        let interrupted = order.interrupted && expected.is_ok();
        if interrupted {
            let faulty = Arc::new(Faulty::new(self.storage.clone() as Arc<dyn Storage>));
            repository = self.open(&(faulty.clone() as Arc<dyn Storage>), &self.handles[handle].clock).await;
            let full = Fault::new(Harm::FailBefore(StorageErrorKind::Full));
            // The manifest comes first, and then its confirmation.
            faulty.plan(full.on(Call::PutNew).named("backups").nth(2));
        }
        let made = order.said(repository.backup(&environment)).await;
        let made = made.map(|report| report.id);
        if interrupted {
            made.unwrap_err();
            let id = self.new_unconfirmed(handle).await;
            let backup = self.as_ordered(handle, order, id, false);
            self.backups.push(backup);
            self.count("an interrupted backup");
        } else if let Some(id) = self.expect("a backup", made, expected) {
            let backup = self.as_ordered(handle, order, id, true);
            self.count_if("a partial backup", backup.failed.is_some());
            self.backups.push(backup);
        }
    }

    /// Who is told of no backup finds its id in the list.
    async fn new_unconfirmed(&self, handle: usize) -> BackupId {
        let listed = self.repository(handle).backups().status(BackupStatus::Unconfirmed).await.unwrap();
        let is_new = |id: &BackupId| self.backups.iter().all(|backup| backup.id != *id);
        listed.iter().map(|info| info.id).find(is_new).unwrap()
    }

    /// A backup that was made just now.
    fn as_ordered(&self, handle: usize, order: &Order, id: BackupId, confirmed: bool) -> Backup {
        let application = &self.applications[order.environment];
        let now = self.now(handle);
        let completed = |backup: &&&Backup| {
            backup.environment == order.environment && backup.status(now) == BackupStatus::Completed
        };
        let parent = self.ordered().iter().rev().find(completed).map(|backup| backup.id);
        let services = order.captured().into_iter().map(|name| (name, application.content(name))).collect();
        let kinds = if order.kinds.is_empty() { [Kind::Manual].into() } else { order.kinds.clone() };
        Backup {
            id,
            environment: order.environment,
            created_at: self.storage.now(),
            finished_at: now,
            kinds,
            tags: strings(&order.tags),
            comment: order.comment.to_owned(),
            parent,
            services,
            failed: order.failing(),
            confirmed,
            said: Vec::new(),
            gone: false,
        }
    }

    pub(super) async fn say(&mut self, handle: usize, about: &Index, words: &Words) {
        let place = self.choose(about);
        let now = self.now(handle);
        let in_hours = |hours: i64| now + TimeDelta::hours(hours);
        let note = self.repository(handle).note(&self.id(place)).by("alice");
        let (result, what) = match words {
            Words::Hold { name, hours } => {
                let until = hours.map(in_hours);
                let hold = until.map_or_else(|| Hold::open(*name), |until| Hold::until(*name, until));
                (note.hold(hold).await, What::Held((*name).to_owned(), until))
            }
            Words::Release { name } => (note.release(name).await, What::Released((*name).to_owned())),
            Words::Tag { add, remove } => {
                let what = What::Tagged { add: strings(add), remove: strings(remove) };
                (note.tag(add.clone(), remove.clone()).await, what)
            }
            Words::Comment(text) => (note.comment(*text).await, What::Commented((*text).to_owned())),
            Words::Convert(kinds) => (note.convert(kinds.clone()).await, What::Converted(kinds.clone())),
            Words::Pin { name, hours } => {
                let until = in_hours(*hours);
                (note.pin(*name, until).await, What::Pinned((*name).to_owned(), until))
            }
        };
        let expected = self.expect_sayable(handle, place, &what);
        if let (Some(()), Some(place)) = (self.expect("a note", result, expected), place) {
            self.remember(handle, place, what);
        }
    }

    fn expect_sayable(&self, handle: usize, place: Option<usize>, what: &What) -> Refusal {
        if let What::Tagged { add, remove } = what
            && (add.is_empty() && remove.is_empty() || !add.is_disjoint(remove))
        {
            return Err(ErrorKind::Invalid);
        }
        let backup = &self.backups[place.ok_or(ErrorKind::NotFound)?];
        backup.expect_completed(self.now(handle))?;
        let sayable = match what {
            What::Released(name) => backup.holds().iter().any(|hold| hold.id == *name),
            What::Converted(kinds) => !kinds.is_empty(),
            _ => true,
        };
        if sayable { Ok(()) } else { Err(ErrorKind::Invalid) }
    }

    pub(super) async fn verify(&mut self, handle: usize, backup: &Index) {
        let place = self.choose(backup);
        let result = self.repository(handle).verify(self.id(place)).read_data(true).await;
        let expected = self.expected(place, |backup| backup.expect_completed(self.now(handle)));
        if let (Some(report), Some(place)) = (self.expect("a verification", result, expected), place) {
            assert!(report.problems.is_empty(), "{:#?}", report.problems);
            self.remember(handle, place, What::Verified);
        }
    }

    pub(super) async fn delete(&mut self, handle: usize, backup: &Index, planned: bool) {
        let place = self.choose(backup);
        let expected = self.expected(place, |backup| backup.expect_deletable(self.now(handle)));
        let request = self.repository(handle).delete(&self.id(place)).by("alice").reason("no more needed");
        let result: Result<()> = match planned {
            false => request.await,
            true => match request.plan().await {
                Err(error) => Err(error),
                Ok(plan) => {
                    assert_eq!(!plan.warnings.is_empty(), self.is_last(handle, place), "{:?}", plan.warnings);
                    plan.execute().await
                }
            },
        };
        if let (Some(()), Some(place)) = (self.expect("a deletion", result, expected), place) {
            self.remember(handle, place, What::Deleted);
        }
    }

    /// Whether it is the last backup from which its environment can be restored.
    fn is_last(&self, handle: usize, place: Option<usize>) -> bool {
        let (now, doomed) = (self.now(handle), &self.backups[place.unwrap()]);
        let mut all = self.ordered();
        all.retain(|backup| backup.environment == doomed.environment && backup.is_restorable(now));
        all.iter().map(|backup| backup.id).eq([doomed.id])
    }

    pub(super) async fn undelete(&mut self, handle: usize, backup: &Index) {
        let place = self.choose(backup);
        let result = self.repository(handle).undelete(&self.id(place)).await;
        let expected = self.expected(place, Backup::expect_undeletable);
        if let (Some(_), Some(place)) = (self.expect("an undeletion", result, expected), place) {
            self.remember(handle, place, What::Undeleted);
        }
    }

    pub(super) async fn prune(&mut self, handle: usize, grace_hours: u32, max_unused: u8) {
        let grace = Duration::from_secs(3600 * u64::from(grace_hours));
        let plan = self.repository(handle).prune().grace(grace).max_unused(max_unused).plan().await.unwrap();
        // A plan goes by the clock of the host, what is done by that of the storage.
        let of = |fate, confirmed, now| {
            let all = self.ordered().into_iter();
            let fitting = all.filter(move |it| it.fate(now, grace) == fate && it.confirmed == confirmed);
            fitting.map(|backup| backup.id).collect::<BTreeSet<BackupId>>()
        };
        let now = self.now(handle);
        let recent = &of(Fate::Recent, true, now) | &of(Fate::Recent, false, now);
        assert_eq!(set(&plan.backups), of(Fate::Goes, true, now));
        assert_eq!(set(&plan.unconfirmed), of(Fate::Goes, false, now));
        assert_eq!(set(&plan.recent), recent);
        let (deleted, unconfirmed) =
            (of(Fate::Goes, true, self.storage.now()), of(Fate::Goes, false, self.storage.now()));
        let report = plan.execute().await.unwrap();
        assert_eq!((set(&report.backups), set(&report.unconfirmed)), (deleted.clone(), unconfirmed.clone()));
        assert!(report.problems.is_empty(), "{:#?}", report.problems);
        self.count_if("a backup that was pruned", !deleted.is_empty());
        self.count_if("an interrupted backup that was pruned", !unconfirmed.is_empty());
        self.count_if("a pack that was pruned", report.deleted_packs > 0);
        self.count_if("a pack that was rewritten", report.rewritten_packs > 0);
        for place in self.places(&(&deleted | &unconfirmed)) {
            self.backups[place].gone = true;
        }
    }

    /// What must come of something about a backup; that it is not there, if there never was one.
    pub(super) fn expected(&self, place: Option<usize>, expected: impl Fn(&Backup) -> Refusal) -> Refusal {
        place.map_or(Err(ErrorKind::NotFound), |place| expected(&self.backups[place]))
    }
}

impl Order {
    fn said(&self, request: BackupRequest) -> BackupRequest {
        let request = self.kinds.iter().cloned().fold(request, BackupRequest::kind);
        let request = self.tags.iter().copied().fold(request, BackupRequest::tag);
        let request = if self.only.is_empty() { request } else { request.only(self.only.clone()) };
        let request = if self.partial { request.partial() } else { request };
        request.comment(self.comment)
    }

    fn chosen(&self) -> Vec<&'static str> {
        if self.only.is_empty() { SERVICES.to_vec() } else { self.only.clone() }
    }

    /// The service that was asked for and fails.
    fn failing(&self) -> Option<&'static str> {
        self.fails.filter(|service| self.chosen().contains(service))
    }

    fn captured(&self) -> Vec<&'static str> {
        self.chosen().into_iter().filter(|service| self.fails != Some(service)).collect()
    }

    fn expected(&self) -> Refusal {
        let works = self.failing().is_none() || (self.partial && !self.captured().is_empty());
        if works { Ok(()) } else { Err(ErrorKind::Unavailable) }
    }
}

fn strings(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn set(ids: &[BackupId]) -> BTreeSet<BackupId> {
    let set: BTreeSet<BackupId> = ids.iter().copied().collect();
    assert_eq!(set.len(), ids.len(), "none is named twice");
    set
}
