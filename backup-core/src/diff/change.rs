//! What a comparison tells: one change, and the sum of all.

use serde::{Serialize, Serializer};

use crate::engine::{EntryKind, printable_path};

/// One difference between two backups, from the old one to the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The service.
    pub service: String,
    /// The artifact of the service; empty if the whole service was added or removed.
    pub artifact: String,
    /// The path within a tree, as bytes; empty for its root and for all that is no entry of a tree. Written out as
    /// [`printable_path`](crate::engine::printable_path) shows it.
    #[serde(serialize_with = "as_printable")]
    pub path: Vec<u8>,
    /// What happened to it.
    #[serde(flatten)]
    pub difference: Difference,
    /// What it was; `None` if it was added.
    pub old: Option<DiffItem>,
    /// What it is; `None` if it was removed.
    pub new: Option<DiffItem>,
    /// Bytes of the new content that are in chunks which the old content has no part of: about what changed within it. `None` unless the
    /// content is modified, and if the old content has too many chunks to remember (a million, of about a megabyte each).
    pub changed_bytes: Option<u64>,
}

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Difference {
    /// Only the new backup has it.
    Added,
    /// Only the old backup has it.
    Removed,
    /// Both have it, and a restore of one would not give what a restore of the other gives.
    Modified {
        /// The content: bytes of a file or stream, the target of a symbolic link, the number of a device.
        content: bool,
        /// Mode, owner, group, time of modification, or extended attributes.
        metadata: bool,
        /// What it is: a file became a folder.
        kind: bool,
    },
}

/// One side of a [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DiffItem {
    /// What it is.
    pub kind: DiffKind,
    /// Entries of trees and streams in it; 1 for an entry or a stream.
    pub entries: u64,
    /// Bytes of its content.
    pub bytes: u64,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DiffKind {
    /// A whole service.
    Service,
    /// A whole tree of a service.
    Tree,
    /// A stream of a service.
    Stream,
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
}

/// The changes told so far, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DiffSummary {
    /// Entries and streams that only the new backup has, those of whole services and trees included.
    pub added: u64,
    /// Entries and streams that only the old backup has.
    pub removed: u64,
    /// Entries and streams that both have and that differ.
    pub modified: u64,
    /// Bytes of what was added.
    pub added_bytes: u64,
    /// Bytes of what was removed.
    pub removed_bytes: u64,
    /// Bytes changed within what was modified: the sum of [`Change::changed_bytes`], or all bytes of the new content where that is not known.
    pub changed_bytes: u64,
}

impl DiffSummary {
    pub(super) fn add(&mut self, change: &Change) {
        let plus = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        let size = |item: Option<DiffItem>| item.map_or((0, 0), |item| (item.entries, item.bytes));
        let ((old, old_bytes), (new, new_bytes)) = (size(change.old), size(change.new));
        match change.difference {
            Difference::Added => {
                plus(&mut self.added, new);
                plus(&mut self.added_bytes, new_bytes);
            }
            Difference::Removed => {
                plus(&mut self.removed, old);
                plus(&mut self.removed_bytes, old_bytes);
            }
            Difference::Modified { content, .. } => {
                plus(&mut self.modified, 1);
                let all = if content { new_bytes } else { 0 };
                plus(&mut self.changed_bytes, change.changed_bytes.unwrap_or(all));
            }
        }
    }
}

impl From<EntryKind> for DiffKind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File => Self::File,
            EntryKind::Directory => Self::Directory,
            EntryKind::Symlink => Self::Symlink,
            EntryKind::Fifo => Self::Fifo,
            EntryKind::CharacterDevice => Self::CharacterDevice,
            EntryKind::BlockDevice => Self::BlockDevice,
        }
    }
}

fn as_printable<S: Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&printable_path(path))
}
