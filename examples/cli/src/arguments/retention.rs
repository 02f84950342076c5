//! What removes backups: `backup forget`, `delete`, `undelete`, `prune`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::note::By;
use super::{Choice, measure};

#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The policy, a JSON or TOML file; otherwise that of the environment in the file of --config
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Only the backups of this environment
    #[arg(short, long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Delete exactly what the plan with this fingerprint lists
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) confirm: Option<String>,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// Why, kept with it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Undelete {
    #[command(flatten)]
    pub(crate) backup: Choice,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// How long what was deleted, and what no backup refers to, is left alone (0s, 90m, 24h, 7d); 24h unless the repository says otherwise
    #[arg(long, value_name = "DURATION", value_parser = measure::duration)]
    pub(crate) grace: Option<Duration>,
    /// How much of all that is stored may be unused before packs are written again; 5% if left out
    #[arg(long, value_name = "PERCENT", value_parser = measure::percent)]
    pub(crate) max_unused: Option<u8>,
    /// Write at most so much again (512MiB, 10GiB); no limit if left out
    #[arg(long, value_name = "SIZE", value_parser = measure::size)]
    pub(crate) max_rewrite: Option<u64>,
    /// How long the history of runs is kept; 90d if left out
    #[arg(long, value_name = "DURATION", value_parser = measure::duration)]
    pub(crate) keep_runs: Option<Duration>,
    /// Prune although backups are missing that others name: only for backups that are known to be lost for good
    #[arg(long)]
    pub(crate) accept_missing: bool,
    /// Show the plan and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
}
