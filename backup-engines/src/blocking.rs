//! Work that blocks, kept off the threads of the async runtime.
//!
//! No piece of it waits for another one or for a task: a runtime with a single blocking thread gets through.

#[cfg(feature = "files")]
use backup_core::engine::Context;
use backup_core::{Error, Result};
use tokio::task::JoinHandle;

/// Starts work on the runtime's blocking threads.
pub(crate) fn start<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> JoinHandle<Result<T>> {
    tokio::task::spawn_blocking(work)
}

/// Waits for started work; a panic in it goes on in the caller.
pub(crate) async fn finish<T>(work: JoinHandle<Result<T>>) -> Result<T> {
    match work.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::cancelled()),
        },
    }
}

/// Waits for started work until the operation is cancelled.
#[cfg(feature = "files")]
pub(crate) async fn finish_unless_cancelled<T>(work: JoinHandle<Result<T>>, context: &Context) -> Result<T> {
    tokio::select! {
        biased;
        () = context.cancellation().cancelled() => Err(Error::cancelled()),
        result = finish(work) => result,
    }
}

/// Starts work and waits for it.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    finish(start(work)).await
}
