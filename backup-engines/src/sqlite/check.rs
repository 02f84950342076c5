//! Whether a database is sound, as far as SQLite can tell without reading its indexes.

use rusqlite::{Connection, ErrorCode};

use backup_core::{Error, ErrorKind, Result};

use super::failure;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// Nothing wrong.
    Sound,
    /// The schema uses what only its application has (functions, collations), so that SQLite alone cannot check it.
    Unable,
}

impl Checked {
    /// The word for it in the facts of a backup.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Sound => "quick_check",
            Self::Unable => "unable",
        }
    }
}

/// Runs `PRAGMA quick_check`.
pub(super) fn quick_check(connection: &Connection, label: &str) -> Result<Checked> {
    let found = match complaints(connection) {
        Ok(found) => found,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => return Ok(Checked::Unable),
        Err(error) => return Err(failure::of(label, error)),
    };
    if found.is_empty() {
        return Ok(Checked::Sound);
    }
    Err(Error::new(
        ErrorKind::Damaged,
        format!("the database \"{label}\" fails quick_check: {}", found.join("; ")),
    )
    .with_remedy("restore it from an earlier backup, or rebuild it (sqlite3 FILE .recover)"))
}

fn complaints(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    // A constraint that rows were let past on purpose is the application's affair.
    connection.pragma_update(None, "ignore_check_constraints", true)?;
    let mut check = connection.prepare(&format!("PRAGMA main.quick_check({MAX_COMPLAINTS})"))?;
    let rows = check.query_map([], |row| row.get::<_, String>(0))?;
    let mut found: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    if found == ["ok"] {
        found.clear();
    }
    Ok(found)
}

/// Complaints that are told.
const MAX_COMPLAINTS: u32 = 3;
