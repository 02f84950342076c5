//! `backup list`.

use std::path::PathBuf;

use backup_core::{BackupStatus, Kind};
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use super::measure;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only the backups of this environment
    #[arg(short, long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Only backups that hold this service
    #[arg(short, long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Only backups of this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<Kind>,
    /// Only backups with this tag; may be given several times, for all of them
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// Only backups made at this time or later (RFC 3339: 2026-11-20T09:30:00Z)
    #[arg(long, value_name = "TIME", value_parser = measure::time)]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Only backups made before this time
    #[arg(long, value_name = "TIME", value_parser = measure::time)]
    pub(crate) until: Option<DateTime<Utc>>,
    /// Only backups of this status
    #[arg(long, value_name = "STATUS", default_value = "completed")]
    pub(crate) status: Status,
    /// Backups of every status, the deleted and the unconfirmed too
    #[arg(short, long, conflicts_with = "status")]
    pub(crate) all: bool,
    /// Only backups that can be restored whole
    #[arg(long)]
    pub(crate) restorable: bool,
    /// Only backups of environments that no longer exist: neither among these nor in the file of --config
    #[arg(long, value_name = "EXISTING", num_args = 0..)]
    pub(crate) orphans: Option<Vec<String>>,
    /// Say when each expires under this policy, a JSON or TOML file
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Only the newest so many
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,
}

/// Whether a backup is there to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// It was completed
    Completed,
    /// Its run never confirmed it
    Unconfirmed,
    /// It was deleted, and its data is still there
    Deleted,
}

impl From<Status> for BackupStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Completed => Self::Completed,
            Status::Unconfirmed => Self::Unconfirmed,
            Status::Deleted => Self::Deleted,
        }
    }
}
