//! Deleting what nothing refers to.
//!
//! A prune announces itself, then looks, then deletes. It has the repository for itself: while its record is there, no writer begins or
//! commits a backup. Writers and prunes need no lock for that, since each announces first and looks afterwards, so that whoever comes
//! second sees the first:
//!
//! | a writer (`docs/format.md`) | a prune |
//! |---|---|
//! | W0 puts the status of its run | P1 puts its sweep record |
//! | W1 lists sweep records, fails if there is one; loads the index, lists packs | P2 lists sweep records and runs; gives up if another prune or a backup is alive; removes the records of interrupted prunes |
//! | W2 puts packs, then index segments | P3 lists manifests, then notes |
//! | W3 puts the manifest | P4 loads the index |
//! | W4 lists sweep records (fails if there is one), loads the index, lists packs; all that it needs must be there | P5 lists packs, and reads all roots to their last reference |
//! | W6 puts the confirmation, lists notes | P6 copies, removes manifests, unindexes, removes packs; P7 removes its record |
//!
//! *Why no interleaving loses anything.* A writer's manifest is put (W3) either before P3 lists manifests, or after.
//!
//! 1. Before: the manifest is a root, confirmed or not, and all that it refers to and that was there at P4 and P5 stays. What had gone
//!    by then, W4 finds missing, for W4 comes later still or sees the same packs.
//! 2. After: then W4 begins after P1 has returned. Either it lists the sweep record, and the writer fails as retryable; or the record has
//!    gone, and with it (P7 is last) each deletion has returned, so W4 finds missing whatever the prune removed.
//!
//! That the prune gives up at P2 where a backup is alive is a courtesy: it spares running backups the failure of case 2, and nothing
//! rests on it. Neither does the grace period: without it a writer that was taken for dead fails at W4 more often.
//!
//! *Unconfirmed manifests* older than the grace period are given up. Their writer may yet wake up before W6. So before P3 the prune puts a
//! `deleted` note, which W6 would find. A confirmation that P3 shows all the same may have come first: then the manifest is a root, and the
//! note is taken back.
//!
//! *Undelete* lists sweep records, puts its note and then does what W4 does, so it stands to a prune as a writer does. One that is killed
//! between its note and W4 leaves a backup that is there if P3 saw the note, and that is missing if not.
//!
//! *Of two copies* of a chunk one may be rotten. So before a copy goes, the one that stays is read and opened, and if that fails, all stay.
//!
//! *The record goes last,* also where a prune fails, is cancelled or dropped: deletions, and the put of the record itself, run on by
//! themselves, and the record is removed when they have ended.
//!
//! *Interrupted anywhere,* a prune leaves a repository that is sound: a manifest goes before the data that only it needs, a pack leaves
//! the index before it goes, and copies are indexed before what they replace goes. The next prune finds the rest, and the record of
//! the interrupted one, which it removes when its own is there. A deletion whose answer was lost, and that comes late, hits what no index names
//! any more.
//!
//! *What rests on a clock:* whether an interrupted prune is taken for dead (its run was silent for a day, or its process is gone). A
//! prune that wakes up after that finds its record gone before each eight deletions, and gives up.

mod announce;
mod live;
mod look;
mod packs;
mod rewrite;
mod roots;
mod sweep;
mod unindex;

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::announce::Announcement;
pub(crate) use self::announce::read as read_sweep_record;
pub(crate) use self::live::Live;
use self::look::Look;
pub(crate) use self::packs::Packs;
use self::sweep::Sweep;
use crate::catalog::as_seconds;
use crate::engine::Context;
use crate::problem::Problem;
use crate::run::{About, Operation, RunRecorder};
use crate::{BackupId, Repository, Result};

/// A request to prune a repository: plan it, look at the plan, execute it.
#[derive(Debug, Clone)]
#[must_use = "plan it"]
pub struct PruneRequest {
    repository: Repository,
    settings: PruneSettings,
    cancel: CancellationToken,
}

/// What a prune was asked for.
#[derive(Debug, Clone, Copy)]
struct PruneSettings {
    grace: Duration,
    max_unused_percent: u8,
    max_rewrite_bytes: Option<u64>,
    keep_runs: Duration,
    accept_missing: bool,
    /// Whether the prune was announced: it does what a plan only tells.
    announced: bool,
}

/// What a prune would do if it were executed now.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PrunePlan {
    /// Packs that exist.
    pub packs: u64,
    /// Bytes of these.
    pub pack_bytes: u64,
    /// Packs to be deleted because nothing needs them.
    pub dead_packs: u64,
    /// Bytes of these.
    pub dead_bytes: u64,
    /// How many of the dead ones no index segment names: of runs that were interrupted.
    pub orphan_packs: u64,
    /// Packs to be deleted after what is needed of them was copied.
    pub rewritten_packs: u64,
    /// Bytes of these.
    pub rewritten_bytes: u64,
    /// Bytes to be copied out of these.
    pub copied_bytes: u64,
    /// Bytes that the repository will have less.
    pub freed_bytes: u64,
    /// Bytes of chunks that nothing needs and that stay, because their packs are needed or young.
    pub unused_bytes: u64,
    /// Packs that are needed in part or not at all and stay because they are younger than the grace period.
    pub young_packs: u64,
    /// Bytes of these.
    pub young_bytes: u64,
    /// Deleted backups whose manifests are to be removed. They cannot be brought back then.
    pub backups: Vec<BackupId>,
    /// Backups that were never confirmed and are given up.
    pub unconfirmed: Vec<BackupId>,
    /// Backups that were deleted, or not confirmed yet, within the grace period, and stay; and those of the problems.
    pub recent: Vec<BackupId>,
    /// Index segments to be replaced.
    pub index_segments: u64,
    /// Statuses of old runs to be deleted.
    pub run_records: u64,
    /// Digests of the catalog to be deleted because newer ones replace them.
    pub digests: u64,
    /// Deleted backups that stay, because a note about them cannot be read.
    pub problems: Vec<Problem>,
    #[serde(skip)]
    request: PruneRequest,
}

/// What a prune did.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct PruneReport {
    /// Packs deleted, those that were rewritten included.
    pub deleted_packs: u64,
    /// Bytes of these.
    pub deleted_bytes: u64,
    /// How many of these were rewritten.
    pub rewritten_packs: u64,
    /// Bytes of packs and index segments that were written.
    pub stored_bytes: u64,
    /// Bytes that the repository has less now.
    pub freed_bytes: u64,
    /// Deleted backups whose manifests were removed.
    pub backups: Vec<BackupId>,
    /// Backups that were never confirmed and were given up.
    pub unconfirmed: Vec<BackupId>,
    /// Index segments deleted.
    pub index_segments: u64,
    /// Statuses of old runs deleted.
    pub run_records: u64,
    /// Digests of the catalog deleted.
    pub digests: u64,
    /// Interrupted prunes that this one completed.
    pub completed_prunes: u64,
    /// What could not be read: packs that hold something that is needed, where every other pack that holds it stays too; and notes about
    /// deleted backups, which stay.
    pub problems: Vec<Problem>,
    /// How long it took.
    #[serde(rename = "duration_seconds", serialize_with = "as_seconds")]
    pub duration: Duration,
}

impl Repository {
    /// Frees what no backup needs: deleted backups, data of backups that are gone, leftovers of interrupted runs.
    ///
    /// It works alone: it gives up where a backup or another prune is under way, and while it is, backups fail as
    /// [retryable](crate::Error::is_retryable). Backups can be listed, verified and restored all the time. A later version will let
    /// backups go on meanwhile.
    ///
    /// A prune that is interrupted loses nothing that is needed. One that is killed keeps others from backing up until prune is run
    /// again, and completes.
    pub fn prune(&self) -> PruneRequest {
        let settings = PruneSettings {
            grace: Duration::from_secs(self.config().grace_seconds),
            max_unused_percent: MAX_UNUSED_PERCENT,
            max_rewrite_bytes: None,
            keep_runs: KEEP_RUNS,
            accept_missing: false,
            announced: false,
        };
        PruneRequest { repository: self.clone(), settings, cancel: CancellationToken::new() }
    }
}

impl PruneRequest {
    /// How long what is new and what was deleted is left alone; the repository's setting by default, which is a day. A deleted backup can
    /// be brought back for so long. With zero it is gone at once.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// How much of all that is stored may be unused and stay, in percent; 5 by default. Packs that are needed in part are rewritten,
    /// those with the least share of needed bytes first, until it is no more. Each percent less costs more copying than the one before:
    /// with 0 a pack of 16 MiB is read and written again for one small chunk. With 100 none is rewritten.
    pub fn max_unused(mut self, percent: u8) -> Self {
        self.settings.max_unused_percent = percent;
        self
    }

    /// The most bytes that are copied out of packs; no limit by default. The rest is left to the next prune.
    pub fn max_rewrite(mut self, bytes: u64) -> Self {
        self.settings.max_rewrite_bytes = Some(bytes);
        self
    }

    /// How long the history of runs is kept; 90 days by default, never less than a day.
    pub fn keep_runs(mut self, keep: Duration) -> Self {
        self.settings.keep_runs = keep;
        self
    }

    /// Prunes although manifests are missing that others name or that were confirmed. Without this it refuses: whatever hides a manifest
    /// would make the data of that backup look unneeded. Only for backups that are known to be lost for good.
    pub fn accept_missing(mut self) -> Self {
        self.settings.accept_missing = true;
        self
    }

    /// Ends with [`Cancelled`](crate::ErrorKind::Cancelled) when the token is cancelled. What was deleted by then was not needed.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Works out what would be done, without changing anything.
    ///
    /// # Errors
    /// [`Damaged`](crate::ErrorKind::Damaged) where anything of a backup is missing or cannot be read: then nothing can be pruned.
    pub async fn plan(self) -> Result<PrunePlan> {
        let context = self.repository.context(&self.cancel);
        let work: BoxFuture<'_, Result<PrunePlan>> = Box::pin(self.plan_uncancelled(&context));
        context.until_cancelled(work).await
    }

    async fn plan_uncancelled(&self, context: &Context) -> Result<PrunePlan> {
        let now = self.repository.clock().now();
        let look = Look::take(&self.repository, now, &self.settings, context).await?;
        look.plan(self.clone()).await
    }
}

impl PrunePlan {
    /// Does it. What is to be deleted is judged again after announcing it, with the same settings: a backup that was brought back since
    /// stays, and what became unneeded meanwhile goes too. The report says what was done.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) while a backup or another prune is at work: try again later.
    /// [`Damaged`](crate::ErrorKind::Damaged) as for the plan; nothing was deleted then.
    pub async fn execute(self) -> Result<PruneReport> {
        let PruneRequest { repository, settings, cancel } = self.request;
        let settings = PruneSettings { announced: true, ..settings };
        let context = repository.context(&cancel);
        let started = context.clock().elapsed();
        context.check()?;
        let mut run = RunRecorder::new(&repository, About::repository(Operation::Prune))?;
        run.begin().await?;
        let id = run.id();
        let work: BoxFuture<'_, Result<PruneReport>> =
            Box::pin(announced(&repository, &settings, id, &context));
        let result = run.during(&context, work).await;
        run.finish(&context, &result).await;
        let mut report = result?;
        report.duration = context.clock().elapsed().saturating_sub(started);
        Ok(report)
    }
}

/// Announces the prune, sweeps, and withdraws the announcement whatever came of it.
async fn announced(
    repository: &Repository,
    settings: &PruneSettings,
    run: crate::RunId,
    context: &Context,
) -> Result<PruneReport> {
    let put: BoxFuture<'_, Result<Announcement>> = Box::pin(Announcement::put(repository, run));
    let mut announcement = context.until_cancelled(put).await?;
    let mut sweep = Sweep::new(repository, &mut announcement, *settings, context);
    let work: BoxFuture<'_, Result<PruneReport>> = Box::pin(sweep.run());
    match context.until_cancelled(work).await {
        Ok(report) => announcement.withdraw().await.map(|()| report),
        Err(error) => Err(announcement.withdraw_after(error).await),
    }
}

/// Below a twentieth, what rewriting saves is worth less than what it costs in reading and writing, and other backup programs agree.
const MAX_UNUSED_PERCENT: u8 = 5;
/// A quarter of a year.
const KEEP_RUNS: Duration = Duration::from_secs(90 * 24 * 60 * 60);
