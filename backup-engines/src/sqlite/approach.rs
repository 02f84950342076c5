//! How a database is opened for reading, so that no file of ours stays beside it.
//!
//! To read a database in WAL mode, SQLite makes its log and the index of the log if they are missing. The last connection that may write
//! removes both when it is closed; one that may only read leaves them, with its own user as their owner: the application could not write any more.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use backup_core::{CancellationToken, Error, ErrorKind, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::database::{companions, found, label};
use super::failure;
use super::session::{Access, open, uri};

/// Opens a database for reading.
///
/// # Errors
/// Also when files of this user would have to be made beside a database of another one.
pub(super) fn open_to_read(path: &Path, stop: CancellationToken) -> Result<Connection> {
    let connect = |access| open(path, access, stop).map_err(|error| failure::of(&label(path), error));
    let beside = Beside::look(path)?;
    if beside.journal || (beside.log && beside.index) || !(beside.log || uses_log(path)) {
        return connect(Access::Read);
    }
    if !makes_files_of_its_owner(path)? {
        return Err(not_ours(path));
    }
    if beside.log {
        // It holds what its application wrote last, and stays.
        return connect(Access::Read);
    }
    let connection = connect(Access::Tidy)?;
    match connection.is_readonly(rusqlite::MAIN_DB) {
        Ok(false) => Ok(connection),
        Ok(true) => Err(not_ours(path)),
        Err(error) => Err(failure::of(&label(path), error)),
    }
}

/// Whether a log was left behind by a crash, and SQLite would have to make an index of it.
pub(super) fn has_log_only(path: &Path) -> Result<bool> {
    let beside = Beside::look(path)?;
    Ok(beside.log && !beside.index)
}

/// What lies beside a database.
struct Beside {
    log: bool,
    index: bool,
    journal: bool,
}

impl Beside {
    fn look(path: &Path) -> Result<Self> {
        let failed = |error| Error::io(format!("cannot look beside the database \"{}\"", label(path)), error);
        // SQLite puts them beside the file itself, not beside a symbolic link to it.
        let [log, index, journal] = companions(&path.canonicalize().map_err(failed)?);
        let is_there = |path: &Path| found(path).map(|found| found.is_some()).map_err(failed);
        Ok(Self { log: is_there(&log)?, index: is_there(&index)?, journal: is_there(&journal)? })
    }
}

/// Whether a database beside which nothing lies is in WAL mode. Nothing is made to find out: a connection without locks cannot use a log, and
/// fails at the first look into such a database. What else goes wrong will show when the database is read.
fn uses_log(path: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let Ok(connection) = Connection::open_with_flags(uri(path, "nolock=1"), flags) else { return false };
    let looked = connection.query_row("SELECT EXISTS (SELECT 1 FROM main.sqlite_schema)", [], |_| Ok(()));
    looked.is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::CannotOpen))
}

/// Whether what SQLite makes beside a database belongs to the owner of the database: root gives it to them.
fn makes_files_of_its_owner(path: &Path) -> Result<bool> {
    let us = rustix::process::geteuid();
    let file = std::fs::metadata(path)
        .map_err(|error| Error::io(format!("cannot look at the database \"{}\"", label(path)), error))?;
    Ok(us.is_root() || us.as_raw() == file.uid())
}

fn not_ours(path: &Path) -> Error {
    let text = format!(
        "the database \"{}\" is in WAL mode and no application has it open: to read it, -wal and -shm files would have to be made beside it, which \
         this user cannot make as the owner of the database would",
        label(path)
    );
    Error::new(ErrorKind::Permission, text).with_remedy(
        "back it up as the user that owns the file, or as root, with the right to write the file and to make its -wal and -shm files \
         beside it; or while its application has it open",
    )
}
