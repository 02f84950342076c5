//! A place in a stored tree: before an entry, or before a segment that was not opened.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use backup_crypto::{ChunkId, ChunkKind};

use crate::chunks::ChunkReader;
use crate::engine::{Context, Entries, Entry, Selection, path_order};
use crate::format::limit;
use crate::format::node::{Child, SegmentKind, decode_children, decode_segment};
use crate::format::tree::decode_entries;
use crate::problem::is_finding;
use crate::{Error, Result};

/// Goes through a tree, opening only what it is told to.
#[derive(Debug)]
pub(super) struct Cursor {
    reader: Arc<ChunkReader>,
    selection: Arc<Selection>,
    /// Segments that were not opened, in reverse order.
    closed: Vec<Closed>,
    /// The open leaf and the position of the entry in it.
    leaf: Option<(Entries, usize)>,
    last: Option<Vec<u8>>,
    /// How many segments at the top of the stack were read ahead.
    ahead: usize,
}

/// A segment that was not opened.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) chunk: ChunkId,
    /// The first path below it; empty for the root of the tree.
    pub(super) key: Vec<u8>,
    /// Levels of segments below it, if the tree is what it should be.
    pub(super) height: usize,
    level: usize,
}

/// What comes next.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "looked at and forgotten")]
pub(super) enum Next<'a> {
    Entry(Entry<'a>),
    Segment(&'a Closed),
    End,
}

impl Cursor {
    /// A cursor before the root. Reads the way down to the first entry, to know how high the tree is.
    pub(super) async fn new(
        reader: &Arc<ChunkReader>,
        root: ChunkId,
        selection: &Arc<Selection>,
    ) -> Result<Self> {
        let height = height(reader, root).await?;
        let root = Closed { chunk: root, key: Vec::new(), height, level: 0 };
        Ok(Self {
            reader: reader.clone(),
            selection: selection.clone(),
            closed: vec![root],
            leaf: None,
            last: None,
            ahead: 0,
        })
    }

    pub(super) fn next(&self) -> Next<'_> {
        match self.leaf.as_ref().and_then(|(entries, position)| entries.get(*position)) {
            Some(entry) => Next::Entry(entry),
            None => self.closed.last().map_or(Next::End, Next::Segment),
        }
    }

    /// Goes beyond the next entry, or the next segment with all below it.
    pub(super) fn pass(&mut self) {
        if let Some((_, position)) = &mut self.leaf {
            *position += 1;
            self.pass_unselected();
        } else {
            self.closed.pop();
            self.ahead = self.ahead.saturating_sub(1);
        }
    }

    /// Opens the next segment. Changes nothing until it was read.
    pub(super) async fn open(&mut self, other: &Self, context: &Context) -> Result<()> {
        context.check()?;
        self.read_ahead(other).await?;
        let Some(next) = self.closed.last() else { return Ok(()) };
        if next.level > limit::LEVELS {
            return Err(Error::damaged("a tree has too many levels"));
        }
        let bytes = self.reader.get(ChunkKind::Meta, next.chunk).await?;
        let segment = decode_segment(&bytes)?;
        match segment.kind {
            SegmentKind::TreeLeaf => self.open_leaf(decode_entries(segment)?, context),
            SegmentKind::TreeNode => self.open_node(&decode_children(segment)?),
            _ => Err(Error::damaged("a tree has a segment of a content map")),
        }
    }

    fn open_leaf(&mut self, entries: Entries, context: &Context) -> Result<()> {
        let first = entries.get(0).map_or(&b""[..], |entry| entry.path);
        self.expect_start(first)?;
        if self.last.as_ref().is_some_and(|last| path_order(last, first) != Ordering::Less) {
            return Err(Error::damaged("the leaves of a tree are not sorted"));
        }
        let last = entries.len().checked_sub(1).and_then(|last| entries.get(last));
        self.last = last.map(|entry| entry.path.to_vec());
        context.advance(entries.len() as u64, 0);
        self.pass();
        self.leaf = Some((entries, 0));
        self.pass_unselected();
        Ok(())
    }

    fn open_node(&mut self, children: &[Child]) -> Result<()> {
        self.expect_start(children.first().map_or(&b""[..], |child| &child.key))?;
        let Some(node) = self.closed.pop() else { return Ok(()) };
        self.ahead = 0;
        for (number, child) in children.iter().enumerate().rev() {
            let end = children.get(number + 1).map(|next| next.key.as_slice());
            if is_selected(&self.selection, &child.key, end) {
                self.closed.push(Closed {
                    chunk: child.chunk,
                    key: child.key.clone(),
                    height: node.height.saturating_sub(1),
                    level: node.level + 1,
                });
            }
        }
        Ok(())
    }

    fn expect_start(&self, first: &[u8]) -> Result<()> {
        match self.closed.last() {
            Some(next) if next.level > 0 && next.key != first => {
                Err(Error::damaged("a segment of a tree does not begin where its parent says"))
            }
            _ => Ok(()),
        }
    }

    /// Goes beyond entries that are not selected, and closes the leaf at its end.
    fn pass_unselected(&mut self) {
        let Some((entries, position)) = &mut self.leaf else { return };
        while let Some(entry) = entries.get(*position) {
            if self.selection.holds(entry.path) {
                return;
            }
            *position += 1;
        }
        self.leaf = None;
    }

    /// Reads the segments that come next and differ from those of the other tree together: they are neighbours in their packs. What cannot
    /// be read is found when its turn comes.
    async fn read_ahead(&mut self, other: &Self) -> Result<()> {
        if self.ahead > 0 {
            return Ok(());
        }
        let next = self.differing(other);
        if next.len() > 1
            && let Err(error) = self.reader.get_all(ChunkKind::Meta, &next).await
            && !is_finding(&error)
        {
            return Err(error);
        }
        self.ahead = next.len();
        Ok(())
    }

    /// The segments at the top of the stack that will surely be opened: of the height of the first, none of which the other tree has there. Where
    /// the other tree is not yet open to that height it may have any.
    fn differing(&self, other: &Self) -> Vec<ChunkId> {
        let Some(first) = self.closed.last() else { return Vec::new() };
        let unknown = other.closed.iter().rev().find(|closed| closed.height > first.height);
        let same: HashSet<ChunkId> = other.closed.iter().map(|closed| closed.chunk).collect();
        let will_open = |closed: &&Closed| {
            let is_known =
                unknown.is_none_or(|unknown| path_order(&closed.key, &unknown.key) == Ordering::Less);
            closed.height == first.height && is_known && !same.contains(&closed.chunk)
        };
        let next = self.closed.iter().rev().take_while(will_open).take(SEGMENTS_AHEAD);
        next.map(|closed| closed.chunk).collect()
    }
}

/// Levels of segments below the first.
async fn height(reader: &ChunkReader, root: ChunkId) -> Result<usize> {
    let mut segment = root;
    for height in 0..=limit::LEVELS {
        let bytes = reader.get(ChunkKind::Meta, segment).await?;
        let decoded = decode_segment(&bytes)?;
        if decoded.kind != SegmentKind::TreeNode {
            return Ok(height);
        }
        match decode_children(decoded)?.first() {
            Some(child) => segment = child.chunk,
            None => return Ok(height),
        }
    }
    Err(Error::damaged("a tree has too many levels"))
}

/// Whether a segment may hold something selected, which begins at one path and ends before another.
fn is_selected(selection: &Selection, key: &[u8], end: Option<&[u8]>) -> bool {
    let may_hold = |wanted: &Vec<u8>| {
        let ends_before = end.is_some_and(|end| path_order(end, wanted) != Ordering::Greater);
        let begins_after = path_order(key, wanted) == Ordering::Greater && !selection.holds(key);
        !ends_before && !begins_after
    };
    selection.paths.is_empty() || selection.paths.iter().any(may_hold)
}

/// Segments of a tree read with one request.
const SEGMENTS_AHEAD: usize = 32;
