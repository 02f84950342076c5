//! What SQL tells about a database.

use backup_core::engine::Facts;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Properties of a database within one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Properties {
    pub(super) page_size: u32,
    pub(super) page_count: u32,
    pub(super) mode: Mode,
    pub(super) facts: Facts,
}

/// How changes are made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// In a log beside the file: readers and writers do not wait for each other.
    Wal,
    /// By a journal to roll back with: writers wait for readers.
    Rollback,
}

impl Properties {
    /// Bytes of the database.
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.page_size) * u64::from(self.page_count)
    }

    /// Reads them.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let schema_hash = schema_hash(connection)?;
        let (page_size, page_count): (u32, u32) =
            (number(connection, "page_size")?, number(connection, "page_count")?);
        let mode = match text(connection, "journal_mode")?.as_str() {
            "wal" => Mode::Wal,
            _ => Mode::Rollback,
        };
        let auto_vacuum = match number::<u32>(connection, "auto_vacuum")? {
            0 => "none",
            1 => "full",
            _ => "incremental",
        };
        let facts = [
            ("application_id", number::<i32>(connection, "application_id")?.to_string()),
            ("auto_vacuum", auto_vacuum.to_owned()),
            ("encoding", text(connection, "encoding")?),
            ("journal_mode", mode.word().to_owned()),
            ("library_version", rusqlite::version().to_owned()),
            ("page_count", page_count.to_string()),
            ("page_size", page_size.to_string()),
            ("schema_hash", schema_hash),
            ("schema_version", number::<i32>(connection, "schema_version")?.to_string()),
            ("user_version", number::<i32>(connection, "user_version")?.to_string()),
        ];
        let facts = facts.map(|(name, value)| (format!("sqlite.{name}"), value)).into();
        Ok(Self { page_size, page_count, mode, facts })
    }
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Rollback => "rollback",
        }
    }
}

fn number<T: rusqlite::types::FromSql>(connection: &Connection, pragma: &str) -> rusqlite::Result<T> {
    connection.query_row(&format!("PRAGMA main.{pragma}"), [], |row| row.get(0))
}

fn text(connection: &Connection, pragma: &str) -> rusqlite::Result<String> {
    number(connection, pragma)
}

/// A hash of all definitions, the same for the same schema whatever the order in which it was made.
fn schema_hash(connection: &Connection) -> rusqlite::Result<String> {
    let mut definitions = connection.prepare(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name, tbl_name, sql",
    )?;
    let mut rows = definitions.query([])?;
    let mut hasher = blake3::Hasher::new();
    while let Some(row) = rows.next()? {
        for column in 0..4 {
            let bytes = match row.get_ref(column)? {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
                _ => &[],
            };
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}
