//! What can be said before a backup.

use std::path::Path;

use backup_core::Result;
use backup_core::engine::{Context, Preflight, Verdict, VerdictLevel};
use rusqlite::Connection;

use super::database::label;
use super::properties::{Mode, Properties};
use super::session::{Access, Session};
use super::snapshot::{Source, begin};
use super::{approach, failure, pages};
use crate::blocking;

/// Looks at a database without changing it.
pub(super) async fn preflight(source: &Source, context: &Context) -> Result<Preflight> {
    let database = source.database.clone();
    let only_log = blocking::run(move || {
        database.look()?;
        database.name()?;
        approach::has_log_only(database.path())
    })
    .await?;
    let mut session = Session::open(&source.database, Access::Read, context).await?;
    if only_log {
        // To look into it would make an index of the log, which would stay.
        return Ok(Preflight::default());
    }
    let label = source.database.label();
    let (properties, by_page) = match session.patiently(context, look).await? {
        Ok(seen) => seen,
        Err(error) if failure::needs_recovery(&error) => {
            let verdict = warning(
                label,
                "it was not closed properly: the backup will undo what was not finished, as its application would",
                "open it once with its application, if that is not wanted",
            );
            return Ok(Preflight { verdicts: vec![verdict], ..Preflight::default() });
        }
        Err(error) => return Err(session.explain(error)),
    };
    session.close().await?;
    let mut verdicts = Vec::from_iter(waiting_writers(&properties, &label));
    if !(by_page && source.dbpage) {
        let (folder, bytes) = (source.scratch_folder(), properties.bytes());
        verdicts.extend(blocking::run(move || Ok(scratch_space(&folder, bytes))).await?);
    }
    Ok(Preflight { size_estimate: Some(properties.bytes()), facts: properties.facts, verdicts })
}

fn look(connection: &Connection) -> rusqlite::Result<(Properties, bool)> {
    begin(connection)?;
    Ok((Properties::read(connection)?, pages::are_readable(connection)?))
}

fn waiting_writers(properties: &Properties, label: &str) -> Option<Verdict> {
    (properties.mode == Mode::Rollback && properties.bytes() > 0).then(|| {
        let seconds = properties.bytes().div_ceil(BYTES_PER_SECOND);
        let reason = format!(
            "it is in rollback mode: writers, and once one waits new readers, are blocked and fail when their own timeout ends, from its \
             snapshot until it has been read, some {seconds} s at {} MB/s, and longer if the backup is stored more slowly; of several services, \
             those before it are read first, and that adds to the time",
            BYTES_PER_SECOND / 1_000_000
        );
        warning(label, reason, "switch it to WAL mode (PRAGMA journal_mode = WAL), in which nobody waits")
    })
}

fn scratch_space(folder: &Path, bytes: u64) -> Option<Verdict> {
    let space = rustix::fs::statvfs(folder).ok()?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    (free < bytes).then(|| {
        let reason = format!("a copy of the database takes {bytes} bytes there, and {free} bytes are free");
        let remedy =
            "make room, choose another scratch folder, or compile SQLite with SQLITE_ENABLE_DBPAGE_VTAB";
        warning(label(folder), reason, remedy)
    })
}

fn warning(subject: impl Into<String>, reason: impl Into<String>, remedy: &str) -> Verdict {
    Verdict::new(VerdictLevel::Warn, subject, reason, remedy)
}

/// How fast a database is taken to be read and stored.
const BYTES_PER_SECOND: u64 = 100_000_000;
