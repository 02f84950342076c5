//! Contents within records: a hash and a list of extents, or the root of a map.

use backup_crypto::ContentHash;

use super::cursor::{Cursor, put_length, put_varint};
use super::limit;
use super::references::{ReferenceBuilder, References};
use crate::engine::{Extent, ExtentList, StoredContent};
use crate::{Error, Result};

const ABSENT: u8 = 0;
const INLINE: u8 = 1;
const MAP: u8 = 2;

/// A content as it is read from a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedContent {
    pub(crate) hash: ContentHash,
    pub(crate) size: u64,
    pub(crate) extents: OwnedExtents,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnedExtents {
    Inline(Vec<Extent>),
    Map(backup_crypto::ChunkId),
}

impl OwnedContent {
    pub(crate) fn as_stored(&self) -> StoredContent<'_> {
        let extents = match &self.extents {
            OwnedExtents::Inline(list) => ExtentList::Inline(list),
            OwnedExtents::Map(root) => ExtentList::Map(*root),
        };
        StoredContent { hash: self.hash, size: self.size, extents }
    }
}

impl From<StoredContent<'_>> for OwnedContent {
    fn from(content: StoredContent<'_>) -> Self {
        let extents = match content.extents {
            ExtentList::Inline(list) => OwnedExtents::Inline(list.to_vec()),
            ExtentList::Map(root) => OwnedExtents::Map(root),
        };
        Self { hash: content.hash, size: content.size, extents }
    }
}

/// Writes a content whose size stands elsewhere.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    references: &mut ReferenceBuilder,
    content: Option<StoredContent<'_>>,
) {
    let Some(content) = content else {
        out.push(ABSENT);
        return;
    };
    match content.extents {
        ExtentList::Inline(list) => {
            out.push(INLINE);
            out.extend_from_slice(&content.hash.0);
            put_length(out, list.len());
            for extent in list {
                encode_extent(out, references, extent);
            }
        }
        ExtentList::Map(root) => {
            out.push(MAP);
            out.extend_from_slice(&content.hash.0);
            put_varint(out, references.meta(root));
        }
    }
}

/// Reads what [`encode`] wrote, for a content of a known size.
pub(crate) fn decode(
    cursor: &mut Cursor<'_>,
    references: &References,
    size: u64,
) -> Result<Option<OwnedContent>> {
    let tag = cursor.u8()?;
    if tag == ABSENT {
        return if size == 0 {
            Ok(None)
        } else {
            Err(Error::damaged("a content that is not empty has no bytes"))
        };
    }
    if size == 0 {
        return Err(Error::damaged("a content without bytes has a hash"));
    }
    let hash = ContentHash(cursor.array()?);
    let extents = match tag {
        INLINE => {
            let count = cursor.length(limit::INLINE_EXTENTS)?;
            let list = (0..count).map(|_| decode_extent(cursor, references)).collect::<Result<Vec<_>>>()?;
            expect_sum(&list, size)?;
            OwnedExtents::Inline(list)
        }
        MAP => OwnedExtents::Map(references.meta(cursor.varint()?)?),
        other => return Err(Error::unsupported(format!("a content is stored in the unknown way {other}"))),
    };
    Ok(Some(OwnedContent { hash, size, extents }))
}

pub(crate) fn encode_extent(out: &mut Vec<u8>, references: &mut ReferenceBuilder, extent: &Extent) {
    match extent.chunk {
        None => out.push(0),
        Some(chunk) => {
            put_varint(out, references.data(chunk) + 1);
            put_varint(out, extent.offset.into());
        }
    }
    put_varint(out, extent.length);
}

pub(crate) fn decode_extent(cursor: &mut Cursor<'_>, references: &References) -> Result<Extent> {
    let code = cursor.varint()?;
    let Some(position) = code.checked_sub(1) else {
        return expect_extent(Extent { chunk: None, offset: 0, length: cursor.varint()? });
    };
    let chunk = Some(references.data(position)?);
    expect_extent(Extent { chunk, offset: cursor.varint_u32()?, length: cursor.varint()? })
}

/// Fails when an extent cannot be part of a chunk.
pub(crate) fn expect_extent(extent: Extent) -> Result<Extent> {
    let end = u64::from(extent.offset).checked_add(extent.length);
    let fits = extent.chunk.is_none() || end.is_some_and(|end| end <= limit::CHUNK as u64);
    if extent.length == 0 || !fits {
        return Err(Error::damaged("an extent is empty or goes beyond its chunk"));
    }
    Ok(extent)
}

pub(crate) fn expect_sum(extents: &[Extent], size: u64) -> Result<()> {
    let sum = extents.iter().try_fold(0_u64, |sum, extent| sum.checked_add(extent.length));
    if sum == Some(size) {
        Ok(())
    } else {
        Err(Error::damaged("the extents of a content do not add up to its size"))
    }
}
