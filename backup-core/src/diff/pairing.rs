//! What of two backups is compared with what.

use std::collections::{BTreeMap, BTreeSet};

use backup_crypto::ChunkId;

use super::change::{Change, DiffItem, DiffKind, Difference};
use super::content::Edit;
use crate::engine::ArtifactKind;
use crate::format::manifest::{ArtifactRecord, Manifest, ServiceRecord};
use crate::{Error, ErrorKind, Result};

/// A piece of the comparison.
#[derive(Debug)]
pub(super) enum Work {
    /// Something that only one backup has.
    Tell(Change),
    /// A stream that differs.
    Stream(Change, Edit),
    /// Trees that differ.
    Trees { service: String, artifact: String, old: ChunkId, new: ChunkId },
}

impl Work {
    /// Whether it is about a stream.
    pub(super) fn is_stream(&self) -> bool {
        match self {
            Self::Tell(change) => change.old.or(change.new).is_some_and(|item| item.kind == DiffKind::Stream),
            Self::Stream(..) => true,
            Self::Trees { .. } => false,
        }
    }
}

/// Both sides of a comparison.
pub(super) struct Sides<'a> {
    pub(super) old: &'a Manifest,
    pub(super) new: &'a Manifest,
}

impl Sides<'_> {
    /// All that differs by what the manifests say, in the order of services and artifacts: of some services, or of all if none is named.
    pub(super) fn work(&self, services: &BTreeSet<String>) -> Result<Vec<Work>> {
        let [old, new] = [self.old, self.new].map(services_of);
        let all: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        if let Some(unknown) = services.iter().find(|name| !all.contains(name.as_str())) {
            let names: Vec<_> = all.into_iter().collect();
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("neither backup has a service \"{unknown}\""),
            )
            .with_remedy(format!("their services are: {}", names.join(", "))));
        }
        let mut work = Vec::new();
        for name in all.into_iter().filter(|name| services.is_empty() || services.contains(*name)) {
            match (old.get(name), new.get(name)) {
                (Some(old), Some(new)) => self.service(name, old, new, &mut work)?,
                (old, new) => {
                    let item = |service: &&ServiceRecord| whole(DiffKind::Service, &service.artifacts);
                    work.extend(one_sided(name, "", old.map(item), new.map(item)).map(Work::Tell));
                }
            }
        }
        Ok(work)
    }

    fn service(
        &self,
        name: &str,
        old: &ServiceRecord,
        new: &ServiceRecord,
        work: &mut Vec<Work>,
    ) -> Result<()> {
        let [old, new] = [old, new].map(artifacts_of);
        let all: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        for key @ (artifact, is_tree) in all {
            let kind = if is_tree { DiffKind::Tree } else { DiffKind::Stream };
            let item = |record: &&ArtifactRecord| whole(kind, std::slice::from_ref(*record));
            match (old.get(&key), new.get(&key)) {
                (Some(old), Some(new)) if is_tree => work.extend(self.trees(name, old, new)?),
                (Some(old), Some(new)) => work.extend(self.streams(name, old, new)?),
                (old, new) => {
                    work.extend(one_sided(name, artifact, old.map(item), new.map(item)).map(Work::Tell));
                }
            }
        }
        Ok(())
    }

    fn trees(&self, service: &str, old: &ArtifactRecord, new: &ArtifactRecord) -> Result<Option<Work>> {
        let (before, after) = (root(self.old, old)?, root(self.new, new)?);
        let (service, artifact) = (service.to_owned(), new.name.clone());
        Ok((before != after).then_some(Work::Trees { service, artifact, old: before, new: after }))
    }

    fn streams(&self, service: &str, old: &ArtifactRecord, new: &ArtifactRecord) -> Result<Option<Work>> {
        let content = (old.hash, old.bytes) != (new.hash, new.bytes);
        if !content {
            return Ok(None);
        }
        let item = |record: &ArtifactRecord| Some(whole(DiffKind::Stream, std::slice::from_ref(record)));
        let difference = Difference::Modified { content, metadata: false, kind: false };
        let change = Change::new(service, &new.name, difference, item(old), item(new));
        let edit = Edit { old: self.old.content(old)?, new: self.new.content(new)? };
        Ok(Some(Work::Stream(change, edit)))
    }
}

impl Change {
    pub(super) fn new(
        service: &str,
        artifact: &str,
        difference: Difference,
        old: Option<DiffItem>,
        new: Option<DiffItem>,
    ) -> Self {
        let (service, artifact) = (service.to_owned(), artifact.to_owned());
        Self { service, artifact, path: Vec::new(), difference, old, new, changed_bytes: None }
    }
}

fn services_of(manifest: &Manifest) -> BTreeMap<&str, &ServiceRecord> {
    manifest.body.services.iter().map(|service| (service.name.as_str(), service)).collect()
}

/// The artifacts by name and whether they are trees: a tree and a stream of one name are two things.
fn artifacts_of(service: &ServiceRecord) -> BTreeMap<(&str, bool), &ArtifactRecord> {
    let key = |artifact: &ArtifactRecord| artifact.kind == ArtifactKind::Tree;
    service.artifacts.iter().map(|artifact| ((artifact.name.as_str(), key(artifact)), artifact)).collect()
}

fn root(manifest: &Manifest, artifact: &ArtifactRecord) -> Result<ChunkId> {
    let base = manifest.layers(artifact)?.first().copied();
    base.ok_or_else(|| Error::damaged(format!("the tree \"{}\" has no root", artifact.name)))
}

/// Something taken as one item, whatever is in it.
fn whole(kind: DiffKind, artifacts: &[ArtifactRecord]) -> DiffItem {
    let entries = |artifact: &ArtifactRecord| match artifact.kind {
        ArtifactKind::Tree => artifact.entries,
        ArtifactKind::Stream => 1,
    };
    DiffItem {
        kind,
        entries: artifacts.iter().map(entries).fold(0, u64::saturating_add),
        bytes: artifacts.iter().map(|artifact| artifact.bytes).fold(0, u64::saturating_add),
    }
}

/// The change of what only one side has.
fn one_sided(service: &str, artifact: &str, old: Option<DiffItem>, new: Option<DiffItem>) -> Option<Change> {
    let difference = match (old, new) {
        (None, Some(_)) => Difference::Added,
        (Some(_), None) => Difference::Removed,
        _ => return None,
    };
    Some(Change::new(service, artifact, difference, old, new))
}
