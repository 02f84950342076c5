//! Writing one content of any size: chunks, hash, extents, and a map if there are many.

use backup_crypto::{ChunkKind, ContentHasher};
use bytes::Bytes;

use super::segments::{Cutter, SegmentBuilder};
use crate::chunker::Chunker;
use crate::engine::{Extent, Layout};
use crate::format::content::{OwnedContent, OwnedExtents};
use crate::format::{limit, map};
use crate::packer::Packer;
use crate::{Error, Result};

/// Cuts bytes into chunks, stores them, and keeps the list of extents.
#[derive(Debug)]
pub(crate) struct ContentWriter {
    packer: Packer,
    cutter: Cutter,
    chunker: Chunker,
    hasher: ContentHasher,
    size: u64,
    new_bytes: u64,
    extents: Vec<Extent>,
    /// Set once there are more extents than fit inline; holds those before [`Self::extents`].
    map: Option<(SegmentBuilder, u64)>,
}

/// A content that was written to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    /// None if it is empty.
    pub(crate) content: Option<OwnedContent>,
    /// Bytes of the chunks that were not stored yet.
    pub(crate) new_bytes: u64,
}

impl ContentWriter {
    pub(crate) fn new(packer: &Packer, cutter: &Cutter, layout: Layout) -> Self {
        Self {
            packer: packer.clone(),
            cutter: cutter.clone(),
            chunker: Chunker::for_layout(layout, cutter.chunks()),
            hasher: packer.keys().content_hasher(),
            size: 0,
            new_bytes: 0,
            extents: Vec::new(),
            map: None,
        }
    }

    pub(crate) async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.hasher.update(&bytes);
        self.grow(bytes.len() as u64)?;
        while let Some(chunk) = self.chunker.next_chunk(&mut bytes) {
            self.store(chunk).await?;
        }
        Ok(())
    }

    pub(crate) async fn hole(&mut self, length: u64) -> Result<()> {
        if length == 0 {
            return Ok(());
        }
        self.grow(length)?;
        let mut left = length;
        while left > 0 {
            let step = left.min(HOLE_STEP);
            self.hasher.update_zeros(step);
            left -= step;
            tokio::task::yield_now().await;
        }
        self.end_chunk().await?;
        match self.extents.last_mut() {
            Some(last) if last.chunk.is_none() => last.length += length,
            _ => self.add(Extent { chunk: None, offset: 0, length }).await?,
        }
        Ok(())
    }

    /// Ends the content.
    pub(crate) async fn finish(mut self) -> Result<Finished> {
        self.end_chunk().await?;
        let new_bytes = self.new_bytes;
        if self.size == 0 {
            return Ok(Finished { content: None, new_bytes });
        }
        let hash = self.hasher.clone().finalize();
        let extents = match self.map.take() {
            None => OwnedExtents::Inline(std::mem::take(&mut self.extents)),
            Some((mut builder, mut offset)) => {
                push_all(&mut builder, &mut offset, &self.extents)?;
                let root = builder.finish()?;
                self.store_segments(&mut builder).await?;
                OwnedExtents::Map(root.ok_or_else(|| Error::invalid("a content map has no extents"))?)
            }
        };
        Ok(Finished { content: Some(OwnedContent { hash, size: self.size, extents }), new_bytes })
    }

    fn grow(&mut self, by: u64) -> Result<()> {
        self.size = self.size.checked_add(by).ok_or_else(|| Error::invalid("a content is too long"))?;
        Ok(())
    }

    async fn end_chunk(&mut self) -> Result<()> {
        match self.chunker.finish() {
            Some(rest) => self.store(rest).await,
            None => Ok(()),
        }
    }

    async fn store(&mut self, chunk: Bytes) -> Result<()> {
        let length = chunk.len() as u64;
        let id = self.packer.keys().chunk_id(ChunkKind::Data, &chunk);
        self.new_bytes += if self.packer.has(ChunkKind::Data, &id) { 0 } else { length };
        self.packer.put_identified(ChunkKind::Data, id, chunk).await?;
        self.add(Extent { chunk: Some(id), offset: 0, length }).await
    }

    async fn add(&mut self, extent: Extent) -> Result<()> {
        if self.extents.len() >= limit::INLINE_EXTENTS {
            // The last extent stays: a hole may still grow.
            let full = std::mem::take(&mut self.extents);
            let (mut builder, mut offset) =
                self.map.take().unwrap_or_else(|| (SegmentBuilder::map(self.packer.keys(), &self.cutter), 0));
            push_all(&mut builder, &mut offset, &full)?;
            self.store_segments(&mut builder).await?;
            self.map = Some((builder, offset));
        }
        self.extents.push(extent);
        Ok(())
    }

    async fn store_segments(&self, builder: &mut SegmentBuilder) -> Result<()> {
        for (id, segment) in builder.take_ready() {
            self.packer.put_identified(ChunkKind::Meta, id, segment).await?;
        }
        Ok(())
    }
}

fn push_all(builder: &mut SegmentBuilder, offset: &mut u64, extents: &[Extent]) -> Result<()> {
    for extent in extents {
        let cut_by = extent.chunk.map_or([0; 32], |chunk| chunk.0);
        builder.push(&map::key(*offset), &cut_by, |items, references, _| {
            map::encode_item(items, references, extent);
            Ok(())
        })?;
        *offset = offset.checked_add(extent.length).ok_or_else(|| Error::invalid("a content is too long"))?;
    }
    Ok(())
}

/// Zeros that are hashed for a hole before others get their turn.
pub(crate) const HOLE_STEP: u64 = 16 * 1024 * 1024;
