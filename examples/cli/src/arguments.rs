//! The command line as it is typed.

mod examples;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use backup_core::Share;
use backup_core::engine::Existing;
use clap::builder::{NonEmptyStringValueParser, OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Encrypted, deduplicating backups of folders.
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
    /// Show one backup
    #[command(after_help = examples::SHOW)]
    Show(Choice),
    /// List the files of a backup
    #[command(after_help = examples::LS)]
    Ls(Ls),
    /// Print one file of a backup
    #[command(after_help = examples::CAT)]
    Cat(Cat),
    /// Restore a backup into a directory
    #[command(after_help = examples::RESTORE)]
    Restore(Restore),
    /// Verify that one backup can be restored
    #[command(after_help = examples::VERIFY)]
    Verify(Verify),
    /// Check that the repository is sound
    #[command(after_help = examples::CHECK)]
    Check(Check),
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
    /// The backup: its id, a piece of it that no other id has, or `latest`
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Look only among the backups of this environment
    #[arg(short, long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The environment
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
    /// Back up a folder as the service NAME; may be given several times
    #[arg(long, value_name = "NAME=FOLDER", value_parser = OsStringValueParser::new().try_map(named_folder))]
    pub(crate) files: Vec<NamedFolder>,
    /// Leave out what matches, as in .gitignore, in every folder given with --files; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Stay on the file system of each folder given with --files
    #[arg(long)]
    pub(crate) one_file_system: bool,
    /// A remark, kept with the backup
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// A tag, kept with the backup; may be given several times
    #[arg(long, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) tag: Vec<String>,
    /// Look at the services, say whether they can be backed up, and store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only the backups of this environment
    #[arg(short, long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Only the newest so many
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// The folder or file to list; the top if left out
    #[arg(value_name = "PATH", value_parser = OsStringValueParser::new().map(TreePath::from))]
    pub(crate) path: Option<TreePath>,
    /// The service; may be left out if the backup has only one
    #[arg(short, long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// List all that is below, not only the next level
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// The file to print
    #[arg(value_name = "PATH", value_parser = OsStringValueParser::new().map(TreePath::from))]
    pub(crate) path: TreePath,
    /// The service; may be left out if the backup has only one
    #[arg(short, long, value_name = "NAME")]
    pub(crate) service: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// Restore only these paths, each with all that is below it
    #[arg(value_name = "PATH", value_parser = OsStringValueParser::new().map(TreePath::from))]
    pub(crate) path: Vec<TreePath>,
    /// The directory to restore into; made if it is missing
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) to: PathBuf,
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

/// What may happen to files that are already there.
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

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// Read and authenticate all data of the backup too, not only its structure
    #[arg(long)]
    pub(crate) read_data: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Read data too: all of it, or a random share (10%, 1/7, 0.1)
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "100%")]
    #[arg(value_parser = share)]
    pub(crate) read_data: Option<Share>,
}

/// A folder and the service that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedFolder {
    pub(crate) service: String,
    pub(crate) folder: PathBuf,
}

fn named_folder(text: OsString) -> Result<NamedFolder, String> {
    let bytes = text.into_vec();
    let equals = bytes
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or("the name of the service is missing: write NAME=FOLDER, for example uploads=./uploads")?;
    let (service, folder) = (&bytes[..equals], &bytes[equals + 1..]);
    if folder.is_empty() {
        return Err("the folder is missing: write NAME=FOLDER, for example uploads=./uploads".into());
    }
    let service = std::str::from_utf8(service)
        .map_err(|_| "the name of the service is not UTF-8: choose another name".to_owned())?;
    Ok(NamedFolder { service: service.to_owned(), folder: PathBuf::from(OsStr::from_bytes(folder)) })
}

fn share(text: &str) -> Result<Share, String> {
    Share::parse(text).map_err(|error| error.chain())
}

/// A path within a tree: bytes, without `.` parts, without slashes at its ends or doubled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TreePath(pub(crate) Vec<u8>);

impl From<OsString> for TreePath {
    fn from(text: OsString) -> Self {
        let bytes = text.into_vec();
        let parts = bytes.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
        Self(parts.collect::<Vec<_>>().join(&b'/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn paths_are_taken_as_people_write_them() {
        assert_eq!(TreePath::from(OsString::from("./a//b/")).0, b"a/b");
        assert_eq!(TreePath::from(OsString::from("/")).0, b"");
        assert_eq!(TreePath::from(OsString::from_vec(b"/\xff/..".to_vec())).0, b"\xff/..");
    }

    #[test]
    fn a_folder_may_hold_an_equals_sign_and_bytes_that_are_not_text() {
        let text = OsString::from_vec(b"up=./a=\xff".to_vec());
        let named = named_folder(text).expect("a name and a folder");
        assert_eq!(named.service, "up");
        assert_eq!(named.folder.as_os_str().as_bytes(), b"./a=\xff");
        assert!(named_folder("uploads".into()).is_err());
        assert!(named_folder("uploads=".into()).is_err());
    }
}
