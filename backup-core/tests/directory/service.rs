//! A service of a backup held in memory, honest or hostile.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backup_core::crypto::{ChunkId, ChunkKind, ContentHasher, Keys, OsRandom, RepositoryId};
use backup_core::engine::{
    ArtifactInfo, ArtifactKind, Content, Entries, Entry, EntryKind, Extent, ExtentList, Facts, Metadata,
    Piece, Role, ServiceReader, StoredContent, Timestamp, TreeReader, path_order,
};
use backup_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: EntryKind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mtime: Timestamp,
    pub(crate) content: Vec<Part>,
    pub(crate) target: Vec<u8>,
    pub(crate) xattrs: Vec<(String, Vec<u8>)>,
    pub(crate) special: u64,
    pub(crate) link: u64,
}

/// Part of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Data(Vec<u8>),
    Hole(u64),
}

impl Item {
    pub(crate) fn new(path: impl AsRef<[u8]>, kind: EntryKind) -> Self {
        let mode = if kind == EntryKind::Directory { 0o755 } else { 0o644 };
        Self {
            path: path.as_ref().to_vec(),
            kind,
            mode,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            mtime: Timestamp { seconds: 1_600_000_000, nanoseconds: 123_456_789 },
            content: Vec::new(),
            target: Vec::new(),
            xattrs: Vec::new(),
            special: 0,
            link: 0,
        }
    }

    pub(crate) fn folder(path: impl AsRef<[u8]>) -> Self {
        Self::new(path, EntryKind::Directory)
    }

    pub(crate) fn file(path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref().to_vec();
        let content = if content.is_empty() { Vec::new() } else { vec![Part::Data(content)] };
        Self { content, ..Self::new(path, EntryKind::File) }
    }

    pub(crate) fn symlink(path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self { target: target.as_ref().to_vec(), mode: 0o777, ..Self::new(path, EntryKind::Symlink) }
    }

    pub(crate) fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    pub(crate) fn link(self, link: u64) -> Self {
        Self { link, ..self }
    }

    pub(crate) fn owner(self, uid: u32, gid: u32) -> Self {
        Self { uid, gid, ..self }
    }

    pub(crate) fn xattr(mut self, name: &str, value: &[u8]) -> Self {
        self.xattrs.push((name.to_owned(), value.to_vec()));
        self.xattrs.sort();
        self
    }

    pub(crate) fn size(&self) -> u64 {
        self.content.iter().map(Part::length).sum()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.content {
            match part {
                Part::Data(data) => bytes.extend_from_slice(data),
                Part::Hole(length) => bytes.resize(bytes.len() + usize::try_from(*length).unwrap(), 0),
            }
        }
        bytes
    }
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Self::Data(data) => data.len() as u64,
            Self::Hole(length) => *length,
        }
    }
}

type Hook = Box<dyn FnMut() + Send>;

/// A stored service. What it yields need not make sense: that is for the restore to find out.
pub(crate) struct Service {
    keys: Keys,
    artifacts: Vec<ArtifactInfo>,
    facts: Facts,
    role: Role,
    trees: BTreeMap<String, Vec<Entries>>,
    streams: BTreeMap<String, Vec<u8>>,
    chunks: HashMap<ChunkId, Bytes>,
    maps: HashMap<ChunkId, Vec<Extent>>,
    before_contents: Mutex<Option<Hook>>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("artifacts", &self.artifacts).finish_non_exhaustive()
    }
}

impl Service {
    pub(crate) fn new() -> Self {
        let repository = RepositoryId::generate(&OsRandom).unwrap();
        Self {
            keys: Keys::generate(repository, &OsRandom).unwrap(),
            artifacts: Vec::new(),
            facts: Facts::new(),
            role: Role::Files,
            trees: BTreeMap::new(),
            streams: BTreeMap::new(),
            chunks: HashMap::new(),
            maps: HashMap::new(),
            before_contents: Mutex::new(None),
        }
    }

    /// A service with one tree of these items, sorted, below a root.
    pub(crate) fn of(items: &[Item]) -> Self {
        let mut items = items.to_vec();
        if !items.iter().any(|item| item.path.is_empty()) {
            items.push(Item::folder(""));
        }
        items.sort_by(|left, right| path_order(&left.path, &right.path));
        Self::new().tree("tree", &items)
    }

    /// Adds a tree of these items as they are.
    pub(crate) fn tree(mut self, name: &str, items: &[Item]) -> Self {
        let mut batches = Vec::new();
        for items in items.chunks(BATCH) {
            let mut batch = Entries::new();
            for item in items {
                self.push(&mut batch, item);
            }
            batches.push(batch);
        }
        let bytes = items.iter().map(Item::size).sum();
        let entries = items.len() as u64;
        self.trees.insert(name.to_owned(), batches);
        self.artifact(ArtifactInfo { name: name.to_owned(), kind: ArtifactKind::Tree, bytes, entries })
    }

    /// Adds a stream.
    pub(crate) fn stream_of(mut self, name: &str, content: &[u8]) -> Self {
        self.streams.insert(name.to_owned(), content.to_vec());
        let bytes = content.len() as u64;
        self.artifact(ArtifactInfo { name: name.to_owned(), kind: ArtifactKind::Stream, bytes, entries: 0 })
    }

    /// Says that it is a database.
    pub(crate) fn database(self) -> Self {
        Self { role: Role::Database, ..self }
    }

    /// Does something each time before contents are read.
    pub(crate) fn before_contents(self, hook: impl FnMut() + Send + 'static) -> Self {
        *self.before_contents.lock().unwrap() = Some(Box::new(hook));
        self
    }

    /// Forgets what is stored of a content, so that reading it fails.
    pub(crate) fn lose(mut self, content: &[u8]) -> Self {
        let id = self.keys.chunk_id(ChunkKind::Data, content);
        assert!(self.chunks.remove(&id).is_some());
        self
    }

    pub(crate) fn shared(self) -> Arc<dyn ServiceReader> {
        Arc::new(self)
    }

    fn artifact(mut self, artifact: ArtifactInfo) -> Self {
        self.artifacts.push(artifact);
        self.artifacts.sort_by(|left, right| left.name.cmp(&right.name));
        self
    }

    fn push(&mut self, batch: &mut Entries, item: &Item) {
        let extents: Vec<Extent> = item.content.iter().map(|part| self.keep(part)).collect();
        let block = block(&item.xattrs);
        let block_extent = [self.keep(&Part::Data(block.clone()))];
        let metadata = Metadata {
            kind: item.kind,
            mode: item.mode,
            uid: item.uid,
            gid: item.gid,
            mtime: item.mtime,
            ctime: item.mtime,
            size: item.size(),
            inode: 1,
            device: 1,
            special: item.special,
            link: item.link,
        };
        let hash = self.keys.content_hash(&item.bytes());
        let list = if extents.len() > 3 {
            let root = self.keys.chunk_id(ChunkKind::Meta, &item.path);
            self.maps.insert(root, extents.clone());
            ExtentList::Map(root)
        } else {
            ExtentList::Inline(&extents)
        };
        let content = match item.size() {
            0 => Content::None,
            size => Content::Stored(StoredContent { hash, size, extents: list }),
        };
        let xattrs = match block.len() as u64 {
            0 => Content::None,
            size => Content::Stored(StoredContent {
                hash: self.keys.content_hash(&block),
                size,
                extents: ExtentList::Inline(&block_extent),
            }),
        };
        batch.push(&Entry { path: &item.path, metadata, target: &item.target, content, xattrs });
    }

    fn keep(&mut self, part: &Part) -> Extent {
        match part {
            Part::Hole(length) => Extent { chunk: None, offset: 0, length: *length },
            Part::Data(data) => {
                let id = self.keys.chunk_id(ChunkKind::Data, data);
                self.chunks.insert(id, Bytes::from(data.clone()));
                Extent { chunk: Some(id), offset: 0, length: data.len() as u64 }
            }
        }
    }

    fn pieces(&self, wanted: StoredContent<'_>) -> Result<Vec<Piece>> {
        if let Some(hook) = self.before_contents.lock().unwrap().as_mut() {
            hook();
        }
        let extents = match wanted.extents {
            ExtentList::Inline(extents) => extents,
            ExtentList::Map(root) => &self.maps[&root],
        };
        extents.iter().map(|extent| self.piece(extent)).collect()
    }

    fn piece(&self, extent: &Extent) -> Result<Piece> {
        let Some(chunk) = extent.chunk else { return Ok(Piece::Hole(extent.length)) };
        let lost = || Error::new(ErrorKind::Damaged, "a chunk is lost");
        Ok(Piece::Data(self.chunks.get(&chunk).ok_or_else(lost)?.clone()))
    }
}

#[async_trait]
impl ServiceReader for Service {
    fn artifacts(&self) -> &[ArtifactInfo] {
        &self.artifacts
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn role(&self) -> Role {
        self.role
    }

    fn started_at(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    async fn stream(&self, artifact: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let pieces: Vec<_> =
            self.streams[artifact].chunks(1000).map(Bytes::copy_from_slice).map(Ok).collect();
        Ok(stream::iter(pieces).boxed())
    }

    async fn tree(&self, artifact: &str, below: &[u8]) -> Result<Box<dyn TreeReader>> {
        let holds = |path: &[u8]| {
            let rest = path.strip_prefix(below);
            below.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        let mut batches = Vec::new();
        for all in &self.trees[artifact] {
            let mut batch = Entries::new();
            all.iter().filter(|entry| holds(entry.path)).for_each(|entry| batch.push(&entry));
            if !batch.is_empty() {
                batches.push(batch);
            }
        }
        batches.reverse();
        Ok(Box::new(Reader(batches)))
    }

    async fn contents(&self, wanted: &[StoredContent<'_>]) -> Result<Vec<Bytes>> {
        let flat = |stored: &StoredContent<'_>| {
            let mut bytes = Vec::new();
            for piece in self.pieces(*stored)? {
                match piece {
                    Piece::Data(data) => bytes.extend_from_slice(&data),
                    Piece::Hole(length) => bytes.resize(bytes.len() + usize::try_from(length).unwrap(), 0),
                }
            }
            Ok(Bytes::from(bytes))
        };
        let contents = wanted.iter().map(flat).collect();
        // As one that waits for a storage would.
        tokio::task::yield_now().await;
        contents
    }

    async fn content(&self, wanted: StoredContent<'_>) -> Result<BoxStream<'static, Result<Piece>>> {
        let mut pieces = Vec::new();
        for piece in self.pieces(wanted)? {
            match piece {
                Piece::Data(data) => {
                    pieces.extend(
                        data.chunks(1 << 20).map(|data| Ok(Piece::Data(Bytes::copy_from_slice(data)))),
                    );
                }
                hole @ Piece::Hole(_) => pieces.push(Ok(hole)),
            }
        }
        tokio::task::yield_now().await;
        Ok(stream::iter(pieces).boxed())
    }

    fn content_hasher(&self) -> ContentHasher {
        self.keys.content_hasher()
    }
}

struct Reader(Vec<Entries>);

#[async_trait]
impl TreeReader for Reader {
    async fn next(&mut self) -> Result<Option<Entries>> {
        Ok(self.0.pop())
    }
}

fn block(xattrs: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in xattrs {
        block.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        block.extend_from_slice(&u32::try_from(value.len()).unwrap().to_le_bytes());
        block.extend_from_slice(name.as_bytes());
        block.extend_from_slice(value);
    }
    block
}

const BATCH: usize = 300;
