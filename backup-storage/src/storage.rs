//! The contract of a storage: immutable objects under names.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;

use crate::{Name, Result};

/// A place for immutable objects.
///
/// Host applications share one as `Arc<dyn Storage>`. Its `Display` is the location, without any secret. What
/// every implementation promises is written here, and each sentence in *italics* is one case of the
/// `conformance` suite (feature `testing`) under the name in brackets.
///
/// # Contract
///
/// **Objects.** *What was put is read back byte for byte, whatever its bytes and size, none included*
/// (`round_trip`). *Every valid name can be used, up to its longest segments and its longest whole* (`long_names`).
/// *Objects of different names do not disturb each other, also when they are put at the same time*
/// (`independent_puts`). A name is not both an object and a folder of others; what a storage does then is open.
///
/// **Putting.** *A put never replaces: where an object of the name exists, it fails as
/// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) and the object stays as it is* (`no_replacement`). *It is atomic:
/// a reader finds the whole object or none* (`atomic_put`), *also when the future is dropped halfway*
/// (`dropped_put`). It is durable: once it returned, the object outlives a loss of power; the same holds of an object
/// that it reported as `AlreadyExists` (no case can show this from inside). *Where exclusive creation is declared, exactly one of
/// several puts of one name at the same time succeeds* (`exclusive_creation`). A put that ends in another error may still
/// have stored the object, or store it later: [`StorageExt::create`](crate::StorageExt::create) settles that. A put that fails as
/// [`Unknown`](crate::ErrorKind::Unknown) stored the object, perhaps, and cannot promise that it lasts.
///
/// **Reading.** *What does not exist is [`NotFound`](crate::ErrorKind::NotFound), by every way of reading* (`missing`).
/// *A range yields exactly its bytes, an empty one none* (`ranges`). *A range that reaches
/// beyond the end is [`Invalid`](crate::ErrorKind::Invalid), never a shorter answer* (`range_beyond_end`). *`head` and `list` tell
/// the true size and one and the same stamp, which never changes* (`facts`).
///
/// **Listing.** *A listing yields every object below the prefix once and nothing else, in any order; the empty
/// prefix means all* (`list_complete`), *however many they are* (`list_many`). *A prefix is a number of whole segments, and an object of exactly
/// that name is not below it* (`list_segments`). *Nothing below a valid prefix is an empty listing* (`list_nothing`), *what
/// could not be a prefix of a name is `Invalid`* (`list_invalid`). *Where an immediate listing is declared, one begun after a put or
/// delete returned shows it* (`list_immediate`). After an error an entry may be missing, so a listing with an error says nothing about
/// what does not exist.
///
/// **Deleting.** *A deleted object is gone by every way of reading* (`delete`). *To delete what does not exist
/// succeeds* (`delete_missing`). *Nothing else is deleted with it* (`delete_only`). A deletion that returned is durable.
///
/// Every future is `Send`, and dropping one is as safe as a crash of the process.
///
/// # Decorators
///
/// An implementation that wraps another carries `#[deny(clippy::missing_trait_methods)]`, so that none of its methods
/// can pass by unnoticed.
#[async_trait]
pub trait Storage: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Stores `bytes` under `name`, where nothing is yet. Prefer [`StorageExt::create`](crate::StorageExt::create).
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()>;

    /// The whole content of an object.
    async fn get(&self, name: &Name) -> Result<Bytes>;

    /// The bytes `range` (half open, from 0) of an object.
    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes>;

    /// What is known of an object without reading it.
    async fn head(&self, name: &Name) -> Result<Object>;

    /// All objects below `prefix`, a number of whole segments without a slash at the end; `""` means all.
    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>>;

    /// Deletes an object; there need not be one.
    async fn delete(&self, name: &Name) -> Result<()>;

    /// What this storage promises beyond the contract. Always the same answer.
    fn capabilities(&self) -> Capabilities;
}

/// What a storage knows of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its name.
    pub name: Name,
    /// Its size in bytes.
    pub size: u64,
    /// When it was created, by the storage's own clock.
    pub stamp: DateTime<Utc>,
}

/// What one storage promises and another does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Of several puts of one name at the same time exactly one succeeds. Leases need it; nothing else does.
    pub exclusive_creation: bool,
    /// When a listing shows what was done before it began.
    pub listing: Listing,
}

impl Capabilities {
    /// States both capabilities.
    pub fn new(exclusive_creation: bool, listing: Listing) -> Self {
        Self { exclusive_creation, listing }
    }
}

/// When a listing shows the puts and deletions that returned before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listing {
    /// Always.
    Immediate,
    /// Once this time has passed since they returned.
    Settles(Duration),
    /// Nobody knows. Delete nothing because a listing lacks something.
    Unknown,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Storage + ?Sized> Storage for Arc<S> {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()> {
        (**self).put_new(name, bytes).await
    }

    async fn get(&self, name: &Name) -> Result<Bytes> {
        (**self).get(name).await
    }

    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes> {
        (**self).get_range(name, range).await
    }

    async fn head(&self, name: &Name) -> Result<Object> {
        (**self).head(name).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>> {
        (**self).list(prefix)
    }

    async fn delete(&self, name: &Name) -> Result<()> {
        (**self).delete(name).await
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }
}
