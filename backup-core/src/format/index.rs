//! Index segments: where the chunks of some packs are.

use std::sync::Arc;

use backup_crypto::{AuthorId, ChunkId, Encapsulation};

use super::cursor::Cursor;
use super::limit;
use super::names::PackName;
use super::pack::{KIND_BIT, PackHeader, PackedChunk, bit_kind, expect_sizes, kind_bit};
use crate::{Error, Result};

/// A pack as an index segment describes it: all that is needed to read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexedPack {
    pub(crate) name: PackName,
    pub(crate) size: u64,
    pub(crate) header: PackHeader,
    pub(crate) chunks: Vec<PackedChunk>,
}

/// Encodes a segment: table of sessions, table of packs, chunk records sorted by id.
pub(crate) fn encode(packs: &[IndexedPack]) -> Result<Vec<u8>> {
    let mut sessions: Vec<&Encapsulation> = Vec::new();
    let mut table = Vec::new();
    let mut records = Vec::new();
    for (number, pack) in packs.iter().enumerate() {
        let session = match &pack.header.session {
            None => NO_SESSION,
            Some(session) => position(&mut sessions, session)?,
        };
        table.extend_from_slice(&encode_pack(pack, session));
        records.extend(pack.chunks.iter().map(|chunk| (chunk.id, number, *chunk)));
    }
    records.sort_unstable_by_key(|record| (record.0, record.1));
    let mut out = Vec::new();
    for count in [sessions.len(), packs.len(), records.len(), 0] {
        out.extend_from_slice(&to_u32(count)?.to_le_bytes());
    }
    for session in sessions {
        out.extend_from_slice(&[session.suite, 0]);
        let length =
            u16::try_from(session.bytes.len()).map_err(|_| Error::invalid("an encapsulation is too long"))?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&session.epoch.to_le_bytes());
        out.extend_from_slice(&session.bytes);
    }
    out.extend_from_slice(&table);
    for (id, pack, chunk) in records {
        out.extend_from_slice(&id.0);
        for number in [to_u32(pack)?, chunk.offset, chunk.stored, chunk.plain | kind_bit(chunk.kind)] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    Ok(out)
}

/// Decodes a segment; the chunks of each pack are sorted by id.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<IndexedPack>> {
    if bytes.len() as u64 > limit::INDEX {
        return Err(Error::damaged("an index segment is too large"));
    }
    let mut cursor = Cursor::new(bytes);
    let (sessions, packs, records) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    if cursor.u32()? != 0 {
        return Err(Error::damaged("an index segment has a field that this format does not know"));
    }
    let sessions = (0..sessions).map(|_| decode_session(&mut cursor)).collect::<Result<Vec<_>>>()?;
    let mut packs = (0..packs).map(|_| decode_pack(&mut cursor, &sessions)).collect::<Result<Vec<_>>>()?;
    let mut previous = None;
    for _ in 0..records {
        let id = ChunkId(cursor.array()?);
        let number = cursor.u32()?;
        let (offset, stored, plain) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        let chunk = PackedChunk { id, kind: bit_kind(plain), offset, stored, plain: plain & !KIND_BIT };
        expect_sizes(&chunk)?;
        if previous.replace((id, number)).is_some_and(|previous| previous >= (id, number)) {
            return Err(Error::damaged("the records of an index segment are not sorted"));
        }
        let pack = usize::try_from(number).ok().and_then(|number| packs.get_mut(number));
        let pack =
            pack.ok_or_else(|| Error::damaged("an index record names a pack that its table does not have"))?;
        if u64::from(offset) + u64::from(stored) > pack.size {
            return Err(Error::damaged("an index record goes beyond its pack"));
        }
        pack.chunks.push(chunk);
    }
    cursor.finish()?;
    Ok(packs)
}

fn encode_pack(pack: &IndexedPack, session: u32) -> [u8; PACK] {
    let mut out = [0; PACK];
    out[0..32].copy_from_slice(&pack.name.hash);
    out[32..36].copy_from_slice(&pack.name.incarnation);
    out[36..40].copy_from_slice(&session.to_le_bytes());
    out[40..48].copy_from_slice(&pack.size.to_le_bytes());
    out[48..64].copy_from_slice(&pack.header.author.0);
    out[64..80].copy_from_slice(&pack.header.salt);
    out[80..84].copy_from_slice(&pack.header.meta_epoch.to_le_bytes());
    out
}

fn decode_pack(cursor: &mut Cursor<'_>, sessions: &[Arc<Encapsulation>]) -> Result<IndexedPack> {
    let name = PackName { hash: cursor.array()?, incarnation: cursor.array()? };
    let session = match cursor.u32()? {
        NO_SESSION => None,
        number => {
            let session = usize::try_from(number).ok().and_then(|number| sessions.get(number));
            Some(
                session
                    .cloned()
                    .ok_or_else(|| Error::damaged("a pack of the index names a session that is none"))?,
            )
        }
    };
    let size = cursor.u64()?;
    let (author, salt) = (AuthorId(cursor.array()?), cursor.array()?);
    let meta_epoch = cursor.u32()?;
    if cursor.array::<12>()? != [0; 12] || size > limit::PACK {
        return Err(Error::damaged("a pack of the index is not one that this format knows"));
    }
    let header = PackHeader { meta_epoch, author, salt, session };
    Ok(IndexedPack { name, size, header, chunks: Vec::new() })
}

fn decode_session(cursor: &mut Cursor<'_>) -> Result<Arc<Encapsulation>> {
    let (suite, reserved) = (cursor.u8()?, cursor.u8()?);
    let length = usize::from(cursor.u16()?);
    let epoch = cursor.u32()?;
    if reserved != 0 || suite == 0 || length > limit::ENCAPSULATION {
        return Err(Error::damaged("a session of the index is not one that this format knows"));
    }
    Ok(Arc::new(Encapsulation { suite, epoch, bytes: cursor.take(length)?.to_vec() }))
}

fn position<'a>(sessions: &mut Vec<&'a Encapsulation>, session: &'a Encapsulation) -> Result<u32> {
    let found = sessions.iter().position(|known| *known == session);
    to_u32(found.unwrap_or_else(|| {
        sessions.push(session);
        sessions.len() - 1
    }))
}

fn to_u32(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::invalid("too much for one index segment"))
}

const NO_SESSION: u32 = u32::MAX;
const PACK: usize = 96;
