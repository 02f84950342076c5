//! Ctrl-C: once to end cleanly, twice to end at once.

use std::future::IntoFuture;

use backup_core::CancellationToken;
use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, INTERRUPTED};
use crate::output::remark;

/// Whether a person or a service manager wants the command to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(CancellationToken);

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on; the first is answered on stderr unless only programs read it.
    pub(crate) fn listen(answer: bool) -> Result<Self, Failure> {
        let hear = |kind| signal(kind).map_err(|error| Failure::io("cannot listen to signals", error));
        let (interrupt, terminate) = (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
        // Once heard, a signal never ends the process again, whether or not anybody listens.
        drop(hear(FILE_TOO_LARGE)?);
        let token = CancellationToken::new();
        tokio::spawn(watch(interrupt, terminate, token.clone(), answer));
        Ok(Self(token))
    }

    /// What operations that end cleanly by themselves are given.
    pub(crate) fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Runs what has nothing to clean up: an interrupt drops it.
    pub(crate) async fn ends<T>(&self, work: impl IntoFuture<Output = T>) -> Result<T, Failure> {
        self.0
            .run_until_cancelled(work.into_future())
            .await
            .ok_or_else(|| Failure::interrupted("the command was interrupted"))
    }
}

async fn watch(mut interrupt: Signal, mut terminate: Signal, token: CancellationToken, answer: bool) {
    wait(&mut interrupt, &mut terminate).await;
    token.cancel();
    if answer {
        // On a thread of its own: if nobody reads stderr, the second interrupt must be heard nevertheless.
        drop(tokio::task::spawn_blocking(|| remark(ANSWER)));
    }
    wait(&mut interrupt, &mut terminate).await;
    std::process::exit(INTERRUPTED.into());
}

async fn wait(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Sent when a file would grow past the limit of the process (`ulimit -f`). Left alone it kills without a word; heard, the write
/// fails as on a full disk, and the command says which one.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(Number::XFSZ.as_raw());

const ANSWER: &str = "interrupted: ending cleanly; interrupt once more to stop at once";
