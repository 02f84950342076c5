//! Leaves of content maps: the extents of one large content, from an offset on.

use super::content::{decode_extent, encode_extent};
use super::node::{Segment, SegmentKind};
use super::references::ReferenceBuilder;
use crate::engine::Extent;
use crate::{Error, Result};

/// The key of a leaf: where in the content its first extent begins.
pub(crate) fn key(offset: u64) -> [u8; 8] {
    offset.to_be_bytes()
}

pub(crate) fn encode_item(out: &mut Vec<u8>, references: &mut ReferenceBuilder, extent: &Extent) {
    encode_extent(out, references, extent);
}

/// Reads the extents of a leaf.
pub(crate) fn decode_extents(mut segment: Segment<'_>) -> Result<Vec<Extent>> {
    if segment.kind != SegmentKind::MapLeaf {
        return Err(Error::damaged("a segment is not a leaf of a content map"));
    }
    let mut extents = Vec::new();
    for _ in 0..segment.count {
        extents.push(decode_extent(&mut segment.items, &segment.references)?);
    }
    segment.items.finish()?;
    if extents.is_empty() { Err(Error::damaged("a leaf has no extents")) } else { Ok(extents) }
}
