//! Reading trees and contents of a stored backup.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use backup_crypto::{ChunkId, ChunkKind, ContentHasher};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::walk::MapWalk;
use crate::chunks::ChunkReader;
use crate::engine::{
    ArtifactInfo, ArtifactKind, Content, Entries, Extent, ExtentList, Facts, Piece, ServiceReader,
    StoredContent, TreeReader, path_order,
};
use crate::format::content::{OwnedContent, OwnedExtents};
use crate::format::limit;
use crate::format::node::{Child, SegmentKind, decode_children, decode_segment};
use crate::format::tree::decode_entries;
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
        let inline = |content: &StoredContent<'_>| match content.extents {
            ExtentList::Inline(extents) => extents.iter().filter_map(|extent| extent.chunk).collect(),
            ExtentList::Map(_) => Vec::new(),
        };
        let ids: Vec<ChunkId> = wanted.iter().flat_map(inline).collect();
        let chunks = self.reader.get_all(ChunkKind::Data, &ids).await?;
        let mut found = Vec::with_capacity(wanted.len());
        for content in wanted {
            let bytes = match content.extents {
                ExtentList::Map(_) => collect(self.content(*content).await?).await?,
                ExtentList::Inline(extents) => {
                    let pieces = extents.iter().map(|extent| cut(extent, |id| chunks.get(&id).cloned()));
                    let bytes = join(pieces.collect::<Result<Vec<_>>>()?)?;
                    if self.reader.keys().content_hash(&bytes) != content.hash {
                        return Err(differs());
                    }
                    bytes
                }
            };
            found.push(bytes);
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
        let mut next = Vec::new();
        let mut bytes = 0;
        while let Some(extent) = self.extents.front() {
            let length = if extent.chunk.is_some() { extent.length } else { 0 };
            if !next.is_empty() && bytes + length > READ_AHEAD {
                break;
            }
            bytes += length;
            next.extend(self.extents.pop_front());
        }
        let ids: Vec<ChunkId> = next.iter().filter_map(|extent| extent.chunk).collect();
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

/// Reads the entries of a tree from its segments.
struct EntryReader {
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
    fn new(reader: Arc<ChunkReader>, root: ChunkId, below: &[u8], reliable: Option<Packer>) -> Self {
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
                        Err(error) if error.kind() == ErrorKind::Damaged => return Ok(false),
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
                && path_order(last, first.path) != std::cmp::Ordering::Less
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
        starts
            .get(position)
            .is_some_and(|next| path_order(next, below) != std::cmp::Ordering::Greater && next != below)
    };
    let too_late =
        |key: &[u8]| path_order(key, below) == std::cmp::Ordering::Greater && !is_at_or_below(key, below);
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

fn join(mut pieces: Vec<Piece>) -> Result<Bytes> {
    if let [Piece::Data(bytes)] = pieces.as_mut_slice() {
        return Ok(std::mem::take(bytes));
    }
    let mut all = BytesMut::new();
    pieces.into_iter().try_for_each(|piece| append(&mut all, piece))?;
    Ok(all.freeze())
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
/// Segments of a tree read with one request.
const SEGMENTS_AHEAD: usize = 32;
/// The longest content that is put together in memory.
const MAX_COLLECTED: u64 = 256 * 1024 * 1024;
