//! A storage that fails as planned.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::Operation;
use crate::{Capabilities, Error, ErrorKind, Name, Object, Result, Storage};

/// Another storage, harmed by plan, by chance (with a seed), or dead from some call on.
///
/// ```
/// use std::sync::Arc;
/// use backup_storage::testing::{Fault, Faulty, Harm, Operation};
/// use backup_storage::{Bytes, Created, ErrorKind, ObjectStorage, StorageExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), backup_storage::Error> {
/// let faulty = Faulty::new(Arc::new(ObjectStorage::memory()));
/// // The first put is applied, but its answer is lost.
/// faulty.plan(Fault::new(Harm::FailAfter(ErrorKind::Unavailable)).on(Operation::PutNew).nth(1));
/// assert_eq!(faulty.create(&"a".parse()?, Bytes::from("x")).await?, Created::Found);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Storage>,
    plan: Mutex<Plan>,
}

/// What is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Harm {
    /// It fails and has no effect.
    FailBefore(ErrorKind),
    /// It takes effect and fails; a listing fails after its last object.
    FailAfter(ErrorKind),
    /// It has no effect and never ends; drop it.
    Hang,
    /// It takes effect and never ends; drop it.
    HangAfter,
    /// A read returns, or a put stores, at most this many bytes, and succeeds.
    Truncate(usize),
    /// A read returns, or a put stores, all bits inverted of the byte at this index (modulo the length), and succeeds.
    FlipByte(usize),
    /// A listing leaves out this many objects and succeeds.
    ShortList(usize),
    /// What is put is missing from this many listings that would show it. Reading finds it.
    DelayedVisibility(usize),
}

/// A [`Harm`] and the calls that it hits: without further words all of them.
#[derive(Clone, Debug)]
pub struct Fault {
    harm: Harm,
    operation: Option<Operation>,
    prefix: String,
    first: u64,
    last: u64,
    seen: u64,
}

impl Fault {
    /// Hits every call that `harm` can be done to.
    pub fn new(harm: Harm) -> Self {
        Self { harm, operation: None, prefix: String::new(), first: 1, last: u64::MAX, seen: 0 }
    }

    /// Hits only this operation.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Hits only names (of a listing: prefixes) that start with this text.
    #[must_use]
    pub fn named(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Hits only the `n`-th of these calls, counted from 1 and from when it was planned.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        (self.first, self.last) = (n, n);
        self
    }

    /// Hits the `n`-th of these calls and all after it, counted from 1 and from when it was planned.
    #[must_use]
    pub fn from_nth(mut self, n: u64) -> Self {
        (self.first, self.last) = (n, u64::MAX);
        self
    }

    fn hits(&mut self, operation: Operation, subject: &str) -> bool {
        if self.operation.is_some_and(|only| only != operation) || !subject.starts_with(&self.prefix) {
            return false;
        }
        self.seen += 1;
        (self.first..=self.last).contains(&self.seen)
    }
}

#[derive(Debug, Default)]
struct Plan {
    faults: Vec<Fault>,
    chance: Option<Chance>,
    crash_from: Option<u64>,
    calls: u64,
    hidden: Vec<Hidden>,
}

#[derive(Clone, Copy, Debug)]
struct Chance {
    seed: u64,
    percent: u8,
}

#[derive(Debug)]
struct Hidden {
    name: Name,
    listings: usize,
}

impl Faulty {
    /// Wraps `inner`; nothing fails until planned.
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self { inner, plan: Mutex::default() }
    }

    /// Wraps `inner`; of all calls about `percent` fail as unavailable, one half of these before and one half after they
    /// took effect. The same seed and the same calls fail alike.
    pub fn seeded(inner: Arc<dyn Storage>, seed: u64, percent: u8) -> Self {
        let faulty = Self::new(inner);
        faulty.plan_mut().chance = Some(Chance { seed, percent });
        faulty
    }

    /// Adds a fault. The first planned one that hits a call is done.
    pub fn plan(&self, fault: Fault) {
        self.plan_mut().faults.push(fault);
    }

    /// From the `n`-th call on (from 1, counted from the creation of this storage) all fail and have no effect, as if the process had been killed.
    pub fn crash_from(&self, n: u64) {
        self.plan_mut().crash_from = Some(n);
    }

    /// Forgets all that was planned, crash and chance included, and shows what was hidden.
    pub fn heal(&self) {
        let mut plan = self.plan_mut();
        *plan = Plan { calls: plan.calls, ..Plan::default() };
    }

    /// How many calls there were, failed ones included.
    pub fn calls(&self) -> u64 {
        self.plan_mut().calls
    }

    /// Counts a call and tells what is done to it.
    fn next(&self, operation: Operation, subject: &str) -> Option<Harm> {
        let mut plan = self.plan_mut();
        plan.calls += 1;
        let call = plan.calls;
        if plan.crash_from.is_some_and(|n| call >= n) {
            return Some(Harm::FailBefore(ErrorKind::Other));
        }
        let mut harm = None;
        for fault in &mut plan.faults {
            if fault.hits(operation, subject) && harm.is_none() {
                harm = Some(fault.harm);
            }
        }
        harm.or_else(|| plan.chance.and_then(|chance| chance.harm(call)))
    }

    /// Does `work` under `harm`.
    async fn under<T>(
        &self,
        operation: Operation,
        subject: &str,
        harm: Option<Harm>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match harm {
            Some(Harm::FailBefore(kind)) => Err(injected(kind, operation, subject)),
            Some(Harm::Hang) => std::future::pending().await,
            Some(Harm::FailAfter(kind)) => {
                let _ = work.await;
                Err(injected(kind, operation, subject))
            }
            Some(Harm::HangAfter) => {
                let _ = work.await;
                std::future::pending().await
            }
            _ => work.await,
        }
    }

    /// Whether a listing leaves out `name`, which counts as one of the listings that it is hidden from.
    fn hides(&self, name: &Name) -> bool {
        let mut plan = self.plan_mut();
        match plan.hidden.iter_mut().find(|hidden| hidden.name == *name && hidden.listings > 0) {
            Some(hidden) => {
                hidden.listings -= 1;
                true
            }
            None => false,
        }
    }

    fn plan_mut(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Storage for Faulty {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()> {
        let harm = self.next(Operation::PutNew, name.as_str());
        if let Some(Harm::DelayedVisibility(listings)) = harm {
            self.plan_mut().hidden.push(Hidden { name: name.clone(), listings });
        }
        let put = self.inner.put_new(name, damaged(bytes, harm));
        self.under(Operation::PutNew, name.as_str(), harm, put).await
    }

    async fn get(&self, name: &Name) -> Result<Bytes> {
        let harm = self.next(Operation::Get, name.as_str());
        let get = self.inner.get(name);
        Ok(damaged(self.under(Operation::Get, name.as_str(), harm, get).await?, harm))
    }

    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes> {
        let harm = self.next(Operation::GetRange, name.as_str());
        let get = self.inner.get_range(name, range);
        Ok(damaged(self.under(Operation::GetRange, name.as_str(), harm, get).await?, harm))
    }

    async fn head(&self, name: &Name) -> Result<Object> {
        let harm = self.next(Operation::Head, name.as_str());
        self.under(Operation::Head, name.as_str(), harm, self.inner.head(name)).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>> {
        let failed = |kind| stream::iter([Err(injected(kind, Operation::List, prefix))]);
        let listed = self.inner.list(prefix).filter(|found| {
            let hidden = found.as_ref().is_ok_and(|object| self.hides(&object.name));
            std::future::ready(!hidden)
        });
        match self.next(Operation::List, prefix) {
            Some(Harm::FailBefore(kind)) => failed(kind).boxed(),
            Some(Harm::FailAfter(kind)) => listed.chain(failed(kind)).boxed(),
            Some(Harm::Hang) => stream::pending().boxed(),
            Some(Harm::HangAfter) => listed.chain(stream::pending()).boxed(),
            Some(Harm::ShortList(missing)) => listed.skip(missing).boxed(),
            _ => listed.boxed(),
        }
    }

    async fn delete(&self, name: &Name) -> Result<()> {
        let harm = self.next(Operation::Delete, name.as_str());
        self.under(Operation::Delete, name.as_str(), harm, self.inner.delete(name)).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl Chance {
    fn harm(self, call: u64) -> Option<Harm> {
        let drawn = mix(self.seed ^ mix(call));
        let after = drawn & 1 == 1;
        let failure = if after { Harm::FailAfter } else { Harm::FailBefore };
        ((drawn >> 1) % 100 < u64::from(self.percent)).then_some(failure(ErrorKind::Unavailable))
    }
}

fn injected(kind: ErrorKind, operation: Operation, subject: &str) -> Error {
    Error::new(kind, operation.verb(), subject).because("a test injected this failure")
}

fn damaged(bytes: Bytes, harm: Option<Harm>) -> Bytes {
    match harm {
        Some(Harm::Truncate(length)) => bytes.slice(..length.min(bytes.len())),
        Some(Harm::FlipByte(index)) if !bytes.is_empty() => {
            let mut flipped = bytes.to_vec();
            flipped[index % bytes.len()] ^= 0xff;
            flipped.into()
        }
        _ => bytes,
    }
}

/// The finalizer of splitmix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
