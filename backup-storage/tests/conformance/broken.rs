//! Storages that break one sentence of the contract each, and keep the others.

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use backup_storage::{
    Bytes, Capabilities, Error, ErrorKind, Name, Object, ObjectStorage, Result, Storage, StorageExt,
};
use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::task::yield_now;

/// A storage in memory that breaks the sentence of the case `sentence`.
#[derive(Debug)]
pub(crate) struct Broken {
    sentence: &'static str,
    inner: ObjectStorage,
    puts: AtomicUsize,
    deletions: AtomicUsize,
    last_put: Mutex<Option<Name>>,
    ghosts: Mutex<Vec<Object>>,
}

impl Broken {
    pub(crate) fn new(sentence: &'static str) -> Self {
        Self {
            sentence,
            inner: ObjectStorage::memory(),
            puts: AtomicUsize::new(0),
            deletions: AtomicUsize::new(0),
            last_put: Mutex::default(),
            ghosts: Mutex::default(),
        }
    }

    fn breaks(&self, sentence: &str) -> bool {
        self.sentence == sentence
    }

    /// Puts, but not before whoever else is ready had a turn.
    async fn put_alone(&self, name: &Name, bytes: Bytes) -> Result<()> {
        let alone = self.puts.fetch_add(1, SeqCst) == 0;
        yield_now().await;
        self.puts.fetch_sub(1, SeqCst);
        if alone {
            return self.inner.put_new(name, bytes).await;
        }
        Err(Error::new(ErrorKind::Unavailable, "create", name))
    }

    async fn put_in_halves(&self, name: &Name, bytes: Bytes) -> Result<()> {
        if self.inner.exists(name).await? {
            return Err(Error::new(ErrorKind::AlreadyExists, "create", name));
        }
        if bytes.len() < 1 << 20 {
            return self.inner.put_new(name, bytes).await;
        }
        // The future is polled to its end when nobody drops it, in which case the half is never seen.
        let half = Half { storage: self, name, bytes: bytes.slice(..bytes.len() / 2) };
        if self.breaks("atomic_put") {
            half.put();
        }
        yield_now().await;
        yield_now().await;
        if self.breaks("atomic_put") {
            self.inner.delete(name).await?;
        }
        std::mem::forget(half);
        self.inner.put_new(name, bytes).await
    }

    async fn put_if_absent(&self, name: &Name, bytes: Bytes) -> Result<()> {
        if self.inner.exists(name).await? {
            return Err(Error::new(ErrorKind::AlreadyExists, "create", name));
        }
        yield_now().await;
        self.inner.delete(name).await?;
        self.inner.put_new(name, bytes).await
    }

    async fn replace(&self, name: &Name, bytes: Bytes) -> Result<()> {
        // Racing puts keep to the rule, so that this is the only sentence broken.
        match self.inner.put_new(name, bytes.clone()).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && name.as_str().starts_with("kept/") => {
                self.inner.delete(name).await?;
                self.inner.put_new(name, bytes).await?;
                Err(error)
            }
            put => put,
        }
    }

    async fn filtered(&self, prefix: &str) -> Result<Vec<Object>> {
        if self.breaks("list_segments") && !prefix.is_empty() && self.inner.list_all(prefix).await.is_ok() {
            let all = self.inner.list_all("").await?;
            return Ok(all.into_iter().filter(|object| object.name.as_str().starts_with(prefix)).collect());
        }
        let mut found = match self.inner.list_all(prefix).await {
            Err(_) if self.breaks("list_invalid") => return Ok(Vec::new()),
            found => found?,
        };
        if self.breaks("list_nothing") && found.is_empty() && prefix.contains('/') {
            return Err(Error::new(ErrorKind::NotFound, "list", prefix));
        }
        if self.breaks("list_complete") {
            found.retain(|object| object.name.segments().count() != 5);
        }
        if self.breaks("list_many") {
            found.truncate(1_000);
        }
        if self.breaks("list_immediate") && self.deletions.load(SeqCst) > 0 {
            let last = self.last_put.lock().unwrap().clone();
            found.retain(|object| Some(&object.name) != last.as_ref());
        }
        if self.breaks("facts") {
            for object in &mut found {
                object.stamp += TimeDelta::nanoseconds(1);
            }
        }
        Ok(found)
    }
}

/// A put that leaves half an object where it is dropped.
struct Half<'a> {
    storage: &'a Broken,
    name: &'a Name,
    bytes: Bytes,
}

impl Half<'_> {
    fn put(&self) {
        let put = self.storage.inner.put_new(self.name, self.bytes.clone());
        put.now_or_never().expect("memory is never pending").unwrap();
    }
}

impl Drop for Half<'_> {
    fn drop(&mut self) {
        if self.storage.breaks("dropped_put") {
            self.put();
        } else {
            // What a reader saw before must not stay either.
            self.storage.inner.delete(self.name).now_or_never().expect("memory is never pending").unwrap();
        }
    }
}

#[async_trait]
impl Storage for Broken {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()> {
        *self.last_put.lock().unwrap() = Some(name.clone());
        match self.sentence {
            "round_trip" if bytes.len() == 65_537 => self.inner.put_new(name, bytes.slice(..65_536)).await,
            "long_names" if name.as_str().len() > 1_000 => {
                Err(Error::new(ErrorKind::Invalid, "create", name).because("too long"))
            }
            "independent_puts" if name.as_str().starts_with("shared/") => self.put_alone(name, bytes).await,
            "no_replacement" => self.replace(name, bytes).await,
            "atomic_put" | "dropped_put" => self.put_in_halves(name, bytes).await,
            "exclusive_creation" => self.put_if_absent(name, bytes).await,
            _ => self.inner.put_new(name, bytes).await,
        }
    }

    async fn get(&self, name: &Name) -> Result<Bytes> {
        self.inner.get(name).await
    }

    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes> {
        let size = match self.inner.head(name).await {
            Err(_) if self.breaks("missing") && range.is_empty() && name.as_str() == "absent" => {
                return Ok(Bytes::new());
            }
            head => head?.size,
        };
        if self.breaks("ranges") && (1..range.end).contains(&range.start) && range.end < size {
            return self.inner.get_range(name, range.start..range.end + 1).await;
        }
        if self.breaks("range_beyond_end") && range.start < size && range.end > size {
            return self.inner.get_range(name, range.start..size).await;
        }
        self.inner.get_range(name, range).await
    }

    async fn head(&self, name: &Name) -> Result<Object> {
        let ghost = self.ghosts.lock().unwrap().iter().find(|object| object.name == *name).cloned();
        match ghost {
            Some(object) if self.breaks("delete") => Ok(object),
            _ => self.inner.head(name).await,
        }
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>> {
        let prefix = prefix.to_owned();
        stream::once(async move { self.filtered(&prefix).await })
            .map_ok(|found| stream::iter(found.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    async fn delete(&self, name: &Name) -> Result<()> {
        self.deletions.fetch_add(1, SeqCst);
        let below = self.inner.list_all(name.as_str()).await?;
        match self.inner.head(name).await {
            Ok(object) => self.ghosts.lock().unwrap().push(object),
            Err(error) if self.breaks("delete_missing") && below.is_empty() => return Err(error),
            Err(_) => {}
        }
        if self.breaks("delete_only") {
            for object in self.inner.list_all("").await? {
                if object.name.as_str().starts_with(name.as_str()) {
                    self.inner.delete(&object.name).await?;
                }
            }
        }
        self.inner.delete(name).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "that breaks {}", self.sentence)
    }
}
