//! Comparing two backups.
//!
//! Nothing that both have is read: trees are compared segment by segment, and segments of one id are the same. Of what differs only the
//! entries are read, never the contents: those have hashes. Memory does not grow with the number of changes.

mod change;
mod content;
mod cursor;
mod entry;
mod pairing;
mod trees;

use std::collections::{BTreeSet, VecDeque};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use self::change::{Change, DiffItem, DiffKind, DiffSummary, Difference};
use self::pairing::{Sides, Work};
use self::trees::Trees;
use crate::chunks::ChunkReader;
use crate::engine::{Context, Selection};
use crate::observer::Phase;
use crate::{BackupId, Repository, Result};

/// A request to compare two backups; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct DiffRequest {
    repository: Repository,
    old: BackupId,
    new: BackupId,
    services: BTreeSet<String>,
    selection: Selection,
    cancel: CancellationToken,
}

/// A comparison under way: gives one change after the other.
///
/// ```
/// # async fn example(repository: backup_core::Repository, old: backup_core::BackupId, new: backup_core::BackupId) -> backup_core::Result<()> {
/// let mut diff = repository.diff(old, new).await?;
/// while let Some(change) = diff.next().await? {
///     println!("{change:?}");
/// }
/// println!("{} added", diff.summary().added);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Diff {
    context: Context,
    reader: Arc<ChunkReader>,
    selection: Arc<Selection>,
    work: VecDeque<Work>,
    /// The trees at the front, once they are open.
    trees: Option<Trees>,
    summary: DiffSummary,
}

impl Repository {
    /// Compares two backups, of one environment or of two: what was added, removed and modified from the first to the second. Metadata is
    /// read, no content.
    pub fn diff(&self, old: BackupId, new: BackupId) -> DiffRequest {
        DiffRequest {
            repository: self.clone(),
            old,
            new,
            services: BTreeSet::new(),
            selection: Selection::default(),
            cancel: CancellationToken::new(),
        }
    }
}

impl DiffRequest {
    /// Only this service; call it again for more.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.services.insert(name.into());
        self
    }

    /// Only these paths within trees, each with all that is below it; streams are left out then. A path that neither backup has yields nothing.
    pub fn paths(mut self, paths: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        self.selection.paths.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Ends with [`Cancelled`](crate::ErrorKind::Cancelled) when the token is cancelled, then and in every [`Diff::next`].
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    async fn run(self) -> Result<Diff> {
        let context = self.repository.context(&self.cancel);
        context.clone().until_cancelled(Box::pin(self.run_uncancelled(context))).await
    }

    async fn run_uncancelled(self, context: Context) -> Result<Diff> {
        context.phase(Phase::Index);
        let old = self.repository.stored_backup(&self.old).await?;
        let new = self.repository.stored_backup(&self.new).await?;
        let mut work = Sides { old: &old.manifest, new: &new.manifest }.work(&self.services)?;
        if !self.selection.paths.is_empty() {
            work.retain(|work| !work.is_stream());
        }
        let reader = self.repository.chunk_reader().await?;
        context.phase(Phase::Structure);
        let (selection, work) = (Arc::new(self.selection), work.into());
        Ok(Diff { context, reader, selection, work, trees: None, summary: DiffSummary::default() })
    }
}

impl IntoFuture for DiffRequest {
    type Output = Result<Diff>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Diff {
    /// The next change; `None` at the end. Services come in the order of their names, their artifacts likewise, and the entries of a tree in
    /// [`path_order`](crate::engine::path_order). A service, tree or stream that only one backup has is one change; so is one
    /// that a backup left out.
    ///
    /// A call that was dropped or failed is made up for by the next one: no change is lost.
    ///
    /// # Errors
    /// When the metadata cannot be read: [`Damaged`](crate::ErrorKind::Damaged) if it is not what was stored.
    pub async fn next(&mut self) -> Result<Option<Change>> {
        let context = self.context.clone();
        let change = context.until_cancelled(Box::pin(self.advance())).await?;
        if let Some(change) = &change {
            self.summary.add(change);
        }
        Ok(change)
    }

    /// The changes given so far, added up.
    #[must_use]
    pub fn summary(&self) -> DiffSummary {
        self.summary
    }

    /// The next change of the work at the front, which is done when it gives none or was only one.
    async fn advance(&mut self) -> Result<Option<Change>> {
        while let Some(work) = self.work.front() {
            let (change, is_last) = match work {
                Work::Tell(change) => (Some(change.clone()), true),
                Work::Stream(change, edit) => {
                    let changed_bytes = edit.changed_bytes(&self.reader).await?;
                    (Some(Change { changed_bytes, ..change.clone() }), true)
                }
                Work::Trees { service, artifact, old, new } => {
                    let trees = match &mut self.trees {
                        Some(trees) => trees,
                        none => none.insert(Trees::new(&self.reader, *old, *new, &self.selection).await?),
                    };
                    let pair = trees.next(&self.reader, &self.context.for_service(service)).await?;
                    let is_last = pair.is_none();
                    (pair.map(|pair| pair.into_change(service, artifact)), is_last)
                }
            };
            if is_last {
                self.trees = None;
                self.work.pop_front();
            }
            if change.is_some() {
                return Ok(change);
            }
        }
        Ok(None)
    }
}
