//! The backups of a repository: finding and listing them.

use std::collections::{HashMap, HashSet};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backup_storage::{Object, StorageExt as _};
use chrono::{DateTime, TimeZone as _, Utc};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::chunks::ChunkReader;
use crate::engine::{ArtifactInfo, ArtifactKind, Facts, ServiceReader};
use crate::format::header::Kind;
use crate::format::manifest::{ArtifactRecord, Body, Manifest, ServiceRecord};
use crate::format::names::{self, ManifestName};
use crate::format::{limit, record};
use crate::index::run_blocking;
use crate::observer::{Event, Notice, NoticeLevel};
use crate::tree::reader::{Source, StoredService};
use crate::{BackupId, Error, ErrorKind, Repository, Result};

/// One backup as a person sees it in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BackupInfo {
    /// Its id.
    pub id: BackupId,
    /// The environment it is of.
    pub environment: String,
    /// When it began, by the storage's stamp of the first object that it put. One that put nothing but its manifest has the time of that. Backups
    /// are ordered by it.
    pub created_at: DateTime<Utc>,
    /// When it ended, by the host's clock.
    pub finished_at: DateTime<Utc>,
    /// What made it: `manual` unless the host said otherwise.
    pub kind: String,
    /// What its maker said about it.
    pub comment: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Facts about the application, as the host gave them.
    pub facts: Facts,
    /// What it holds.
    pub services: Vec<ServiceInfo>,
    /// Entries of all trees, plus one for each stream.
    pub entries: u64,
    /// Bytes of everything in it.
    pub logical_bytes: u64,
    /// Bytes that it added to the repository.
    pub stored_bytes: u64,
    /// `frozen` (all services at one point) or `ordered` (one after the other).
    pub consistency: String,
    /// How long the application's writes were held.
    #[serde(rename = "pause_seconds", serialize_with = "as_seconds")]
    pub pause: Duration,
    /// Warnings while it was made.
    pub warnings: u64,
    /// The backup that it followed.
    pub parent: Option<BackupId>,
    /// The program that wrote it.
    pub program: String,
}

/// One service of a [`BackupInfo`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// Its name.
    pub name: String,
    /// The kind of engine that captured it.
    pub engine: String,
    /// The point in time that it shows, in the engine's own terms.
    pub point: String,
    /// What the engine recorded about it.
    pub facts: Facts,
    /// Its streams and trees.
    pub artifacts: Vec<ArtifactSummary>,
    /// Entries of its trees, plus one for each stream.
    pub entries: u64,
    /// Bytes of everything in it.
    pub bytes: u64,
}

/// One artifact of a [`ServiceInfo`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ArtifactSummary {
    /// Its name within the service.
    pub name: String,
    /// Stream or tree.
    pub kind: ArtifactKind,
    /// Entries of a tree; 0 for a stream.
    pub entries: u64,
    /// Bytes of its content.
    pub bytes: u64,
}

/// A request for a list of backups; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct ListRequest {
    repository: Repository,
    environment: Option<String>,
    newest_first: bool,
    limit: usize,
}

/// A manifest that was read, with what the storage says about it.
#[derive(Debug, Clone)]
pub(crate) struct StoredBackup {
    pub(crate) name: ManifestName,
    pub(crate) manifest: Manifest,
    stored_at: DateTime<Utc>,
}

/// The names of the manifests of a repository, by a listing.
#[derive(Debug, Default)]
pub(crate) struct ManifestNames {
    pub(crate) confirmed: Vec<(ManifestName, Object)>,
    pub(crate) unconfirmed: Vec<(ManifestName, Object)>,
    /// Manifests of which only the confirmation is there.
    pub(crate) lost: Vec<ManifestName>,
    /// Objects below `backups/` that are neither.
    pub(crate) foreign: Vec<String>,
}

impl ListRequest {
    pub(crate) fn new(repository: Repository) -> Self {
        Self { repository, environment: None, newest_first: false, limit: usize::MAX }
    }

    /// Only backups of one environment.
    pub fn of(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Newest first; otherwise oldest first.
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// At most so many, after ordering.
    pub fn take(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    async fn run(self) -> Result<Vec<BackupInfo>> {
        let mut backups = self.repository.read_backups(self.environment.as_deref()).await?;
        if self.newest_first {
            backups.reverse();
        }
        backups.truncate(self.limit);
        Ok(backups.iter().map(StoredBackup::info).collect())
    }
}

impl IntoFuture for ListRequest {
    type Output = Result<Vec<BackupInfo>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Repository {
    /// Lists backups, oldest first unless said otherwise. Backups that were never completed are not listed; manifests that cannot be read are
    /// told to the observer as warnings and left out.
    pub fn backups(&self) -> ListRequest {
        ListRequest::new(self.clone())
    }

    /// Finds a backup by `latest`, by its id, or by a piece of its id that no other backup has.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is none; [`Invalid`](ErrorKind::Invalid) if there are several, which are named.
    pub async fn find(&self, reference: &str) -> Result<BackupInfo> {
        self.find_of(None, reference).await
    }

    /// As [`find`](Self::find), among the backups of one environment.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub async fn find_in(&self, environment: &str, reference: &str) -> Result<BackupInfo> {
        self.find_of(Some(environment), reference).await
    }

    async fn find_of(&self, environment: Option<&str>, reference: &str) -> Result<BackupInfo> {
        if reference == LATEST {
            let (backups, unreadable) = self.read_all(environment).await?;
            let newest = backups.last().map(StoredBackup::created_at);
            if let Some((name, error)) = unreadable.into_iter().find_map(|(object, error)| {
                newest.is_none_or(|newest| newest <= object.stamp).then_some((object.name, error))
            }) {
                return Err(error
                    .context(format!("{name} may be the newest backup, and it cannot be read"))
                    .with_remedy("check the repository, or name an older backup by its id"));
            }
            return backups.last().map(StoredBackup::info).ok_or_else(|| {
                let of = environment.map_or_else(String::new, |name| format!(" of \"{name}\""));
                Error::new(ErrorKind::NotFound, format!("there is no backup{of} in {}", self.location()))
                    .with_remedy("make one first")
            });
        }
        let names = self.manifest_names(environment).await?;
        let chosen = choose(&names.confirmed, reference)?;
        Ok(self.read_backup(chosen.0, &chosen.1).await?.info())
    }

    /// Reads one service of a backup: its artifacts, its tree, its contents.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no such backup, or no such service in it.
    pub async fn service(&self, id: &BackupId, name: &str) -> Result<Arc<dyn ServiceReader>> {
        let backup = self.stored_backup(id).await?;
        let reader = self.chunk_reader().await?;
        Ok(Arc::new(backup.service(name, &reader)?))
    }

    pub(crate) async fn stored_backup(&self, id: &BackupId) -> Result<StoredBackup> {
        let names = self.manifest_names(None).await?;
        let (name, object) = choose(&names.confirmed, &id.to_string())?;
        self.read_backup(name, &object).await
    }

    /// All backups that can be read, oldest first. The others are told to the observer.
    pub(crate) async fn read_backups(&self, environment: Option<&str>) -> Result<Vec<StoredBackup>> {
        Ok(self.read_all(environment).await?.0)
    }

    /// All backups that can be read, oldest first, and the manifests that cannot.
    async fn read_all(&self, environment: Option<&str>) -> Result<(Vec<StoredBackup>, Vec<(Object, Error)>)> {
        let names = self.manifest_names(environment).await?;
        let mut backups = Vec::with_capacity(names.confirmed.len());
        let mut unreadable = Vec::new();
        let mut reads = stream::iter(names.confirmed)
            .map(|(name, object)| async move { (self.read_backup(name, &object).await, object) })
            .buffer_unordered(PARALLEL);
        while let Some((result, object)) = reads.next().await {
            match result {
                Ok(backup) => backups.push(backup),
                Err(error) if error.is_retryable() || error.kind() == ErrorKind::Permission => {
                    return Err(error);
                }
                // Deleted since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    self.observer().event(&Event::Notice(&Notice {
                        level: NoticeLevel::Warning,
                        service: String::new(),
                        path: object.name.to_string(),
                        message: format!("a backup cannot be read and is left out: {}", error.chain()),
                    }));
                    unreadable.push((object, error));
                }
            }
        }
        backups.sort_by_key(|backup| (backup.created_at(), backup.name.id));
        Ok((backups, unreadable))
    }

    pub(crate) async fn read_backup(&self, name: ManifestName, object: &Object) -> Result<StoredBackup> {
        names::expect_size(object, limit::MANIFEST)?;
        let bytes = self.storage().get(&object.name).await?;
        let (keys, title) = (self.keys().clone(), object.name.clone());
        let manifest = run_blocking(move || {
            names::expect_hash(title.as_str(), &name.hash, &bytes)?;
            let plain = record::open(&keys, Kind::Manifest, name.id.as_bytes(), &bytes, limit::MANIFEST)
                .map_err(|error| error.context(format!("read {title}")))?;
            let manifest =
                Manifest::decode(&plain).map_err(|error| error.context(format!("read {title}")))?;
            if keys.opaque_name(ENVIRONMENT, manifest.body.environment.as_bytes()) != name.environment {
                return Err(Error::damaged(format!("{title} lies in the folder of another environment")));
            }
            Ok(manifest)
        })
        .await?;
        Ok(StoredBackup { name, manifest, stored_at: object.stamp })
    }

    pub(crate) async fn manifest_names(&self, environment: Option<&str>) -> Result<ManifestNames> {
        let folder = match environment {
            None => names::BACKUPS.to_owned(),
            Some(name) => names::environment_folder(self.keys().opaque_name(ENVIRONMENT, name.as_bytes())),
        };
        let mut found = ManifestNames::default();
        let mut manifests = HashMap::new();
        let mut confirmations = HashSet::new();
        for object in self.storage().list_all(&folder).await? {
            match ManifestName::parse(object.name.as_str()) {
                None => found.foreign.push(object.name.to_string()),
                Some((name, true)) => drop(confirmations.insert(name)),
                Some((name, false)) => drop(manifests.insert(name, object)),
            }
        }
        found.lost = confirmations.iter().filter(|name| !manifests.contains_key(name)).copied().collect();
        for (name, object) in manifests {
            let list =
                if confirmations.contains(&name) { &mut found.confirmed } else { &mut found.unconfirmed };
            list.push((name, object));
        }
        found.confirmed.sort_by_key(|(name, _)| *name);
        found.unconfirmed.sort_by_key(|(name, _)| *name);
        found.lost.sort_unstable();
        Ok(found)
    }
}

fn choose(names: &[(ManifestName, Object)], reference: &str) -> Result<(ManifestName, Object)> {
    let piece = reference.replace('-', "").to_ascii_lowercase();
    let is_piece = !piece.is_empty() && piece.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_piece {
        return Err(Error::invalid(format!(
            "\"{reference}\" is neither \"{LATEST}\" nor (a piece of) a backup's id"
        ))
        .with_remedy("list the backups and use an id from there"));
    }
    let matching: Vec<_> = names.iter().filter(|(name, _)| name.id.to_string().contains(&piece)).collect();
    match matching.as_slice() {
        [] => Err(Error::new(ErrorKind::NotFound, format!("no backup has an id with \"{reference}\" in it"))
            .with_remedy("list the backups and use an id from there")),
        [only] => Ok((*only).clone()),
        several => {
            let some: Vec<_> = several.iter().take(5).map(|(name, _)| name.id.to_string()).collect();
            let count = several.len();
            Err(Error::invalid(format!(
                "{count} backups have an id with \"{reference}\" in it: {}",
                some.join(", ")
            ))
            .with_remedy("use a longer piece"))
        }
    }
}

impl StoredBackup {
    pub(crate) fn service(&self, name: &str, reader: &Arc<ChunkReader>) -> Result<StoredService> {
        let services = &self.manifest.body.services;
        let record = services.iter().find(|service| service.name == name).ok_or_else(|| {
            let names: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
            Error::new(ErrorKind::NotFound, format!("the backup {} has no service \"{name}\"", self.name.id))
                .with_remedy(format!("its services are: {}", names.join(", ")))
        })?;
        self.manifest.service_reader(record, reader)
    }

    /// When it began: the storage's stamp of the first object that it put; if the manifest was the first, the stamp of that, or the end of the
    /// run by the host's clock if that is earlier.
    pub(crate) fn created_at(&self) -> DateTime<Utc> {
        let body = &self.manifest.body;
        // The manifest of a copied repository has the stamp of the copy; the host's clock may be ahead. The earlier one is nearer.
        let stored = || to_time(self.stored_at.timestamp_millis().min(body.finished_at_ms));
        body.stamp_ms.map_or_else(stored, to_time)
    }

    pub(crate) fn info(&self) -> BackupInfo {
        let body: &Body = &self.manifest.body;
        let services: Vec<ServiceInfo> = body.services.iter().map(ServiceRecord::info).collect();
        BackupInfo {
            id: self.name.id,
            environment: body.environment.clone(),
            created_at: self.created_at(),
            finished_at: to_time(body.finished_at_ms),
            kind: body.kind.clone(),
            comment: body.comment.clone(),
            tags: body.tags.clone(),
            facts: body.facts.clone(),
            entries: services.iter().map(|service| service.entries).fold(0, u64::saturating_add),
            logical_bytes: services.iter().map(|service| service.bytes).fold(0, u64::saturating_add),
            services,
            stored_bytes: body.stored_bytes,
            consistency: body.consistency.clone(),
            pause: Duration::from_micros(body.pause_us),
            warnings: body.warnings,
            parent: body.parent,
            program: body.program.clone(),
        }
    }
}

impl ServiceRecord {
    fn info(&self) -> ServiceInfo {
        let summary = |artifact: &ArtifactRecord| ArtifactSummary {
            name: artifact.name.clone(),
            kind: artifact.kind,
            entries: artifact.entries,
            bytes: artifact.bytes,
        };
        let artifacts: Vec<_> = self.artifacts.iter().map(summary).collect();
        let entries = |artifact: &ArtifactSummary| match artifact.kind {
            ArtifactKind::Tree => artifact.entries,
            ArtifactKind::Stream => 1,
        };
        ServiceInfo {
            name: self.name.clone(),
            engine: self.engine.clone(),
            point: self.point.clone(),
            facts: self.facts.clone(),
            entries: artifacts.iter().map(entries).fold(0, u64::saturating_add),
            bytes: artifacts.iter().map(|artifact| artifact.bytes).fold(0, u64::saturating_add),
            artifacts,
        }
    }
}

impl Manifest {
    /// A reader of one service of this manifest.
    pub(crate) fn service_reader(
        &self,
        record: &ServiceRecord,
        reader: &Arc<ChunkReader>,
    ) -> Result<StoredService> {
        let mut sources = Vec::with_capacity(record.artifacts.len());
        for artifact in &record.artifacts {
            sources.push(match artifact.kind {
                ArtifactKind::Stream => Source::Stream(self.content(artifact)?),
                ArtifactKind::Tree => {
                    let base = self.layers(artifact)?.first().copied();
                    Source::Tree(
                        base.ok_or_else(|| Error::damaged(format!("the tree {} is empty", artifact.name)))?,
                    )
                }
            });
        }
        Ok(StoredService {
            reader: reader.clone(),
            infos: record.artifacts.iter().map(ArtifactInfo::from).collect(),
            sources,
            facts: record.facts.clone(),
            started_at: to_time(record.started_at_ms),
            reliable: None,
        })
    }
}

impl From<&ArtifactRecord> for ArtifactInfo {
    fn from(record: &ArtifactRecord) -> Self {
        Self { name: record.name.clone(), kind: record.kind, bytes: record.bytes, entries: record.entries }
    }
}

pub(crate) fn to_time(milliseconds: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(milliseconds).single().unwrap_or_default()
}

pub(crate) fn as_seconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// The word for the newest backup.
const LATEST: &str = "latest";
/// What names of environments are hashed for.
pub(crate) const ENVIRONMENT: &str = "environment";
/// Manifests read at once.
const PARALLEL: usize = 16;
