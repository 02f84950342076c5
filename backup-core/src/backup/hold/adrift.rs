//! A release that nobody waits for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::Result;

/// Lets the application go by itself. One that was not begun when it is dropped, since the runtime that it waited in ended, goes on
/// on a thread of its own.
pub(super) struct Adrift {
    release: Option<BoxFuture<'static, Result<()>>>,
    begun: bool,
}

impl Adrift {
    /// Sends it off: into the runtime of this thread, if there is one.
    pub(super) fn send(release: BoxFuture<'static, Result<()>>, begun: bool) {
        let adrift = Self { release: Some(release), begun };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(adrift)),
            Err(_) => adrift.on_a_thread(),
        }
    }

    fn on_a_thread(mut self) {
        let Some(release) = self.release.take() else { return };
        // Where not even a thread can be had, nothing more can be done.
        drop(thread::Builder::new().name("backup release".into()).spawn(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                drop(runtime.block_on(release));
            }
        }));
    }
}

impl Future for Adrift {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.begun = true;
        if let Some(release) = &mut self.release {
            // Nobody is left who could be told how it ended.
            drop(ready!(release.poll_unpin(context)));
            self.release = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Adrift {
    fn drop(&mut self) {
        if let Some(release) = self.release.take_if(|_| !self.begun) {
            Self { release: Some(release), begun: true }.on_a_thread();
        }
    }
}
