//! Builds the segments of a tree or map, from leaves up to one root.
//!
//! A leaf or node ends at an item whose key selects it, under the repository's keyed gear table, so that equal neighbourhoods give
//! equal segments in every backup, whatever changed elsewhere.

use std::sync::Arc;

use backup_crypto::{ChunkId, ChunkKind, Keys};
use bytes::Bytes;

use crate::chunker::{Gear, Sizes};
use crate::format::limit;
use crate::format::node::{Child, SegmentKind, encode_child, encode_segment};
use crate::format::references::ReferenceBuilder;
use crate::{Error, Result};

/// What cuts keys into segments; made once for a run.
#[derive(Debug, Clone)]
pub(crate) struct Cutter {
    table: Arc<[u64; 256]>,
    chunks: Gear,
}

/// Builds one tree or map. Finished segments wait in [`take_ready`](Self::take_ready) to be stored.
#[derive(Debug)]
pub(crate) struct SegmentBuilder {
    keys: Keys,
    cutter: Cutter,
    leaf: SegmentKind,
    node: SegmentKind,
    /// The leaf being filled, then one open node per level.
    open: Vec<Open>,
    ready: Vec<(ChunkId, Bytes)>,
}

#[derive(Debug, Default)]
struct Open {
    items: Vec<u8>,
    references: ReferenceBuilder,
    count: u32,
    first_key: Vec<u8>,
    last_key: Vec<u8>,
    /// Bytes of all keys, unfolded.
    keys: usize,
    last_child: Option<ChunkId>,
}

impl Cutter {
    pub(crate) fn new(keys: &Keys) -> Self {
        let table = keys.gear_table();
        Self { chunks: Gear::new(&table, Sizes::default()), table: Arc::new(table) }
    }

    /// What cuts contents into chunks.
    pub(crate) fn chunks(&self) -> &Gear {
        &self.chunks
    }

    /// Whether a segment that is large enough ends after this key.
    fn ends_after(&self, key: &[u8]) -> bool {
        let fold = |hash: u64, byte: &u8| (hash << 1).wrapping_add(self.table[usize::from(*byte)]);
        key.iter().fold(0, fold) >> (64 - CUT_BITS) == 0
    }
}

impl SegmentBuilder {
    /// Builds a tree.
    pub(crate) fn tree(keys: &Keys, cutter: &Cutter) -> Self {
        Self::new(keys, cutter, SegmentKind::TreeLeaf, SegmentKind::TreeNode)
    }

    /// Builds a content map.
    pub(crate) fn map(keys: &Keys, cutter: &Cutter) -> Self {
        Self::new(keys, cutter, SegmentKind::MapLeaf, SegmentKind::MapNode)
    }

    fn new(keys: &Keys, cutter: &Cutter, leaf: SegmentKind, node: SegmentKind) -> Self {
        Self {
            keys: keys.clone(),
            cutter: cutter.clone(),
            leaf,
            node,
            open: vec![Open::default()],
            ready: Vec::new(),
        }
    }

    /// Adds an item to the leaf being filled: `write` appends it, given the buffer, the references and the key before it.
    pub(crate) fn push(
        &mut self,
        key: &[u8],
        cut_by: &[u8],
        write: impl FnOnce(&mut Vec<u8>, &mut ReferenceBuilder, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.open[0].push(key, write)?;
        if self.open[0].is_full(&self.cutter, cut_by) { self.close(0) } else { Ok(()) }
    }

    /// Segments that are complete and not yet stored.
    pub(crate) fn take_ready(&mut self) -> Vec<(ChunkId, Bytes)> {
        std::mem::take(&mut self.ready)
    }

    /// Ends the tree and returns its root. `None` if nothing was pushed.
    pub(crate) fn finish(&mut self) -> Result<Option<ChunkId>> {
        let mut level = 0;
        while level < self.open.len() {
            let is_top = level + 1 == self.open.len();
            if is_top && level > 0 && self.open[level].count == 1 {
                return Ok(self.open[level].last_child);
            }
            if self.open[level].count > 0 {
                self.close(level)?;
            }
            level += 1;
        }
        Ok(None)
    }

    fn close(&mut self, level: usize) -> Result<()> {
        let kind = if level == 0 { self.leaf } else { self.node };
        let open = std::mem::take(&mut self.open[level]);
        let mut references = open.references;
        let segment = encode_segment(kind, &references.take(), open.count, &open.items)?;
        let child = Child { key: open.first_key, chunk: self.keys.chunk_id(ChunkKind::Meta, &segment) };
        self.ready.push((child.chunk, Bytes::from(segment)));
        if level >= limit::LEVELS {
            return Err(Error::invalid("a tree has too many levels"));
        }
        if self.open.len() == level + 1 {
            self.open.push(Open::default());
        }
        let parent = &mut self.open[level + 1];
        parent.push(&child.key, |items, references, previous| {
            encode_child(items, references, previous, &child);
            Ok(())
        })?;
        parent.last_child = Some(child.chunk);
        if parent.is_full(&self.cutter, &child.key) { self.close(level + 1) } else { Ok(()) }
    }
}

impl Open {
    fn push(
        &mut self,
        key: &[u8],
        write: impl FnOnce(&mut Vec<u8>, &mut ReferenceBuilder, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if self.count == 0 {
            self.first_key.extend_from_slice(key);
        }
        write(&mut self.items, &mut self.references, &self.last_key)?;
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.keys += key.len();
        self.count += 1;
        Ok(())
    }

    fn is_full(&self, cutter: &Cutter, cut_by: &[u8]) -> bool {
        let size = self.items.len() + self.references.encoded_len();
        let full = size >= MAX || self.keys >= MAX_KEYS;
        self.count > 1 && (full || (size >= MIN && cutter.ends_after(cut_by)))
    }
}

/// A segment ends no earlier, in bytes of its plaintext.
const MIN: usize = 8 * 1024;
/// A segment ends after the item that reaches this.
const MAX: usize = 64 * 1024;
/// A segment ends after the item whose key brings all its keys to this; readers take four times as much.
const MAX_KEYS: usize = limit::SEGMENT_KEYS / 4;
/// A key ends a segment with a chance of one in two to this power.
const CUT_BITS: u32 = 7;
