//! A gate on an application's writes that records, and misbehaves on request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::engine::Quiesce;
use crate::{Error, ErrorKind, Result};

/// A [`Quiesce`] that records its calls. Clones share the record: keep one, hand the other to an environment.
#[derive(Debug, Clone)]
pub struct Gate {
    manner: Manner,
    calls: Arc<Mutex<Vec<GateCall>>>,
}

/// A call of a [`Gate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateCall {
    /// Writes were to be held, for at most so long.
    Hold(Duration),
    /// Writes were let go.
    Release,
}

#[derive(Debug, Clone, Copy)]
enum Manner {
    Hold,
    Refuse,
    Hang,
    Panic,
}

impl Gate {
    /// A gate that holds at once.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Manner::Hold)
    }

    /// A gate whose application cannot be held: [`Unavailable`](ErrorKind::Unavailable).
    #[must_use]
    pub fn refusing() -> Self {
        Self::of(Manner::Refuse)
    }

    /// A gate that waits forever for running writes to end.
    #[must_use]
    pub fn hanging() -> Self {
        Self::of(Manner::Hang)
    }

    /// A gate that panics when it is to hold.
    #[must_use]
    pub fn panicking() -> Self {
        Self::of(Manner::Panic)
    }

    /// The calls so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<GateCall> {
        self.record().clone()
    }

    /// Whether writes are held: the last call was not a release.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.record().last(), Some(GateCall::Hold(_)))
    }

    fn of(manner: Manner) -> Self {
        Self { manner, calls: Arc::default() }
    }

    fn record(&self) -> MutexGuard<'_, Vec<GateCall>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Quiesce for Gate {
    async fn hold(&self, deadline: Duration) -> Result<()> {
        self.record().push(GateCall::Hold(deadline));
        match self.manner {
            Manner::Hold => Ok(()),
            Manner::Refuse => Err(Error::new(ErrorKind::Unavailable, "the application cannot be held now")),
            Manner::Hang => std::future::pending().await,
            Manner::Panic => panic!("a test asked for this panic"),
        }
    }

    async fn release(&self) {
        self.record().push(GateCall::Release);
    }
}
