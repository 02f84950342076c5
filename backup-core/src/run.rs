//! Runs: attempts to make or restore a backup, and how they went.
//!
//! A run says how it is by objects that are put one after the other and never changed: queued, running, running still (every
//! [`HEARTBEAT`] of it), and how it ended. The newest counts. Nobody ends the run of a process that was killed; it is recognised.

mod history;
mod process;
mod queue;
mod recorder;
mod request;
mod under_way;

use std::collections::BTreeSet;
use std::time::Duration;

use backup_policy::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub(crate) use self::history::open_run;
pub use self::queue::QueueRequest;
pub(crate) use self::recorder::{About, RunRecorder};
pub use self::request::RunsRequest;
use crate::format::run::{FailureRecord, ProgressRecord};
use crate::{BackupId, Error, Progress, RunId};

/// One run as a person sees it in a list. Times are the storage's own.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunInfo {
    /// Its id.
    pub id: RunId,
    /// What it does.
    pub operation: Operation,
    /// The environment that it is about; `None` if it is about the whole repository.
    pub environment: Option<String>,
    /// How it is.
    pub status: RunStatus,
    /// When it was first heard of: when it was queued, or began.
    pub created_at: DateTime<Utc>,
    /// When it began; `None` as long as it is queued.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was last heard of.
    pub heartbeat_at: DateTime<Utc>,
    /// When it ended, well or not.
    pub finished_at: Option<DateTime<Utc>>,
    /// From its beginning until it ended, or was last heard of.
    #[serde(rename = "duration_seconds", serialize_with = "crate::catalog::as_seconds")]
    pub duration: Duration,
    /// The kinds of the backup that it makes.
    pub kinds: BTreeSet<Kind>,
    /// Who asked for it, if the host said so.
    pub created_by: Option<String>,
    /// What people say about it.
    pub comment: String,
    /// The backup that it makes, restores or verifies. One that is made exists only once the run is completed.
    pub backup: Option<BackupId>,
    /// How far it was when it was last heard of.
    pub progress: Progress,
    /// Why it failed.
    pub failure: Option<RunFailure>,
    /// The name of the host that it runs on; `None` if it is queued, or the name is not known.
    pub host: Option<String>,
    /// The number of its process on that host; `None` if it is queued.
    pub pid: Option<u32>,
    /// The name and version of the program that recorded it.
    pub program: String,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// It makes a backup.
    Backup,
    /// It restores one.
    Restore,
    /// It reads one to see whether it is sound.
    Verify,
    /// It deletes what nothing refers to.
    Prune,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

/// How a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// It was announced and has not begun.
    Queued,
    /// It is under way.
    Running,
    /// It was queued or running and has not been heard of for a day, or its process exists no more. It will not end by itself.
    Stale,
    /// It failed, or was cancelled.
    Failed,
    /// It did what it was to do.
    Completed,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunFailure {
    /// The kind of error, as [`ErrorKind::as_str`](crate::ErrorKind::as_str) says it. `cancelled` if it was cancelled.
    pub kind: String,
    /// The error and its causes, in one line; cut off after some thousand characters.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl From<FailureRecord> for RunFailure {
    fn from(record: FailureRecord) -> Self {
        Self { kind: record.kind, message: record.message, remedy: record.remedy }
    }
}

impl From<&Error> for FailureRecord {
    fn from(error: &Error) -> Self {
        let kind = error.kind().as_str().to_owned();
        Self { kind, message: shortened(&error.chain()), remedy: shortened(error.remedy()) }
    }
}

impl From<Progress> for ProgressRecord {
    fn from(progress: Progress) -> Self {
        let Progress { items, total_items, bytes, total_bytes, stored_bytes } = progress;
        Self { items, total_items, bytes, total_bytes, stored_bytes }
    }
}

impl From<ProgressRecord> for Progress {
    fn from(record: ProgressRecord) -> Self {
        let ProgressRecord { items, total_items, bytes, total_bytes, stored_bytes } = record;
        Self { items, total_items, bytes, total_bytes, stored_bytes }
    }
}

/// The beginning of a text that may be long.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// How often a run that goes on says so.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15 * 60);
/// A run that was not heard of for longer has ended, whatever it said last.
pub(crate) const SILENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters kept of the text of an error.
const MAX_TEXT: usize = 4_000;

#[cfg(test)]
mod tests;
