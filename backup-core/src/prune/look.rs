//! What a prune sees, and what it makes of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::live::Live;
use super::packs::{Fate, Pack, Packs};
use super::roots::Roots;
use super::unindex::Unindexing;
use super::{PrunePlan, PruneRequest, PruneSettings};
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::format::names::ManifestName;
use crate::index::Index;
use crate::observer::Phase;
use crate::{BackupId, Error, Repository, Result};

/// What is there, and what is to become of it.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) roots: Roots,
    pub(super) reader: Arc<ChunkReader>,
    pub(super) index: Arc<Index>,
    pub(super) packs: Packs,
    pub(super) live: Live,
    pub(super) now: DateTime<Utc>,
}

impl Look {
    /// Lists manifests and notes, loads the index, lists packs, in this order; then reads all that backups refer to.
    ///
    /// # Errors
    /// [`Damaged`](crate::ErrorKind::Damaged) where anything of a backup is missing or cannot be read, or a segment of the index cannot.
    pub(super) async fn take(
        repository: &Repository,
        now: DateTime<Utc>,
        settings: &PruneSettings,
        context: &Context,
    ) -> Result<Self> {
        let first = Self::try_take(repository, now, settings, context).await;
        match first {
            // What is moved while it is looked for is found where it is now.
            Err(error) if error.kind() == crate::ErrorKind::Damaged => {
                Self::try_take(repository, now, settings, context).await
            }
            taken => taken,
        }
    }

    async fn try_take(
        repository: &Repository,
        now: DateTime<Utc>,
        settings: &PruneSettings,
        context: &Context,
    ) -> Result<Self> {
        context.phase(Phase::Index);
        let roots = Roots::list(repository, now, settings).await?;
        let index = Arc::new(Index::load(repository.storage(), repository.keys()).await?);
        if let Some((name, error)) = index.unreadable.first() {
            return Err(Error::new(
                error.kind(),
                format!("{name} cannot be read, so nothing is pruned: {}", error.chain()),
            )
            .with_remedy(
                "bring it back from a copy; a backup that is made again stores what it alone knew",
            ));
        }
        let mut packs = Packs::list(repository, &index).await?;
        // Segments are read but once each, so there is little to keep.
        let (storage, keys) = (repository.storage().clone(), repository.keys().clone());
        let reader = Arc::new(ChunkReader::new(storage, keys, index.clone(), repository.memory() / 8));
        context.phase(Phase::Structure);
        let mut live = Live::new(&reader);
        roots.mark(repository, &mut live, &packs, settings, context).await?;
        packs.decide(&index, &live, now, settings);
        Ok(Self { roots, reader, index, packs, live, now })
    }

    /// The look as a plan.
    pub(super) async fn plan(self, request: PruneRequest) -> Result<PrunePlan> {
        let count = |fate: Fate| self.packs.of(fate).count() as u64;
        let sum = |fate: Fate, of: fn(&Pack) -> u64| self.packs.of(fate).map(of).sum::<u64>();
        let size = |pack: &Pack| pack.size;
        let copied_bytes = sum(Fate::Rewrite, |pack| pack.live_bytes);
        let (dead_bytes, rewritten_bytes) = (sum(Fate::Dead, size), sum(Fate::Rewrite, size));
        let repository = &request.repository;
        Ok(PrunePlan {
            packs: self.packs.iter().count() as u64,
            pack_bytes: self.packs.iter().map(size).sum(),
            dead_packs: count(Fate::Dead),
            dead_bytes,
            orphan_packs: self.packs.of(Fate::Dead).filter(|pack| !pack.indexed).count() as u64,
            rewritten_packs: count(Fate::Rewrite),
            rewritten_bytes,
            copied_bytes,
            freed_bytes: (dead_bytes + rewritten_bytes).saturating_sub(copied_bytes),
            unused_bytes: sum(Fate::Keep, Pack::unused) + sum(Fate::Young, Pack::unused),
            young_packs: count(Fate::Young),
            young_bytes: sum(Fate::Young, size),
            backups: ids(&self.roots.deleted),
            unconfirmed: ids(&self.roots.unconfirmed),
            recent: ids(&self.roots.recent),
            problems: self.roots.problems,
            index_segments: Unindexing::plan(&self.index, &self.packs).count(),
            run_records: repository.old_runs(request.settings.keep_runs, self.now).await?.len() as u64,
            digests: repository.superseded_digests().await?.len() as u64,
            request,
        })
    }
}

/// The ids of backups.
pub(super) fn ids<T>(manifests: &[(ManifestName, T)]) -> Vec<BackupId> {
    manifests.iter().map(|(name, _)| name.id).collect()
}
