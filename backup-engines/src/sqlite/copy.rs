//! A copy of a snapshot in a scratch folder, where SQLite cannot show pages.

use std::fs::{File, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backup_core::{CancellationToken, Error, ErrorKind, Result};
use bytes::Bytes;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::check::{Checked, quick_check};
use super::database::label;
use super::failure;
use super::session::{Access, open};

/// A copy of a database that only this process uses, deleted when dropped.
#[derive(Debug)]
pub(super) struct Copy {
    folder: TempDir,
}

impl Copy {
    /// Copies the snapshot that the connection has open. It stays the same between steps, however others write meanwhile.
    pub(super) fn make(connection: &Connection, folder: &Path, stop: &CancellationToken) -> Result<Self> {
        let made = tempfile::Builder::new()
            .prefix("backup-sqlite-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(folder)
            .map_err(|error| Error::io(format!("cannot make a folder in \"{}\"", label(folder)), error))?;
        let copy = Self { folder: made };
        copy.fill(connection, stop).map_err(|error| explain(folder, error))?;
        Ok(copy)
    }

    fn fill(&self, connection: &Connection, stop: &CancellationToken) -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(self.path(), flags)?;
        copy.busy_timeout(Duration::ZERO)?;
        // It need not survive anything.
        copy.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE",
        )?;
        let backup = Backup::new(connection, &mut copy)?;
        loop {
            if stop.is_cancelled() {
                return Err(interrupted());
            }
            match backup.step(PAGES)? {
                StepResult::Done => return Ok(()),
                StepResult::More => {}
                // Nobody else has the copy, and the snapshot is held: there is nothing to wait for.
                _ => {
                    return Err(rusqlite::Error::SqliteFailure(
                        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                        None,
                    ));
                }
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("copy")
    }

    /// Checks the copy. `database` is what it is a copy of.
    pub(super) fn check(&self, database: &str, stop: CancellationToken) -> Result<Checked> {
        let opened = open(&self.path(), Access::Unshared, stop);
        quick_check(&opened.map_err(|error| failure::of(database, error))?, database)
    }

    /// Opens it for reading, and takes it off the file system: nothing stays behind from then on, whatever happens.
    pub(super) fn into_reader(self, expected: u64) -> Result<Reader> {
        let name = label(&self.path());
        let failed = |error| Error::io(format!("cannot read the copy \"{name}\""), error);
        let file = File::open(self.path()).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        self.folder.close().map_err(failed)?;
        if bytes != expected {
            let text = format!("the copy \"{name}\" has {bytes} bytes, and the database {expected}");
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        Ok(Reader { file, name })
    }
}

/// Reads a copy that has no name any more.
#[derive(Debug)]
pub(super) struct Reader {
    file: File,
    name: String,
}

impl Reader {
    /// The next piece; empty at the end.
    pub(super) fn next(&mut self) -> Result<Bytes> {
        let mut bytes = Vec::with_capacity(PIECE);
        let limit = PIECE as u64;
        (&mut self.file)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io(format!("cannot read the copy \"{}\"", self.name), error))?;
        Ok(bytes.into())
    }
}

fn explain(folder: &Path, error: rusqlite::Error) -> Error {
    let name = label(folder);
    let error = failure::of(&name, error);
    match error.kind() {
        ErrorKind::Cancelled => error,
        ErrorKind::Full => error
            .context(format!("cannot copy the database into the scratch folder \"{name}\": it is full"))
            .with_remedy("make room there, or choose another scratch folder"),
        _ => error.context(format!("cannot copy the database into the scratch folder \"{name}\"")),
    }
}

fn interrupted() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT), None)
}

/// Pages copied between two looks at the token.
const PAGES: i32 = 1024;
/// Bytes of a piece.
const PIECE: usize = 1 << 20;
