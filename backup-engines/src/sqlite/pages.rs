//! The pages of a snapshot, read through SQLite.

use std::ops::Range;

use bytes::Bytes;
use rusqlite::{Connection, Error, ffi};

/// Whether SQLite has the table of pages.
pub(super) fn are_readable(connection: &Connection) -> rusqlite::Result<bool> {
    const MODULES: &str = "SELECT count(*) FROM pragma_module_list WHERE name = 'sqlite_dbpage'";
    connection.query_row(MODULES, [], |row| row.get::<_, u32>(0)).map(|count| count > 0)
}

/// The numbers of the pages in pieces of about a megabyte, in order. The first page is 1.
pub(super) fn pieces(page_count: u32, page_size: u32) -> impl Iterator<Item = Range<u64>> {
    let step = u64::from((PIECE / page_size.max(1)).max(1));
    let end = u64::from(page_count) + 1;
    (1..end).step_by(usize::try_from(step).unwrap_or(1)).map(move |first| first..(first + step).min(end))
}

/// Reads pages, one after the other.
pub(super) fn read(connection: &Connection, pages: Range<u64>, page_size: u32) -> rusqlite::Result<Bytes> {
    let mut table = connection.prepare("SELECT data FROM sqlite_dbpage WHERE pgno = ?1")?;
    let mut bytes =
        Vec::with_capacity(usize::try_from(pages.end - pages.start).unwrap_or(0) * page_size as usize);
    for page in pages {
        let number = i64::try_from(page).map_err(|_| no_page(page))?;
        let before = bytes.len();
        table.query_row([number], |row| {
            bytes.extend_from_slice(row.get_ref(0)?.as_blob()?);
            Ok(())
        })?;
        if bytes.len() - before != page_size as usize {
            return Err(no_page(page));
        }
    }
    Ok(bytes.into())
}

fn no_page(page: u64) -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(format!("page {page} cannot be read")))
}

/// Bytes of a piece.
const PIECE: u32 = 1 << 20;
