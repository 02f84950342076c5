//! Format 1: what is stored, as pure encoding and decoding. `docs/format.md` is the normative text.
//!
//! Nothing here touches a storage. Decoders take bytes from anywhere: every length is checked before anything is allocated, entries
//! that are unsorted or occur twice are errors, and none of them panics.

pub(crate) mod config;
pub(crate) mod content;
pub(crate) mod cursor;
pub(crate) mod digest;
pub(crate) mod header;
pub(crate) mod index;
pub(crate) mod manifest;
pub(crate) mod map;
pub(crate) mod names;
pub(crate) mod node;
pub(crate) mod note;
pub(crate) mod pack;
pub(crate) mod record;
pub(crate) mod references;
pub(crate) mod repository;
pub(crate) mod run;
pub(crate) mod sweep;
pub(crate) mod tree;

/// The major version of the format that this library writes and reads.
pub const FORMAT: u16 = 1;

/// Files below this size are bundled with their neighbours into chunks; others are chunked on their own.
pub const BUNDLE_LIMIT: u64 = 256 * 1024;

/// The first bytes of every binary object.
pub(crate) const MAGIC: [u8; 4] = *b"bkup";

/// Limits that decoders check before allocating, in bytes or counts.
pub(crate) mod limit {
    /// `repository.json`.
    pub(crate) const REPOSITORY: u64 = 64 * 1024;
    /// A `config/` object.
    pub(crate) const CONFIG: u64 = 1024 * 1024;
    /// A `keys/` object.
    pub(crate) const KEY_SLOT: u64 = 64 * 1024;
    /// A manifest, stored.
    pub(crate) const MANIFEST: u64 = 16 * 1024 * 1024;
    /// One status of a run, stored.
    pub(crate) const RUN: u64 = 64 * 1024;
    /// A note, stored.
    pub(crate) const NOTE: u64 = 64 * 1024;
    /// A digest, stored, and what is in it, unfolded.
    pub(crate) const DIGEST: u64 = 16 * 1024 * 1024;
    /// A word in a note: a name of a hold, a tag, a person.
    pub(crate) const NOTE_WORD: usize = 200;
    /// The text of a comment.
    pub(crate) const COMMENT: usize = 16 * 1024;
    /// A sweep record, stored.
    pub(crate) const SWEEP: u64 = 64 * 1024;
    /// An index segment, stored.
    pub(crate) const INDEX: u64 = 64 * 1024 * 1024;
    /// A pack, stored.
    pub(crate) const PACK: u64 = 256 * 1024 * 1024;
    /// The directory of a pack, sealed.
    pub(crate) const DIRECTORY: u64 = 8 * 1024 * 1024;
    /// A chunk's plaintext.
    pub(crate) const CHUNK: usize = 4 * 1024 * 1024;
    /// What a chunk may take in a pack: plaintext, codec byte, tag and what compression may add.
    pub(crate) const STORED_CHUNK: usize = CHUNK + 64 * 1024;
    /// A segment of a tree or map, plaintext.
    pub(crate) const SEGMENT: usize = 1024 * 1024;
    /// All keys of a segment together, unfolded from what each shares with the one before.
    pub(crate) const SEGMENT_KEYS: usize = 4 * 1024 * 1024;
    /// A path within a tree.
    pub(crate) const PATH: usize = 64 * 1024;
    /// One component of a path.
    pub(crate) const COMPONENT: usize = 4 * 1024;
    /// The extended attributes of one entry.
    pub(crate) const XATTRS: u64 = 1024 * 1024;
    /// Extents that stand in an entry or manifest; longer lists are a map.
    pub(crate) const INLINE_EXTENTS: usize = 64;
    /// Levels of nodes above the leaves of a tree or map.
    pub(crate) const LEVELS: usize = 8;
    /// Nesting of MessagePack.
    pub(crate) const DEPTH: usize = 16;
    /// The name of an artifact.
    pub(crate) const ARTIFACT_NAME: usize = 1024;
    /// The encapsulation of a session.
    pub(crate) const ENCAPSULATION: usize = 2048;
}

#[cfg(test)]
mod tests;
