//! What statistics say.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::BackupId;
use crate::problem::Problem;

/// What the backups of a repository are in bytes.
///
/// The same words mean the same everywhere:
///
/// * **logical**: everything in a backup, as a restore would write it, holes included.
/// * **unique**: the plaintext of the distinct chunks referred to, of contents and of trees, each counted once.
/// * **stored**: the same chunks as they lie in packs, compressed and sealed, each counted once; the smallest copy if there are several.
/// * **added**: what the run of a backup put into the storage before its manifest.
/// * **freed**: the stored bytes of chunks that no other backup refers to: what deleting this backup, and then pruning, frees at
///   most. Two backups may share what neither would free alone.
///
/// A deleted backup counts for nothing but its own line and [`deleted_bytes`](Totals::deleted_bytes), although its data is there until it is
/// pruned: so no number changes only because a prune ran. A backup that was never confirmed counts as none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Of the whole repository, whatever was asked for.
    pub total: Totals,
    /// Of each environment, by name.
    pub environments: Vec<EnvironmentStats>,
    /// Of each backup, oldest first.
    pub backups: Vec<BackupStats>,
    /// What could not be read and counts for nothing, up to 10,000. If there is any, `unique`, `stored` and
    /// [`deleted_bytes`](Totals::deleted_bytes) may be too low, `freed` and [`unused_bytes`](Totals::unused_bytes) too high.
    pub problems: Vec<Problem>,
}

/// A whole repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Backups, without deleted ones.
    pub backups: u64,
    /// Deleted backups of which the data is still there.
    pub deleted_backups: u64,
    /// Logical bytes of all backups together.
    pub logical_bytes: u64,
    /// Unique bytes of all backups together.
    pub unique_bytes: u64,
    /// Stored bytes of all backups together.
    pub stored_bytes: u64,
    /// Stored bytes of chunks that only deleted backups refer to: what pruning frees of them.
    pub deleted_bytes: u64,
    /// Bytes of chunks in packs that no backup refers to, of further copies of chunks, and of packs that no index segment names: left by runs that
    /// were interrupted or still go on.
    pub unused_bytes: u64,
    /// Bytes of all packs: the three above, and what packs need for themselves.
    pub packs_bytes: u64,
    /// Bytes of all index segments.
    pub index_bytes: u64,
    /// Bytes of all other objects: manifests, notes, records of runs, keys.
    pub other_bytes: u64,
    /// Logical bytes for each stored byte; `None` if nothing is stored.
    pub ratio: Option<f64>,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentStats {
    /// Its name.
    pub environment: String,
    /// Backups, without deleted ones.
    pub backups: u64,
    /// Logical bytes of all its backups together.
    pub logical_bytes: u64,
    /// Unique bytes of all its backups together.
    pub unique_bytes: u64,
    /// Stored bytes of all its backups together. Environments may share chunks, so the sum over environments may be more than what is stored.
    pub stored_bytes: u64,
    /// How it grew: one point for each backup, without deleted ones, oldest first.
    pub growth: Vec<GrowthPoint>,
    /// The same by calendar month in UTC, without months that have no backup.
    pub months: Vec<GrowthMonth>,
}

/// A point in the growth of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GrowthPoint {
    /// The backup.
    pub id: BackupId,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// Its logical bytes.
    pub logical_bytes: u64,
    /// What its run added.
    pub added_bytes: u64,
    /// What the runs of this backup and of all before it added. Backups that no longer exist are not in it.
    pub total_added_bytes: u64,
}

/// A month in the growth of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GrowthMonth {
    /// The month, as `2026-11`.
    pub month: String,
    /// Backups that began in it.
    pub backups: u64,
    /// Logical bytes of the last of them.
    pub logical_bytes: u64,
    /// What their runs added.
    pub added_bytes: u64,
    /// What the runs of these backups and of all before them added.
    pub total_added_bytes: u64,
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupStats {
    /// Its id.
    pub id: BackupId,
    /// The environment it is of.
    pub environment: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// Whether it was deleted and only waits to be pruned.
    pub deleted: bool,
    /// Its logical bytes.
    pub logical_bytes: u64,
    /// Its unique bytes.
    pub unique_bytes: u64,
    /// Its stored bytes.
    pub stored_bytes: u64,
    /// What deleting it, and then pruning, frees at most. Of a deleted backup: the stored bytes of chunks that no other backup, deleted or
    /// not, refers to.
    pub freed_bytes: u64,
    /// What its run added.
    pub added_bytes: u64,
}
