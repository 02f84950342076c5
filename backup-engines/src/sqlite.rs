//! The SQLite engine.

mod approach;
mod check;
mod copy;
mod database;
mod failure;
mod header;
mod pages;
mod preflight;
mod properties;
mod restore;
mod session;
mod snapshot;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use backup_core::Result;
use backup_core::engine::{
    Context, Engine, Preflight, Prepared, RestorePlan, RestoreSummary, Selection, ServiceReader, Sink, Target,
};

use self::database::Database;
use self::snapshot::Source;

/// Captures and restores a SQLite database while applications use it.
///
/// The database is read through SQLite, page by page within one read transaction: the backup holds the state at the moment at which the
/// transaction began, and its pages lie where they lay, so that the next backup stores little more than the pages that changed. It is one
/// stream named like the file, byte for byte what the file is once its log is checkpointed.
///
/// * In WAL mode nobody waits. The log cannot be reset while a backup reads, and grows by what is written meanwhile.
/// * A database in WAL mode that nobody has open is read as its application would: SQLite makes its log and the index of the log, and removes
///   them at the end. Only the owner of the file and root can do so; for anybody else [`preflight`](Engine::preflight) and the backup fail
///   before anything is made.
/// * In rollback mode writers, and once one waits new readers, are blocked from the moment of the snapshot until the last page is read and
///   checked, and fail when their own timeout ends. That is as fast as the backup is stored, and begins only when the services before this one
///   are stored. [`preflight`](Engine::preflight) warns of it; `PRAGMA journal_mode = WAL` ends it.
/// * A database that is locked is waited for: in a pause half of the time that is left until its deadline, outside of one half a minute.
/// * The snapshot is checked with `PRAGMA quick_check`; a database that fails it fails the backup.
///
/// ```
/// use backup_core::engine::Engine;
/// use backup_engines::Sqlite;
///
/// let shop = Sqlite::file("/srv/shop/shop.db");
/// assert_eq!(shop.kind(), "sqlite");
/// ```
///
/// # The library
///
/// Pages are read from the table `sqlite_dbpage`, which SQLite has if it was compiled with `SQLITE_ENABLE_DBPAGE_VTAB` (with the bundled
/// SQLite of `rusqlite`: `LIBSQLITE3_FLAGS=-DSQLITE_ENABLE_DBPAGE_VTAB` in the environment of the build, for instance in
/// `.cargo/config.toml`). Without it, the database is first copied into a [scratch folder](Self::scratch_folder), which takes its size there; only the
/// counters in the header then differ from those of the file.
///
/// The process must use one SQLite library only: of two, each drops the locks of the other when it closes a file. For the same reason the
/// database, its log and its journal are opened by nothing but SQLite.
///
/// # Restoring
///
/// The new file is written beside the old one, checked, and renamed. A restore is refused while the database is open anywhere on this host,
/// as far as that can be seen, or locked from elsewhere. Stop the application first, and start it after. Killed at any moment, a restore
/// leaves the old or the new database, whole, and at worst files `.backup-restore-...` beside it. (Of an old database that SQLite cannot read, encrypted
/// or damaged, the log and the journal are then among these, under names that end in theirs.) The new file gets owner and mode of the old one; without an
/// old one, only this user may read it.
#[derive(Debug, Clone)]
pub struct Sqlite {
    database: Database,
    scratch_folder: Option<PathBuf>,
    check: bool,
    dbpage: bool,
}

impl Sqlite {
    /// The database in a file. Symbolic links to it are followed.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let database = Database::new(path.into());
        Self { database, scratch_folder: None, check: true, dbpage: true }
    }

    /// Where a copy of the database lies while a backup runs, if SQLite was compiled without `sqlite_dbpage`: in a folder of its own that only this
    /// user may enter. By default, the system's folder for temporary files. A process that is killed leaves its folder, `backup-sqlite-...`, there:
    /// it may be deleted when no backup runs.
    #[must_use]
    pub fn scratch_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.scratch_folder = Some(folder.into());
        self
    }

    /// Backs up without `PRAGMA quick_check`: for a database that cannot be mended before the backup, or is too large to be read twice.
    /// Restores check always.
    #[must_use]
    pub fn without_check(mut self) -> Self {
        self.check = false;
        self
    }

    /// As if SQLite had been compiled without `sqlite_dbpage`.
    #[doc(hidden)]
    #[must_use]
    pub fn without_dbpage(mut self) -> Self {
        self.dbpage = false;
        self
    }

    /// The file as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.database.given()
    }

    fn source(&self) -> Source {
        Source {
            database: self.database.clone(),
            scratch_folder: self.scratch_folder.clone(),
            check: self.check,
            dbpage: self.dbpage,
        }
    }
}

#[async_trait]
impl Engine for Sqlite {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    fn reserves(&self) -> Vec<PathBuf> {
        self.database.names()
    }

    async fn preflight(&self, context: &Context) -> Result<Preflight> {
        preflight::preflight(&self.source(), context).await
    }

    async fn prepare(
        &self,
        context: &Context,
        _parent: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>> {
        snapshot::prepare(self.source(), context, sink).await
    }

    async fn plan_restore(
        &self,
        context: &Context,
        from: Arc<dyn ServiceReader>,
        target: &Target,
        selection: &Selection,
    ) -> Result<RestorePlan> {
        restore::plan(&self.database, context, from.as_ref(), target, selection).await
    }

    async fn restore(
        &self,
        context: &Context,
        from: Arc<dyn ServiceReader>,
        plan: RestorePlan,
    ) -> Result<RestoreSummary> {
        restore::restore(&self.database, context, from.as_ref(), &plan).await
    }
}
