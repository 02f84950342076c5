//! The commands of a configuration that hold and release an application.

#[cfg(test)]
mod tests;

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backup_core::engine::Quiesce;
use backup_core::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use crate::config::QuiesceTable;
use crate::output::plain;
use crate::output::size::count;

/// Holds and releases an application by two shell commands.
///
/// A command runs with the environment of this process, without the passphrase. It succeeds when it exits with 0; processes that it started and left behind go on,
/// so that one may keep a lock from `hold` to `release`. When nobody waits for `hold` any more, it and all it started are killed. `release` is
/// never killed: killed half-way, it would leave the application held.
#[derive(Debug)]
pub(crate) struct Gate {
    hold: String,
    release: String,
    /// Past it the backup fails, and says that the application may still be held.
    release_limit: Duration,
}

/// How long `release` may take, if `hold` may not take longer. Less than what the library waits for a gate, so that the command is named.
const RELEASE_LIMIT: Duration = Duration::from_secs(30);

impl Gate {
    pub(crate) fn new(table: &QuiesceTable) -> Self {
        let release_limit = table.deadline().unwrap_or_default().max(RELEASE_LIMIT);
        Self { hold: table.hold.clone(), release: table.release.clone(), release_limit }
    }
}

#[async_trait]
impl Quiesce for Gate {
    async fn hold(&self, deadline: Duration) -> Result<()> {
        let group = Group::spawn(&self.hold).map_err(|error| broken("hold", error))?;
        run("hold", "was killed", group, deadline).await
    }

    async fn release(&self) -> Result<()> {
        // If this process ends first, nobody reads what the command prints: that must not kill it either.
        let command = format!("trap '' PIPE\n{}", self.release);
        let mut group = Group::spawn(&command).map_err(|error| broken("release", error))?;
        group.leader = None;
        run("release", "goes on by itself", group, self.release_limit).await
    }
}

fn broken(name: &str, error: io::Error) -> Error {
    Error::io(format!("cannot run the {name} command of [quiesce]"), error)
}

/// Waits for a command to end. Past the limit it is left to its `fate`.
async fn run(name: &str, fate: &str, mut group: Group, limit: Duration) -> Result<()> {
    let output = Output::collect(&mut group.child);
    let Ok(ended) = tokio::time::timeout(limit, group.wait()).await else {
        let message = format!(
            "the {name} command of [quiesce] took longer than {} and {fate}",
            count(limit.as_secs(), "second", "seconds")
        );
        return Err(Error::new(ErrorKind::Unavailable, message)
            .with_remedy("make it faster, or raise `deadline_seconds`"));
    };
    let status = ended.map_err(|error| broken(name, error))?;
    if status.success() {
        return Ok(());
    }
    let said = output.last().await;
    let said = if said.is_empty() { String::new() } else { format!(": {}", plain(&said)) };
    let message = format!("the {name} command of [quiesce] failed with {status}{said}");
    Err(Error::new(ErrorKind::Unavailable, message)
        .with_remedy("run the command by itself and see what it says"))
}

/// A shell and all that it starts: a process group of its own.
struct Group {
    child: Child,
    /// Killed with its group if this is dropped before the shell has ended.
    leader: Option<Pid>,
}

impl Group {
    fn spawn(command: &str) -> io::Result<Self> {
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .env_remove("BACKUP_PASSPHRASE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(Self { child, leader })
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // Its number may soon be another's.
        self.leader = None;
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// What a command says on stdout and stderr. All of it is read, as long as somebody says something, so that nobody waits for a reader; the end is kept.
struct Output {
    kept: Arc<Mutex<Vec<u8>>>,
    readers: Vec<tokio::task::JoinHandle<()>>,
}

/// The last lines say what went wrong.
const KEPT_BYTES: usize = 2048;

/// How long a command that has ended is listened to: a process that it left behind may hold its stdout open for ever.
const LISTEN_ON: Duration = Duration::from_millis(200);

impl Output {
    fn collect(child: &mut Child) -> Self {
        let kept = Arc::default();
        let stdout = child.stdout.take().map(|stdout| tokio::spawn(read(stdout, Arc::clone(&kept))));
        let stderr = child.stderr.take().map(|stderr| tokio::spawn(read(stderr, Arc::clone(&kept))));
        Self { kept, readers: stdout.into_iter().chain(stderr).collect() }
    }

    /// The end of what was said.
    async fn last(self) -> String {
        let _ = tokio::time::timeout(LISTEN_ON, futures_util::future::join_all(self.readers)).await;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}

async fn read(mut source: impl AsyncRead + Unpin, kept: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; KEPT_BYTES];
    while let Ok(length @ 1..) = source.read(&mut buffer).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..length]);
        let surplus = kept.len().saturating_sub(KEPT_BYTES);
        kept.drain(..surplus);
    }
}
