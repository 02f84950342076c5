//! Ctrl-C, SIGTERM, SIGQUIT, SIGHUP: once to end cleanly, twice to end at once.

use std::future::IntoFuture;

use backup_core::CancellationToken;
use futures_util::future::select_all;
use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, INTERRUPTED};
use crate::output::remark;

/// Whether a person, a service manager or the end of a terminal wants the command to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(CancellationToken);

impl Interrupt {
    /// Listens to what asks a command to end, from now on; the first is answered on stderr unless only programs read it.
    pub(crate) fn listen(answer: bool) -> Result<Self, Failure> {
        let hear = |kind| signal(kind).map_err(|error| Failure::io("cannot listen to signals", error));
        let ends = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()].map(hear);
        let ends = ends.into_iter().collect::<Result<Vec<_>, _>>()?;
        let hangup = if is_ignored(Number::HUP) { None } else { Some(hear(SignalKind::hangup())?) };
        // Once heard, a signal never ends the process again, whether or not anybody listens.
        drop(hear(FILE_TOO_LARGE)?);
        let token = CancellationToken::new();
        tokio::spawn(watch(ends, hangup, token.clone(), answer));
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

async fn watch(mut ends: Vec<Signal>, mut hangup: Option<Signal>, token: CancellationToken, answer: bool) {
    any(ends.iter_mut().chain(&mut hangup)).await;
    token.cancel();
    if answer {
        // On a thread of its own: if nobody reads stderr, the second interrupt must be heard nevertheless.
        drop(tokio::task::spawn_blocking(|| remark(ANSWER)));
    }
    // A terminal that closes hangs up more than once, and a service manager may after SIGTERM: nobody means to stop at once by it.
    any(ends.iter_mut()).await;
    std::process::exit(INTERRUPTED.into());
}

async fn any(signals: impl Iterator<Item = &mut Signal>) {
    select_all(signals.map(|signal| Box::pin(signal.recv()))).await;
}

/// Whether whoever started the command had this signal ignored, as `nohup` has. No, where that cannot be known.
fn is_ignored(signal: Number) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored.checked_shr(signal.as_raw().unsigned_abs() - 1).is_some_and(|rest| rest & 1 == 1)
}

/// Sent when a file would grow past the limit of the process (`ulimit -f`). Left alone it kills without a word; heard, the write
/// fails as on a full disk, and the command says which one.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(Number::XFSZ.as_raw());

const ANSWER: &str = "interrupted: ending cleanly; interrupt once more to stop at once";
