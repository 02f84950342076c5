//! A gate on an application's writes that records, and misbehaves on request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::engine::Quiesce;
use crate::{Error, ErrorKind, Result};

/// A [`Quiesce`] that records its calls. Clones share the record: keep one, hand the other to an environment.
#[derive(Debug, Clone)]
pub struct Gate {
    hold: Manner,
    release: Manner,
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
    Obey,
    Refuse,
    Hang,
    Panic,
}

impl Manner {
    async fn behave(self, call: &str) -> Result<()> {
        match self {
            Self::Obey => Ok(()),
            Self::Refuse => {
                Err(Error::new(ErrorKind::Unavailable, format!("the application cannot be {call} now")))
            }
            Self::Hang => std::future::pending().await,
            Self::Panic => panic!("a test asked for this panic"),
        }
    }
}

impl Gate {
    /// A gate that holds at once.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Manner::Obey, Manner::Obey)
    }

    /// A gate whose application cannot be held: [`Unavailable`](ErrorKind::Unavailable).
    #[must_use]
    pub fn refusing() -> Self {
        Self::of(Manner::Refuse, Manner::Obey)
    }

    /// A gate that waits forever for running writes to end.
    #[must_use]
    pub fn hanging() -> Self {
        Self::of(Manner::Hang, Manner::Obey)
    }

    /// A gate that panics when it is to hold.
    #[must_use]
    pub fn panicking() -> Self {
        Self::of(Manner::Panic, Manner::Obey)
    }

    /// A gate that waits forever when it is to let go.
    #[must_use]
    pub fn stuck() -> Self {
        Self::of(Manner::Obey, Manner::Hang)
    }

    /// A gate that panics when it is to let go.
    #[must_use]
    pub fn panicking_in_release() -> Self {
        Self::of(Manner::Obey, Manner::Panic)
    }

    /// A gate whose application cannot be let go: [`Unavailable`](ErrorKind::Unavailable).
    #[must_use]
    pub fn failing_in_release() -> Self {
        Self::of(Manner::Obey, Manner::Refuse)
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

    fn of(hold: Manner, release: Manner) -> Self {
        Self { hold, release, calls: Arc::default() }
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
        self.hold.behave("held").await
    }

    async fn release(&self) -> Result<()> {
        self.record().push(GateCall::Release);
        self.release.behave("let go").await
    }
}
