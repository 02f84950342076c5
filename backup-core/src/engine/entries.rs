//! Entries of file trees, in batches that cost no allocation per entry.

use std::cmp::Ordering;
use std::fmt::Write as _;

use backup_crypto::{ChunkId, ContentHash};

/// A batch of entries of a tree, in canonical order, in a few shared buffers.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    bytes: Vec<u8>,
    extents: Vec<Extent>,
    records: Vec<Record>,
}

/// One entry of a tree.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Path below the root, `/`-separated bytes without a leading slash; empty for the root itself.
    pub path: &'a [u8],
    /// All but names and contents.
    pub metadata: Metadata,
    /// Where a symbolic link points; empty for everything else.
    pub target: &'a [u8],
    /// The content of a regular file.
    pub content: Content<'a>,
    /// Extended attributes and ACLs as one block (see [`Metadata`]).
    pub xattrs: Content<'a>,
}

/// A small content: absent, as bytes, or as what a repository already stores.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// There is none: not a regular file, an empty file, no extended attributes.
    None,
    /// The bytes themselves.
    Data(&'a [u8]),
    /// Bytes that the repository has.
    Stored(StoredContent<'a>),
}

/// A content that a repository stores: its hash and where its bytes are.
#[derive(Debug, Clone, Copy)]
pub struct StoredContent<'a> {
    /// Keyed hash of all its bytes, holes as zeros.
    pub hash: ContentHash,
    /// Its length in bytes, holes included.
    pub size: u64,
    /// Where its bytes are.
    pub extents: ExtentList<'a>,
}

/// Where the bytes of a content are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtentList<'a> {
    /// The extents, in order.
    Inline(&'a [Extent]),
    /// A content map holds them; its root is this chunk.
    Map(ChunkId),
}

/// Part of a chunk, or a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The chunk; `None` for a hole.
    pub chunk: Option<ChunkId>,
    /// Where in the chunk's plaintext it begins; 0 for a hole.
    pub offset: u32,
    /// Its length in bytes, not 0.
    pub length: u64,
}

/// What an entry is, whom it belongs to and when it changed.
///
/// Extended attributes travel as one block of bytes: for each attribute, sorted by name, the length of the name (u16, little-endian), the
/// length of the value (u32), the name, the value. POSIX ACLs are extended attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with set-user-id, set-group-id and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// When the content changed.
    pub mtime: Timestamp,
    /// When the content or the metadata changed, as the file system says; the signal for unchanged files.
    pub ctime: Timestamp,
    /// Size of a regular file in bytes; 0 for everything else.
    pub size: u64,
    /// Number of the file in its file system.
    pub inode: u64,
    /// The file system it is on.
    pub device: u64,
    /// Major (upper 32 bits) and minor (lower 32 bits) number of a device node; 0 for everything else.
    pub special: u64,
    /// Not 0 if the file has several names: all names of one file in this tree carry the same number.
    pub link: u64,
}

/// The kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EntryKind {
    /// Regular file.
    File = 0,
    /// Folder.
    Directory = 1,
    /// Symbolic link.
    Symlink = 2,
    /// Named pipe.
    Fifo = 3,
    /// Character device.
    CharacterDevice = 4,
    /// Block device.
    BlockDevice = 5,
}

/// A point in time as file systems keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z, negative before.
    pub seconds: i64,
    /// Nanoseconds after that, below 1,000,000,000.
    pub nanoseconds: u32,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    metadata: Metadata,
    path: Span,
    target: Span,
    content: Slot,
    xattrs: Slot,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    length: usize,
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    None,
    Data(Span),
    Inline { hash: ContentHash, size: u64, extents: Span },
    Map { hash: ContentHash, size: u64, root: ChunkId },
}

impl Entries {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry; its parts are copied into the batch.
    pub fn push(&mut self, entry: &Entry<'_>) {
        let path = self.keep(entry.path);
        let target = self.keep(entry.target);
        let content = self.slot(entry.content);
        let xattrs = self.slot(entry.xattrs);
        self.records.push(Record { metadata: entry.metadata, path, target, content, xattrs });
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes held: of names, contents and lists of extents.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.extents.len() * size_of::<Extent>()
    }

    /// The entry at a position.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<Entry<'_>> {
        self.records.get(position).map(|record| self.entry(record))
    }

    /// All entries in order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> + '_ {
        self.records.iter().map(|record| self.entry(record))
    }

    /// Empties the batch and keeps its buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.extents.clear();
        self.records.clear();
    }

    /// Puts a chunk in the place of another in all extents.
    pub(crate) fn replace_chunk(&mut self, from: ChunkId, to: ChunkId) {
        for extent in self.extents.iter_mut().filter(|extent| extent.chunk == Some(from)) {
            extent.chunk = Some(to);
        }
    }

    fn entry(&self, record: &Record) -> Entry<'_> {
        Entry {
            path: self.slice(record.path),
            metadata: record.metadata,
            target: self.slice(record.target),
            content: self.content(record.content),
            xattrs: self.content(record.xattrs),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Span { start, length: bytes.len() }
    }

    fn slot(&mut self, content: Content<'_>) -> Slot {
        match content {
            Content::None => Slot::None,
            Content::Data(bytes) => Slot::Data(self.keep(bytes)),
            Content::Stored(StoredContent { hash, size, extents: ExtentList::Map(root) }) => {
                Slot::Map { hash, size, root }
            }
            Content::Stored(StoredContent { hash, size, extents: ExtentList::Inline(list) }) => {
                let start = self.extents.len();
                self.extents.extend_from_slice(list);
                Slot::Inline { hash, size, extents: Span { start, length: list.len() } }
            }
        }
    }

    fn slice(&self, span: Span) -> &[u8] {
        &self.bytes[span.start..span.start + span.length]
    }

    fn content(&self, slot: Slot) -> Content<'_> {
        match slot {
            Slot::None => Content::None,
            Slot::Data(span) => Content::Data(self.slice(span)),
            Slot::Inline { hash, size, extents } => Content::Stored(StoredContent {
                hash,
                size,
                extents: ExtentList::Inline(&self.extents[extents.start..extents.start + extents.length]),
            }),
            Slot::Map { hash, size, root } => {
                Content::Stored(StoredContent { hash, size, extents: ExtentList::Map(root) })
            }
        }
    }
}

impl Metadata {
    /// Whether two states of a path are the same for all that is kept, and the file system says that nothing changed in between:
    /// kind, size, times, owner, mode, file number. The racy-clean rule is the caller's.
    #[must_use]
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        Self { link: 0, ..*self } == Self { link: 0, ..*earlier }
    }
}

impl EntryKind {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::File,
            1 => Self::Directory,
            2 => Self::Symlink,
            3 => Self::Fifo,
            4 => Self::CharacterDevice,
            5 => Self::BlockDevice,
            _ => return None,
        })
    }
}

/// The canonical order of paths: bytewise with `/` before every other byte, so that a folder is followed by all that is below it.
#[must_use]
pub fn path_order(left: &[u8], right: &[u8]) -> Ordering {
    let weight = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    let common = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    match (left.get(common), right.get(common)) {
        (Some(a), Some(b)) => weight(*a).cmp(&weight(*b)),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// A path as text for people: UTF-8 as it is, other bytes and control characters as `\xNN`, a backslash doubled.
#[must_use]
pub fn printable_path(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for piece in path.utf8_chunks() {
        for character in piece.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                _ if character.is_control() => {
                    let mut bytes = [0; 4];
                    push_escaped(&mut text, character.encode_utf8(&mut bytes).as_bytes());
                }
                _ => text.push(character),
            }
        }
        push_escaped(&mut text, piece.invalid());
    }
    text
}

fn push_escaped(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_right_before_what_is_below_it() {
        let mut paths: Vec<&[u8]> = vec![b"a.b", b"a/x", b"a", b"", b"a/x/y", b"b", b"a!"];
        paths.sort_by(|left, right| path_order(left, right));
        assert_eq!(paths, [&b""[..], b"a", b"a/x", b"a/x/y", b"a!", b"a.b", b"b"]);
    }

    #[test]
    fn names_that_are_not_text_are_shown_escaped_and_apart() {
        assert_eq!(printable_path(b"caf\xc3\xa9/\xff\n\\"), "caf\u{e9}/\\xff\\x0a\\\\");
    }
}
