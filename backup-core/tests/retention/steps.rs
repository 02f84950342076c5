//! A storage that stops at a call until it may go on.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backup_core::Repository;
use backup_core::storage::{Bytes, Capabilities, Listing, Name, Object, Result, Storage, StorageExt as _};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::store::Store;

/// Another storage; the `n`-th call after it was opened waits before it is passed on.
#[derive(Debug)]
pub(crate) struct Stopping {
    inner: Arc<dyn Storage>,
    at: AtomicU64,
    calls: AtomicU64,
    reached: Semaphore,
    go: Semaphore,
    listing: Listing,
    /// Folders that listings do not show.
    hidden: Mutex<Vec<String>>,
    named: Mutex<Option<String>>,
    asked: Mutex<Vec<(Instant, String)>>,
    deleted: Mutex<Vec<String>>,
}

impl Stopping {
    /// A repository opened through a storage that stops at this call, counted from 1 and from now; at none with 0.
    pub(crate) async fn open(n: u64, inner: &Arc<dyn Storage>) -> (Repository, Arc<Self>) {
        let stopping = Self::listing(Listing::Immediate, inner);
        let repository = Store::through(&stopping).await;
        stopping.calls.store(0, Ordering::SeqCst);
        stopping.asked.lock().unwrap().clear();
        stopping.at.store(n, Ordering::SeqCst);
        (repository, stopping)
    }

    /// Never stops, and says this about its listings.
    pub(crate) fn listing(listing: Listing, inner: &Arc<dyn Storage>) -> Arc<Self> {
        let (reached, go) = (Semaphore::new(0), Semaphore::new(0));
        let (at, calls) = (AtomicU64::new(0), AtomicU64::new(0));
        let (hidden, named, asked, deleted) = Default::default();
        Arc::new(Self {
            inner: inner.clone(),
            at,
            calls,
            reached,
            go,
            listing,
            hidden,
            named,
            asked,
            deleted,
        })
    }

    /// Waits until the call comes.
    pub(crate) async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// Passes on the call.
    pub(crate) fn go_on(&self) {
        self.go.add_permits(1);
    }

    /// Hides all runs that there are by now: as if nobody did them any more.
    pub(crate) async fn hide_runs(&self) {
        let runs = self.inner.list_all("runs").await.unwrap();
        let folder = |run: &Object| format!("{}/", run.name.as_str().rsplit_once('/').unwrap().0);
        self.hidden.lock().unwrap().extend(runs.iter().map(folder));
    }

    fn shows(&self, object: &Result<Object>) -> bool {
        let hidden = self.hidden.lock().unwrap();
        !object
            .as_ref()
            .is_ok_and(|object| hidden.iter().any(|folder| object.name.as_str().starts_with(folder)))
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// What it was asked for since it was opened, and when.
    pub(crate) fn asked(&self) -> Vec<(Instant, String)> {
        self.asked.lock().unwrap().clone()
    }

    /// Stops at the next call that begins so, for instance `delete packs`.
    pub(crate) fn stop_at(&self, what: &str) {
        *self.named.lock().unwrap() = Some(what.to_owned());
    }

    /// What was deleted, in this order.
    pub(crate) fn deleted(&self) -> Vec<String> {
        self.deleted.lock().unwrap().clone()
    }

    async fn step(&self, what: String) {
        let named = self.named.lock().unwrap().take_if(|named| what.starts_with(&**named));
        self.asked.lock().unwrap().push((Instant::now(), what));
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if named.is_some() || call == self.at.load(Ordering::SeqCst) {
            self.reached.add_permits(1);
            self.go.acquire().await.unwrap().forget();
        }
    }
}

#[async_trait]
impl Storage for Stopping {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()> {
        self.step(format!("put_new {name}")).await;
        self.inner.put_new(name, bytes).await
    }

    async fn get(&self, name: &Name) -> Result<Bytes> {
        self.step(format!("get {name}")).await;
        self.inner.get(name).await
    }

    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes> {
        self.step(format!("get_range {name}")).await;
        self.inner.get_range(name, range).await
    }

    async fn head(&self, name: &Name) -> Result<Object> {
        self.step(format!("head {name}")).await;
        self.inner.head(name).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>> {
        let prefix = prefix.to_owned();
        stream::once(async move {
            self.step(format!("list {prefix}")).await;
            // As of now, not as of when the listing was asked for.
            self.inner.list(&prefix).collect::<Vec<_>>().await
        })
        .flat_map(stream::iter)
        .filter(|object| std::future::ready(self.shows(object)))
        .boxed()
    }

    async fn delete(&self, name: &Name) -> Result<()> {
        self.step(format!("delete {name}")).await;
        let deleted = self.inner.delete(name).await;
        self.deleted.lock().unwrap().push(name.to_string());
        deleted
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(true, self.listing)
    }
}

impl fmt::Display for Stopping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, formatter)
    }
}
