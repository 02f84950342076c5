//! What an engine is given besides its data.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::observer::{Event, Notice, NoticeLevel, Observer, Phase, Progress};
use crate::{Clock, Error, Result};

/// The surroundings of one engine call: cancellation, clock, deadline, and the way to tell the host what happens.
#[derive(Debug, Clone)]
pub struct Context {
    shared: Arc<Shared>,
    service: Arc<str>,
    pause_follows: bool,
    deadline: Option<Duration>,
    reserved: Arc<[PathBuf]>,
}

#[derive(Debug)]
struct Shared {
    cancel: CancellationToken,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    notices: std::sync::Mutex<Kept>,
    items: AtomicU64,
    bytes: AtomicU64,
    stored_bytes: AtomicU64,
    total_items: AtomicU64,
    total_bytes: AtomicU64,
}

impl Context {
    /// A context of an operation. Core makes it; engines' own tests may too.
    #[must_use]
    pub fn new(cancel: CancellationToken, clock: Arc<dyn Clock>, observer: Arc<dyn Observer>) -> Self {
        Self {
            shared: Arc::new(Shared {
                cancel,
                clock,
                observer,
                notices: std::sync::Mutex::default(),
                items: AtomicU64::new(0),
                bytes: AtomicU64::new(0),
                stored_bytes: AtomicU64::new(0),
                total_items: AtomicU64::new(0),
                total_bytes: AtomicU64::new(0),
            }),
            service: Arc::from(""),
            pause_follows: false,
            deadline: None,
            reserved: Arc::from([]),
        }
    }

    /// The same context for one service.
    #[must_use]
    pub fn for_service(&self, name: &str) -> Self {
        Self { service: Arc::from(name), ..self.clone() }
    }

    /// The same context with a pause to follow.
    #[must_use]
    pub fn with_pause(&self, pause_follows: bool) -> Self {
        Self { pause_follows, ..self.clone() }
    }

    /// The same context with a deadline so far from now.
    #[must_use]
    pub fn with_deadline(&self, within: Duration) -> Self {
        Self { deadline: Some(self.shared.clock.elapsed().saturating_add(within)), ..self.clone() }
    }

    /// The same context with files that other services keep to themselves.
    #[must_use]
    pub fn with_reserved(&self, paths: Vec<PathBuf>) -> Self {
        Self { reserved: Arc::from(paths), ..self.clone() }
    }

    /// Files and folders that other services of the environment keep to themselves ([`Engine::reserves`](super::Engine::reserves)): an
    /// engine never opens them, nor what is in the folders, and says what it leaves out.
    #[must_use]
    pub fn reserved(&self) -> &[PathBuf] {
        &self.reserved
    }

    /// The name of the service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Whether the application will be held while [`freeze`](super::Prepared::freeze) runs, so that a first pass in
    /// [`prepare`](super::Engine::prepare) makes the pause short.
    #[must_use]
    pub fn pause_follows(&self) -> bool {
        self.pause_follows
    }

    /// Time left until the deadline of the pause; `None` without one.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_sub(self.shared.clock.elapsed()))
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The token that ends the operation.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.shared.cancel
    }

    /// Fails if the operation was cancelled. Call it between pieces of work.
    ///
    /// # Errors
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn check(&self) -> Result<()> {
        if self.shared.cancel.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Does work until the operation is cancelled. Whatever waits, for a storage or a database, is dropped then: dropping is safe.
    pub(crate) async fn until_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.shared.cancel.cancelled() => Err(Error::cancelled()),
            result = work => result,
        }
    }

    /// Tells that a phase began.
    pub fn phase(&self, phase: Phase) {
        let service = (!self.service.is_empty()).then_some(&*self.service);
        self.shared.observer.event(&Event::Phase { phase, service });
    }

    /// Tells that so much more was done.
    pub fn advance(&self, items: u64, bytes: u64) {
        self.shared.items.fetch_add(items, Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.shared.observer.event(&Event::Progress(self.progress()));
    }

    /// Tells how much there will be in all, added to what was told before.
    pub fn expect(&self, items: u64, bytes: u64) {
        self.shared.total_items.fetch_add(items, Ordering::Relaxed);
        self.shared.total_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How far the operation is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        // A total that was exceeded was a bad guess: none is better.
        let known = |total: u64, done: u64| (total > 0 && total >= done).then_some(total);
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (items, bytes) = (load(&self.shared.items), load(&self.shared.bytes));
        Progress {
            items,
            total_items: known(load(&self.shared.total_items), items),
            bytes,
            total_bytes: known(load(&self.shared.total_bytes), bytes),
            stored_bytes: load(&self.shared.stored_bytes),
        }
    }

    /// Tells a person something that does not matter to what is kept.
    pub fn inform(&self, path: &[u8], message: impl Into<String>) {
        self.notice(NoticeLevel::Info, path, message.into());
    }

    /// Tells a person that something is missing or doubtful.
    pub fn warn(&self, path: &[u8], message: impl Into<String>) {
        self.notice(NoticeLevel::Warning, path, message.into());
    }

    fn notice(&self, level: NoticeLevel, path: &[u8], message: String) {
        let notice =
            Notice { level, service: self.service.to_string(), path: super::printable_path(path), message };
        self.shared.observer.event(&Event::Notice(&notice));
        let mut notices = self.shared.notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        notices.keep(notice);
    }

    pub(crate) fn add_stored(&self, bytes: u64) {
        self.shared.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        let mut notices = self.shared.notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut *notices).notices
    }
}

/// The notices kept for the report.
#[derive(Debug, Default)]
struct Kept {
    notices: Vec<Notice>,
    warnings: usize,
}

impl Kept {
    /// Keeps a notice. Each level has a bound of its own, so that no crowd of remarks hides a warning.
    fn keep(&mut self, notice: Notice) {
        let is_warning = notice.level == NoticeLevel::Warning;
        let kept = if is_warning { self.warnings } else { self.notices.len() - self.warnings };
        if kept < MAX_NOTICES {
            self.warnings += usize::from(is_warning);
            self.notices.push(notice);
        }
    }
}

/// Notices of each level kept for the report; the observer hears all of them.
const MAX_NOTICES: usize = 10_000;
