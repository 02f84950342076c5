//! Artifacts: the named streams and trees that a snapshot yields.

use serde::{Deserialize, Serialize};

/// A named stream or tree that an engine is about to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The name within the service, UTF-8, `/`-separated: `schema.sql`, `table/public.users`, `tree`.
    pub name: String,
    /// How a stream wants to be stored. Trees choose per file and ignore it.
    pub layout: Layout,
}

impl Artifact {
    /// An artifact stored in content-defined chunks.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), layout: Layout::ContentDefined }
    }

    /// The same artifact with another layout.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }
}

/// How an artifact wants to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Layout {
    /// Chunks end where the content says, so that inserted bytes shift nothing: dumps, logs, documents.
    ContentDefined,
    /// Pages of a fixed size that are overwritten in place: database files, disk images.
    Paged {
        /// Bytes of a page, a power of two from 512 to 65,536.
        page_size: u32,
    },
    /// Bytes that never recur (already compressed or encrypted): cut at fixed sizes, not searched.
    Opaque,
}

/// An artifact as a stored backup describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactInfo {
    /// The name within the service.
    pub name: String,
    /// Stream or tree.
    pub kind: ArtifactKind,
    /// Content bytes: of the stream, or of all files of the tree.
    pub bytes: u64,
    /// Entries of a tree, its root included; 0 for a stream.
    pub entries: u64,
}

/// What an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ArtifactKind {
    /// One sequence of bytes.
    Stream,
    /// A file tree.
    Tree,
}
