//! Counts the calls of an engine, and strikes at one of them.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Error, ErrorKind, Result};

/// What every call of an engine to its sink or reader goes through.
#[derive(Debug)]
pub(super) struct Tap {
    strike: Strike,
    /// The call that is struck, from 1.
    at: u64,
    calls: AtomicU64,
    struck: Notify,
    token: CancellationToken,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    Nothing,
    /// It fails as unavailable.
    Fail,
    /// The operation is cancelled, and so the call fails.
    Cancel,
    /// It never ends.
    Hang,
    /// It and all after it fail as damaged.
    Damage,
}

impl Tap {
    pub(super) fn new(strike: Strike, at: u64) -> Arc<Self> {
        let token = CancellationToken::new();
        Arc::new(Self { strike, at, calls: AtomicU64::new(0), struck: Notify::new(), token })
    }

    /// The token of the operation as the engine sees it.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Counts a call, and fails it if it is struck.
    pub(super) async fn pass(&self) -> Result<()> {
        let call = self.calls.fetch_add(1, SeqCst) + 1;
        if call > self.at && self.strike == Strike::Damage {
            return Err(damage());
        }
        if call == self.at {
            self.struck.notify_one();
            match self.strike {
                Strike::Nothing => {}
                Strike::Damage => return Err(damage()),
                Strike::Fail => {
                    return Err(Error::new(ErrorKind::Unavailable, "a test injected this failure"));
                }
                Strike::Cancel => self.token.cancel(),
                Strike::Hang => pending().await,
            }
        }
        if self.token.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Whether the strike came to pass.
    pub(super) fn was_struck(&self) -> bool {
        self.calls.load(SeqCst) >= self.at
    }

    /// Ends when the strike comes to pass.
    pub(super) async fn struck(&self) {
        self.struck.notified().await;
    }
}

fn damage() -> Error {
    Error::damaged("a test injected this damage")
}
