//! Holding the application while services are frozen, and letting it go whatever happens.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Quiesce;
use crate::{Clock, Error, ErrorKind, Result};

/// One hold of an application's writes. Released when the work within it ends, and also when it fails, takes too long, or is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    gate: Arc<dyn Quiesce>,
    clock: Arc<dyn Clock>,
    held_at: Option<Duration>,
    pause: Duration,
}

impl Hold {
    pub(super) fn new(gate: Arc<dyn Quiesce>, clock: Arc<dyn Clock>) -> Self {
        Self { gate, clock, held_at: None, pause: Duration::ZERO }
    }

    /// Holds, does the work, releases. Work that exceeds the deadline is dropped.
    pub(super) async fn during<T>(
        &mut self,
        deadline: Duration,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.held_at = Some(self.clock.elapsed());
        let gate = self.gate.clone();
        let held = async {
            gate.hold(deadline).await.map_err(|error| error.context("hold the application's writes"))?;
            work.await
        };
        let result = tokio::time::timeout(deadline, held).await;
        self.end().await;
        match result {
            Ok(Err(error)) => Err(error),
            Ok(Ok(done)) if self.pause <= deadline => Ok(done),
            _ => Err(too_long(deadline)),
        }
    }

    /// Releases, if something is held: also when the work was dropped in the middle.
    pub(super) async fn end(&mut self) {
        if let Some(held_at) = self.held_at {
            self.gate.release().await;
            self.held_at = None;
            self.pause = self.clock.elapsed().saturating_sub(held_at);
        }
    }

    /// How long the application was held.
    pub(super) fn pause(&self) -> Duration {
        self.pause
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Only if the whole backup was dropped, or panicked: releasing is asynchronous, so it goes on by itself.
        if self.held_at.take().is_some()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let gate = self.gate.clone();
            runtime.spawn(async move { gate.release().await });
        }
    }
}

fn too_long(deadline: Duration) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "the services were not frozen within the {} seconds that the application may be held",
            deadline.as_secs()
        ),
    )
    .with_remedy("allow a longer hold, back up at a quieter time, or back up without a hold")
}
