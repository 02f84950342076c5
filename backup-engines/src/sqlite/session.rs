//! A connection and the work done on it, on threads that may block.

use std::path::Path;
use std::time::Duration;

use backup_core::engine::Context;
use backup_core::{CancellationToken, Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::database::Database;
use super::{approach, failure};
use crate::blocking;

/// A connection to a database. Dropping it, or a call of it, ends the work and its transaction.
pub(super) struct Session {
    /// `None` only while a call works with it, and for good once such a call was dropped.
    connection: Option<Connection>,
    label: String,
    stop: Stop,
}

/// Ends work that nobody waits for any more.
struct Stop(CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What a connection may do to the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read. In WAL mode SQLite still makes the log and its index if they are missing, and leaves them.
    Read,
    /// Read, and remove at the end what SQLite had to make, as the last connection to a database in WAL mode does.
    Tidy,
    /// Undo what a crash left behind, as any application does that opens the database.
    Recover,
    /// Read a file that nobody else uses; what lies beside it is not looked for, and nothing is locked.
    Unshared,
}

impl Session {
    /// Opens a connection. Nothing changes before the first statement.
    pub(super) async fn open(database: &Database, access: Access, context: &Context) -> Result<Self> {
        context.check()?;
        let stop = Stop(context.cancellation().child_token());
        let (path, label, token) = (database.path().to_owned(), database.label(), stop.0.clone());
        let named = label.clone();
        let connection = blocking::run(move || match access {
            Access::Read => approach::open_to_read(&path, token),
            access => open(&path, access, token).map_err(|error| failure::of(&named, error)),
        });
        Ok(Self { connection: Some(connection.await?), label, stop })
    }

    /// Closes the connection, which may bring a log into the file.
    pub(super) async fn close(mut self) -> Result<()> {
        let connection = self.connection.take();
        blocking::run(move || {
            drop(connection);
            Ok(())
        })
        .await
    }

    /// Ends early what is done on the connection, once cancelled.
    pub(super) fn stop(&self) -> CancellationToken {
        self.stop.0.clone()
    }

    /// Does work with the connection.
    pub(super) async fn lend<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = self.connection.take().ok_or_else(Error::cancelled)?;
        let (connection, done) = blocking::run(move || {
            let done = work(&connection);
            Ok((connection, done))
        })
        .await?;
        self.connection = Some(connection);
        done
    }

    /// Does work with the connection, without waiting for locks.
    pub(super) async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.lend(move |connection| Ok(work(connection))).await?;
        done.map_err(|error| self.explain(error))
    }

    /// Does work that needs a lock, again and again until no other connection is in the way, half of the time until the deadline is over
    /// or, without a deadline, [`PATIENCE`]. The other half is for the services after this one. The inner error is SQLite's own.
    pub(super) async fn patiently<T: Send + 'static>(
        &mut self,
        context: &Context,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Clone + Send + 'static,
    ) -> Result<rusqlite::Result<T>> {
        let started = context.clock().elapsed();
        let patience = context.remaining().map_or(PATIENCE, |left| left / 2);
        loop {
            context.check()?;
            let waited = context.clock().elapsed().saturating_sub(started);
            let left = patience.saturating_sub(waited);
            let attempt = work.clone();
            let done = self
                .lend(move |connection| {
                    Ok(connection.busy_timeout(left.min(SLICE)).and_then(|()| attempt(connection)))
                })
                .await?;
            match done {
                Err(error) if failure::is_busy(&error) && !left.is_zero() => {}
                done => return Ok(done),
            }
        }
    }

    /// [`patiently`](Self::patiently), with the error explained.
    pub(super) async fn run_patiently<T: Send + 'static>(
        &mut self,
        context: &Context,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let done = self.patiently(context, work).await?;
        done.map_err(|error| {
            let busy = failure::is_busy(&error);
            let explained = self.explain(error);
            if busy && context.remaining().is_some() {
                return explained.context(format!(
                    "the database \"{}\" could not be frozen within half of the time that was left until the deadline of the pause",
                    self.label
                ));
            }
            explained
        })
    }

    /// What an error of SQLite means here.
    pub(super) fn explain(&self, error: rusqlite::Error) -> Error {
        failure::of(&self.label, error)
    }
}

/// Opens a connection whose work ends when the token is cancelled.
pub(super) fn open(path: &Path, access: Access, stop: CancellationToken) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let mut connection = match access {
        Access::Read => Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY),
        Access::Tidy | Access::Recover => {
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)
        }
        Access::Unshared => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(uri(path, "immutable=1"), flags)
        }
    }?;
    connection.busy_timeout(Duration::ZERO)?;
    // What comes from a file is not trusted, and closing is no occasion to write to what was there before.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, access != Access::Tidy)?;
    connection.pragma_update(None, "query_only", access != Access::Recover)?;
    connection.progress_handler(STEPS, Some(move || stop.is_cancelled()))?;
    Ok(connection)
}

/// The name under which SQLite opens a file in a special way.
pub(super) fn uri(path: &Path, way: &str) -> std::path::PathBuf {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut uri = b"file://".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => uri.push(*byte),
        }
    }
    uri.push(b'?');
    uri.extend_from_slice(way.as_bytes());
    OsString::from_vec(uri).into()
}

/// How long a locked database is waited for outside of a pause.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long SQLite waits for a lock before it is asked whether to go on.
const SLICE: Duration = Duration::from_millis(50);
/// Steps of SQLite's machine between two looks at the token.
const STEPS: i32 = 1000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use backup_core::testing::SteppingClock;
    use backup_core::{ErrorKind, Silent};
    use chrono::DateTime;

    use super::*;

    #[tokio::test]
    async fn half_of_a_pause_is_left_for_the_services_after_a_locked_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE").unwrap();
        let clock = SteppingClock::stepping(DateTime::UNIX_EPOCH, Duration::from_secs(1));
        let context = Context::new(CancellationToken::new(), Arc::new(clock), Arc::new(Silent));
        let context = context.with_deadline(Duration::from_secs(40));
        let mut session = Session::open(&Database::new(path), Access::Read, &context).await.unwrap();
        let look = |connection: &Connection| connection.query_row("SELECT count(*) FROM t", [], |_| Ok(()));
        let error = session.run_patiently(&context, look).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
        assert!(error.chain().contains("deadline of the pause"), "{}", error.chain());
        let left = context.remaining().unwrap().as_secs();
        assert!((15..=20).contains(&left), "{left} s are left");
    }
}
