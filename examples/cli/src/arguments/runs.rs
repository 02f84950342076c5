//! `backup runs`.

use backup_core::RunStatus;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Only the runs of this environment
    #[arg(short, long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Only runs of this status
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<RunState>,
    /// Only the newest so many
    #[arg(short = 'n', long, value_name = "NUMBER", default_value = "20")]
    pub(crate) limit: usize,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunState {
    /// It waits for its turn
    Queued,
    /// It works
    Running,
    /// It was working and is no more: its process ended without a word
    Stale,
    /// It ended with an error
    Failed,
    /// It did its work
    Completed,
}

impl From<RunState> for RunStatus {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Queued => Self::Queued,
            RunState::Running => Self::Running,
            RunState::Stale => Self::Stale,
            RunState::Failed => Self::Failed,
            RunState::Completed => Self::Completed,
        }
    }
}
