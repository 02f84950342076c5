//! Digests: many manifests in short, and many notes. A cache: nothing is true because a digest says it.

use serde::{Deserialize, Serialize};
use zstd::zstd_safe;

use super::limit;
use super::manifest::{Body, Bytes32, Manifest};
use super::names::{ManifestName, NoteName};
use super::references::References;
use crate::{BackupId, Error, Result};

/// What is in a digest: a MessagePack map with names, compressed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest {
    /// Hashes of the digests that nobody needs to read any more: what they say, others say that remain.
    pub(crate) replaces: Vec<Bytes32>,
    /// By name, ascending.
    pub(crate) manifests: Vec<Item>,
    /// By name, ascending.
    pub(crate) notes: Vec<Item>,
}

/// What a digest says of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    #[serde(with = "serde_bytes")]
    pub(crate) environment: [u8; 8],
    #[serde(with = "serde_bytes")]
    pub(crate) id: [u8; 16],
    #[serde(with = "serde_bytes")]
    pub(crate) hash: [u8; 32],
    /// Of a manifest: its [summary](encode_summary); of a note: its plaintext.
    #[serde(with = "serde_bytes")]
    pub(crate) content: Vec<u8>,
}

impl Item {
    pub(crate) fn of_manifest(name: &ManifestName, content: Vec<u8>) -> Self {
        let ManifestName { environment, id, hash } = *name;
        Self { environment, id: *id.as_bytes(), hash, content }
    }

    pub(crate) fn of_note(name: &NoteName, content: Vec<u8>) -> Self {
        let NoteName { environment, id, hash } = *name;
        Self { environment, id: *id.as_bytes(), hash, content }
    }

    /// The name of the manifest that it is about, if it is about one.
    pub(crate) fn manifest(&self) -> ManifestName {
        let Self { environment, hash, .. } = *self;
        ManifestName { environment, id: BackupId::from_bytes(self.id), hash }
    }

    /// The name of the note that it is, if it is one.
    pub(crate) fn note(&self) -> NoteName {
        let Self { environment, hash, .. } = *self;
        NoteName { environment, id: BackupId::from_bytes(self.id), hash }
    }

    /// At least the bytes that it takes in a digest.
    pub(crate) fn encoded_len(&self) -> u64 {
        ITEM + self.content.len() as u64
    }

    fn key(&self) -> ([u8; 8], [u8; 16], [u8; 32]) {
        (self.environment, self.id, self.hash)
    }
}

impl Digest {
    /// Encodes, after sorting.
    pub(crate) fn encode(&mut self) -> Result<Vec<u8>> {
        for items in [&mut self.manifests, &mut self.notes] {
            items.sort_by_key(Item::key);
            items.dedup_by_key(|item| item.key());
        }
        zstd::bulk::compress(&self.unfolded()?, LEVEL)
            .map_err(|error| Error::invalid("the digest cannot be compressed").with_source(error))
    }

    /// Encodes what is sorted, without compressing it.
    pub(crate) fn unfolded(&self) -> Result<Vec<u8>> {
        let plain = rmp_serde::to_vec_named(self)
            .map_err(|error| Error::invalid("the digest cannot be written").with_source(error))?;
        match plain.len() as u64 <= limit::DIGEST {
            true => Ok(plain),
            false => Err(Error::invalid(format!("the digest would have {} bytes, too many", plain.len()))),
        }
    }

    pub(crate) fn decode(frame: &[u8]) -> Result<Self> {
        let plain = unfold(frame)?;
        let mut rest = &plain[..];
        let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
        deserializer.set_max_depth(limit::DEPTH);
        let digest = Self::deserialize(&mut deserializer)
            .map_err(|error| Error::damaged("the digest cannot be read").with_source(error))?;
        if !rest.is_empty() {
            return Err(Error::damaged("there are bytes after the end of the digest"));
        }
        let sorted = |items: &[Item]| items.is_sorted_by(|left, right| left.key() < right.key());
        if !sorted(&digest.manifests) || !sorted(&digest.notes) {
            return Err(Error::damaged("the digest is not sorted"));
        }
        Ok(digest)
    }
}

/// Decompresses one frame that states its length, which is compared with the limit before anything is allocated.
fn unfold(frame: &[u8]) -> Result<Vec<u8>> {
    let stated = zstd_safe::get_frame_content_size(frame).ok().flatten();
    let length =
        stated.filter(|length| *length <= limit::DIGEST).and_then(|length| usize::try_from(length).ok());
    let Some(length) = length else {
        return Err(Error::damaged("the digest does not state a length that it may have"));
    };
    if zstd_safe::find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err(Error::damaged("the digest is not exactly one frame"));
    }
    let plain = zstd::bulk::decompress(frame, length)
        .map_err(|error| Error::damaged("the digest cannot be decompressed").with_source(error))?;
    match plain.len() == length {
        true => Ok(plain),
        false => Err(Error::damaged("the digest is not as long as it states")),
    }
}

/// The body of a manifest without where its contents are: all that a list shows.
pub(crate) fn summary(mut body: Body) -> Body {
    for artifact in body.services.iter_mut().flat_map(|service| &mut service.artifacts) {
        (artifact.hash, artifact.map) = (None, None);
        (artifact.layers, artifact.extents) = (Vec::new(), Vec::new());
    }
    body
}

/// Encodes what [`summary`] made.
pub(crate) fn encode_summary(body: &Body) -> Result<Vec<u8>> {
    rmp_serde::to_vec_named(body)
        .map_err(|error| Error::invalid("the summary cannot be written").with_source(error))
}

pub(crate) fn decode_summary(bytes: &[u8]) -> Result<Body> {
    let mut rest = bytes;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    deserializer.set_max_depth(limit::DEPTH);
    let body = Body::deserialize(&mut deserializer)
        .map_err(|error| Error::damaged("a summary cannot be read").with_source(error))?;
    let manifest = Manifest { references: References::default(), body };
    manifest.expect_names()?;
    manifest.expect_sums()?;
    Ok(summary(manifest.body))
}

/// Bytes of an item besides its content: names of fields, lengths, the name of the object.
const ITEM: u64 = 128;
const LEVEL: i32 = 3;
