//! Comparing contents without reading them.

use std::collections::HashSet;
use std::sync::Arc;

use backup_crypto::ChunkId;

use crate::Result;
use crate::chunks::ChunkReader;
use crate::engine::Extent;
use crate::format::content::{OwnedContent, OwnedExtents};
use crate::tree::walk::MapWalk;

/// A content and the one that it became, which differ.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) old: Option<OwnedContent>,
    pub(super) new: Option<OwnedContent>,
}

impl Edit {
    /// Bytes of the new content in chunks that the old one has no part of. `None` if the old one has too many chunks to remember.
    pub(super) async fn changed_bytes(&self, reader: &Arc<ChunkReader>) -> Result<Option<u64>> {
        let Some(new) = &self.new else { return Ok(Some(0)) };
        let mut known = HashSet::new();
        if let Some(old) = &self.old {
            let mut extents = Extents::of(old, reader);
            while let Some(some) = extents.next().await? {
                known.extend(some.iter().filter_map(|extent| extent.chunk));
                if known.len() > MAX_CHUNKS {
                    return Ok(None);
                }
            }
        }
        let mut changed = 0_u64;
        let mut extents = Extents::of(new, reader);
        while let Some(some) = extents.next().await? {
            changed = some.iter().fold(changed, |sum, extent| sum.saturating_add(outside(&known, extent)));
        }
        Ok(Some(changed))
    }
}

fn outside(known: &HashSet<ChunkId>, extent: &Extent) -> u64 {
    let is_new = extent.chunk.is_some_and(|chunk| !known.contains(&chunk));
    if is_new { extent.length } else { 0 }
}

/// The extents of a content, some at a time.
enum Extents<'a> {
    Inline(Option<&'a [Extent]>),
    Map(MapWalk),
}

impl<'a> Extents<'a> {
    fn of(content: &'a OwnedContent, reader: &Arc<ChunkReader>) -> Self {
        match &content.extents {
            OwnedExtents::Inline(extents) => Self::Inline(Some(extents)),
            OwnedExtents::Map(root) => Self::Map(MapWalk::new(reader, *root, content.size)),
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<Extent>>> {
        match self {
            Self::Inline(extents) => Ok(extents.take().map(<[Extent]>::to_vec)),
            Self::Map(map) => Ok(map.next().await?.map(|leaf| leaf.extents)),
        }
    }
}

/// Chunks of one content that are remembered: 32 bytes each.
const MAX_CHUNKS: usize = 1024 * 1024;
