//! The files engine.

mod batch;
mod cachedir;
mod capture;
mod directory;
mod failure;
mod filter;
mod inventory;
mod large;
mod listing;
mod metadata;
mod notices;
mod owners;
mod parent;
mod plan;
mod read;
mod reserved;
mod snapshot;
mod sqlite;
mod tally;
mod walk;
mod xattrs;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use backup_core::engine::{
    Context, Engine, Existing, Facts, Preflight, Prepared, RestorePlan, RestoreSummary, Role, Selection,
    ServiceReader, Sink, Target, Verdict, VerdictLevel, printable_path,
};
use backup_core::restore::directory as restore;
use backup_core::{Error, ErrorKind, Result};

use self::capture::Source;
use self::directory::Directory;
use self::filter::Filter;
use self::reserved::Reserved;
use crate::blocking;

/// Captures and restores a file tree.
///
/// Kept are regular files, folders, symbolic links, hard links, holes, FIFOs and device nodes (as metadata),
/// each with mode, owner, modification time in nanoseconds, extended attributes and ACLs. Names are bytes.
/// Left out, each with a notice that names it: sockets, what cannot be read, what vanishes meanwhile, and
/// SQLite databases in use.
///
/// A file that the previous backup has, with the same size, times, owner, mode and file number, is not
/// opened. What a program writes through a memory map without `msync` shows its change only when the system notices: such a change made
/// within half a minute of another one may be kept late, with the next change.
///
/// # Patterns
///
/// [`exclude`](Self::exclude) and [`include`](Self::include) take one line of a `.gitignore` file each:
/// `*.tmp` matches at any depth, `/cache` only at the top, `cache/` only folders, `cache/**` what is in the
/// folder but not the folder, `!keep.tmp` takes back what an earlier pattern of the same list said. Blank
/// lines and comments say nothing. A folder that is excluded is not looked into. A pattern that cannot be
/// understood fails [`preflight`](Engine::preflight).
///
/// ```
/// use backup_engines::Files;
///
/// let photos = Files::tree("/srv/photos").include("*.jpg").include("*.png").exclude("/trash/");
/// assert_eq!(photos.root(), std::path::Path::new("/srv/photos"));
/// ```
///
/// # SQLite databases
///
/// Opening and closing a database file in the process that uses it drops that process's locks on it. A
/// regular file beside which `NAME-wal`, `NAME-shm` or `NAME-journal` lies is therefore left out together
/// with these, without being opened, and named in a warning. A database in rollback mode shows no such sign
/// while it is idle: back it up as a service of its own. What other services of the environment reserve
/// ([`Engine::reserves`]) is left out and named, whatever state it is in and whatever other name it has in the tree: hard links to it, and
/// places where its folder is mounted a second time.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
    excludes: Vec<String>,
    includes: Vec<String>,
    one_file_system: bool,
    ignore_inode: bool,
    keep_caches: bool,
}

impl Files {
    /// The tree below a folder. The folder itself may be given through symbolic links; none below it is
    /// followed.
    #[must_use]
    pub fn tree(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            excludes: Vec::new(),
            includes: Vec::new(),
            one_file_system: false,
            ignore_inode: false,
            keep_caches: false,
        }
    }

    /// Leaves out what matches a pattern. Of several patterns that match a path, the last one counts.
    #[must_use]
    pub fn exclude(mut self, pattern: impl Into<String>) -> Self {
        self.excludes.push(pattern.into());
        self
    }

    /// Takes only what matches a pattern (or one of several), with all that is below it and the folders
    /// above it. What is excluded too stays out.
    #[must_use]
    pub fn include(mut self, pattern: impl Into<String>) -> Self {
        self.includes.push(pattern.into());
        self
    }

    /// Stays on the file system of the root: folders on which another one is mounted are kept, empty.
    #[must_use]
    pub fn one_file_system(mut self) -> Self {
        self.one_file_system = true;
        self
    }

    /// Does not take another file number or device as a sign of change: for network mounts and container
    /// layers, where both change by themselves. Times, size, owner and mode still count.
    #[must_use]
    pub fn ignore_inode(mut self) -> Self {
        self.ignore_inode = true;
        self
    }

    /// Keeps the contents of folders that say by a [`CACHEDIR.TAG`](https://bford.info/cachedir/) that they
    /// can be made again; without this, only the folder and its tag are kept.
    #[must_use]
    pub fn keep_caches(mut self) -> Self {
        self.keep_caches = true;
        self
    }

    /// The folder as it was given.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn source(&self) -> Result<Source> {
        Ok(Source {
            root: self.root.clone(),
            filter: Arc::new(Filter::new(&self.excludes, &self.includes)?),
            one_file_system: self.one_file_system,
            ignore_inode: self.ignore_inode,
            keep_caches: self.keep_caches,
        })
    }

    fn place<'a>(&'a self, target: &'a Target) -> Result<&'a Path> {
        match target {
            Target::Directory { path, .. } => Ok(path),
            Target::InPlace { .. } => Ok(&self.root),
            _ => Err(Error::new(ErrorKind::Unsupported, "file trees are restored into folders only")),
        }
    }
}

#[async_trait]
impl Engine for Files {
    fn kind(&self) -> &'static str {
        "files"
    }

    fn role(&self) -> Role {
        Role::Files
    }

    async fn preflight(&self, context: &Context) -> Result<Preflight> {
        context.check()?;
        let source = self.source()?;
        let root = printable_path(self.root.as_os_str().as_bytes());
        blocking::run(move || {
            Directory::open_root(&source.root)?.list().map_err(|errno| failure::root(&source.root, errno))
        })
        .await?;
        Ok(Preflight { facts: Facts::from([("files.root".to_owned(), root)]), ..Preflight::default() })
    }

    async fn prepare(
        &self,
        context: &Context,
        parent: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>> {
        snapshot::prepare(self.source()?, context, parent, sink).await
    }

    async fn plan_restore(
        &self,
        context: &Context,
        from: Arc<dyn ServiceReader>,
        target: &Target,
        selection: &Selection,
    ) -> Result<RestorePlan> {
        let mut plan =
            restore::plan(context, &from, self.place(target)?, target.existing(), selection).await?;
        plan.target = target.clone();
        let (root, others) = (self.root.clone(), context.clone());
        let nothing_reserved =
            blocking::run(move || Ok(Reserved::new(&root, others.reserved())?.is_empty())).await?;
        let patterns = !nothing_reserved
            || !self.excludes.is_empty()
            || !self.includes.is_empty()
            || self.one_file_system;
        if patterns && *target == (Target::InPlace { existing: Existing::Mirror }) {
            plan.verdicts.push(Verdict::new(
                VerdictLevel::Deny,
                printable_path(self.root.as_os_str().as_bytes()),
                "what the backup leaves out by its patterns, because it is on another file system, or because another service \
                 backs it up, would be deleted",
                "restore with Existing::Update, or without the patterns",
            ));
        }
        Ok(plan)
    }

    async fn restore(
        &self,
        context: &Context,
        from: Arc<dyn ServiceReader>,
        plan: RestorePlan,
    ) -> Result<RestoreSummary> {
        restore::restore(context, &from, &plan, self.place(&plan.target)?).await
    }
}
