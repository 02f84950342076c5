//! Work that may wait for a disk, on the threads that the runtime has for it.

use crate::{Error, ErrorKind, Result};

/// Does `work` there. Dropping the future does not stop it.
///
/// # Errors
/// [`Unavailable`](ErrorKind::Unavailable) if the runtime shuts down before it began.
pub(super) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    subject: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(stopped) => Err(Error::new(ErrorKind::Unavailable, operation, subject).caused_by(stopped)),
    }
}
