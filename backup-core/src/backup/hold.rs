//! Holding the application while services are frozen, and letting it go whatever happens.

mod adrift;

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use self::adrift::Adrift;
use super::panic::caught;
use crate::engine::Quiesce;
use crate::{Clock, Error, ErrorKind, Result};

/// One hold of an application's writes. Released once, when the work within it ends, and also when it fails, takes too long, panics, or is
/// dropped. Nothing that the gate does harms the host: a panic of it is an error, and if it does not return it goes on by itself.
pub(super) struct Hold {
    gate: Arc<dyn Quiesce>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
    state: State,
    pause: Duration,
}

enum State {
    /// Nothing is held, or no more.
    Free,
    /// Since this moment of the clock, at the latest.
    Held(Duration),
    /// Being let go.
    Releasing(Duration, BoxFuture<'static, Result<()>>),
}

impl Hold {
    pub(super) fn new(gate: Arc<dyn Quiesce>, clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        Self { gate, clock, deadline, state: State::Free, pause: Duration::ZERO }
    }

    /// Holds, does the work, releases. Work that exceeds the deadline is dropped; if it panics, so does this, after the release.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let held_at = self.clock.elapsed();
        self.state = State::Held(held_at);
        let (gate, deadline) = (self.gate.clone(), self.deadline);
        let held = async {
            caught(GATE, "hold", async { gate.hold(deadline).await })
                .await
                .map_err(|error| error.context("hold the application's writes"))?;
            work.await
        };
        let result = tokio::time::timeout(deadline, AssertUnwindSafe(held).catch_unwind()).await;
        let frozen = self.clock.elapsed().saturating_sub(held_at);
        let released = self.end().await;
        let result = match result {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(too_long(deadline)),
        };
        let result = let_go(result, released)?;
        match (frozen <= deadline, self.pause <= deadline) {
            (true, true) => Ok(result),
            (true, false) => Err(released_late(deadline, self.pause)),
            (false, _) => Err(too_long(deadline)),
        }
    }

    /// Releases, if something is held: also when the work was dropped in the middle. A gate that does not return goes on by itself.
    ///
    /// # Errors
    /// When it cannot be said that the application was let go.
    pub(super) async fn end(&mut self) -> Result<()> {
        let (held_at, release) = match std::mem::replace(&mut self.state, State::Free) {
            State::Free => return Ok(()),
            State::Held(held_at) => (held_at, release(self.gate.clone())),
            State::Releasing(held_at, release) => (held_at, release),
        };
        self.state = State::Releasing(held_at, release);
        let State::Releasing(_, release) = &mut self.state else { return Ok(()) };
        let patience = self.deadline.saturating_mul(2).max(AT_LEAST);
        if let Ok(released) = tokio::time::timeout(patience, release).await {
            self.state = State::Free;
            self.pause = self.clock.elapsed().saturating_sub(held_at);
            return released;
        }
        self.leave_alone();
        Err(still_held(&format!(
            "the gate did not let the application's writes go on within {} seconds",
            patience.as_secs_f64()
        )))
    }

    /// How long the application was held.
    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    /// Lets what is being released, or was not yet, go on by itself.
    fn leave_alone(&mut self) {
        match std::mem::replace(&mut self.state, State::Free) {
            State::Free => {}
            State::Held(_) => Adrift::send(release(self.gate.clone()), false),
            State::Releasing(_, release) => Adrift::send(release, true),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Only if the whole backup was dropped: releasing is asynchronous, so it goes on by itself.
        self.leave_alone();
    }
}

/// The result of work after which the application was let go. That it was not is the greater trouble.
pub(super) fn let_go<T>(result: Result<T>, released: Result<()>) -> Result<T> {
    match (result, released) {
        (result, Ok(())) => result,
        (Ok(_), Err(error)) => Err(error),
        (Err(cause), Err(error)) => {
            let both = format!("{}; before that the backup failed", error.chain());
            let remedy = error.remedy().to_owned();
            Err(Error::new(error.kind(), both).with_remedy(remedy).with_source(cause))
        }
    }
}

fn release(gate: Arc<dyn Quiesce>) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let released = caught(GATE, "release", async { gate.release().await }).await;
        released.map_err(|error| {
            let remedy = format!("see that the application writes again, then {}", error.remedy());
            still_held("the application's writes were not let go").with_remedy(remedy).with_source(error)
        })
    })
}

fn still_held(what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{what}: they may still be held")).with_remedy(
        "see that the application writes again, and mend the gate that the environment was given",
    )
}

fn released_late(deadline: Duration, pause: Duration) -> Error {
    let text = format!(
        "the services were frozen in time, but the application was let go after {} seconds, and may be held for {}",
        pause.as_secs_f64(),
        deadline.as_secs_f64()
    );
    Error::new(ErrorKind::Unavailable, text)
        .with_remedy("make letting the application go faster, or allow a longer hold")
}

fn too_long(deadline: Duration) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "the services were not frozen within the {} seconds that the application may be held",
            deadline.as_secs_f64()
        ),
    )
    .with_remedy("allow a longer hold, back up at a quieter time, or back up without a hold")
}

/// A release is given twice the time that the hold may take, and at least this long: who gives up leaves an application held.
const AT_LEAST: Duration = Duration::from_secs(60);

const GATE: &str = "the gate of the application";
