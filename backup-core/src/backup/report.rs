//! What a backup did.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::BackupId;
use crate::catalog::{Consistency, Contents, LeftOut, as_seconds, to_time};
use crate::engine::Role;
use crate::format::manifest::{Body, LeftOutRecord, ServiceRecord};
use crate::observer::{Notice, NoticeLevel};
use crate::tree::writer::TreeTotals;

/// What a backup did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// The id of the backup; the same digits as that of its run.
    pub id: BackupId,
    /// The environment it is of.
    pub environment: String,
    /// When it began, by the host's clock.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    #[serde(rename = "duration_seconds", serialize_with = "as_seconds")]
    pub duration: Duration,
    /// What its services have in common.
    pub consistency: Consistency,
    /// How long the application's writes were held.
    #[serde(rename = "pause_seconds", serialize_with = "as_seconds")]
    pub pause: Duration,
    /// The widest time between the points of two services. Files that are read without a pause have no point: each is as it was
    /// at some time until all were read.
    #[serde(rename = "gap_seconds", serialize_with = "as_seconds")]
    pub gap: Duration,
    /// What of the environment it holds.
    pub contents: Contents,
    /// Services that it does not hold, and why.
    pub left_out: Vec<LeftOut>,
    /// The backup that it followed.
    pub parent: Option<BackupId>,
    /// Entries of all trees, plus one for each stream.
    pub entries: u64,
    /// Files of all trees.
    pub files: u64,
    /// Files whose content is the parent's: known without a look, or read again and found equal (the engine's facts tell these
    /// apart).
    pub unchanged_entries: u64,
    /// Bytes of everything in it.
    pub logical_bytes: u64,
    /// Bytes read from the services, without those of files read again and found equal to the parent's.
    pub read_bytes: u64,
    /// Bytes that are new or have changed: whole files of trees, and of streams what was not stored yet.
    pub changed_bytes: u64,
    /// Bytes that it added to the repository; the records of its run are not counted.
    pub stored_bytes: u64,
    /// Chunks that it added to the repository.
    pub new_chunks: u64,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

impl BackupReport {
    /// How many of the notices are warnings: something is missing or doubtful.
    #[must_use]
    pub fn warnings(&self) -> u64 {
        self.notices.iter().filter(|notice| notice.level == NoticeLevel::Warning).count() as u64
    }

    /// What the manifest says, and what was counted.
    pub(super) fn new(id: BackupId, body: &Body, totals: &TreeTotals, notices: Vec<Notice>) -> Self {
        Self {
            id,
            environment: body.environment.clone(),
            started_at: to_time(body.started_at_ms),
            duration: Duration::ZERO,
            consistency: body.consistency,
            pause: Duration::from_micros(body.pause_us),
            gap: Duration::from_micros(body.gap_us),
            contents: contents(&body.services, &body.left_out),
            left_out: body.left_out.iter().map(left_out).collect(),
            parent: body.parent,
            entries: totals.entries,
            files: totals.files,
            unchanged_entries: totals.unchanged,
            logical_bytes: totals.bytes,
            read_bytes: totals.read_bytes,
            changed_bytes: totals.changed_bytes,
            stored_bytes: 0,
            new_chunks: 0,
            notices,
        }
    }

    /// The same report with what was noticed after the manifest was written.
    pub(super) fn also(mut self, notices: Vec<Notice>) -> Self {
        self.notices.extend(notices);
        self
    }
}

fn contents(services: &[ServiceRecord], left_out: &[LeftOutRecord]) -> Contents {
    let has: Vec<Role> = services.iter().map(|service| service.role).collect();
    let lacks: Vec<Role> = left_out.iter().map(|service| service.role).collect();
    match left_out.iter().any(|service| service.failure.is_some()) {
        true => Contents::Partial,
        false => Contents::of_roles(&has, &lacks),
    }
}

fn left_out(record: &LeftOutRecord) -> LeftOut {
    let LeftOutRecord { name, engine, role, failure } = record.clone();
    LeftOut { name, engine, role, failure }
}
