//! Checking a repository: that all objects are what they should be.

mod data;
mod notes;
mod objects;
mod share;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use backup_crypto::ChunkId;
use backup_storage::StorageExt as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use self::share::Share;
use crate::catalog::{ManifestNames, StoredBackup};
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::format::names::{ManifestName, PackName};
use crate::index::{Index, list_packs};
use crate::note::Notes;
use crate::observer::Phase;
use crate::problem::{Problem, is_finding};
use crate::verify::Survey;
use crate::{BackupId, ErrorKind, Repository, Result};

/// A request to check a repository; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct CheckRequest {
    repository: Repository,
    share: Share,
    cancel: CancellationToken,
}

/// What a check found.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// Backups looked at.
    pub backups: u64,
    /// Backups that were deleted and not removed yet. They are not looked at.
    pub deleted: u64,
    /// Manifests that were never confirmed: runs that were interrupted at the very end. Not a problem.
    pub unconfirmed: u64,
    /// Index segments read.
    pub segments: u64,
    /// Packs that exist.
    pub packs: u64,
    /// Packs that no index segment names: of runs that were interrupted or still go on. Not a problem.
    pub orphan_packs: u64,
    /// Different chunks in the index.
    pub chunks: u64,
    /// Packs read whole, each byte compared with the pack's name and each chunk opened.
    pub packs_read: u64,
    /// Bytes of these.
    pub bytes_read: u64,
    /// What is wrong; nothing if the repository is sound.
    pub problems: Vec<Problem>,
}

impl Repository {
    /// Checks the repository: that all metadata can be read, that the index and the packs agree, that every chunk that a backup needs is
    /// there; and, with [`read_data`](CheckRequest::read_data), that stored bytes are still what was written.
    pub fn check(&self) -> CheckRequest {
        CheckRequest { repository: self.clone(), share: Share::NONE, cancel: CancellationToken::new() }
    }
}

impl CheckRequest {
    /// Reads a random share of the packs whole; [`Share::ALL`] for all of them.
    pub fn read_data(mut self, share: Share) -> Self {
        self.share = share;
        self
    }

    /// Ends with [`Cancelled`](crate::ErrorKind::Cancelled) when the token is cancelled.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    async fn run(self) -> Result<CheckReport> {
        let context = self.repository.context(&self.cancel);
        context.until_cancelled(Box::pin(self.run_uncancelled(&context))).await
    }

    async fn run_uncancelled(&self, context: &Context) -> Result<CheckReport> {
        let mut report = CheckReport::default();
        context.phase(Phase::Index);
        // Notes before what they are about, manifests before the index before packs: whatever a writer completes meanwhile is found.
        let said = notes::read(&self.repository, &mut report).await?;
        let manifests = self.repository.manifest_names(None).await?;
        let (reader, existing) = self.index_and_packs().await?;
        let index = reader.index();
        objects::check(&self.repository, context, &mut report).await?;
        check_packs(&index, &existing, &mut report);
        report.unconfirmed = manifests.unconfirmed.len() as u64;
        context.phase(Phase::Structure);
        let mut survey = Survey::new(&reader, &existing, false);
        let mut heads = BTreeMap::new();
        let backups = self.read_manifests(&manifests, &said, context, &mut report).await?;
        for backup in &backups {
            context.check()?;
            heads.extend(backup.manifest.body.heads.iter().map(|head| (head.0, backup.name.id)));
            survey.backup(backup, context).await?;
        }
        if !survey.problems.is_empty() || (backups.len() as u64) < report.backups {
            report.problems.extend(missing_packs(&index, &existing));
        }
        report.problems.append(&mut survey.problems);
        check_heads(&manifests, &said, heads, &mut report);
        notes::check_subjects(&manifests, &said, &mut report);
        notes::check_digests(&self.repository, context, &mut report).await?;
        let deleted: HashSet<&ManifestName> = said.deleted().collect();
        for name in manifests.lost.iter().filter(|name| !deleted.contains(name)) {
            // Looked up once more: a listing is not a moment, and the manifest is put before its confirmation.
            if !self.repository.storage().exists(&name.to_name()).await? {
                let text = "is missing, and its confirmation is there";
                report.problems.push(Problem::new(name.to_name().as_str(), text).of(name.id));
            }
        }
        if self.share.is_some() {
            context.phase(Phase::Data);
            data::read(&self.repository, &reader, &existing, self.share, context, &mut report).await?;
            blame(&mut report, &reader, &backups, context).await?;
        }
        Ok(report)
    }

    /// Loads the index and lists the packs. A prune takes packs out of the index and then deletes them, so what seems to be missing is looked
    /// for once more.
    async fn index_and_packs(&self) -> Result<(Arc<ChunkReader>, HashMap<PackName, u64>)> {
        let mut again = true;
        loop {
            let reader = self.repository.chunk_reader().await?;
            let existing = list_packs(self.repository.storage()).await?;
            let all_there = reader.index().packs().iter().all(|pack| existing.contains_key(&pack.name));
            if all_there || !std::mem::take(&mut again) {
                return Ok((reader, existing));
            }
        }
    }

    /// Reads all manifests of backups that were not deleted, so that it is known how much there will be to look at.
    async fn read_manifests(
        &self,
        manifests: &ManifestNames,
        said: &Notes,
        context: &Context,
        report: &mut CheckReport,
    ) -> Result<Vec<StoredBackup>> {
        let mut backups = Vec::with_capacity(manifests.confirmed.len());
        for (name, object) in &manifests.confirmed {
            context.check()?;
            if said.about(name).state.deletion.is_some() {
                report.deleted += 1;
                continue;
            }
            match self.repository.read_backup(*name, object).await {
                Ok(backup) => {
                    let info = backup.info();
                    context.expect(info.entries, info.logical_bytes);
                    backups.push(backup);
                }
                // Deleted since, and pruned without grace.
                Err(error) if error.kind() == ErrorKind::NotFound && self.was_deleted(name).await? => {
                    continue;
                }
                Err(error) if is_finding(&error) => {
                    report.problems.push(Problem::from_error(object.name.as_str(), &error).of(name.id));
                }
                Err(error) => return Err(error),
            }
            report.backups += 1;
        }
        Ok(backups)
    }

    async fn was_deleted(&self, name: &ManifestName) -> Result<bool> {
        let said = self.repository.notes_about(name).await?;
        Ok(said.about(name).state.deletion.is_some())
    }
}

impl IntoFuture for CheckRequest {
    type Output = Result<CheckReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Finds out which backups need the packs that are damaged.
async fn blame(
    report: &mut CheckReport,
    reader: &ChunkReader,
    backups: &[StoredBackup],
    context: &Context,
) -> Result<()> {
    let index = reader.index();
    let damaged: HashSet<&str> = report.problems.iter().map(|problem| problem.object.as_str()).collect();
    let chunks = index.chunks_by_pack();
    let mut bad: HashMap<ChunkId, String> = HashMap::new();
    for (number, pack) in (0..).zip(index.packs()) {
        let name = pack.name.to_name();
        if damaged.contains(name.as_str()) {
            for chunk in chunks.get(&number).into_iter().flatten() {
                bad.insert(chunk.id, name.to_string());
            }
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    let affected = data::affected(reader, backups, &bad, context).await?;
    for problem in &mut report.problems {
        if let Some(backups) = affected.get(&problem.object) {
            problem.backups.extend(backups.iter().copied());
            problem.backups.sort_unstable();
            problem.backups.dedup();
        }
    }
    Ok(())
}

/// Manifests that later ones name, that nobody deleted, and that are gone.
fn check_heads(
    manifests: &ManifestNames,
    said: &Notes,
    heads: BTreeMap<[u8; 32], BackupId>,
    report: &mut CheckReport,
) {
    let all = manifests.confirmed.iter().chain(&manifests.unconfirmed).map(|(name, _)| name);
    let accounted_for: HashSet<[u8; 32]> = all.chain(said.deleted()).map(|name| name.hash).collect();
    for (hash, named_by) in heads.into_iter().filter(|(hash, _)| !accounted_for.contains(hash)) {
        let text = format!("is missing: the backup {named_by} was made after it and names its manifest");
        report.problems.push(Problem::new(format!("a manifest with the hash {}", hex::encode(hash)), text));
    }
}

/// Compares the index with the packs that exist.
fn check_packs(index: &Index, existing: &HashMap<PackName, u64>, report: &mut CheckReport) {
    report.segments = index.segments as u64;
    report.packs = existing.len() as u64;
    report.chunks = index.chunk_count();
    for (name, error) in &index.unreadable {
        report.problems.push(Problem::from_error(name, error));
    }
    let mut indexed = HashSet::new();
    for pack in index.packs() {
        indexed.insert(pack.name);
        if let Some(size) = existing.get(&pack.name).filter(|size| **size != pack.size) {
            let text = format!("has {size} bytes, and the index says {}", pack.size);
            report.problems.push(Problem::new(pack.name.to_name().as_str(), text));
        }
    }
    report.orphan_packs = existing.keys().filter(|name| !indexed.contains(*name)).count() as u64;
}

/// Packs that the index names and that do not exist. Where nothing needs them, they are no problem: a writer that slept while a prune took
/// its packs for leftovers indexes them later, and fails. The next prune removes what the index says of them.
fn missing_packs(index: &Index, existing: &HashMap<PackName, u64>) -> Vec<Problem> {
    let names: BTreeSet<PackName> = index.packs().iter().map(|pack| pack.name).collect();
    let missing = names.into_iter().filter(|name| !existing.contains_key(name));
    missing.map(|name| Problem::new(name.to_name().as_str(), "is missing, and the index names it")).collect()
}
