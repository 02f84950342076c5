//! A panic in what a host or an engine brings along: an error like any other, so that the run ends in order.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use crate::{Error, ErrorKind, Result};

/// Runs somebody else's work. If it panics, the error names `whose` it was and what it was `doing`; what it worked on is not to be
/// used any more.
pub(super) async fn caught<T>(whose: &str, doing: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.unwrap_or_else(|panic| Err(panicked(whose, doing, &*panic)))
}

fn panicked(whose: &str, doing: &str, panic: &(dyn Any + Send)) -> Error {
    let message =
        panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    let said = message.map_or_else(String::new, |message| format!(": {message}"));
    Error::new(ErrorKind::Unavailable, format!("{whose} panicked in `{doing}`{said}"))
        .with_remedy(format!("mend {whose}, or back up without it"))
}
