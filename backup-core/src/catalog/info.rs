//! One backup as a person sees it in a list.

use std::collections::BTreeSet;
use std::time::Duration;

use backup_policy::{Hold, Kind};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::BackupId;
use crate::engine::{ArtifactKind, Facts, Role};

/// One backup as a person sees it in a list: what its manifest says, and what was said about it later.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BackupInfo {
    /// Its id.
    pub id: BackupId,
    /// The environment it is of.
    pub environment: String,
    /// Whether it is there to be restored.
    pub status: BackupStatus,
    /// When it began, by the storage's stamp of the first object of its run. Backups are ordered by it.
    pub created_at: DateTime<Utc>,
    /// When it ended, by the host's clock.
    pub finished_at: DateTime<Utc>,
    /// What made it: `manual` unless the host said otherwise; or what it was converted to. Never empty.
    pub kinds: BTreeSet<Kind>,
    /// Who asked for it, if the host said so.
    pub created_by: Option<String>,
    /// What people say about it.
    pub comment: String,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// Facts about the application, as the host gave them.
    pub facts: Facts,
    /// What of the environment it holds.
    pub contents: Contents,
    /// Whether it can be restored whole: it is completed, it is full or has all databases, and no verification found damage in it.
    pub restorable: bool,
    /// What it holds.
    pub services: Vec<ServiceInfo>,
    /// Services of the environment that it does not hold.
    pub left_out: Vec<LeftOut>,
    /// Entries of all trees, plus one for each stream.
    pub entries: u64,
    /// Files of all trees.
    pub files: u64,
    /// Bytes of everything in it.
    pub logical_bytes: u64,
    /// Bytes that were new or had changed since the backup before.
    pub changed_bytes: u64,
    /// Bytes that it added to the repository.
    pub stored_bytes: u64,
    /// What its services have in common.
    pub consistency: Consistency,
    /// How long the application's writes were held.
    #[serde(rename = "pause_seconds", serialize_with = "super::as_seconds")]
    pub pause: Duration,
    /// The time between the points of the first service and of the last.
    #[serde(rename = "gap_seconds", serialize_with = "super::as_seconds")]
    pub gap: Duration,
    /// Warnings while it was made.
    pub warnings: u64,
    /// The backup that it followed.
    pub parent: Option<BackupId>,
    /// The program that wrote it.
    pub program: String,
    /// What forbids its removal, ended holds included.
    pub holds: Vec<Hold>,
    /// How the last verification of all its data ended.
    pub verified: Option<Verification>,
    /// Until when somebody who reads it keeps it from being removed.
    pub pinned_until: Option<DateTime<Utc>>,
    /// When it was deleted. While a hold or a pin is active, it stays [`Completed`](BackupStatus::Completed) all the same.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Whether a backup is there to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BackupStatus {
    /// It was completed.
    Completed,
    /// Its run never confirmed it: it may lack something, and nothing counts it.
    Unconfirmed,
    /// It was deleted, and can be brought back until its data is removed.
    Deleted,
}

/// What of its environment a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Contents {
    /// Every service.
    Full,
    /// Every database, no files: what was left out was left out on purpose.
    DatabaseOnly,
    /// All files and no database: for the record, it cannot be restored by itself.
    FilesOnly,
    /// Anything else: a service failed, or only some were asked for.
    Partial,
}

/// What the services of a backup have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Consistency {
    /// All services show one point: the application's writes were held while they were frozen.
    Frozen,
    /// Databases first, files after: every file that a record names is there, if the application writes files before their
    /// records, never changes them in place, and deletes them only after the backup ended.
    Ordered,
    /// Each service is consistent in itself. Nothing is promised across services.
    Live,
}

/// How a verification ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// When, by the clock of whoever verified.
    pub at: DateTime<Utc>,
    /// Whether all data was read and found sound.
    pub sound: bool,
}

impl Verification {
    pub(super) fn found_damage(self) -> bool {
        !self.sound
    }
}

/// One service of a [`BackupInfo`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// Its name.
    pub name: String,
    /// The kind of engine that captured it.
    pub engine: String,
    /// What it is to the application.
    pub role: Role,
    /// The point in time that it shows, in the engine's own terms.
    pub point: String,
    /// When it was frozen at that point, by the host's clock.
    pub frozen_at: DateTime<Utc>,
    /// How long freezing it took.
    #[serde(rename = "pause_seconds", serialize_with = "super::as_seconds")]
    pub pause: Duration,
    /// What the engine recorded about it.
    pub facts: Facts,
    /// Its streams and trees.
    pub artifacts: Vec<ArtifactSummary>,
    /// Entries of its trees, plus one for each stream.
    pub entries: u64,
    /// Files of its trees.
    pub files: u64,
    /// Bytes of everything in it.
    pub bytes: u64,
    /// Bytes that were new or had changed since the backup before.
    pub changed_bytes: u64,
}

/// One artifact of a [`ServiceInfo`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ArtifactSummary {
    /// Its name within the service.
    pub name: String,
    /// Stream or tree.
    pub kind: ArtifactKind,
    /// Entries of a tree; 0 for a stream.
    pub entries: u64,
    /// Bytes of its content.
    pub bytes: u64,
}

/// A service of the environment that a backup does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// The kind of engine that would have captured it.
    pub engine: String,
    /// What it is to the application.
    pub role: Role,
    /// Why it failed; `None` if it was left out on purpose.
    pub failure: Option<String>,
}

impl Contents {
    /// What a backup holds, told from the roles of what it has and of what it lacks.
    pub(crate) fn of(services: &[ServiceInfo], left_out: &[LeftOut]) -> Self {
        let has: Vec<_> = services.iter().map(|service| service.role).collect();
        let lacks: Vec<_> = left_out.iter().map(|service| service.role).collect();
        if left_out.iter().any(|service| service.failure.is_some()) {
            return Self::Partial;
        }
        Self::of_roles(&has, &lacks)
    }

    /// As [`of`](Self::of), where nothing failed.
    pub(crate) fn of_roles(has: &[Role], lacks: &[Role]) -> Self {
        let has = |role| has.contains(&role);
        let lacks = |role| lacks.contains(&role);
        match (lacks(Role::Database), lacks(Role::Files)) {
            (false, false) => Self::Full,
            (false, true) if !has(Role::Files) => Self::DatabaseOnly,
            (true, false) if !has(Role::Database) => Self::FilesOnly,
            _ => Self::Partial,
        }
    }

    /// Whether such a backup is enough to restore the application.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Full | Self::DatabaseOnly)
    }
}
