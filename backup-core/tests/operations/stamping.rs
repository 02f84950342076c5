//! A storage in memory whose stamps a test decides.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backup_storage::{Capabilities, Name, Object, ObjectStorage, Result, Storage};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

/// Stamps what is put with the time that it was told.
#[derive(Debug)]
pub(crate) struct Stamping {
    inner: Arc<dyn Storage>,
    now: Mutex<DateTime<Utc>>,
    stamps: Mutex<HashMap<Name, DateTime<Utc>>>,
}

impl Stamping {
    pub(crate) fn new() -> Arc<Self> {
        let now = Mutex::new(DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
        Arc::new(Self { inner: Arc::new(ObjectStorage::memory()), now, stamps: Mutex::default() })
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    pub(crate) fn pass(&self, time: TimeDelta) {
        *self.now.lock().unwrap() += time;
    }

    fn stamped(&self, object: Object) -> Object {
        let stamp = self.stamps.lock().unwrap()[&object.name];
        Object { stamp, ..object }
    }
}

impl fmt::Display for Stamping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Storage for Stamping {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()> {
        let now = self.now();
        self.stamps.lock().unwrap().entry(name.clone()).or_insert(now);
        self.inner.put_new(name, bytes).await
    }

    async fn get(&self, name: &Name) -> Result<Bytes> {
        self.inner.get(name).await
    }

    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes> {
        self.inner.get_range(name, range).await
    }

    async fn head(&self, name: &Name) -> Result<Object> {
        Ok(self.stamped(self.inner.head(name).await?))
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>> {
        self.inner.list(prefix).map(|object| Ok(self.stamped(object?))).boxed()
    }

    async fn delete(&self, name: &Name) -> Result<()> {
        self.inner.delete(name).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
