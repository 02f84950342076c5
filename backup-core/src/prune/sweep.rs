//! Doing what was decided, in the order in which nothing that is needed is ever missing.

use backup_storage::Name;
use futures_util::future::join_all;

use super::announce::Announcement;
use super::look::{Look, ids};
use super::packs::{Fate, Pack};
use super::rewrite::rewrite;
use super::roots::give_up;
use super::unindex::Unindexing;
use super::{PruneReport, PruneSettings};
use crate::engine::Context;
use crate::note::Statement;
use crate::observer::Phase;
use crate::{Error, Repository, Result};

/// A prune that was announced.
pub(super) struct Sweep<'a> {
    repository: &'a Repository,
    announcement: &'a mut Announcement,
    settings: PruneSettings,
    context: &'a Context,
    report: PruneReport,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        announcement: &'a mut Announcement,
        settings: PruneSettings,
        context: &'a Context,
    ) -> Self {
        Self { repository, announcement, settings, context, report: PruneReport::default() }
    }

    /// Looks, and then copies what must stay, removes manifests, takes packs out of the index, deletes them, and tidies up.
    pub(super) async fn run(&mut self) -> Result<PruneReport> {
        let now = self.announcement.now;
        give_up(self.repository, now, &self.settings).await?;
        self.announcement.settle_twice().await;
        let mut look = Look::take(self.repository, now, &self.settings, self.context).await?;
        self.context.phase(Phase::Rewrite);
        let Look { reader, index, packs, live, .. } = &mut look;
        let (copied, problems) = rewrite(self.repository, reader, index, packs, live, self.context).await?;
        self.report.problems.clone_from(&look.roots.problems);
        self.report.problems.extend(problems);
        self.report.stored_bytes = copied.stored_bytes;
        self.context.phase(Phase::Remove);
        self.remove_manifests(&look).await?;
        self.unindex(&look).await?;
        self.remove_packs(&look).await?;
        self.tidy_up(&look).await?;
        // Before the record goes, everybody must see that what it was about has gone.
        self.announcement.settle().await;
        self.report.completed_prunes = self.announcement.abandoned;
        let report = &mut self.report;
        report.freed_bytes = report.deleted_bytes.saturating_sub(report.stored_bytes);
        Ok(std::mem::take(report))
    }

    /// Manifests go before what only they need, so that a backup that is listed, deleted or not, has all its data; and after their
    /// confirmations, which mean nothing alone.
    async fn remove_manifests(&mut self, look: &Look) -> Result<()> {
        for name in &look.roots.confirmed_late {
            self.repository.put_note(name, Statement::Undeleted, None).await?;
        }
        let (deleted, unconfirmed) = (&look.roots.deleted, &look.roots.unconfirmed);
        let confirmed = deleted.iter().map(|(name, _)| name).chain(&look.roots.leftover);
        self.delete(confirmed.map(|name| name.to_confirmation()).collect()).await?;
        let manifests = deleted.iter().chain(unconfirmed).map(|(name, _)| name.to_name());
        self.delete(manifests.collect()).await?;
        self.report.backups = ids(deleted);
        self.report.unconfirmed = ids(unconfirmed);
        Ok(())
    }

    /// Takes the packs that will go out of the index.
    async fn unindex(&mut self, look: &Look) -> Result<()> {
        let unindexing = Unindexing::plan(&look.index, &look.packs);
        let (_, written) = unindexing.write(self.repository, &look.index, self.context).await?;
        self.report.stored_bytes += written;
        self.announcement.settle().await;
        self.delete(unindexing.names()).await?;
        self.report.index_segments = unindexing.count();
        self.report.deleted_bytes += unindexing.bytes();
        Ok(())
    }

    async fn remove_packs(&mut self, look: &Look) -> Result<()> {
        let packs: Vec<&Pack> = look.packs.iter().filter(|pack| pack.goes()).collect();
        let bytes = packs.iter().map(|pack| pack.size).sum();
        self.context.expect(0, bytes);
        self.delete(packs.iter().map(|pack| pack.name.to_name()).collect()).await?;
        self.context.advance(0, bytes);
        self.report.deleted_packs = packs.len() as u64;
        self.report.rewritten_packs = look.packs.of(Fate::Rewrite).count() as u64;
        self.report.deleted_bytes += bytes;
        Ok(())
    }

    /// Deletes what is only history, or only a cache.
    async fn tidy_up(&mut self, look: &Look) -> Result<()> {
        self.repository.write_digest(self.context).await;
        let digests = self.repository.superseded_digests().await?;
        let runs = self.repository.old_runs(self.settings.keep_runs, look.now).await?;
        self.report.digests = digests.len() as u64;
        self.report.run_records = runs.len() as u64;
        let bytes: u64 = digests.iter().chain(&runs).map(|object| object.size).sum();
        self.report.deleted_bytes += bytes;
        self.delete(digests.into_iter().chain(runs).map(|object| object.name).collect()).await
    }

    /// Deletes objects, some at a time, each time after making sure that the announcement is still there.
    async fn delete(&self, names: Vec<Name>) -> Result<()> {
        self.context.expect(names.len() as u64, 0);
        for batch in names.chunks(BATCH) {
            self.context.check()?;
            self.announcement.expect().await?;
            let deletions = batch.iter().cloned().map(|name| {
                let storage = self.repository.storage().clone();
                async move {
                    let deleted = storage.delete(&name).await;
                    deleted.map_err(|error| Error::from(error).context(format!("delete {name}")))
                }
            });
            // All of them, also if one fails: none may come late.
            let deleted = self.announcement.to_the_end(join_all(deletions)).await?;
            deleted.into_iter().collect::<Result<()>>()?;
            self.context.advance(batch.len() as u64, 0);
        }
        Ok(())
    }
}

/// Objects deleted at once, and between two looks at the announcement: as many may still go when somebody else has taken over.
const BATCH: usize = 8;
