//! Reading content maps, leaf by leaf: what a map unfolds to has no bound, so it is never in memory whole.

use std::sync::Arc;

use backup_crypto::{ChunkId, ChunkKind};

use crate::chunks::ChunkReader;
use crate::engine::Extent;
use crate::format::node::{SegmentKind, decode_children, decode_segment};
use crate::format::{limit, map};
use crate::{Error, Result};

/// Walks the leaves of the map of one content.
#[derive(Debug)]
pub(crate) struct MapWalk {
    reader: Arc<ChunkReader>,
    /// Segments still to read, in reverse order.
    stack: Vec<Pending>,
    /// Where in the content the next leaf begins.
    offset: u64,
    size: u64,
}

/// A leaf of a map.
#[derive(Debug)]
pub(crate) struct MapLeaf {
    /// The leaf, and the nodes above it that no earlier leaf had.
    pub(crate) segments: Vec<ChunkId>,
    /// The extents, in order.
    pub(crate) extents: Vec<Extent>,
}

#[derive(Debug)]
struct Pending {
    chunk: ChunkId,
    level: usize,
    /// The offset at which it must begin.
    key: Vec<u8>,
}

impl MapWalk {
    pub(crate) fn new(reader: &Arc<ChunkReader>, root: ChunkId, size: u64) -> Self {
        let root = Pending { chunk: root, level: 0, key: map::key(0).to_vec() };
        Self { reader: reader.clone(), stack: vec![root], offset: 0, size }
    }

    /// The next leaf; `None` at the end, when all extents have added up to the content.
    pub(crate) async fn next(&mut self) -> Result<Option<MapLeaf>> {
        // One leaf may occur any number of times and is read but once: others get their turn, and the whole can be cancelled.
        tokio::task::yield_now().await;
        let mut segments = Vec::new();
        while let Some(Pending { chunk, level, key }) = self.stack.pop() {
            if level > limit::LEVELS {
                return Err(Error::damaged("a content map has too many levels"));
            }
            if key != map::key(self.offset) {
                return Err(Error::damaged("a content map has gaps or overlaps"));
            }
            let bytes = self.reader.get(ChunkKind::Meta, chunk).await?;
            segments.push(chunk);
            let segment = decode_segment(&bytes)?;
            match segment.kind {
                SegmentKind::MapLeaf => {
                    let extents = map::decode_extents(segment)?;
                    self.advance(&extents)?;
                    return Ok(Some(MapLeaf { segments, extents }));
                }
                SegmentKind::MapNode => {
                    let children = decode_children(segment)?;
                    if children.first().is_none_or(|first| first.key != key) {
                        return Err(Error::damaged(
                            "a node of a content map does not begin where its parent says",
                        ));
                    }
                    let pending = |child: crate::format::node::Child| Pending {
                        chunk: child.chunk,
                        level: level + 1,
                        key: child.key,
                    };
                    self.stack.extend(children.into_iter().rev().map(pending));
                }
                _ => return Err(Error::damaged("a content map has a segment of a tree")),
            }
        }
        if self.offset == self.size {
            return Ok(None);
        }
        Err(Error::damaged("a content map is shorter than its content"))
    }

    fn advance(&mut self, extents: &[Extent]) -> Result<()> {
        let end = extents.iter().try_fold(self.offset, |sum, extent| sum.checked_add(extent.length));
        self.offset = end
            .filter(|end| *end <= self.size)
            .ok_or_else(|| Error::damaged("a content map is longer than its content"))?;
        Ok(())
    }
}
