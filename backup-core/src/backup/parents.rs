//! The earlier backups that a run builds on.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{Catalog, Entry, Scope, StoredBackup, is_passing};
use crate::chunks::ChunkReader;
use crate::engine::{Context, ServiceReader};
use crate::format::manifest::{Bytes32, ServiceRecord};
use crate::format::names::ManifestName;
use crate::packer::Packer;
use crate::{BackupId, Repository, Result};

/// What is known of the earlier backups of an environment.
#[derive(Debug)]
pub(super) struct Parents {
    /// The newest.
    pub(super) newest: Option<BackupId>,
    /// Hashes of the manifests that no other one names.
    pub(super) heads: Vec<Bytes32>,
    /// The newest backup with each service: one in between may have left it out.
    with: HashMap<String, Arc<StoredBackup>>,
}

impl Parents {
    /// Finds a parent for each of these services, which are given by name and kind of engine.
    pub(super) async fn find(
        repository: &Repository,
        environment: &str,
        services: Vec<(String, &'static str)>,
        context: &Context,
    ) -> Result<Self> {
        let catalog = repository.catalog(Some(environment), Scope::Confirmed).await?;
        let now = repository.clock().now();
        let completed: Vec<&Entry> = catalog.completed(now).rev().collect();
        let mut read = Reading { repository, context, found: HashMap::new() };
        let mut with = HashMap::new();
        for (name, engine) in services {
            let has = |entry: &Entry| entry.body.services.iter().any(|record| is(&name, engine, record));
            for entry in completed.iter().filter(|entry| has(entry)) {
                if let Some(backup) = read.manifest(entry).await? {
                    with.insert(name.clone(), backup);
                    break;
                }
            }
        }
        let newest = completed.first().map(|entry| entry.name.id);
        Ok(Self { newest, heads: Catalog::heads(&catalog), with })
    }

    /// Reads a service of the newest backup that has it.
    pub(super) fn service(
        &self,
        name: &str,
        engine: &str,
        reader: &Arc<ChunkReader>,
        packer: &Packer,
    ) -> Result<Option<Arc<dyn ServiceReader>>> {
        let Some(backup) = self.with.get(name) else { return Ok(None) };
        let mut services = backup.manifest.body.services.iter();
        let Some(record) = services.find(|record| is(name, engine, record)) else { return Ok(None) };
        let mut service = backup.manifest.service_reader(record, reader)?;
        service.reliable = Some(packer.clone());
        Ok(Some(Arc::new(service)))
    }
}

fn is(name: &str, engine: &str, record: &ServiceRecord) -> bool {
    record.name == name && record.engine == engine
}

/// Reads manifests, each once.
struct Reading<'a> {
    repository: &'a Repository,
    context: &'a Context,
    found: HashMap<ManifestName, Option<Arc<StoredBackup>>>,
}

impl Reading<'_> {
    /// The manifest; none if it has gone or cannot be read, which costs time, not the backup.
    async fn manifest(&mut self, entry: &Entry) -> Result<Option<Arc<StoredBackup>>> {
        if let Some(found) = self.found.get(&entry.name) {
            return Ok(found.clone());
        }
        let found = match self.repository.read_backup(entry.name, &entry.object).await {
            Ok(backup) => Some(Arc::new(backup)),
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => {
                let text = format!("an earlier backup cannot be used: {}", error.chain());
                self.context.inform(entry.object.name.as_str().as_bytes(), text);
                None
            }
        };
        self.found.insert(entry.name, found.clone());
        Ok(found)
    }
}
