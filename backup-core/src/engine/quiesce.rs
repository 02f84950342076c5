//! The host's own gate on the application's writes.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::Result;

/// Holds and releases the writes of the application, so that several services are captured at one point.
///
/// [`release`](Self::release) is called once after every [`hold`](Self::hold) that was begun, whatever happened in between: an
/// error, a timeout, a cancellation, a panic of an engine. So it must also work when nothing is held, or not yet.
///
/// A gate that panics, or does not return, fails the backup by name; it is not waited for, and the host goes on. A gate that lets
/// writes go on by itself before it is told to (by a deadline of its own, say) cannot be noticed: the backup would claim one
/// point in time that there never was. Fail in [`hold`](Self::hold) instead, or give the environment a
/// [deadline](crate::Environment::hold_deadline) shorter than the gate's own.
#[async_trait]
pub trait Quiesce: Debug + Send + Sync + 'static {
    /// Stops new writes and waits until running ones have ended, at most `deadline`; after that the call is dropped.
    ///
    /// # Errors
    /// When the application cannot be held in time; the backup is aborted and `release` is called.
    async fn hold(&self, deadline: Duration) -> Result<()>;

    /// Lets writes go on. If it does not return within twice the deadline of the hold (at least 60 seconds), or panics, the backup
    /// fails and says that the application may still be held; a call that did not return goes on.
    ///
    /// # Errors
    /// When it is not certain that writes go on. The backup fails and says that the application may still be held.
    async fn release(&self) -> Result<()>;
}

/// Holds nothing. For tests, and for an application that is at rest anyway: a backup with this gate claims that its services show one
/// point in time.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoQuiesce;

#[async_trait]
impl Quiesce for NoQuiesce {
    async fn hold(&self, _: Duration) -> Result<()> {
        Ok(())
    }

    async fn release(&self) -> Result<()> {
        Ok(())
    }
}
