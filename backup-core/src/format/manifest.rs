//! Manifests: the sealed record that is one backup.

use std::collections::{BTreeSet, HashSet};

use backup_crypto::{ChunkId, ContentHash};
use backup_policy::Kind;
use serde::{Deserialize, Serialize};

use super::content::{OwnedContent, OwnedExtents, expect_extent, expect_sum};
use super::cursor::Cursor;
use super::limit;
use super::references::{ReferenceBuilder, References};
use crate::catalog::Consistency;
use crate::engine::{ArtifactKind, Extent, Facts, Layout, Role};
use crate::{BackupId, Error, Result, check_environment_name, check_service_name};

/// A manifest taken apart: its reference table and its body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) references: References,
    pub(crate) body: Body,
}

/// The body of a manifest, a MessagePack map with names. Unknown fields are ignored by readers; a new field that must not be ignored is a
/// required feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) environment: String,
    /// Milliseconds since 1970, by the host's clock.
    pub(crate) started_at_ms: i64,
    pub(crate) finished_at_ms: i64,
    /// The storage's stamp of the first object of the run that said that it runs.
    pub(crate) stamp_ms: i64,
    /// Hashes of the manifests of this environment that no other one named when this one was written.
    pub(crate) heads: Vec<Bytes32>,
    pub(crate) parent: Option<BackupId>,
    /// At least one.
    pub(crate) kinds: BTreeSet<Kind>,
    /// Who asked for it.
    #[serde(default)]
    pub(crate) created_by: Option<String>,
    pub(crate) comment: String,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) facts: Facts,
    pub(crate) consistency: Consistency,
    pub(crate) pause_us: u64,
    /// Between the points of the first service and of the last.
    pub(crate) gap_us: u64,
    pub(crate) warnings: u64,
    /// Bytes that the run added to the repository before the manifest.
    pub(crate) stored_bytes: u64,
    /// Name and version of the writing program.
    pub(crate) program: String,
    pub(crate) services: Vec<ServiceRecord>,
    /// Services of the environment that are not in it.
    #[serde(default)]
    pub(crate) left_out: Vec<LeftOutRecord>,
}

/// A service that a manifest does not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeftOutRecord {
    pub(crate) name: String,
    pub(crate) engine: String,
    pub(crate) role: Role,
    /// Why it failed; none if it was left out on purpose.
    #[serde(default)]
    pub(crate) failure: Option<String>,
}

/// One service in a manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceRecord {
    pub(crate) name: String,
    pub(crate) engine: String,
    pub(crate) role: Role,
    pub(crate) point: String,
    /// When reading it began, by the host's clock.
    pub(crate) started_at_ms: i64,
    /// When its consistent view was open, by the host's clock.
    pub(crate) frozen_at_ms: i64,
    /// How long freezing it took.
    pub(crate) pause_us: u64,
    pub(crate) facts: Facts,
    /// Files of its trees.
    pub(crate) files: u64,
    /// Bytes that were not the parent's.
    pub(crate) changed_bytes: u64,
    pub(crate) artifacts: Vec<ArtifactRecord>,
}

/// One artifact in a manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArtifactRecord {
    pub(crate) name: String,
    pub(crate) kind: ArtifactKind,
    pub(crate) layout: Layout,
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    /// Of a tree: the roots of its base and deltas, base first, as positions among the meta references.
    #[serde(default)]
    pub(crate) layers: Vec<u32>,
    /// Of a stream: keyed hash of its bytes.
    #[serde(default)]
    pub(crate) hash: Option<Bytes32>,
    /// Of a stream: its extents, unless a map holds them.
    #[serde(default)]
    pub(crate) extents: Vec<ExtentRecord>,
    /// Of a stream: the root of its map, as a position among the meta references.
    #[serde(default)]
    pub(crate) map: Option<u32>,
}

/// An extent in a manifest: position among the data references (none for a hole), offset, length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExtentRecord(Option<u32>, u32, u64);

/// Thirty-two bytes that MessagePack keeps as a byte string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Bytes32(#[serde(with = "serde_bytes")] pub(crate) [u8; 32]);

impl Manifest {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(self.references.encoded_len() + 1024);
        self.references.encode(&mut out)?;
        let body = rmp_serde::to_vec_named(&self.body)
            .map_err(|error| Error::invalid("the manifest cannot be written").with_source(error))?;
        out.extend_from_slice(&body);
        if out.len() as u64 + 96 > limit::MANIFEST {
            return Err(Error::invalid(format!("the manifest would have {} bytes, too many", out.len()))
                .with_remedy("back up fewer services or artifacts in one environment"));
        }
        Ok(out)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        let references = References::decode(&mut cursor)?;
        let mut rest = cursor.rest();
        let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
        deserializer.set_max_depth(limit::DEPTH);
        let body = Body::deserialize(&mut deserializer)
            .map_err(|error| Error::damaged("the manifest cannot be read").with_source(error))?;
        if !rest.is_empty() {
            return Err(Error::damaged("there are bytes after the end of the manifest"));
        }
        let manifest = Self { references, body };
        manifest.expect_names()?;
        manifest.expect_sums()?;
        for artifact in manifest.artifacts() {
            manifest.expect_artifact(artifact)?;
        }
        Ok(manifest)
    }

    fn artifacts(&self) -> impl Iterator<Item = &ArtifactRecord> {
        self.body.services.iter().flat_map(|service| &service.artifacts)
    }

    /// Names become folders and files when a backup is restored, so none may lead elsewhere and none may come twice.
    pub(crate) fn expect_names(&self) -> Result<()> {
        let bad =
            |error: Error| Error::damaged("the manifest has a name that cannot be one").with_source(error);
        check_environment_name(&self.body.environment).map_err(bad)?;
        if self.body.kinds.is_empty() {
            return Err(Error::damaged("the manifest has no kind"));
        }
        let mut seen = HashSet::new();
        let left_out = self.body.left_out.iter().map(|service| &service.name);
        for name in left_out.chain(self.body.services.iter().map(|service| &service.name)) {
            check_service_name(name).map_err(bad)?;
            if !seen.insert(name) {
                return Err(Error::damaged(format!("the manifest has two services named \"{name}\"")));
            }
        }
        for service in &self.body.services {
            let names = service.artifacts.iter().map(|artifact| &artifact.name);
            if let Some(name) = names.clone().find(|name| !is_artifact_name(name)) {
                return Err(Error::damaged(format!(
                    "the manifest has an artifact named {name:?}, which cannot be one"
                )));
            }
            if !names.is_sorted_by(|left, right| left < right) {
                let text =
                    format!("the artifacts of the service \"{}\" are not sorted by name", service.name);
                return Err(Error::damaged(text));
            }
        }
        Ok(())
    }

    /// What all artifacts hold together is a number that nothing overflows with.
    pub(crate) fn expect_sums(&self) -> Result<()> {
        for (what, of) in
            [("bytes", artifact_bytes as fn(&ArtifactRecord) -> u64), ("entries", artifact_entries)]
        {
            let sum = self.artifacts().try_fold(0_u64, |sum, artifact| sum.checked_add(of(artifact)));
            if sum.is_none_or(|sum| i64::try_from(sum).is_err()) {
                return Err(Error::damaged(format!("the manifest claims more {what} than there can be")));
            }
        }
        Ok(())
    }

    /// The roots of a tree, base first.
    pub(crate) fn layers(&self, artifact: &ArtifactRecord) -> Result<Vec<ChunkId>> {
        artifact.layers.iter().map(|position| self.references.meta(u64::from(*position))).collect()
    }

    /// The content of a stream; `None` if it is empty.
    pub(crate) fn content(&self, artifact: &ArtifactRecord) -> Result<Option<OwnedContent>> {
        let Some(hash) = artifact.hash else { return Ok(None) };
        let extents = match artifact.map {
            Some(root) => OwnedExtents::Map(self.references.meta(u64::from(root))?),
            None => OwnedExtents::Inline(
                artifact.extents.iter().map(|extent| self.extent(*extent)).collect::<Result<_>>()?,
            ),
        };
        Ok(Some(OwnedContent { hash: ContentHash(hash.0), size: artifact.bytes, extents }))
    }

    fn extent(&self, record: ExtentRecord) -> Result<Extent> {
        let chunk = record.0.map(|position| self.references.data(u64::from(position))).transpose()?;
        expect_extent(Extent { chunk, offset: record.1, length: record.2 })
    }

    fn expect_artifact(&self, artifact: &ArtifactRecord) -> Result<()> {
        match artifact.kind {
            ArtifactKind::Tree => {
                if self.layers(artifact)?.len() != 1 {
                    return Err(Error::unsupported(format!("the tree \"{}\" has deltas", artifact.name)));
                }
            }
            ArtifactKind::Stream => match self.content(artifact)?.map(|content| content.extents) {
                Some(OwnedExtents::Inline(extents)) => expect_sum(&extents, artifact.bytes)?,
                None if artifact.bytes > 0 => {
                    return Err(Error::damaged(format!("the stream \"{}\" has no content", artifact.name)));
                }
                _ => {}
            },
        }
        Ok(())
    }
}

impl ArtifactRecord {
    /// The record of a tree with one layer.
    pub(crate) fn tree(
        name: &str,
        layout: Layout,
        totals: (u64, u64),
        root: ChunkId,
        references: &mut ReferenceBuilder,
    ) -> Result<Self> {
        let mut record = Self::empty(name, ArtifactKind::Tree, layout);
        (record.entries, record.bytes) = totals;
        record.layers = vec![to_u32(references.meta(root))?];
        Ok(record)
    }

    /// The record of a stream.
    pub(crate) fn stream(
        name: &str,
        layout: Layout,
        content: Option<&OwnedContent>,
        references: &mut ReferenceBuilder,
    ) -> Result<Self> {
        let mut record = Self::empty(name, ArtifactKind::Stream, layout);
        let Some(content) = content else { return Ok(record) };
        record.bytes = content.size;
        record.hash = Some(Bytes32(content.hash.0));
        match &content.extents {
            OwnedExtents::Map(root) => record.map = Some(to_u32(references.meta(*root))?),
            OwnedExtents::Inline(extents) => {
                for extent in extents {
                    let chunk = extent.chunk.map(|chunk| to_u32(references.data(chunk))).transpose()?;
                    record.extents.push(ExtentRecord(chunk, extent.offset, extent.length));
                }
            }
        }
        Ok(record)
    }

    fn empty(name: &str, kind: ArtifactKind, layout: Layout) -> Self {
        Self {
            name: name.into(),
            kind,
            layout,
            bytes: 0,
            entries: 0,
            layers: Vec::new(),
            hash: None,
            extents: Vec::new(),
            map: None,
        }
    }
}

/// Whether a text can be the name of an artifact: `/`-separated parts, none of them empty, `.` or `..`, without control characters.
pub(crate) fn is_artifact_name(name: &str) -> bool {
    let bad = |part: &str| matches!(part, "" | "." | "..") || part.chars().any(char::is_control);
    name.len() <= limit::ARTIFACT_NAME && !name.split('/').any(bad)
}

fn artifact_bytes(artifact: &ArtifactRecord) -> u64 {
    artifact.bytes
}

fn artifact_entries(artifact: &ArtifactRecord) -> u64 {
    artifact.entries
}

fn to_u32(number: u64) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::invalid("too many references for one manifest"))
}
