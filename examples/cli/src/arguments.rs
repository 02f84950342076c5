//! The command line as it is typed.

mod check;
mod create;
mod examples;
mod list;
mod measure;
mod note;
mod policy;
mod restore;
mod retention;
mod runs;
mod source;
mod stats;
mod tree;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use self::check::{Check, Verify};
pub(crate) use self::create::{Create, Walk};
pub(crate) use self::list::List;
pub(crate) use self::note::{Comment, Convert, Hold, Tag};
pub(crate) use self::policy::{
    Explain, Lint, Next, Now, PlanChoice, PlanSource, Policy, Preview, Schedules, Simulate,
};
pub(crate) use self::restore::Restore;
pub(crate) use self::retention::{Delete, Forget, Prune, Undelete};
pub(crate) use self::runs::Runs;
pub(crate) use self::source::Sources;
pub(crate) use self::stats::{Diff, Stats};
pub(crate) use self::tree::{Cat, Ls, TreePath};

/// Encrypted, deduplicating backups of databases and folders.
#[derive(Debug, Parser)]
#[command(name = "backup", bin_name = "backup", version, propagate_version = true)]
#[command(after_help = examples::ALL, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command accepts, before and after its name.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where the repository is: a directory or a URL (file:///srv/backups)
    #[arg(short, long, global = true, value_name = "LOCATION")]
    #[arg(env = "BACKUP_REPOSITORY", hide_env_values = true)]
    pub(crate) repository: Option<OsString>,
    /// Read the passphrase from a file; one newline at its end is dropped
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Run a shell command that prints the passphrase; one newline at its end is dropped
    #[arg(long, global = true, value_name = "COMMAND")]
    pub(crate) passphrase_command: Option<OsString>,
    /// Read the repository and the environments from a TOML file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON document to stdout and nothing else (also BACKUP_OUTPUT=json)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How progress is shown on stderr
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: ProgressMode,
    /// Do not ask before overwriting or deleting
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// A bar when stderr is a terminal
    Auto,
    /// One JSON event per line
    Json,
    /// Nothing
    None,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new repository
    #[command(after_help = examples::INIT)]
    Init,
    /// Back up an environment
    #[command(after_help = examples::CREATE)]
    Create(Create),
    /// List the backups, the newest first
    #[command(after_help = examples::LIST)]
    List(List),
    /// List the environments and how each was last backed up
    #[command(after_help = examples::ENVIRONMENTS)]
    Environments,
    /// List the runs that make backups, the newest first
    #[command(after_help = examples::RUNS)]
    Runs(Runs),
    /// Show one backup
    #[command(after_help = examples::SHOW)]
    Show(Choice),
    /// List the files of a backup
    #[command(after_help = examples::LS)]
    Ls(Ls),
    /// Print one file of a backup
    #[command(after_help = examples::CAT)]
    Cat(Cat),
    /// Show what differs between two backups
    #[command(after_help = examples::DIFF)]
    Diff(Diff),
    /// Restore a backup
    #[command(after_help = examples::RESTORE)]
    Restore(Restore),
    /// Hold a backup, so that nothing removes it, or release a hold
    #[command(after_help = examples::HOLD)]
    Hold(Hold),
    /// Add and remove tags of a backup
    #[command(after_help = examples::TAG)]
    Tag(Tag),
    /// Replace the comment of a backup
    #[command(after_help = examples::COMMENT)]
    Comment(Comment),
    /// Change the kinds of a backup, and so which rules of a policy look at it
    #[command(after_help = examples::CONVERT)]
    Convert(Convert),
    /// Delete the backups that a policy does not keep
    #[command(after_help = examples::FORGET)]
    Forget(Forget),
    /// Delete one backup
    #[command(after_help = examples::DELETE)]
    Delete(Delete),
    /// Bring a deleted backup back, while its data is still there
    #[command(after_help = examples::UNDELETE)]
    Undelete(Undelete),
    /// Free the space of what was deleted
    #[command(after_help = examples::PRUNE)]
    Prune(Prune),
    /// Show what backups cost, and what deleting each would free
    #[command(after_help = examples::STATS)]
    Stats(Stats),
    /// Verify that one backup can be restored
    #[command(after_help = examples::VERIFY)]
    Verify(Verify),
    /// Check that the repository is sound
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Ask what a policy keeps and when schedules run, without a repository
    #[command(subcommand)]
    Policy(Policy),
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Which backup.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// The backup: its id, a piece of it that no other id has, `latest`, `latest-restorable` or `latest-verified`
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Look only among the backups of this environment
    #[arg(short, long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
