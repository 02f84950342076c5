//! Making a backup of an environment.

mod capture;
mod commit;
mod hold;
mod panic;
mod parents;
mod record;
mod report;
mod sink;

use std::collections::BTreeSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use backup_policy::Kind;
use backup_storage::StorageExt as _;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use self::capture::{Capture, Choice};
use self::hold::{Hold, let_go};
pub use self::report::BackupReport;
use crate::catalog::Consistency;
use crate::engine::{Context, Preflight};
use crate::format::names::{self, ManifestName};
use crate::observer::Phase;
use crate::run::{About, RunRecorder};
use crate::{BackupId, Environment, Error, ErrorKind, Operation, Repository, Result, RunId};

/// A request for a backup; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct BackupRequest {
    repository: Repository,
    environment: Environment,
    choice: Choice,
    live: bool,
    queued: Option<RunId>,
    kinds: BTreeSet<Kind>,
    created_by: Option<String>,
    comment: String,
    tags: BTreeSet<String>,
    program: String,
    cancel: CancellationToken,
}

impl Repository {
    /// Backs up an environment: everything or nothing, unless [`only`](BackupRequest::only) some services or what is there of them
    /// ([`partial`](BackupRequest::partial)) is asked for. A failed or cancelled run leaves what it stored for the next one to use, and no
    /// backup; a run whose very last step, the confirmation, could not be settled says so. A future that is dropped during that step may
    /// leave a backup: a whole one.
    ///
    /// The services are looked at and prepared; then the application's writes are held, if the environment has a
    /// [gate](Environment::quiesce), while all are frozen, databases before files; then they are read.
    pub fn backup(&self, environment: &Environment) -> BackupRequest {
        BackupRequest {
            repository: self.clone(),
            environment: environment.clone(),
            choice: Choice::default(),
            live: false,
            queued: None,
            kinds: BTreeSet::new(),
            created_by: None,
            comment: String::new(),
            tags: BTreeSet::new(),
            program: crate::PROGRAM.into(),
            cancel: CancellationToken::new(),
        }
    }
}

impl BackupRequest {
    /// Only these services. The others are recorded as left out on purpose; may be called several times, for more.
    pub fn only<S: Into<String>>(mut self, services: impl IntoIterator<Item = S>) -> Self {
        self.choice.only.get_or_insert_default().extend(services.into_iter().map(Into::into));
        self
    }

    /// Leaves out what fails, and records why: for the record, since a backup that lacks a service because it failed is never
    /// restorable whole. It fails all the same if no service is left, if the repository cannot be written, if the application
    /// could not be held and let go, and when it is cancelled.
    pub fn partial(mut self) -> Self {
        self.choice.partial = true;
        self
    }

    /// Does not hold the application's writes, even if the environment has a gate. Each service is consistent in itself; nothing
    /// is promised across services.
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Makes the backup that was announced as this run, under its id; kinds, who asked for it and comment are those of the
    /// announcement, unless said otherwise here.
    pub fn run(mut self, queued: RunId) -> Self {
        self.queued = Some(queued);
        self
    }

    /// What makes this backup. May be called several times: a Sunday's nightly backup is often the weekly one too. `manual` if it
    /// is never called. Retention rules go by it.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.insert(kind);
        self
    }

    /// Who asked for it: a person's name, or that of a scheduler.
    pub fn created_by(mut self, who: impl Into<String>) -> Self {
        self.created_by = Some(who.into());
        self
    }

    /// What a person wants to remember about it; with everything else that is recorded of a run, at most 64 KiB.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// Adds a word to find it by.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.insert(tag.into());
        self
    }

    /// The name and version of the program that makes it, for the record.
    pub fn program(mut self, program: impl Into<String>) -> Self {
        self.program = program.into();
        self
    }

    /// Ends the backup with [`Cancelled`](ErrorKind::Cancelled) when the token is cancelled.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Looks at all services without touching them or the repository: what each is, how big, and whether a backup can work.
    ///
    /// # Errors
    /// As the backup itself would fail before it begins.
    pub async fn preflight(&self) -> Result<Vec<(String, Preflight)>> {
        self.check()?;
        let context = self.repository.context(&self.cancel);
        capture::look(&self.environment, &self.choice, &context).await
    }

    fn check(&self) -> Result<()> {
        self.environment.check()?;
        self.choice.check(&self.environment)
    }

    async fn make(self) -> Result<BackupReport> {
        self.check()?;
        let (repository, context) = (self.repository.clone(), self.repository.context(&self.cancel));
        context.check()?;
        let (this, mut recorder) = context.until_cancelled(self.announce()).await?;
        let begun = context.until_cancelled(recorder.begin()).await;
        let made = match begun {
            Err(error) => Err(error),
            Ok(stamp) => {
                let id = recorder.id().backup();
                recorder.during(&context, Box::pin(this.confirmed(&context, id, stamp))).await
            }
        };
        recorder.finish(&context, &made).await;
        if made.is_ok() {
            repository.write_digest(&context).await;
        }
        made.map(|report| report.also(context.take_notices()))
    }

    /// The run, a new one or the queued one, and the request as the queued one completes it.
    async fn announce(mut self) -> Result<(Self, RunRecorder)> {
        let queued = match self.queued {
            None => None,
            Some(id) => Some((id, self.repository.queued_run(id, self.environment.name()).await?)),
        };
        if let Some((_, queued)) = &queued {
            let record = queued.record.clone();
            if self.kinds.is_empty() {
                self.kinds = record.kinds;
            }
            if self.comment.is_empty() {
                self.comment = record.comment;
            }
            self.created_by = self.created_by.or(record.created_by);
        }
        if self.kinds.is_empty() {
            self.kinds.insert(Kind::Manual);
        }
        let id = match &queued {
            Some((id, _)) => *id,
            None => RunId::generate(&**self.repository.clock(), &**self.repository.random())?,
        };
        let about = About {
            operation: Operation::Backup,
            environment: Some(self.environment.name.clone()),
            backup: Some(id.backup()),
            kinds: self.kinds.clone(),
            created_by: self.created_by.clone(),
            comment: self.comment.clone(),
            program: self.program.clone(),
        };
        let recorder = RunRecorder::of(&self.repository, id, about);
        let recorder = match queued {
            None => recorder,
            Some((_, queued)) => recorder.after(queued.number, queued.created_at),
        };
        Ok((self, recorder))
    }

    /// Makes the backup, up to its confirmation.
    async fn confirmed(&self, context: &Context, id: BackupId, stamp: DateTime<Utc>) -> Result<BackupReport> {
        let gate = self.environment.gate();
        let mut hold = Hold::new(gate, context.clock().clone(), self.environment.hold_deadline);
        let work = Box::pin(self.stored(context, &mut hold, id, stamp));
        let stored = context.until_cancelled(work).await;
        let released = hold.end().await;
        let (name, report) = let_go(stored, released)?;
        commit::confirm(&self.repository, &name).await?;
        Ok(report)
    }

    /// Everything but the confirmation.
    async fn stored(
        &self,
        context: &Context,
        hold: &mut Hold,
        id: BackupId,
        stamp: DateTime<Utc>,
    ) -> Result<(ManifestName, BackupReport)> {
        let clock = self.repository.clock();
        let started = clock.elapsed();
        let started_at = clock.now();
        let mut capture = Capture::new(self, context);
        let made = capture.run(hold).await?;
        context.phase(Phase::Commit);
        let packed = made.packer.finish().await?;
        let notices = context.take_notices();
        let manifest = self.manifest(&made, stamp, started_at, &packed, &notices)?;
        let (name, manifest_bytes) = commit::store(&self.repository, id, &manifest, &packed, context).await?;
        let mut report = BackupReport::new(id, &manifest.body, &made.totals(), notices);
        report.stored_bytes = packed.totals.stored_bytes + manifest_bytes;
        report.new_chunks = packed.totals.chunks;
        report.duration = clock.elapsed().saturating_sub(started);
        Ok((name, report))
    }

    /// What the services of the backup will have in common.
    fn consistency(&self) -> Consistency {
        match (self.live, &self.environment.quiesce) {
            (true, _) => Consistency::Live,
            (false, Some(_)) => Consistency::Frozen,
            (false, None) => Consistency::Ordered,
        }
    }
}

impl IntoFuture for BackupRequest {
    type Output = Result<BackupReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

/// Marks and sweep records say which packs must not be relied on. A writer that finds one cannot go on.
pub(crate) async fn refuse_prune_records(repository: &Repository) -> Result<()> {
    if let Some(object) = repository.storage().list_all(names::MARKS).await?.first() {
        let text = format!("the repository is being pruned by a newer version ({})", object.name);
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    if let Some(object) = repository.storage().list_all(names::SWEEPS).await?.first() {
        let text = format!("the repository is being pruned ({})", object.name);
        return Err(Error::new(ErrorKind::Unavailable, text).with_remedy(
            "try again when the prune has ended; if it was interrupted, prune again to finish it",
        ));
    }
    Ok(())
}
