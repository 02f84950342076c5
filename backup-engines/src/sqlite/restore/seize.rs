//! The old database, taken so that nobody else can use it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use backup_core::{Error, ErrorKind, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};
use rustix::fs::{FlockOperation, fcntl_lock};

use super::super::database::label;
use super::super::failure;

/// Holds the lock of an old database until it is dropped.
#[derive(Debug)]
pub(super) struct Seized {
    _connection: Option<Connection>,
    _file: Option<File>,
}

/// Takes a database for this process alone. All changes are in the file then: its log is empty, and no journal waits to be rolled back; unless it is
/// no database, or too damaged for SQLite to say.
///
/// # Errors
/// When somebody else has a lock on it.
pub(super) fn seize(path: &Path) -> Result<Seized> {
    match lock(path) {
        Ok(connection) => Ok(Seized { _connection: Some(connection), _file: None }),
        Err(error) if failure::is_busy(&error) => Err(in_use(path).with_source(error)),
        Err(error) if failure::is_unreadable(&error) => {
            Ok(Seized { _connection: None, _file: Some(lock_unreadable(path)?) })
        }
        Err(error) => Err(failure::of(&label(path), error)),
    }
}

fn lock(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // When it is closed, another file has the name of its log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Rolls back what a crash left behind, and takes the lock for good; in WAL mode every connection, even an idle one, prevents it.
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")?;
    // Outside of WAL mode it does nothing.
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None));
    }
    Ok(connection)
}

/// Locks the bytes that SQLite locks, and all others. Nobody in this process has the file open: that was looked for.
fn lock_unreadable(path: &Path) -> Result<File> {
    let opened = File::options().read(true).write(true).open(path);
    let file = opened
        .map_err(|error| Error::io(format!("cannot open the old database \"{}\"", label(path)), error))?;
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(errno) => Err(in_use(path).with_source(std::io::Error::from(errno))),
    }
}

/// The error of a database that is in use.
pub(super) fn in_use(path: &Path) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("the database \"{}\" is in use; it was not replaced", label(path)),
    )
    .with_remedy("close all connections to it: stop the application, restore, start the application")
}

/// How long a lock that is just being given up is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
