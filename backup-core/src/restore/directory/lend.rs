//! Doing blocking work away from the tasks of the host.

use crate::{Error, Result};

/// Lends a value to work that blocks, on the runtime's threads for that, and gives it back. If this future is dropped, the work goes on
/// until it is done or sees that it was given up.
pub(super) async fn lend<T, R, F>(mut value: T, work: F) -> Result<(T, R)>
where
    T: Send + 'static,
    R: Send + 'static,
    F: FnOnce(&mut T) -> Result<R> + Send + 'static,
{
    let lent = tokio::task::spawn_blocking(move || work(&mut value).map(|result| (value, result))).await;
    match lent {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Error::cancelled()),
    }
}
