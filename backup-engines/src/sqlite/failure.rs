//! What SQLite's errors mean.

use backup_core::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// The error of work on a database.
pub(super) fn of(label: &str, error: rusqlite::Error) -> Error {
    let (kind, reason, remedy) = meaning(&error);
    if kind == ErrorKind::Cancelled {
        return Error::cancelled();
    }
    let own = Error::new(kind, format!("the database \"{label}\" {reason}"));
    let own = if remedy.is_empty() { own } else { own.with_remedy(remedy) };
    own.with_source(error)
}

fn meaning(error: &rusqlite::Error) -> (ErrorKind, &'static str, &'static str) {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => (ErrorKind::Cancelled, "", ""),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => (
            ErrorKind::Unavailable,
            "stayed locked by another connection",
            "try again when its long transaction is over; a connection with locking_mode EXCLUSIVE must be closed",
        ),
        Some(ErrorCode::NotADatabase) => (
            ErrorKind::Invalid,
            "is not a SQLite database, or it is encrypted",
            "name the database file; an encrypted database can only be backed up decrypted, by its application",
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::Damaged,
            "is malformed",
            "restore it from an earlier backup, or rebuild it (sqlite3 FILE .recover); \
             a schema of a newer SQLite needs a newer library",
        ),
        Some(ErrorCode::ReadOnly) if needs_recovery(error) => (
            ErrorKind::Unavailable,
            "was not closed properly, and what is left to undo could not be undone",
            "open it once with its application",
        ),
        Some(ErrorCode::ReadOnly) => (
            ErrorKind::Permission,
            "is read-only",
            "give this process the right to write the file and its folder",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => (
            ErrorKind::Permission,
            "cannot be opened",
            "give this process the right to read the file and, for a database in WAL mode, to make its -wal and -shm \
             files beside it",
        ),
        Some(ErrorCode::DiskFull) => (ErrorKind::Full, "finds no space on the disk", ""),
        Some(ErrorCode::OutOfMemory) => (ErrorKind::Unavailable, "finds no memory", ""),
        _ => (ErrorKind::Unavailable, "could not be read", ""),
    }
}

/// Whether another connection is in the way, now.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether what a crash left behind must be undone first, which takes the right to write.
pub(super) fn needs_recovery(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        code,
        Some(
            rusqlite::ffi::SQLITE_READONLY_ROLLBACK
                | rusqlite::ffi::SQLITE_READONLY_RECOVERY
                | rusqlite::ffi::SQLITE_READONLY_CANTINIT
        )
    )
}

/// Whether the content is not that of a database, or damaged.
pub(super) fn is_unreadable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}
