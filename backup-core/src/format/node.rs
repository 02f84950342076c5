//! Segments of trees and maps: what leaves and nodes share, and nodes.
//!
//! A segment is the plaintext of a meta chunk: kind, version, reference table, count, items. Leaves hold entries or extents, nodes hold
//! the first key of each child. Keys are paths in trees, big-endian offsets in maps.

use std::cmp::Ordering;

use backup_crypto::ChunkId;

use super::cursor::{Cursor, put_length, put_varint};
use super::limit;
use super::references::{ReferenceBuilder, References};
use crate::engine::path_order;
use crate::{Error, Result};

/// What a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SegmentKind {
    TreeLeaf = 20,
    TreeNode = 21,
    MapLeaf = 22,
    MapNode = 23,
}

/// One child of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Child {
    /// The first key below the child.
    pub(crate) key: Vec<u8>,
    pub(crate) chunk: ChunkId,
}

/// A segment taken apart, its items not yet.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) kind: SegmentKind,
    pub(crate) references: References,
    pub(crate) count: u32,
    pub(crate) items: Cursor<'a>,
}

impl SegmentKind {
    /// The order of keys in segments of this kind.
    pub(crate) fn order(self, left: &[u8], right: &[u8]) -> Ordering {
        match self {
            Self::TreeLeaf | Self::TreeNode => path_order(left, right),
            Self::MapLeaf | Self::MapNode => left.cmp(right),
        }
    }

    fn from_number(number: u8) -> Result<Self> {
        Ok(match number {
            20 => Self::TreeLeaf,
            21 => Self::TreeNode,
            22 => Self::MapLeaf,
            23 => Self::MapNode,
            _ => return Err(Error::damaged(format!("a segment is of the unknown kind {number}"))),
        })
    }
}

/// Puts a segment together.
pub(crate) fn encode_segment(
    kind: SegmentKind,
    references: &References,
    count: u32,
    items: &[u8],
) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(8 + references.encoded_len() + items.len());
    out.extend_from_slice(&[kind as u8, VERSION, 0, 0]);
    references.encode(&mut out)?;
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(items);
    if out.len() > limit::SEGMENT {
        return Err(Error::invalid("an entry is too large for one segment of a tree"));
    }
    Ok(out)
}

/// Takes a segment apart.
pub(crate) fn decode_segment(bytes: &[u8]) -> Result<Segment<'_>> {
    if bytes.len() > limit::SEGMENT {
        return Err(Error::damaged("a segment is too large"));
    }
    let mut cursor = Cursor::new(bytes);
    let kind = SegmentKind::from_number(cursor.u8()?)?;
    let version = cursor.u8()?;
    if version != VERSION || cursor.u16()? != 0 {
        return Err(Error::unsupported(format!(
            "a segment has version {version}, this software knows {VERSION}"
        )));
    }
    let references = References::decode(&mut cursor)?;
    let count = cursor.u32()?;
    Ok(Segment { kind, references, count, items: cursor })
}

/// Writes one child of a node, after the child with the key `previous`.
pub(crate) fn encode_child(
    out: &mut Vec<u8>,
    references: &mut ReferenceBuilder,
    previous: &[u8],
    child: &Child,
) {
    encode_key(out, previous, &child.key);
    put_varint(out, references.meta(child.chunk));
}

/// Reads the children of a node.
pub(crate) fn decode_children(mut segment: Segment<'_>) -> Result<Vec<Child>> {
    let mut children: Vec<Child> = Vec::new();
    let mut key = Vec::new();
    let mut keys = 0;
    for position in 0..segment.count {
        decode_key(&mut segment.items, &mut key)?;
        let ordered =
            children.last().is_none_or(|last| segment.kind.order(&last.key, &key) == Ordering::Less);
        if position > 0 && !ordered {
            return Err(Error::damaged("the children of a segment are not sorted"));
        }
        keys += key.len();
        expect_keys(keys)?;
        let chunk = segment.references.meta(segment.items.varint()?)?;
        children.push(Child { key: key.clone(), chunk });
    }
    segment.items.finish()?;
    if children.is_empty() { Err(Error::damaged("a node has no children")) } else { Ok(children) }
}

/// Writes a key as the length that it shares with the one before, and the rest.
pub(crate) fn encode_key(out: &mut Vec<u8>, previous: &[u8], key: &[u8]) {
    let shared = previous.iter().zip(key).take_while(|(left, right)| left == right).count();
    put_length(out, shared);
    put_length(out, key.len() - shared);
    out.extend_from_slice(&key[shared..]);
}

/// Reads a key over the one before.
pub(crate) fn decode_key(cursor: &mut Cursor<'_>, key: &mut Vec<u8>) -> Result<()> {
    let shared = cursor.length(key.len())?;
    let rest = cursor.length(limit::PATH - shared)?;
    let rest = cursor.take(rest)?;
    if key.get(shared).is_some_and(|next| rest.first() == Some(next)) {
        return Err(Error::damaged("a key does not share all that it has in common with the one before"));
    }
    key.truncate(shared);
    key.extend_from_slice(rest);
    Ok(())
}

/// Fails when the keys of a segment, unfolded, are longer together than those of any segment may be.
pub(crate) fn expect_keys(length: usize) -> Result<()> {
    if length <= limit::SEGMENT_KEYS {
        return Ok(());
    }
    Err(Error::damaged(format!(
        "the keys of a segment have more than {} bytes together",
        limit::SEGMENT_KEYS
    )))
}

const VERSION: u8 = 1;
