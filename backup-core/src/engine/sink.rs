//! Where an engine pushes its artifacts.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Artifact, ArtifactInfo, Content, Entries, Metadata};
use crate::Result;

/// Takes the artifacts of one service. Several may be written at once.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Begins a stream. Dropping the writer without commit aborts it.
    ///
    /// # Errors
    /// When an artifact of that name exists already.
    async fn stream(&self, artifact: Artifact) -> Result<Box<dyn StreamWriter>>;

    /// Begins a tree. Dropping the writer without commit aborts it.
    ///
    /// # Errors
    /// When an artifact of that name exists already.
    async fn tree(&self, artifact: Artifact) -> Result<Box<dyn TreeWriter>>;

    /// Writes a first pass of a tree that [`TreeWriter::commit`] does not add to the backup: what it stored is found again,
    /// as the parent of the pass that counts.
    ///
    /// # Errors
    /// When the storage fails.
    async fn first_pass(&self) -> Result<Box<dyn TreeWriter>>;

    /// A reader of a committed first pass, for use as the parent of the pass that counts.
    ///
    /// # Errors
    /// When no first pass was committed, or the storage fails.
    async fn read_first_pass(&self) -> Result<std::sync::Arc<dyn super::ServiceReader>>;
}

/// One stream being written.
#[async_trait]
pub trait StreamWriter: Send {
    /// Adds bytes; waits when the pipeline is full.
    ///
    /// # Errors
    /// When the storage fails or the run is cancelled.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Ends the stream and adds it to the backup.
    ///
    /// # Errors
    /// When the storage fails or the run is cancelled.
    async fn commit(self: Box<Self>) -> Result<ArtifactInfo>;
}

/// One tree being written: entries in canonical order, each path once, the root (an empty path) first.
#[async_trait]
pub trait TreeWriter: Send {
    /// Adds a batch of entries: folders, links, small files with their bytes, unchanged files as their stored content. A
    /// few hundred entries or some 2 MiB of content make a good batch; files from
    /// [`BUNDLE_LIMIT`](crate::BUNDLE_LIMIT) bytes on go through [`file`](Self::file).
    ///
    /// # Errors
    /// When an entry is out of order, its metadata contradicts its content, the storage fails or the run is cancelled.
    async fn put(&mut self, entries: &Entries) -> Result<()>;

    /// Begins a large or sparse file, next in order. Dropping the writer without commit leaves the file out.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    async fn file(&mut self, path: &[u8]) -> Result<Box<dyn FileWriter + '_>>;

    /// Ends the tree and adds it to the backup.
    ///
    /// # Errors
    /// When the storage fails or the run is cancelled.
    async fn commit(self: Box<Self>) -> Result<ArtifactInfo>;
}

/// One large file of a tree being written.
#[async_trait]
pub trait FileWriter: Send {
    /// Adds bytes; waits when the pipeline is full.
    ///
    /// # Errors
    /// When the storage fails or the run is cancelled.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Adds a hole of so many bytes, which read as zeros and take no space.
    ///
    /// # Errors
    /// When the storage fails or the run is cancelled.
    async fn hole(&mut self, length: u64) -> Result<()>;

    /// Ends the file. `metadata.size` must be the bytes written, holes included.
    ///
    /// # Errors
    /// When the size is another, the storage fails or the run is cancelled.
    async fn commit(self: Box<Self>, metadata: &Metadata, xattrs: Content<'_>) -> Result<()>;
}
