//! The announcement of a prune, and who else is at work.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use backup_storage::{Listing, Name, Object, Storage, StorageExt as _};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;

use crate::format::header::Kind;
use crate::format::sweep::SweepRecord;
use crate::format::{limit, names, record};
use crate::problem::cannot_read;
use crate::run::{Operation, RunInfo};
use crate::{Error, ErrorKind, Repository, Result, RunId};

/// A sweep record that is there: as long as it is, no writer begins or commits a backup.
///
/// If it is dropped before it is [withdrawn](Self::withdraw), that goes on by itself: a host that gives up a prune must not keep everybody
/// from backing up. Whatever was begun [under it](Self::to_the_end) ends first: what is deleted when the record has gone may be what a
/// writer has just found there.
#[derive(Debug)]
pub(super) struct Announcement {
    storage: Arc<dyn Storage>,
    name: Name,
    /// When it was put, by the storage's clock: what "now" means to this prune.
    pub(super) now: DateTime<Utc>,
    settle: Duration,
    /// How many prunes were interrupted. This one does what they did not.
    pub(super) abandoned: u64,
    /// What goes on under it.
    tasks: TaskTracker,
    withdrawn: bool,
}

impl Announcement {
    /// Puts the record, then looks who else is at work, and withdraws it if anybody is.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if somebody is at work; [`Unsupported`](ErrorKind::Unsupported) if the storage or who
    /// pruned before is beyond this version.
    pub(super) async fn put(repository: &Repository, run: RunId) -> Result<Self> {
        let settle = settle_time(repository)?;
        let storage = repository.storage().clone();
        let (name, bytes) = sealed(repository, run)?;
        // Whoever may not delete could not withdraw the record either, and nobody could write any more.
        let probe = names::hashed(names::SWEEPS, &names::hash(run.as_bytes()));
        storage.delete(&probe).await.map_err(|error| Error::from(error).context("prune"))?;
        let (now, tasks) = (DateTime::default(), TaskTracker::new());
        let mut announcement = Self { storage, name, now, settle, abandoned: 0, tasks, withdrawn: false };
        match announcement.announce(repository, bytes, run).await {
            Ok(()) => Ok(announcement),
            Err(error) => Err(announcement.withdraw_after(error).await),
        }
    }

    async fn announce(&mut self, repository: &Repository, bytes: Bytes, run: RunId) -> Result<()> {
        let (storage, name) = (self.storage.clone(), self.name.clone());
        let put = self.to_the_end(async move { storage.create(&name, bytes).await }).await?;
        put.map_err(|error| Error::from(error).context("announce the prune"))?;
        self.now = self.storage.head(&self.name).await?.stamp;
        // Twice: once until all see the record, once until it sees what was put by those who did not.
        self.settle_twice().await;
        let abandoned = self.look_around(repository, run).await?;
        self.abandoned = abandoned.len() as u64;
        // This record keeps writers away from now on. Whoever was taken for dead and wakes up finds that its own has gone.
        for name in abandoned {
            let deleted = self.storage.delete(&name).await;
            deleted.map_err(|error| Error::from(error).context("take over an interrupted prune"))?;
        }
        Ok(())
    }

    /// Others that prune, and runs that make backups. Returns the records of prunes that were interrupted.
    async fn look_around(&self, repository: &Repository, run: RunId) -> Result<Vec<Name>> {
        if let Some(mark) = self.storage.list_all(names::MARKS).await?.first() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the repository is being pruned by a newer version ({})", mark.name),
            ));
        }
        let records = self.storage.list_all(names::SWEEPS).await?;
        let alive: Vec<RunInfo> =
            repository.alive_runs().await?.into_iter().filter(|alive| alive.id != run).collect();
        let mut abandoned = Vec::new();
        let prunes: HashSet<RunId> = alive.iter().map(|run| run.id).collect();
        for object in records.into_iter().filter(|object| object.name != self.name) {
            let whose = match read(repository, &object).await {
                Ok(record) => Some(record.run),
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) if error.kind() == ErrorKind::Damaged => None,
                Err(error) => return Err(error),
            };
            match whose.filter(|run| prunes.contains(run)) {
                Some(run) => return Err(at_work("another prune", run)),
                None => abandoned.push(object.name),
            }
        }
        let writes = |run: &&RunInfo| matches!(run.operation, Operation::Backup | Operation::Other);
        match alive.iter().find(writes) {
            None => Ok(abandoned),
            Some(run) => Err(at_work("a backup", run.id)),
        }
    }

    /// Fails unless the record is still there: somebody who took this prune for dead may have removed it, and others may rely on what it was about
    /// to delete.
    pub(super) async fn expect(&self) -> Result<()> {
        if self.storage.exists(&self.name).await? {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "somebody else has taken over: this prune was not heard of for a day, or was taken for dead",
        )
        .with_remedy("run prune again"))
    }

    /// Does something to its end, also if whoever waits for it gives up: the record stays until then.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        match self.tasks.spawn(work).await {
            Ok(done) => Ok(done),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Error::cancelled()),
        }
    }

    /// Waits until everybody sees what was put, and until this prune sees what was put by those who did not.
    pub(super) async fn settle_twice(&self) {
        tokio::time::sleep(self.settle * 2).await;
    }

    /// Waits until everybody sees what was put and deleted.
    pub(super) async fn settle(&self) {
        tokio::time::sleep(self.settle).await;
    }

    /// Removes the record: the prune is over.
    pub(super) async fn withdraw(mut self) -> Result<()> {
        let deleted = withdraw(&self.storage, &self.name, &self.tasks).await;
        self.withdrawn = true;
        deleted.map_err(|error| {
            Error::from(error)
                .context("the prune is over and could not say so")
                .with_remedy("run prune again")
        })
    }

    /// Removes the record because of an error, which it returns.
    pub(super) async fn withdraw_after(self, error: Error) -> Error {
        match self.withdraw().await {
            Ok(()) => error,
            Err(stuck) => {
                let remedy =
                    "run prune again: until it completes, or a day has passed, no backup can be made";
                error.context(format!("{stuck} ({})", stuck.chain())).with_remedy(remedy)
            }
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if self.withdrawn {
            return;
        }
        let (storage, name, tasks) = (self.storage.clone(), self.name.clone(), self.tasks.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { withdraw(&storage, &name, &tasks).await });
        }
    }
}

/// Removes a record after all that goes on under it has ended.
async fn withdraw(
    storage: &Arc<dyn Storage>,
    name: &Name,
    tasks: &TaskTracker,
) -> backup_storage::Result<()> {
    tasks.close();
    tasks.wait().await;
    let mut last = storage.delete(name).await;
    for _ in 1..ATTEMPTS {
        if last.is_ok() {
            break;
        }
        last = storage.delete(name).await;
    }
    last
}

/// Reads somebody's sweep record.
pub(crate) async fn read(repository: &Repository, object: &Object) -> Result<SweepRecord> {
    names::expect_size(object, limit::SWEEP)?;
    let name = object.name.as_str();
    let Some(hash) = names::parse_hashed(name, names::SWEEPS) else {
        return Err(Error::damaged(format!("{name} is not the name of a sweep record")));
    };
    let bytes =
        repository.storage().get(&object.name).await.map_err(|error| cannot_read(&object.name, error))?;
    let read = names::expect_hash(name, &hash, &bytes)
        .and_then(|()| record::open(repository.keys(), Kind::Sweep, &[], &bytes, limit::SWEEP))
        .and_then(|plain| SweepRecord::decode(&plain));
    read.map_err(|error| error.context(format!("read {name}")))
}

fn sealed(repository: &Repository, run: RunId) -> Result<(Name, Bytes)> {
    let record = SweepRecord {
        run,
        at_ms: repository.clock().now().timestamp_millis(),
        program: crate::PROGRAM.into(),
    };
    let sealed = record::seal(repository.keys(), &**repository.random(), Kind::Sweep, &[], record.encode()?)?;
    Ok((names::hashed(names::SWEEPS, &names::hash(&sealed)), Bytes::from(sealed)))
}

/// How long it takes until a listing shows what was done.
fn settle_time(repository: &Repository) -> Result<Duration> {
    let configured = Duration::from_secs(repository.config().settle_seconds);
    match repository.storage().capabilities().listing {
        Listing::Immediate => Ok(configured),
        Listing::Settles(time) => Ok(time.max(configured)),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            format!("{} does not say when a listing shows what was stored", repository.location()),
        )
        .with_remedy("prune only where listings are reliable")),
    }
}

fn at_work(what: &str, run: RunId) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{what} is at work (run {run})"))
        .with_remedy("try again when it has ended; the runs say how far it is")
}

/// How often it is tried to remove the record.
const ATTEMPTS: usize = 3;
