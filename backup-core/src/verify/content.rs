//! Looking at contents: that their chunks are there, and what is in them.

use std::collections::HashSet;

use backup_crypto::{ChunkId, ChunkKind};
use futures_util::StreamExt as _;

use super::survey::{Artifact, Survey};
use crate::engine::{
    Content, Context, Entries, ExtentList, Piece, ServiceReader, StoredContent, printable_path,
};
use crate::index::Location;
use crate::tree::reader::StoredService;
use crate::tree::walk::MapWalk;
use crate::{Error, Result};

impl Survey<'_> {
    /// Looks at the contents of entries. Returns the bytes of which reading has told already.
    pub(super) async fn contents(&mut self, artifact: &Artifact<'_>, entries: &Entries) -> Result<u64> {
        let mut told = 0_u64;
        for entry in entries.iter() {
            for content in [entry.content, entry.xattrs] {
                let Content::Stored(content) = content else { continue };
                let read = (self.read_data && !is_in_one_chunk(&content)).then_some(artifact.context);
                told = told.saturating_add(read.map_or(0, |_| content.size));
                let found = self.content(artifact.service, content, read).await;
                self.found(artifact, entry.path, found)?;
            }
        }
        if self.read_data {
            self.small_contents(artifact, entries).await?;
        }
        Ok(told)
    }

    /// Looks up all chunks of a content, and reads it, telling how far it is, if there is somebody to tell.
    pub(super) async fn content(
        &mut self,
        service: &StoredService,
        content: StoredContent<'_>,
        read: Option<&Context>,
    ) -> Result<()> {
        match content.extents {
            ExtentList::Inline(extents) => {
                for chunk in extents.iter().filter_map(|extent| extent.chunk) {
                    self.look_up(ChunkKind::Data, chunk)?;
                }
            }
            ExtentList::Map(root) => self.map(root, content.size).await?,
        }
        let Some(context) = read else { return Ok(()) };
        let mut pieces = service.content(content).await?;
        while let Some(piece) = pieces.next().await {
            let length = match piece? {
                Piece::Data(bytes) => bytes.len() as u64,
                Piece::Hole(length) => length,
            };
            context.advance(0, length);
        }
        Ok(())
    }

    async fn map(&mut self, root: ChunkId, size: u64) -> Result<()> {
        if self.sound_maps.contains(&(root, size)) {
            return Ok(());
        }
        let mut map = MapWalk::new(self.reader, root, size);
        while let Some(leaf) = map.next().await? {
            for chunk in leaf.segments {
                self.look_up(ChunkKind::Meta, chunk)?;
            }
            for chunk in leaf.extents.iter().filter_map(|extent| extent.chunk) {
                self.look_up(ChunkKind::Data, chunk)?;
            }
        }
        self.sound_maps.insert((root, size));
        Ok(())
    }

    /// Reads the contents that are part of one chunk each, batch by batch; only if a batch fails, one by one.
    async fn small_contents(&mut self, artifact: &Artifact<'_>, entries: &Entries) -> Result<()> {
        let mut small: Vec<(&[u8], StoredContent<'_>)> = Vec::new();
        for entry in entries.iter() {
            for content in [entry.content, entry.xattrs] {
                if let Content::Stored(content) = content
                    && is_in_one_chunk(&content)
                {
                    small.push((entry.path, content));
                }
            }
        }
        let mut rest = &small[..];
        while !rest.is_empty() {
            let batch;
            (batch, rest) = rest.split_at(batch_length(rest));
            artifact.context.check()?;
            let wanted: Vec<_> = batch.iter().map(|(_, content)| *content).collect();
            if artifact.service.contents(&wanted).await.is_ok() {
                continue;
            }
            for (path, content) in batch {
                let found = artifact.service.contents(&[*content]).await.map(drop);
                self.found(artifact, path, found)?;
            }
        }
        Ok(())
    }

    fn look_up(&mut self, kind: ChunkKind, chunk: ChunkId) -> Result<()> {
        if self.seen.contains(&chunk) {
            return Ok(());
        }
        // A pack that is shorter than it should be may still hold the chunk.
        let holds = |place: &Location| {
            let size = self.index.pack(place.pack).and_then(|pack| self.existing.get(&pack.name));
            let end = u64::from(place.chunk.offset) + u64::from(place.chunk.stored);
            size.is_some_and(|size| *size >= end)
        };
        let mut places = self.index.places(kind, &chunk);
        match places.next() {
            None => Err(Error::damaged(format!("the chunk {chunk} is not in the index"))),
            Some(first) if !holds(&first) && !places.any(|place| holds(&place)) => {
                let pack = self
                    .index
                    .pack(first.pack)
                    .map_or_else(String::new, |pack| pack.name.to_name().to_string());
                Err(Error::damaged(format!("the chunk {chunk} is in {pack}, which is missing or too short")))
            }
            Some(_) => {
                self.seen.insert(chunk);
                Ok(())
            }
        }
    }

    fn found(&mut self, artifact: &Artifact<'_>, path: &[u8], result: Result<()>) -> Result<()> {
        let Err(error) = result else { return Ok(()) };
        let object = format!("{}: {}", artifact.context.service(), printable_path(path));
        self.finding(artifact.backup, object, error)
    }
}

fn is_in_one_chunk(content: &StoredContent<'_>) -> bool {
    matches!(content.extents, ExtentList::Inline(list) if list.len() == 1 && list[0].chunk.is_some())
}

/// How many contents at the front are read at once: chunks are held in memory whole, so they are what counts.
fn batch_length(contents: &[(&[u8], StoredContent<'_>)]) -> usize {
    let mut chunks = HashSet::new();
    let fits = |(_, content): &&(&[u8], StoredContent<'_>)| {
        if let ExtentList::Inline(extents) = content.extents {
            chunks.extend(extents.iter().filter_map(|extent| extent.chunk));
        }
        chunks.len() <= BATCH_CHUNKS
    };
    contents.iter().take(BATCH).take_while(fits).count().max(1)
}

/// Contents read at once.
const BATCH: usize = 256;
/// Chunks that they may be in, of at most 4 MiB each.
const BATCH_CHUNKS: usize = 8;
