//! The host's own gate on the application's writes.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::Result;

/// Holds and releases the writes of the application, so that several services are captured at one point.
///
/// [`release`](Self::release) is called after every [`hold`](Self::hold) that was begun, whatever happened in between (also an
/// error, a timeout or a cancellation), and may be called without effect when nothing is held.
#[async_trait]
pub trait Quiesce: Debug + Send + Sync + 'static {
    /// Stops new writes and waits until running ones have ended, at most `deadline`.
    ///
    /// # Errors
    /// When the application cannot be held in time; the backup is aborted and `release` is called.
    async fn hold(&self, deadline: Duration) -> Result<()>;

    /// Lets writes go on.
    async fn release(&self);
}

/// Holds nothing: services are captured one after the other, databases before files.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoQuiesce;

#[async_trait]
impl Quiesce for NoQuiesce {
    async fn hold(&self, _: Duration) -> Result<()> {
        Ok(())
    }

    async fn release(&self) {}
}
