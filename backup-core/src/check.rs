//! Checking a repository: that all objects are what they should be.

mod data;
mod share;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use backup_crypto::ChunkId;
use backup_storage::StorageExt as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use self::share::Share;
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::format::limit;
use crate::format::names::{self, PackName};
use crate::index::{Index, list_packs};
use crate::list::{ManifestNames, StoredBackup};
use crate::observer::Phase;
use crate::problem::{Problem, cannot_read, is_finding};
use crate::verify::Survey;
use crate::{BackupId, Repository, Result};

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
        // Manifests before the index before packs: whatever a writer completes meanwhile is found.
        let manifests = self.repository.manifest_names(None).await?;
        let reader = self.repository.chunk_reader().await?;
        let index = reader.index();
        let existing = list_packs(self.repository.storage()).await?;
        self.check_names(&mut report).await?;
        check_packs(&index, &existing, &mut report);
        report.unconfirmed = manifests.unconfirmed.len() as u64;
        context.phase(Phase::Structure);
        let mut survey = Survey::new(&reader, &existing, false);
        let mut heads = BTreeMap::new();
        let backups = self.read_manifests(&manifests, context, &mut report).await?;
        for backup in &backups {
            context.check()?;
            heads.extend(backup.manifest.body.heads.iter().map(|head| (head.0, backup.name.id)));
            survey.backup(backup, context).await?;
        }
        report.problems.append(&mut survey.problems);
        check_heads(&manifests, heads, &mut report);
        for name in &manifests.lost {
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

    /// Reads all manifests, so that it is known how much there will be to look at.
    async fn read_manifests(
        &self,
        manifests: &ManifestNames,
        context: &Context,
        report: &mut CheckReport,
    ) -> Result<Vec<StoredBackup>> {
        let mut backups = Vec::with_capacity(manifests.confirmed.len());
        for (name, object) in &manifests.confirmed {
            context.check()?;
            match self.repository.read_backup(*name, object).await {
                Ok(backup) => {
                    let info = backup.info();
                    context.expect(info.entries, info.logical_bytes);
                    backups.push(backup);
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

    /// Objects that this format does not know, and plain ones that are not what they should be.
    async fn check_names(&self, report: &mut CheckReport) -> Result<()> {
        let storage = self.repository.storage();
        for object in storage.list_all("").await? {
            let text = object.name.as_str();
            let known = match text.split('/').next().unwrap_or("") {
                names::REPOSITORY => text == names::REPOSITORY,
                names::PACKS => PackName::parse(text).is_some() && object.size <= limit::PACK,
                names::BACKUPS => names::ManifestName::parse(text).is_some(),
                names::INDEX => names::parse_hashed(text, names::INDEX).is_some(),
                folder @ (names::KEYS | names::CONFIG) => {
                    self.check_plain(folder, text, object.size, report).await?
                }
                _ => false,
            };
            if !known {
                report.problems.push(Problem::new(text, "is not an object that this format knows"));
            }
        }
        Ok(())
    }

    async fn check_plain(
        &self,
        folder: &str,
        name: &str,
        size: u64,
        report: &mut CheckReport,
    ) -> Result<bool> {
        let hash = match folder {
            names::KEYS => names::parse_hashed(name, names::KEYS),
            _ => names::parse_config(name).map(|(_, hash)| hash),
        };
        let limit = if folder == names::KEYS { limit::KEY_SLOT } else { limit::CONFIG };
        let Some(hash) = hash.filter(|_| size <= limit) else { return Ok(false) };
        let object = backup_storage::Name::try_from(name)?;
        let read = self.repository.storage().get(&object).await.map_err(|error| cannot_read(&object, error));
        match read.and_then(|bytes| names::expect_hash(name, &hash, &bytes)) {
            Err(error) if is_finding(&error) => report.problems.push(Problem::from_error(name, &error)),
            other => other?,
        }
        Ok(true)
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

/// Manifests that later ones name, and that are gone. This version deletes none, so each is a loss.
fn check_heads(manifests: &ManifestNames, heads: BTreeMap<[u8; 32], BackupId>, report: &mut CheckReport) {
    let all = manifests.confirmed.iter().chain(&manifests.unconfirmed);
    let existing: HashSet<[u8; 32]> = all.map(|(name, _)| name.hash).collect();
    for (hash, named_by) in heads.into_iter().filter(|(hash, _)| !existing.contains(hash)) {
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
        let is_first = indexed.insert(pack.name);
        let name = pack.name.to_name();
        match existing.get(&pack.name) {
            None if !is_first => {}
            None => report.problems.push(Problem::new(name.as_str(), "is missing, and the index names it")),
            Some(size) if *size != pack.size => {
                let text = format!("has {size} bytes, and the index says {}", pack.size);
                report.problems.push(Problem::new(name.as_str(), text));
            }
            Some(_) => {}
        }
    }
    report.orphan_packs = existing.keys().filter(|name| !indexed.contains(*name)).count() as u64;
}
