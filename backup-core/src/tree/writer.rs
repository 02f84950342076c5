//! Writing a file tree: small contents bundled into chunks, large ones chunked, entries into segments.

use std::cmp::Ordering;

use async_trait::async_trait;
use backup_crypto::{ChunkId, ChunkKind};
use bytes::Bytes;

use super::content::ContentWriter;
use super::segments::{Cutter, SegmentBuilder};
use super::walk::MapWalk;
use crate::chunks::ChunkReader;
use crate::engine::{
    Content, Entries, Entry, EntryKind, Extent, ExtentList, FileWriter, Layout, Metadata, StoredContent,
    path_order, printable_path,
};
use crate::format::content::{OwnedContent, expect_extent, expect_sum};
use crate::format::{BUNDLE_LIMIT, limit, tree};
use crate::packer::Packer;
use crate::{Error, Result};
use std::sync::Arc;

/// Writes one tree. Entries whose bytes are in the bundle being filled wait until it has an id.
#[derive(Debug)]
pub(crate) struct EntryWriter {
    packer: Packer,
    reader: Arc<ChunkReader>,
    cutter: Cutter,
    segments: SegmentBuilder,
    bundle: Vec<u8>,
    waiting: Entries,
    scratch: Vec<u8>,
    last_path: Vec<u8>,
    /// The folders above the last entry, each by the length of its path.
    folders: Vec<usize>,
    started: bool,
    pub(crate) totals: TreeTotals,
}

/// What a tree holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TreeTotals {
    pub(crate) entries: u64,
    pub(crate) files: u64,
    /// Bytes of all files.
    pub(crate) bytes: u64,
    /// Entries that were taken over from an earlier backup.
    pub(crate) unchanged: u64,
    /// Bytes read from the source.
    pub(crate) read_bytes: u64,
    /// Bytes of what is new or has changed: whole files of a tree, and of a stream what was not stored yet.
    pub(crate) changed_bytes: u64,
}

impl TreeTotals {
    /// Counts bytes of a file that is not the parent's, or not known to be.
    fn read(&mut self, bytes: u64) {
        self.read_bytes += bytes;
        self.changed_bytes += bytes;
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            unchanged: self.unchanged + other.unchanged,
            read_bytes: self.read_bytes + other.read_bytes,
            changed_bytes: self.changed_bytes + other.changed_bytes,
        }
    }
}

impl EntryWriter {
    pub(crate) fn new(packer: &Packer, reader: &Arc<ChunkReader>, cutter: &Cutter) -> Self {
        Self {
            packer: packer.clone(),
            reader: reader.clone(),
            cutter: cutter.clone(),
            segments: SegmentBuilder::tree(packer.keys(), cutter),
            bundle: Vec::new(),
            waiting: Entries::new(),
            scratch: Vec::new(),
            last_path: Vec::new(),
            folders: Vec::new(),
            started: false,
            totals: TreeTotals::default(),
        }
    }

    pub(crate) async fn put(&mut self, entries: &Entries) -> Result<()> {
        for entry in entries.iter() {
            for content in [entry.content, entry.xattrs] {
                if let Content::Stored(stored) = content {
                    self.rely_on(stored).await?;
                }
            }
            self.put_entry(&entry).await?;
        }
        if self.bundle.is_empty()
            || self.waiting.len() >= MAX_WAITING
            || self.waiting.bytes() >= MAX_WAITING_BYTES
        {
            self.end_bundle().await?;
        }
        Ok(())
    }

    /// Ends the tree and returns its root.
    pub(crate) async fn finish(&mut self) -> Result<ChunkId> {
        self.end_bundle().await?;
        let root = self.segments.finish()?;
        self.store_segments().await?;
        root.ok_or_else(|| Error::invalid("a tree was committed without any entry"))
    }

    /// Takes an entry whose stored contents are of this run, or were relied on.
    async fn put_entry(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.follow(entry.path, entry.metadata.kind)?;
        expect_consistent(entry)?;
        if self.bundle.len() + data(entry.content).len() + data(entry.xattrs).len() > BUNDLE_MAX {
            self.end_bundle().await?;
        }
        let (mut content_extent, mut xattrs_extent) = ([NO_EXTENT], [NO_EXTENT]);
        let content = self.bundle(entry.content, &mut content_extent)?;
        let xattrs = self.bundle(entry.xattrs, &mut xattrs_extent)?;
        self.waiting.push(&Entry { content, xattrs, ..*entry });
        self.totals.unchanged += u64::from(matches!(entry.content, Content::Stored(_)));
        self.totals.entries += 1;
        self.totals.files += u64::from(entry.metadata.kind == EntryKind::File);
        self.totals.bytes += entry.metadata.size;
        if self.bundle.len() >= BUNDLE_MIN && ends_bundle(content) {
            self.store_bundle().await?;
        }
        Ok(())
    }

    /// Puts the bytes of a content, if it has any, into the bundle being filled, whose id is not known yet.
    fn bundle<'a>(&mut self, content: Content<'a>, extent: &'a mut [Extent; 1]) -> Result<Content<'a>> {
        let Content::Data(bytes) = content else { return Ok(content) };
        if bytes.is_empty() {
            return Ok(Content::None);
        }
        let (hash, size) = (self.packer.keys().content_hash(bytes), bytes.len() as u64);
        let offset = u32::try_from(self.bundle.len()).map_err(|_| Error::invalid("a bundle is too large"))?;
        extent[0] = Extent { chunk: Some(BUNDLE), offset, length: size };
        self.bundle.extend_from_slice(bytes);
        self.totals.read(size);
        Ok(Content::Stored(StoredContent { hash, size, extents: ExtentList::Inline(extent) }))
    }

    async fn rely_on(&self, content: StoredContent<'_>) -> Result<()> {
        let gone = || {
            Error::new(crate::ErrorKind::Unavailable, "a chunk of the previous backup has gone meanwhile")
                .with_remedy("run the backup again; it stores again what is missing")
        };
        let rely = |extents: &[Extent]| {
            let mut chunks = extents.iter().filter_map(|extent| extent.chunk);
            if chunks.all(|chunk| self.packer.rely_on(ChunkKind::Data, &chunk)) {
                Ok(())
            } else {
                Err(gone())
            }
        };
        if content.size == 0 {
            return Err(Error::invalid("a stored content is empty"));
        }
        match content.extents {
            ExtentList::Inline(extents) => {
                if extents.len() > limit::INLINE_EXTENTS {
                    return Err(Error::invalid("a stored content has too many extents"));
                }
                extents.iter().try_for_each(|extent| expect_extent(*extent).map(drop))?;
                expect_sum(extents, content.size)?;
                rely(extents)
            }
            ExtentList::Map(root) => {
                let mut map = MapWalk::new(&self.reader, root, content.size);
                while let Some(leaf) = map.next().await? {
                    if !leaf.segments.iter().all(|chunk| self.packer.rely_on(ChunkKind::Meta, chunk)) {
                        return Err(gone());
                    }
                    rely(&leaf.extents)?;
                }
                Ok(())
            }
        }
    }

    /// Stores the bundle, encodes what waits for it, and stores the segments that are complete.
    async fn end_bundle(&mut self) -> Result<()> {
        if !self.bundle.is_empty() {
            self.store_bundle().await?;
        }
        self.encode_waiting()?;
        self.store_segments().await
    }

    async fn store_bundle(&mut self) -> Result<ChunkId> {
        let bundle = Bytes::from(std::mem::take(&mut self.bundle));
        let id = self.packer.put(ChunkKind::Data, bundle).await?;
        self.waiting.replace_chunk(BUNDLE, id);
        Ok(id)
    }

    fn encode_waiting(&mut self) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        for entry in waiting.iter() {
            let scratch = &mut self.scratch;
            self.segments.push(entry.path, entry.path, |items, references, previous| {
                tree::encode_entry(items, scratch, references, previous, &entry)
            })?;
        }
        waiting.clear();
        self.waiting = waiting;
        Ok(())
    }

    async fn store_segments(&mut self) -> Result<()> {
        for (id, segment) in self.segments.take_ready() {
            self.packer.put_identified(ChunkKind::Meta, id, segment).await?;
        }
        Ok(())
    }

    /// Checks that a path comes in order and below a folder of this tree.
    fn follow(&mut self, path: &[u8], kind: EntryKind) -> Result<()> {
        let refuse =
            |reason: &str| Err(Error::invalid(format!("the entry \"{}\" {reason}", printable_path(path))));
        if !self.started {
            if !path.is_empty() || kind != EntryKind::Directory {
                return refuse("comes before the root folder of its tree");
            }
            self.started = true;
            self.folders.push(0);
            return Ok(());
        }
        if path_order(&self.last_path, path) != Ordering::Less {
            return refuse("is not in canonical order");
        }
        if tree::expect_path(path).is_err() {
            return refuse("has a path that cannot be one within a tree");
        }
        let parent = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        while self
            .folders
            .last()
            .is_some_and(|length| *length > parent || self.last_path.get(..*length) != path.get(..*length))
        {
            self.folders.pop();
        }
        if self.folders.last() != Some(&parent) {
            return refuse("is not in a folder of its tree");
        }
        self.last_path.clear();
        self.last_path.extend_from_slice(path);
        if kind == EntryKind::Directory {
            self.folders.push(path.len());
        }
        Ok(())
    }
}

/// Whether a bundle that is large enough ends after a file, by the file's content, so that equal files are bundled equally.
fn ends_bundle(content: Content<'_>) -> bool {
    matches!(content, Content::Stored(stored) if stored.hash.0[0].trailing_zeros() >= BUNDLE_CUT_BITS)
}

fn data(content: Content<'_>) -> &[u8] {
    if let Content::Data(bytes) = content { bytes } else { &[] }
}

fn expect_consistent(entry: &Entry<'_>) -> Result<()> {
    let metadata = &entry.metadata;
    let size = match entry.content {
        Content::None => 0,
        Content::Data(bytes) => bytes.len() as u64,
        Content::Stored(content) => content.size,
    };
    let xattrs = match entry.xattrs {
        Content::None => 0,
        Content::Data(bytes) => bytes.len() as u64,
        Content::Stored(content) => content.size,
    };
    let small = !matches!(entry.content, Content::Data(_)) || size < BUNDLE_LIMIT;
    let holds_content = metadata.kind == EntryKind::File || (size == 0 && metadata.size == 0);
    let links = (metadata.kind == EntryKind::Symlink) != entry.target.is_empty();
    let times = [metadata.mtime, metadata.ctime].iter().all(|time| time.nanoseconds < 1_000_000_000);
    let target = entry.target.len() <= limit::PATH;
    let mode = metadata.mode <= 0o7777;
    if metadata.size == size
        && small
        && holds_content
        && links
        && xattrs <= limit::XATTRS
        && times
        && target
        && mode
    {
        return Ok(());
    }
    Err(Error::invalid(format!("the metadata of \"{}\" contradicts its content", printable_path(entry.path))))
}

/// One large file of a tree being written.
#[derive(Debug)]
pub(crate) struct LargeFileWriter<'a> {
    pub(crate) tree: &'a mut EntryWriter,
    pub(crate) path: Vec<u8>,
    pub(crate) content: ContentWriter,
    pub(crate) written: u64,
}

impl EntryWriter {
    pub(crate) fn file(&mut self, path: &[u8]) -> LargeFileWriter<'_> {
        let content = ContentWriter::new(&self.packer, &self.cutter, Layout::ContentDefined);
        LargeFileWriter { path: path.to_vec(), content, written: 0, tree: self }
    }
}

#[async_trait]
impl FileWriter for LargeFileWriter<'_> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.written += bytes.len() as u64;
        self.content.write(bytes).await
    }

    async fn hole(&mut self, length: u64) -> Result<()> {
        self.content.hole(length).await
    }

    async fn commit(self: Box<Self>, metadata: &Metadata, xattrs: Content<'_>) -> Result<()> {
        let this = *self;
        let owned: Option<OwnedContent> = this.content.finish().await?.content;
        let content = owned.as_ref().map_or(Content::None, |owned| Content::Stored(owned.as_stored()));
        let entry = Entry { path: &this.path, metadata: *metadata, target: &[], content, xattrs };
        let unchanged = this.tree.totals.unchanged;
        if let Content::Stored(stored) = xattrs {
            this.tree.rely_on(stored).await?;
        }
        this.tree.put_entry(&entry).await?;
        this.tree.totals.unchanged = unchanged;
        this.tree.totals.read(this.written);
        this.tree.put(&Entries::new()).await
    }
}

/// Stands in extents for the bundle that has no id yet.
const BUNDLE: ChunkId = ChunkId([0; 32]);
const NO_EXTENT: Extent = Extent { chunk: None, offset: 0, length: 0 };
/// A bundle ends no earlier, except at the end of a tree or when too many entries wait for it.
const BUNDLE_MIN: usize = 512 * 1024;
/// A bundle ends before it exceeds this.
const BUNDLE_MAX: usize = 2 * 1024 * 1024;
/// A file ends a bundle with a chance of one in two to this power.
const BUNDLE_CUT_BITS: u32 = 6;
/// Entries that may wait for a bundle.
const MAX_WAITING: usize = 32_768;
/// Bytes of names that may wait for a bundle.
const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;
