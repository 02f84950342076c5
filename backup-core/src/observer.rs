//! What an operation tells while it runs.

use std::fmt::Debug;

use serde::Serialize;

/// Receives [`Event`]s while an operation runs; the report returned at the end is the last word.
///
/// Called from the tasks and threads that do the work: return quickly and do not block.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// Hears nothing: the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
}

/// One thing that happened in an operation.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event<'a> {
    /// A phase of the operation began.
    Phase {
        /// Which one.
        phase: Phase,
        /// The service it is about, if it is about one.
        service: Option<&'a str>,
    },
    /// Work went on. Counts are totals since the operation began, not differences.
    Progress(Progress),
    /// Something a person should know; also in the report.
    Notice(&'a Notice),
}

/// The phases of operations, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Reading the index of the repository.
    Index,
    /// Connecting, taking inventory, first pass over files.
    Prepare,
    /// The application's writes are held and consistent views are opened.
    Freeze,
    /// Reading what is backed up and storing it.
    Stream,
    /// Making the backup exist.
    Commit,
    /// Working out what a restore will do.
    Plan,
    /// Writing what is restored.
    Restore,
    /// Reading metadata and comparing it with what is stored.
    Structure,
    /// Reading stored data.
    Data,
    /// Copying what is needed out of packs that are mostly unused.
    Rewrite,
    /// Deleting what nothing refers to.
    Remove,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Items done: entries of trees and streams, packs, backups, by operation.
    pub items: u64,
    /// Items in all, when known.
    pub total_items: Option<u64>,
    /// Bytes done, as the source or target sees them.
    pub bytes: u64,
    /// Bytes in all, when known (an estimate while a backup runs).
    pub total_bytes: Option<u64>,
    /// Bytes added to the repository so far.
    pub stored_bytes: u64,
}

/// Something a person should know about an operation that went on nevertheless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// How much it matters.
    pub level: NoticeLevel,
    /// The service it is about.
    pub service: String,
    /// The path it is about, as text (bytes that are not UTF-8 are escaped as `\xNN`); empty if none.
    pub path: String,
    /// What happened and what it means for the backup or restore.
    pub message: String,
}

/// How much a [`Notice`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Nothing is missing that could have been kept (a socket, a file that was deleted meanwhile).
    Info,
    /// The result lacks something or holds something doubtful: a person should look.
    Warning,
}
