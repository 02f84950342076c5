//! A storage that records its calls.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::Operation;
use crate::{Capabilities, Name, Object, Result, Storage};

/// Another storage, whose calls are written down.
pub struct Recording {
    inner: Arc<dyn Storage>,
    log: Mutex<Log>,
}

/// A recorded call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was called.
    pub operation: Operation,
    /// The name of the object, or the prefix of the listing.
    pub subject: String,
    /// The bytes given to a put or returned by a successful read; 0 otherwise.
    pub bytes: u64,
}

type Callback = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Log {
    calls: Vec<Call>,
    callbacks: Vec<(usize, Callback)>,
}

impl Recording {
    /// Wraps `inner`, with an empty record.
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self { inner, log: Mutex::default() }
    }

    /// The calls so far, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        self.log_mut().calls.clone()
    }

    /// How often `operation` was called.
    pub fn count(&self, operation: Operation) -> usize {
        self.log_mut().calls.iter().filter(|call| call.operation == operation).count()
    }

    /// All bytes that calls of `operation` gave or returned.
    pub fn bytes(&self, operation: Operation) -> u64 {
        self.log_mut().calls.iter().filter(|call| call.operation == operation).map(|call| call.bytes).sum()
    }

    /// Empties the record; counting begins anew. Calls under way keep no place in it.
    pub fn clear(&self) {
        self.log_mut().calls.clear();
    }

    /// Runs `callback` once, right before the `n`-th call of the record (from 1) is passed on: to cancel, to
    /// interfere, to look.
    pub fn before(&self, n: usize, callback: impl FnOnce() + Send + 'static) {
        self.log_mut().callbacks.push((n, Box::new(callback)));
    }

    /// Records a call, and returns its place in the record.
    fn enter(&self, operation: Operation, subject: &str, bytes: u64) -> usize {
        let (place, due) = {
            let mut log = self.log_mut();
            log.calls.push(Call { operation, subject: subject.to_owned(), bytes });
            let place = log.calls.len();
            let all = std::mem::take(&mut log.callbacks);
            let (due, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(n, _)| *n == place);
            log.callbacks = later;
            (place, due)
        };
        for (_, callback) in due {
            callback();
        }
        place - 1
    }

    /// Adds what a read returned.
    fn leave(&self, place: usize, subject: &str, bytes: &Bytes) {
        let mut log = self.log_mut();
        if let Some(call) = log.calls.get_mut(place).filter(|call| call.subject == subject) {
            call.bytes = length(bytes);
        }
    }

    fn log_mut(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Storage for Recording {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()> {
        self.enter(Operation::PutNew, name.as_str(), length(&bytes));
        self.inner.put_new(name, bytes).await
    }

    async fn get(&self, name: &Name) -> Result<Bytes> {
        let place = self.enter(Operation::Get, name.as_str(), 0);
        let bytes = self.inner.get(name).await?;
        self.leave(place, name.as_str(), &bytes);
        Ok(bytes)
    }

    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes> {
        let place = self.enter(Operation::GetRange, name.as_str(), 0);
        let bytes = self.inner.get_range(name, range).await?;
        self.leave(place, name.as_str(), &bytes);
        Ok(bytes)
    }

    async fn head(&self, name: &Name) -> Result<Object> {
        self.enter(Operation::Head, name.as_str(), 0);
        self.inner.head(name).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>> {
        self.enter(Operation::List, prefix, 0);
        self.inner.list(prefix)
    }

    async fn delete(&self, name: &Name) -> Result<()> {
        self.enter(Operation::Delete, name.as_str(), 0);
        self.inner.delete(name).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("inner", &self.inner).finish_non_exhaustive()
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
