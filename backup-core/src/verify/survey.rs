//! Looking at everything that backups refer to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use backup_crypto::ChunkId;

use super::tree::Subtree;
use crate::catalog::StoredBackup;
use crate::chunks::ChunkReader;
use crate::engine::{ArtifactInfo, ArtifactKind, Context};
use crate::format::names::PackName;
use crate::index::Index;
use crate::problem::{Problem, is_finding};
use crate::tree::reader::{Source, StoredService};
use crate::{BackupId, Error, Result};

/// Looks at backups one after the other, and at what they share once.
pub(crate) struct Survey<'a> {
    pub(super) reader: &'a Arc<ChunkReader>,
    pub(super) index: Arc<Index>,
    /// The packs that exist, and how long they are.
    pub(super) existing: &'a HashMap<PackName, u64>,
    /// Whether contents are read too.
    pub(super) read_data: bool,
    /// Chunks looked up already.
    pub(crate) seen: HashSet<ChunkId>,
    /// Segments of trees of which everything was found sound, for other backups that have them.
    pub(super) sound: HashMap<ChunkId, Subtree>,
    /// Content maps of which everything was found sound, with the size of their content.
    pub(super) sound_maps: HashSet<(ChunkId, u64)>,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) problems: Vec<Problem>,
    /// Everything that was found, including what the report has no room for.
    pub(super) findings: u64,
}

/// What is being looked at.
pub(super) struct Artifact<'a> {
    pub(super) backup: BackupId,
    pub(super) service: &'a StoredService,
    pub(super) info: &'a ArtifactInfo,
    /// Of the service.
    pub(super) context: &'a Context,
}

impl Artifact<'_> {
    /// The artifact as the object of a problem.
    pub(super) fn title(&self) -> String {
        format!("{}: {}", self.context.service(), self.info.name)
    }
}

impl<'a> Survey<'a> {
    pub(crate) fn new(
        reader: &'a Arc<ChunkReader>,
        existing: &'a HashMap<PackName, u64>,
        read_data: bool,
    ) -> Self {
        Self {
            reader,
            index: reader.index(),
            existing,
            read_data,
            seen: HashSet::new(),
            sound: HashMap::new(),
            sound_maps: HashSet::new(),
            entries: 0,
            bytes: 0,
            problems: Vec::new(),
            findings: 0,
        }
    }

    /// Looks at one backup.
    pub(crate) async fn backup(&mut self, backup: &StoredBackup, context: &Context) -> Result<()> {
        for record in &backup.manifest.body.services {
            let context = context.for_service(&record.name);
            match backup.manifest.service_reader(record, self.reader) {
                Ok(service) => self.service(backup.name.id, &service, &context).await?,
                Err(error) => self.finding(backup.name.id, record.name.clone(), error)?,
            }
        }
        Ok(())
    }

    /// Looks at all artifacts of a service, whatever is found in any of them.
    async fn service(&mut self, backup: BackupId, service: &StoredService, context: &Context) -> Result<()> {
        for (info, source) in service.infos.iter().zip(&service.sources) {
            let artifact = Artifact { backup, service, info, context };
            if let Err(error) = self.artifact(&artifact, source).await {
                self.finding(backup, artifact.title(), error)?;
            }
        }
        Ok(())
    }

    async fn artifact(&mut self, artifact: &Artifact<'_>, source: &Source) -> Result<()> {
        let Artifact { info, context, .. } = artifact;
        match (info.kind, source) {
            (ArtifactKind::Tree, Source::Tree(root)) => {
                let before = (self.entries, self.bytes, self.findings);
                self.tree(artifact, *root).await?;
                let totals = (self.entries.saturating_sub(before.0), self.bytes.saturating_sub(before.1));
                if self.findings == before.2 && totals != (info.entries, info.bytes) {
                    return Err(Error::damaged("the tree does not hold what its manifest says"));
                }
                Ok(())
            }
            (_, Source::Stream(content)) => {
                let found = match content {
                    None => Ok(()),
                    Some(content) => {
                        let read = self.read_data.then_some(*context);
                        self.content(artifact.service, content.as_stored(), read).await
                    }
                };
                self.entries = self.entries.saturating_add(1);
                self.bytes = self.bytes.saturating_add(info.bytes);
                context.advance(1, if self.read_data { 0 } else { info.bytes });
                found
            }
            _ => Err(Error::damaged("the artifact is of no known kind")),
        }
    }

    /// Keeps what was found; fails if the error is none of what is stored.
    pub(super) fn finding(&mut self, backup: BackupId, object: String, error: Error) -> Result<()> {
        if !is_finding(&error) {
            return Err(error);
        }
        self.findings += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::from_error(object, &error).of(backup));
        }
        Ok(())
    }
}

/// Problems kept for a report.
const MAX_PROBLEMS: usize = 10_000;
