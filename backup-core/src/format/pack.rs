//! Packs: a header, sealed chunks one after the other, a directory, a footer.

use std::sync::Arc;

use backup_crypto::{AuthorId, ChunkId, ChunkKind, Encapsulation, Keys, Random};

use super::cursor::Cursor;
use super::header::{Kind, expect_domain, expect_start};
use super::{FORMAT, MAGIC, limit, record};
use crate::{Error, Result};

/// What stands at the front of a pack, in the clear: all that its keys are made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PackHeader {
    /// Epoch of the meta key, from which meta chunks of the pack are sealed.
    pub(crate) meta_epoch: u32,
    pub(crate) author: AuthorId,
    /// Makes the pack's keys unique.
    pub(crate) salt: [u8; 16],
    /// The session whose secret seals the data chunks; `None` if there are none.
    pub(crate) session: Option<Arc<Encapsulation>>,
}

/// Where a chunk is in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackedChunk {
    pub(crate) id: ChunkId,
    pub(crate) kind: ChunkKind,
    pub(crate) offset: u32,
    /// Sealed bytes.
    pub(crate) stored: u32,
    /// Bytes of the plaintext.
    pub(crate) plain: u32,
}

impl PackHeader {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let empty = Encapsulation { suite: 0, epoch: 0, bytes: Vec::new() };
        let session = self.session.as_deref().unwrap_or(&empty);
        let length =
            u16::try_from(session.bytes.len()).map_err(|_| Error::invalid("an encapsulation is too long"))?;
        let mut out = Vec::with_capacity(FIXED + session.bytes.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&[Kind::Pack as u8, 0]);
        out.extend_from_slice(&self.meta_epoch.to_le_bytes());
        out.extend_from_slice(&0_u32.to_le_bytes());
        out.extend_from_slice(&self.author.0);
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&[session.suite, 0]);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&session.epoch.to_le_bytes());
        out.extend_from_slice(&session.bytes);
        Ok(out)
    }

    /// Reads a header and returns how long it is.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, usize)> {
        let mut cursor = Cursor::new(bytes);
        expect_start(&mut cursor, Kind::Pack)?;
        let meta_epoch = cursor.u32()?;
        expect_domain(cursor.u32()?)?;
        let (author, salt) = (AuthorId(cursor.array()?), cursor.array()?);
        let (suite, reserved) = (cursor.u8()?, cursor.u8()?);
        let length = usize::from(cursor.u16()?);
        let epoch = cursor.u32()?;
        if reserved != 0 || length > limit::ENCAPSULATION || (length == 0) != (suite == 0) {
            return Err(Error::damaged("the header of a pack is not one that this format knows"));
        }
        let bytes = cursor.take(length)?.to_vec();
        let session = (suite != 0).then(|| Arc::new(Encapsulation { suite, epoch, bytes }));
        Ok((Self { meta_epoch, author, salt, session }, FIXED + length))
    }
}

/// The directory of a pack, sealed, and the footer: what follows the chunks.
pub(crate) fn encode_end(keys: &Keys, random: &dyn Random, chunks: &[PackedChunk]) -> Result<Vec<u8>> {
    let count = u32::try_from(chunks.len()).map_err(|_| Error::invalid("too many chunks for one pack"))?;
    let mut plain = Vec::with_capacity(4 + chunks.len() * ENTRY);
    plain.extend_from_slice(&count.to_le_bytes());
    for chunk in chunks {
        plain.extend_from_slice(&chunk.id.0);
        for number in [chunk.offset, chunk.stored, chunk.plain | kind_bit(chunk.kind)] {
            plain.extend_from_slice(&number.to_le_bytes());
        }
    }
    let mut out = record::seal(keys, random, Kind::Directory, &[], plain)?;
    let length =
        u32::try_from(out.len()).map_err(|_| Error::invalid("the directory of a pack is too long"))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&MAGIC);
    Ok(out)
}

/// How long the directory of a pack is, from its footer: the last twelve bytes of the pack.
pub(crate) fn decode_footer(footer: [u8; FOOTER], pack_size: u64) -> Result<u64> {
    let mut cursor = Cursor::new(&footer);
    let length = u64::from(cursor.u32()?);
    let (signature, reserved) = (cursor.u16()?, cursor.u16()?);
    if cursor.array()? != MAGIC || signature != 0 || reserved != 0 {
        return Err(Error::damaged("a pack does not end like one"));
    }
    if length > limit::DIRECTORY || length.saturating_add((FIXED + FOOTER) as u64) > pack_size {
        return Err(Error::damaged("the directory of a pack does not fit into it"));
    }
    Ok(length)
}

/// Opens the directory of a pack whose chunks lie between two offsets.
pub(crate) fn decode_directory(keys: &Keys, bytes: &[u8], start: u64, end: u64) -> Result<Vec<PackedChunk>> {
    let plain = record::open(keys, Kind::Directory, &[], bytes, limit::DIRECTORY)?;
    let mut cursor = Cursor::new(&plain);
    let count = cursor.u32()?;
    let mut chunks = Vec::new();
    let mut free = start;
    for _ in 0..count {
        let id = ChunkId(cursor.array()?);
        let (offset, stored, plain) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        let chunk = PackedChunk { id, kind: bit_kind(plain), offset, stored, plain: plain & !KIND_BIT };
        expect_sizes(&chunk)?;
        if u64::from(offset) != free {
            return Err(Error::damaged("the chunks of a pack overlap or leave gaps"));
        }
        free += u64::from(stored);
        chunks.push(chunk);
    }
    cursor.finish()?;
    if free != end {
        return Err(Error::damaged("the chunks of a pack do not fill it"));
    }
    Ok(chunks)
}

/// Fails when a chunk claims sizes that no chunk has.
pub(crate) fn expect_sizes(chunk: &PackedChunk) -> Result<()> {
    let (plain, stored) = (u64::from(chunk.plain), u64::from(chunk.stored));
    if plain > limit::CHUNK as u64 || stored > limit::STORED_CHUNK as u64 || stored < 17 {
        return Err(Error::damaged(format!("the chunk {} has impossible sizes", chunk.id)));
    }
    Ok(())
}

/// What the seal of a chunk is bound to besides its key, which comes from pack and id.
pub(crate) fn chunk_binding(keys: &Keys, epoch: u32, kind: ChunkKind, id: &ChunkId) -> [u8; 61] {
    let mut out = [0; 61];
    out[0..4].copy_from_slice(&MAGIC);
    out[4..6].copy_from_slice(&FORMAT.to_le_bytes());
    out[6] = Kind::Chunk as u8;
    out[7..23].copy_from_slice(&keys.repository().0);
    out[23..27].copy_from_slice(&epoch.to_le_bytes());
    out[27] = kind.number();
    out[29..61].copy_from_slice(&id.0);
    out
}

pub(crate) fn kind_bit(kind: ChunkKind) -> u32 {
    if kind == ChunkKind::Meta { KIND_BIT } else { 0 }
}

pub(crate) fn bit_kind(plain: u32) -> ChunkKind {
    if plain & KIND_BIT == 0 { ChunkKind::Data } else { ChunkKind::Meta }
}

/// The highest bit of a plaintext size tells meta chunks from data chunks.
pub(crate) const KIND_BIT: u32 = 1 << 31;
/// Bytes of the footer.
pub(crate) const FOOTER: usize = 12;
/// Bytes of a header without its encapsulation.
pub(crate) const FIXED: usize = 56;
const ENTRY: usize = 44;
