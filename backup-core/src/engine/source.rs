//! How an engine reads a stored service, for a restore or as the parent of a backup.

use std::fmt::Debug;

use async_trait::async_trait;
use backup_crypto::ContentHasher;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;

use super::{ArtifactInfo, Entries, Facts, Role, StoredContent};
use crate::Result;

/// Reads one service of a stored backup. Everything it yields has been authenticated and, content included, compared
/// with its hash.
#[async_trait]
pub trait ServiceReader: Debug + Send + Sync {
    /// The artifacts of the service, sorted by name.
    fn artifacts(&self) -> &[ArtifactInfo];

    /// The facts that the engine recorded.
    fn facts(&self) -> &Facts;

    /// What the service was to its application.
    fn role(&self) -> Role;

    /// When the backup began to read the service, by the host's clock. What has changed since then, or shortly before, may be newer than
    /// what is stored.
    fn started_at(&self) -> DateTime<Utc>;

    /// Reads a stream from its beginning; an error ends it, also when the content as a whole is not what was stored.
    ///
    /// # Errors
    /// When there is no such stream.
    async fn stream(&self, artifact: &str) -> Result<BoxStream<'static, Result<Bytes>>>;

    /// Reads the entries of a tree in canonical order: those at and below a path, found without reading the rest; an empty path
    /// means all. A path that is not there yields no entry.
    ///
    /// # Errors
    /// When there is no such tree, or the storage fails.
    async fn tree(&self, artifact: &str, below: &[u8]) -> Result<Box<dyn TreeReader>>;

    /// Reads several small contents at once, each chunk fetched and opened once, in the order given. Keep the sum of
    /// the sizes to some 16 MiB.
    ///
    /// # Errors
    /// When one cannot be read, or is not what was stored.
    async fn contents(&self, wanted: &[StoredContent<'_>]) -> Result<Vec<Bytes>>;

    /// Reads one content of any size, holes told apart; an error ends it, also when the whole is not what was stored.
    ///
    /// # Errors
    /// When the storage fails.
    async fn content(&self, wanted: StoredContent<'_>) -> Result<BoxStream<'static, Result<Piece>>>;

    /// A hasher that makes the hashes of [`StoredContent::hash`], to compare what is already in a target.
    fn content_hasher(&self) -> ContentHasher;
}

/// Part of a content, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes.
    Data(Bytes),
    /// So many bytes that read as zeros and take no space.
    Hole(u64),
}

/// Reads the entries of a tree.
#[async_trait]
pub trait TreeReader: Send {
    /// The next entries in canonical order; `None` at the end.
    ///
    /// # Errors
    /// When the tree cannot be read or is damaged.
    async fn next(&mut self) -> Result<Option<Entries>>;
}
