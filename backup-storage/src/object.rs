//! The one implementation of [`Storage`], over the `object_store` crate.

mod blocking;
mod failure;
mod local;
mod transfer;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;

use crate::name::check_prefix;
use crate::{Capabilities, Listing, Name, Object, Result, Storage};
use local::Local;

/// Objects in a local directory or in memory. Clones share the storage.
///
/// Its operations need a tokio runtime around them, of any flavour. No object may exceed
/// [`MAX_OBJECT_BYTES`](Self::MAX_OBJECT_BYTES).
#[derive(Clone)]
pub struct ObjectStorage(Arc<Backend>);

enum Backend {
    Memory(InMemory),
    Local(Arc<Local>),
}

impl ObjectStorage {
    /// The most bytes an object may have, 1 GiB: what one call is ready to hold in memory.
    pub const MAX_OBJECT_BYTES: u64 = 1 << 30;

    /// Objects as files below `directory`, which a missing one becomes at the first put, with mode 0700.
    ///
    /// * A put that returned outlives a loss of power: file and folders are synced. So does a deletion.
    /// * Symbolic links below the directory are refused, not followed; the directory itself may be one.
    /// * Files whose path is no [`Name`] are foreign: neither listed nor touched.
    /// * What a killed process left of a put (`name#1`) is removed a day later, at the first put of an opened storage.
    /// * On a network file system a listing settles after 90 seconds (the attribute cache of NFS, at its default of 60); on
    ///   one that this library does not know, such as FUSE, nothing beyond the contract is promised.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the path is empty or is not UTF-8. A path that is no directory, or may not be
    /// used, fails later, at the first operation.
    pub fn local(directory: impl AsRef<Path>) -> Result<Self> {
        let local = Local::new(directory.as_ref())?;
        Ok(Self(Arc::new(Backend::Local(Arc::new(local)))))
    }

    /// Objects in the memory of this process, gone with the last clone.
    pub fn memory() -> Self {
        Self(Arc::new(Backend::Memory(InMemory::new())))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Storage for ObjectStorage {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()> {
        transfer::check_size(name, &bytes)?;
        match &*self.0 {
            Backend::Memory(store) => transfer::put_new(store, name, bytes).await,
            Backend::Local(local) => local.put_new(name, bytes).await,
        }
    }

    async fn get(&self, name: &Name) -> Result<Bytes> {
        match &*self.0 {
            Backend::Memory(store) => transfer::get(store, name).await,
            Backend::Local(local) => local.get(name).await,
        }
    }

    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes> {
        match &*self.0 {
            Backend::Memory(store) => transfer::get_range(store, name, range).await,
            Backend::Local(local) => local.get_range(name, range).await,
        }
    }

    async fn head(&self, name: &Name) -> Result<Object> {
        match &*self.0 {
            Backend::Memory(store) => transfer::head(store, name).await,
            Backend::Local(local) => local.head(name).await,
        }
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>> {
        if let Err(error) = check_prefix(prefix) {
            return stream::iter([Err(error)]).boxed();
        }
        match &*self.0 {
            Backend::Memory(store) => transfer::list(store, prefix),
            Backend::Local(local) => local.list(prefix),
        }
    }

    async fn delete(&self, name: &Name) -> Result<()> {
        match &*self.0 {
            Backend::Memory(store) => transfer::delete(store, name).await,
            Backend::Local(local) => local.delete(name).await,
        }
    }

    fn capabilities(&self) -> Capabilities {
        match &*self.0 {
            Backend::Memory(_) => Capabilities::new(true, Listing::Immediate),
            Backend::Local(local) => local.capabilities(),
        }
    }
}

impl fmt::Display for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Backend::Memory(_) => f.write_str("memory:"),
            Backend::Local(local) => fmt::Display::fmt(&local.directory().display(), f),
        }
    }
}

impl fmt::Debug for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectStorage({self})")
    }
}
