//! One backup as it is stored: its manifest.

use std::sync::Arc;

use backup_storage::Object;

use super::{BackupInfo, ENVIRONMENT, Entry, Listed};
use crate::chunks::ChunkReader;
use crate::engine::{ArtifactInfo, ArtifactKind, ServiceReader};
use crate::format::header::Kind;
use crate::format::manifest::{ArtifactRecord, Manifest, ServiceRecord};
use crate::format::names::{self, ManifestName};
use crate::format::{limit, record};
use crate::index::run_blocking;
use crate::note::BackupNotes;
use crate::problem::cannot_read;
use crate::tree::reader::{Source, StoredService};
use crate::{BackupId, BackupStatus, Error, ErrorKind, Repository, Result};

/// A manifest that was read, with what the storage says about it.
#[derive(Debug, Clone)]
pub(crate) struct StoredBackup {
    pub(crate) name: ManifestName,
    pub(crate) manifest: Manifest,
    pub(super) object: Object,
}

impl Repository {
    /// Reads one service of a backup: its artifacts, its tree, its contents.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no such backup, or no such service in it; [`Invalid`](ErrorKind::Invalid) if the
    /// backup was deleted or never confirmed.
    pub async fn service(&self, id: &BackupId, name: &str) -> Result<Arc<dyn ServiceReader>> {
        let backup = self.stored_backup(id).await?;
        let reader = self.chunk_reader().await?;
        Ok(Arc::new(backup.service(name, &reader)?))
    }

    /// Reads a backup that is there to be restored.
    pub(crate) async fn stored_backup(&self, id: &BackupId) -> Result<StoredBackup> {
        let Listed { name, object, confirmed } = self.manifest_names(None).await?.of_backup(id)?;
        let backup = self.read_backup(name, &object).await?;
        if !confirmed {
            return Err(refuse(&name, BackupStatus::Unconfirmed));
        }
        let said = self.notes_about(&name).await?;
        self.warn_of_notes(&said);
        match said.about(&name).state.is_deleted(self.clock().now()) {
            true => Err(refuse(&name, BackupStatus::Deleted)),
            false => Ok(backup),
        }
    }

    /// Reads a manifest.
    pub(crate) async fn read_backup(&self, name: ManifestName, object: &Object) -> Result<StoredBackup> {
        names::expect_size(object, limit::MANIFEST)?;
        let read = self.storage().get(&object.name).await;
        let bytes = read.map_err(|error| cannot_read(&object.name, error))?;
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
        Ok(StoredBackup { name, manifest, object: object.clone() })
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

    /// What the manifest says, before anything was said about it later.
    pub(crate) fn info(&self) -> BackupInfo {
        self.entry(BackupNotes::default()).info(self.object.stamp)
    }

    /// The entry of a confirmed backup about which this was said.
    pub(crate) fn entry(&self, notes: BackupNotes) -> Entry {
        let body = Arc::new(self.manifest.body.clone());
        Entry { name: self.name, object: self.object.clone(), confirmed: true, body, notes }
    }
}

/// The error of whoever wants to read a backup that is not there to be read.
pub(crate) fn refuse(name: &ManifestName, status: BackupStatus) -> Error {
    let id = name.id;
    if status == BackupStatus::Deleted {
        return Error::invalid(format!("the backup {id} was deleted"))
            .with_remedy("undelete it first, or choose another backup");
    }
    Error::invalid(format!(
        "the backup {id} was never confirmed: its run was interrupted, and it may lack something"
    ))
    .with_remedy("choose another backup, or run it again")
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
            role: record.role,
            started_at: super::to_time(record.started_at_ms),
            reliable: None,
        })
    }
}

impl From<&ArtifactRecord> for ArtifactInfo {
    fn from(record: &ArtifactRecord) -> Self {
        Self { name: record.name.clone(), kind: record.kind, bytes: record.bytes, entries: record.entries }
    }
}
