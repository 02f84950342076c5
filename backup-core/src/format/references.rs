//! The table of all chunks that a record refers to. Prune reads only these.

use backup_crypto::ChunkId;

use super::cursor::Cursor;
use crate::{Error, Result};
use std::collections::HashMap;

/// Chunk ids that a record refers to, data chunks first; the rest of the record uses positions in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// Chunks of content.
    pub(crate) data: Vec<ChunkId>,
    /// Segments of trees and maps, which have references of their own.
    pub(crate) meta: Vec<ChunkId>,
}

impl References {
    pub(crate) fn encoded_len(&self) -> usize {
        8 + 32 * (self.data.len() + self.meta.len())
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        for ids in [&self.data, &self.meta] {
            let count =
                u32::try_from(ids.len()).map_err(|_| Error::invalid("too many references for one record"))?;
            out.extend_from_slice(&count.to_le_bytes());
        }
        for id in self.data.iter().chain(&self.meta) {
            out.extend_from_slice(&id.0);
        }
        Ok(())
    }

    pub(crate) fn decode(cursor: &mut Cursor<'_>) -> Result<Self> {
        let (data, meta) = (cursor.u32()?, cursor.u32()?);
        Ok(Self { data: ids(cursor, data)?, meta: ids(cursor, meta)? })
    }

    pub(crate) fn data(&self, position: u64) -> Result<ChunkId> {
        at(&self.data, position)
    }

    pub(crate) fn meta(&self, position: u64) -> Result<ChunkId> {
        at(&self.meta, position)
    }
}

fn ids(cursor: &mut Cursor<'_>, count: u32) -> Result<Vec<ChunkId>> {
    let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(32));
    let bytes = cursor.take(bytes.ok_or_else(|| Error::damaged("a reference table is too long"))?)?;
    Ok(bytes.as_chunks::<32>().0.iter().map(|id| ChunkId(*id)).collect())
}

fn at(ids: &[ChunkId], position: u64) -> Result<ChunkId> {
    usize::try_from(position)
        .ok()
        .and_then(|position| ids.get(position).copied())
        .ok_or_else(|| Error::damaged("it refers to a chunk that its reference table does not have"))
}

/// Collects references while a record is built, each id once.
#[derive(Debug, Default)]
pub(crate) struct ReferenceBuilder {
    references: References,
    data: HashMap<ChunkId, u64>,
    meta: HashMap<ChunkId, u64>,
}

impl ReferenceBuilder {
    pub(crate) fn data(&mut self, id: ChunkId) -> u64 {
        position(&mut self.references.data, &mut self.data, id)
    }

    pub(crate) fn meta(&mut self, id: ChunkId) -> u64 {
        position(&mut self.references.meta, &mut self.meta, id)
    }

    pub(crate) fn encoded_len(&self) -> usize {
        self.references.encoded_len()
    }

    pub(crate) fn take(&mut self) -> References {
        self.data.clear();
        self.meta.clear();
        std::mem::take(&mut self.references)
    }
}

fn position(ids: &mut Vec<ChunkId>, known: &mut HashMap<ChunkId, u64>, id: ChunkId) -> u64 {
    *known.entry(id).or_insert_with(|| {
        ids.push(id);
        ids.len() as u64 - 1
    })
}
