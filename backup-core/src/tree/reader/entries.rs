//! Reading the entries of a tree, leaf by leaf.

use std::cmp::Ordering;
use std::sync::Arc;

use async_trait::async_trait;
use backup_crypto::{ChunkId, ChunkKind};

use crate::chunks::ChunkReader;
use crate::engine::{Content, Entries, Extent, ExtentList, TreeReader, path_order};
use crate::format::limit;
use crate::format::node::{Child, SegmentKind, decode_children, decode_segment};
use crate::format::tree::decode_entries;
use crate::packer::Packer;
use crate::problem::is_finding;
use crate::tree::walk::MapWalk;
use crate::{Error, Result};

/// Reads the entries of a tree from its segments.
pub(super) struct EntryReader {
    reader: Arc<ChunkReader>,
    below: Vec<u8>,
    reliable: Option<Packer>,
    /// Segments still to read, in reverse order: id, level, first key, first key of the one after.
    stack: Vec<Pending>,
    /// How many segments at the top of the stack were read ahead.
    ahead: usize,
    last_path: Option<Vec<u8>>,
}

struct Pending {
    chunk: ChunkId,
    level: usize,
    key: Option<Vec<u8>>,
}

impl EntryReader {
    pub(super) fn new(
        reader: Arc<ChunkReader>,
        root: ChunkId,
        below: &[u8],
        reliable: Option<Packer>,
    ) -> Self {
        let stack = vec![Pending { chunk: root, level: 0, key: None }];
        Self { reader, below: below.to_vec(), reliable, stack, ahead: 0, last_path: None }
    }

    /// The next leaf that may hold something wanted.
    async fn next_leaf(&mut self) -> Result<Option<Entries>> {
        loop {
            self.read_ahead().await?;
            let Some(pending) = self.stack.pop() else { return Ok(None) };
            if pending.level > limit::LEVELS {
                return Err(Error::damaged("a tree has too many levels"));
            }
            let bytes = self.reader.get(ChunkKind::Meta, pending.chunk).await?;
            let segment = decode_segment(&bytes)?;
            match segment.kind {
                SegmentKind::TreeLeaf => {
                    let entries = decode_entries(segment)?;
                    let first = entries.get(0).map(|entry| entry.path.to_vec());
                    if pending.key.is_some() && pending.key != first {
                        return Err(Error::damaged("a leaf of a tree does not begin where its node says"));
                    }
                    return Ok(Some(entries));
                }
                SegmentKind::TreeNode => {
                    let children = decode_children(segment)?;
                    if pending
                        .key
                        .as_ref()
                        .is_some_and(|key| children.first().is_none_or(|child| child.key != *key))
                    {
                        return Err(Error::damaged("a node of a tree does not begin where its parent says"));
                    }
                    let wanted = wanted(children, &self.below);
                    self.ahead = 0;
                    self.stack.extend(wanted.into_iter().rev().map(|child| Pending {
                        chunk: child.chunk,
                        level: pending.level + 1,
                        key: Some(child.key),
                    }));
                }
                _ => return Err(Error::damaged("a tree has a segment of a content map")),
            }
        }
    }

    /// Reads the segments that come next together: they are neighbours in their packs.
    async fn read_ahead(&mut self) -> Result<()> {
        if self.ahead == 0 {
            let next: Vec<_> =
                self.stack.iter().rev().take(SEGMENTS_AHEAD).map(|pending| pending.chunk).collect();
            self.reader.get_all(ChunkKind::Meta, &next).await?;
            self.ahead = next.len();
        }
        self.ahead = self.ahead.saturating_sub(1);
        Ok(())
    }

    async fn is_reliable(&self, packer: &Packer, content: Content<'_>) -> Result<bool> {
        let Content::Stored(content) = content else { return Ok(true) };
        let all = |extents: &[Extent]| {
            extents.iter().filter_map(|extent| extent.chunk).all(|chunk| packer.has(ChunkKind::Data, &chunk))
        };
        match content.extents {
            ExtentList::Inline(extents) => Ok(all(extents)),
            ExtentList::Map(root) => {
                let mut map = MapWalk::new(&self.reader, root, content.size);
                loop {
                    match map.next().await {
                        Ok(None) => return Ok(true),
                        Ok(Some(leaf)) => {
                            let segments =
                                leaf.segments.iter().all(|chunk| packer.has(ChunkKind::Meta, chunk));
                            if !segments || !all(&leaf.extents) {
                                return Ok(false);
                            }
                        }
                        Err(error) if is_finding(&error) => return Ok(false),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
}

#[async_trait]
impl TreeReader for EntryReader {
    async fn next(&mut self) -> Result<Option<Entries>> {
        while let Some(leaf) = self.next_leaf().await? {
            if let (Some(last), Some(first)) = (&self.last_path, leaf.get(0))
                && path_order(last, first.path) != Ordering::Less
            {
                return Err(Error::damaged("the leaves of a tree are not sorted"));
            }
            self.last_path =
                leaf.len().checked_sub(1).and_then(|last| leaf.get(last)).map(|entry| entry.path.to_vec());
            let mut kept = Entries::new();
            for entry in leaf.iter().filter(|entry| is_at_or_below(entry.path, &self.below)) {
                let reliable = match &self.reliable {
                    None => true,
                    Some(packer) => {
                        self.is_reliable(packer, entry.content).await?
                            && self.is_reliable(packer, entry.xattrs).await?
                    }
                };
                if reliable {
                    kept.push(&entry);
                }
            }
            if !kept.is_empty() {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }
}

/// The children that may hold a path or something below it. A child reaches up to the first key of the next one.
fn wanted(children: Vec<Child>, below: &[u8]) -> Vec<Child> {
    let starts: Vec<Vec<u8>> = children.iter().skip(1).map(|child| child.key.clone()).collect();
    let too_early = |position: usize| {
        starts.get(position).is_some_and(|next| path_order(next, below) != Ordering::Greater && next != below)
    };
    let too_late = |key: &[u8]| path_order(key, below) == Ordering::Greater && !is_at_or_below(key, below);
    let numbered = children.into_iter().enumerate();
    numbered
        .filter(|(position, child)| !too_early(*position) && !too_late(&child.key))
        .map(|(_, child)| child)
        .collect()
}

fn is_at_or_below(path: &[u8], folder: &[u8]) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}

/// Segments of a tree read with one request.
const SEGMENTS_AHEAD: usize = 32;
