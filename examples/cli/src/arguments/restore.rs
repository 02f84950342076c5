//! `backup restore`.

use std::path::PathBuf;

use backup_core::engine::Existing;
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::source::Sources;
use super::{Choice, TreePath};

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// Restore only these paths, each with all that is below it
    #[arg(value_name = "PATH", value_parser = OsStringValueParser::new().map(TreePath::from))]
    pub(crate) path: Vec<TreePath>,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Restore only this service, directly into the directory
    #[arg(short, long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    #[command(flatten)]
    pub(crate) existing: ExistingFiles,
    /// Make device nodes too
    #[arg(long)]
    pub(crate) devices: bool,
    /// Show the plan and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Where to.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Target {
    /// The directory to restore into; made if it is missing
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) to: Option<PathBuf>,
    /// Restore onto the services themselves: those of the configuration, --sqlite and --files
    #[arg(long)]
    pub(crate) in_place: bool,
}

/// What may happen to what is already there.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ExistingFiles {
    /// Restore onto what is there: overwrite what differs, keep what the backup does not have
    #[arg(long)]
    pub(crate) onto_existing: bool,
    /// Restore onto what is there: overwrite what differs, delete what the backup does not have
    #[arg(long)]
    pub(crate) delete_extras: bool,
}

impl ExistingFiles {
    pub(crate) fn choice(&self) -> Existing {
        match (self.onto_existing, self.delete_extras) {
            (_, true) => Existing::Mirror,
            (true, false) => Existing::Update,
            (false, false) => Existing::Refuse,
        }
    }
}
