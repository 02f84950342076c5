//! Reading trees and contents of a stored backup.

mod entries;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use backup_crypto::{ChunkId, ChunkKind, ContentHasher, Keys};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use self::entries::EntryReader;
use super::walk::MapWalk;
use crate::chunks::ChunkReader;
use crate::engine::{
    ArtifactInfo, ArtifactKind, Extent, ExtentList, Facts, Piece, Role, ServiceReader, StoredContent,
    TreeReader,
};
use crate::format::content::{OwnedContent, OwnedExtents};
use crate::packer::Packer;
use crate::tree::content::HOLE_STEP;
use crate::{Error, ErrorKind, Result};

/// Reads one service of a stored backup.
#[derive(Debug, Clone)]
pub(crate) struct StoredService {
    pub(crate) reader: Arc<ChunkReader>,
    pub(crate) infos: Vec<ArtifactInfo>,
    pub(crate) sources: Vec<Source>,
    pub(crate) facts: Facts,
    pub(crate) role: Role,
    pub(crate) started_at: DateTime<Utc>,
    /// For the parent of a running backup: entries with contents that the run may not rely on are left out, so that they are
    /// read again from their source.
    pub(crate) reliable: Option<Packer>,
}

/// Where an artifact's bytes or entries are.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Tree(ChunkId),
    Stream(Option<OwnedContent>),
}

impl StoredService {
    fn find(&self, artifact: &str, kind: ArtifactKind) -> Result<&Source> {
        let position = self.infos.iter().position(|info| info.name == artifact && info.kind == kind);
        position.and_then(|position| self.sources.get(position)).ok_or_else(|| {
            let what = if kind == ArtifactKind::Tree { "tree" } else { "stream" };
            let names: Vec<_> = self.infos.iter().map(|info| info.name.as_str()).collect();
            Error::new(ErrorKind::NotFound, format!("the service has no {what} named \"{artifact}\""))
                .with_remedy(format!("its artifacts are: {}", names.join(", ")))
        })
    }
}

#[async_trait]
impl ServiceReader for StoredService {
    fn artifacts(&self) -> &[ArtifactInfo] {
        &self.infos
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn role(&self) -> Role {
        self.role
    }

    fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    async fn stream(&self, artifact: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let Source::Stream(Some(content)) = self.find(artifact, ArtifactKind::Stream)? else {
            return Ok(stream::empty().boxed());
        };
        let pieces = self.content(content.as_stored()).await?;
        Ok(pieces.flat_map(|piece| stream::iter(filled(piece))).boxed())
    }

    async fn tree(&self, artifact: &str, below: &[u8]) -> Result<Box<dyn TreeReader>> {
        let Source::Tree(root) = self.find(artifact, ArtifactKind::Tree)? else {
            return Err(Error::damaged(format!("the tree \"{artifact}\" has no root")));
        };
        Ok(Box::new(EntryReader::new(self.reader.clone(), *root, below, self.reliable.clone())))
    }

    async fn contents(&self, wanted: &[StoredContent<'_>]) -> Result<Vec<Bytes>> {
        let mut found = Vec::with_capacity(wanted.len());
        let mut rest = wanted;
        while let Some(first) = rest.first() {
            let (count, ids) = together(rest);
            if count == 0 {
                found.push(collect(self.content(*first).await?).await?);
                rest = &rest[1..];
                continue;
            }
            let group;
            (group, rest) = rest.split_at(count);
            let chunks = self.reader.get_all(ChunkKind::Data, &ids).await?;
            for content in group {
                found.push(put_together(self.reader.keys(), content, &chunks)?);
            }
        }
        Ok(found)
    }

    async fn content(&self, wanted: StoredContent<'_>) -> Result<BoxStream<'static, Result<Piece>>> {
        let owned = OwnedContent::from(wanted);
        let (extents, map) = match owned.extents {
            OwnedExtents::Inline(extents) => (extents, None),
            OwnedExtents::Map(root) => (Vec::new(), Some(MapWalk::new(&self.reader, root, owned.size))),
        };
        let state = ContentState {
            reader: self.reader.clone(),
            extents: extents.into(),
            map,
            ready: VecDeque::new(),
            hasher: Some(self.reader.keys().content_hasher()),
            hash: owned.hash,
        };
        Ok(stream::try_unfold(state, |mut state| async move {
            let piece = state.next().await?;
            Ok(piece.map(|piece| (piece, state)))
        })
        .boxed())
    }

    fn content_hasher(&self) -> ContentHasher {
        self.reader.keys().content_hasher()
    }
}

/// A content being read: some chunks ahead, hashed as it goes.
struct ContentState {
    reader: Arc<ChunkReader>,
    extents: VecDeque<Extent>,
    /// Where more extents come from.
    map: Option<MapWalk>,
    ready: VecDeque<Piece>,
    hasher: Option<ContentHasher>,
    hash: backup_crypto::ContentHash,
}

impl ContentState {
    async fn next(&mut self) -> Result<Option<Piece>> {
        if self.ready.is_empty() {
            self.fetch().await?;
        }
        let piece = self.take_ready();
        match (&piece, &mut self.hasher) {
            (Some(Piece::Data(bytes)), Some(hasher)) => hasher.update(bytes),
            (Some(Piece::Hole(length)), Some(hasher)) => {
                hasher.update_zeros(*length);
                tokio::task::yield_now().await;
            }
            _ => {}
        }
        if piece.is_none() && self.hasher.take().is_some_and(|hasher| hasher.finalize() != self.hash) {
            return Err(differs());
        }
        Ok(piece)
    }

    /// The next piece. A hole is hashed as zeros, which takes as long as data would: it comes in steps, between which others get their turn
    /// and the whole can be cancelled.
    fn take_ready(&mut self) -> Option<Piece> {
        match self.ready.front_mut() {
            Some(Piece::Hole(left)) if *left > HOLE_STEP => {
                *left -= HOLE_STEP;
                Some(Piece::Hole(HOLE_STEP))
            }
            _ => self.ready.pop_front(),
        }
    }

    async fn fetch(&mut self) -> Result<()> {
        if self.extents.is_empty()
            && let Some(map) = &mut self.map
        {
            match map.next().await? {
                Some(leaf) => self.extents.extend(leaf.extents),
                None => self.map = None,
            }
        }
        let (mut next, mut ids): (_, Vec<ChunkId>) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while let Some(extent) = self.extents.front() {
            let length = if extent.chunk.is_some() { extent.length } else { 0 };
            let new = extent.chunk.filter(|chunk| !ids.contains(chunk));
            let full = bytes + length > READ_AHEAD || (new.is_some() && ids.len() == CHUNKS_AT_ONCE);
            if !next.is_empty() && full {
                break;
            }
            bytes += length;
            ids.extend(new);
            next.extend(self.extents.pop_front());
        }
        let chunks = self.reader.get_all(ChunkKind::Data, &ids).await?;
        for extent in &next {
            let piece = cut(extent, |id| chunks.get(&id).cloned())?;
            match (&piece, self.ready.back_mut()) {
                (Piece::Hole(more), Some(Piece::Hole(length))) => *length = length.saturating_add(*more),
                _ => self.ready.push_back(piece),
            }
        }
        Ok(())
    }
}

fn cut(extent: &Extent, chunk: impl FnOnce(ChunkId) -> Option<Bytes>) -> Result<Piece> {
    let Some(id) = extent.chunk else { return Ok(Piece::Hole(extent.length)) };
    let bytes = chunk(id).ok_or_else(|| Error::damaged(format!("the chunk {id} was not read")))?;
    let start = extent.offset as usize;
    let end = usize::try_from(extent.length).ok().and_then(|length| start.checked_add(length));
    match end.filter(|end| *end <= bytes.len()) {
        Some(end) => Ok(Piece::Data(bytes.slice(start..end))),
        None => Err(Error::damaged(format!("an extent goes beyond the chunk {id}"))),
    }
}

/// How many contents at the front are read together, and the chunks that they are in: chunks are held in memory whole, so it is they
/// that are bounded. None if the first is one to be read piece by piece.
fn together(contents: &[StoredContent<'_>]) -> (usize, Vec<ChunkId>) {
    let mut ids: Vec<ChunkId> = Vec::new();
    for (count, content) in contents.iter().enumerate() {
        let ExtentList::Inline(extents) = content.extents else { return (count, ids) };
        let before = ids.len();
        for chunk in extents.iter().filter_map(|extent| extent.chunk) {
            if !ids.contains(&chunk) {
                ids.push(chunk);
            }
        }
        if ids.len() > CHUNKS_AT_ONCE {
            ids.truncate(before);
            return (count, ids);
        }
    }
    (contents.len(), ids)
}

/// One content from the chunks that it is in. It keeps a chunk in memory only if it is most of it.
fn put_together(keys: &Keys, content: &StoredContent<'_>, chunks: &HashMap<ChunkId, Bytes>) -> Result<Bytes> {
    let ExtentList::Inline(extents) = content.extents else { return Ok(Bytes::new()) };
    let mut all = BytesMut::new();
    let mut bytes = None;
    for extent in extents {
        match cut(extent, |id| chunks.get(&id).cloned())? {
            Piece::Data(piece) if extents.len() == 1 => {
                let chunk = extent.chunk.and_then(|id| chunks.get(&id)).map_or(0, Bytes::len);
                let is_most = piece.len() >= chunk / 2;
                bytes = Some(if is_most { piece } else { Bytes::copy_from_slice(&piece) });
            }
            piece => append(&mut all, piece)?,
        }
    }
    let bytes = bytes.unwrap_or_else(|| all.freeze());
    if keys.content_hash(&bytes) == content.hash { Ok(bytes) } else { Err(differs()) }
}

async fn collect(mut pieces: BoxStream<'static, Result<Piece>>) -> Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        append(&mut all, piece?)?;
    }
    Ok(all.freeze())
}

fn append(all: &mut BytesMut, piece: Piece) -> Result<()> {
    let length = match &piece {
        Piece::Data(bytes) => bytes.len() as u64,
        Piece::Hole(length) => *length,
    };
    if all.len() as u64 + length > MAX_COLLECTED {
        return Err(Error::invalid("a content is too long to be read in one piece"));
    }
    match piece {
        Piece::Data(bytes) => all.extend_from_slice(&bytes),
        Piece::Hole(length) => all.resize(all.len() + usize::try_from(length).unwrap_or(0), 0),
    }
    Ok(())
}

/// A piece of a stream, holes as bytes.
fn filled(piece: Result<Piece>) -> impl Iterator<Item = Result<Bytes>> + Send {
    let (first, mut zeros) = match piece {
        Ok(Piece::Data(bytes)) => (Some(Ok(bytes)), 0),
        Ok(Piece::Hole(length)) => (None, length),
        Err(error) => (Some(Err(error)), 0),
    };
    let block = Bytes::from_static(&ZEROS);
    first.into_iter().chain(std::iter::from_fn(move || {
        let next = usize::try_from(zeros).unwrap_or(usize::MAX).min(ZEROS.len());
        zeros -= next as u64;
        (next > 0).then(|| Ok(block.slice(..next)))
    }))
}

fn differs() -> Error {
    Error::damaged("a content is not what was stored: its hash differs")
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
/// Bytes of a large content read ahead.
const READ_AHEAD: u64 = 8 * 1024 * 1024;
/// Chunks of contents, of at most 4 MiB each, held in memory at once.
const CHUNKS_AT_ONCE: usize = 8;
/// The longest content that is put together in memory.
const MAX_COLLECTED: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests;
