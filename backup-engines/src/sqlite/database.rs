//! The files of a database, by name. Nothing here opens them.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use backup_core::engine::printable_path;
use backup_core::{Error, ErrorKind, Result};

/// The file of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Database {
    given: PathBuf,
    /// From the root, so that SQLite takes no name for something special (`:memory:`, `file:...`), nor a later working directory.
    path: PathBuf,
}

impl Database {
    pub(super) fn new(given: PathBuf) -> Self {
        let path = std::path::absolute(&given).unwrap_or_else(|_| given.clone());
        Self { given, path }
    }

    pub(super) fn given(&self) -> &Path {
        &self.given
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path as text for people.
    pub(super) fn label(&self) -> String {
        label(&self.path)
    }

    /// Its paths: as given, and without symbolic links.
    pub(super) fn names(&self) -> Vec<PathBuf> {
        let real = std::fs::canonicalize(&self.path).ok().filter(|real| *real != self.path);
        std::iter::once(self.path.clone()).chain(real).collect()
    }

    /// The name of the file, which becomes the name of the artifact.
    pub(super) fn name(&self) -> Result<&str> {
        self.path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("\"{}\" has no file name that is UTF-8 text", self.label()),
            )
            .with_remedy("name the database file, or a symbolic link to it with a name that is text")
        })
    }

    /// Fails, with the reason, when there is no such file. Opening something else could block for ever.
    pub(super) fn look(&self) -> Result<()> {
        let name = self.label();
        match std::fs::metadata(&self.path) {
            Ok(found) if found.is_file() => Ok(()),
            Ok(found) => {
                let what = if found.is_dir() { "a folder" } else { "no regular file" };
                Err(Error::new(ErrorKind::Invalid, format!("\"{name}\" is {what}, not a SQLite database"))
                    .with_remedy("name the database file"))
            }
            Err(error) if is_missing(&error) => {
                Err(Error::new(ErrorKind::NotFound, format!("there is no database \"{name}\""))
                    .with_remedy("let the application create it first, or name the right file"))
            }
            Err(error) => Err(Error::io(format!("cannot look at the database \"{name}\""), error)),
        }
    }
}

/// What SQLite keeps beside a database: its log, the index of the log, and its journal.
pub(super) fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = OsString::from(path);
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// What is at a path, if anything is; symbolic links are not followed.
pub(super) fn found(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A path as text for people.
pub(super) fn label(path: &Path) -> String {
    printable_path(path.as_os_str().as_bytes())
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
