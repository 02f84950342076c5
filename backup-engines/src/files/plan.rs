//! Which of the paths found are read, and which are known from the previous backup.

use std::ops::Range;
use std::sync::Arc;

use backup_core::Result;
use backup_core::crypto::ContentHasher;
use backup_core::engine::{Entries, EntryKind};
use tokio::task::JoinHandle;

use super::batch::{Batch, Found};
use super::blocking;
use super::capture::Source;
use super::notices::Notices;
use super::parent::{Parent, Recalled};
use super::walk::Walk;

/// Some paths, in order, to be made into entries.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Arc<Batch>,
    /// The positions in the batch.
    pub(super) range: Range<usize>,
    /// The parent's entries of the unchanged ones among them, in order.
    pub(super) kept: Entries,
    /// The parent's entries of files that are read, but may have the same content, in order.
    pub(super) maybe_equal: Entries,
    /// What hashes contents as the parent does.
    pub(super) hasher: Option<ContentHasher>,
}

impl Job {
    /// How many regular files are not read.
    pub(super) fn unchanged_files(&self) -> u64 {
        self.kept.iter().filter(|entry| entry.metadata.kind == EntryKind::File).count() as u64
    }
}

/// Makes jobs of what the walk finds.
pub(super) struct Planner {
    /// The walk, one batch ahead; `None` at its end.
    walking: Option<Walking>,
    parent: Parent,
    notices: Notices,
    batch: Arc<Batch>,
    next: usize,
}

impl Planner {
    /// Begins the walk.
    pub(super) fn new(source: &Source, parent: Parent, notices: &Notices) -> Self {
        let (source, notices) = (source.clone(), notices.clone());
        let walking = blocking::start({
            let notices = notices.clone();
            move || walk_on(Walk::start(source, notices)?)
        });
        Self { walking: Some(walking), parent, notices, batch: Arc::default(), next: 0 }
    }

    /// The next job; `None` when the walk has ended.
    pub(super) async fn next(&mut self) -> Result<Option<Job>> {
        while self.next >= self.batch.len() {
            let Some(walking) = self.walking.take() else { return Ok(None) };
            let (walk, batch) = blocking::finish_unless_cancelled(walking, &self.notices.context).await?;
            if let Some(batch) = batch {
                self.walking = Some(blocking::start(move || walk_on(walk)));
                (self.batch, self.next) = (Arc::new(batch), 0);
            }
        }
        let start = self.next;
        let (mut kept, mut maybe_equal) = (Entries::new(), Entries::new());
        let mut bytes_to_read = 0;
        while let Some(found) = self.batch.get(self.next) {
            self.next += 1;
            match self.parent.recall(found.path, &found.observed.metadata).await? {
                Recalled::Unchanged(entry) => {
                    kept.push(&entry);
                    continue;
                }
                Recalled::MaybeEqual(entry) => maybe_equal.push(&entry),
                Recalled::Nothing => {}
            }
            bytes_to_read += bytes_held(&found);
            if bytes_to_read >= MAX_BYTES {
                break;
            }
        }
        let (batch, range) = (Arc::clone(&self.batch), start..self.next);
        Ok(Some(Job { batch, range, kept, maybe_equal, hasher: self.parent.hasher() }))
    }
}

type Walking = JoinHandle<Result<(Walk, Option<Batch>)>>;

fn walk_on(mut walk: Walk) -> Result<(Walk, Option<Batch>)> {
    let batch = walk.next()?;
    Ok((walk, batch))
}

/// Bytes that reading a path puts into memory.
fn bytes_held(found: &Found<'_>) -> u64 {
    let metadata = &found.observed.metadata;
    let is_small = metadata.kind == EntryKind::File && metadata.size < backup_core::BUNDLE_LIMIT;
    if is_small { metadata.size } else { 0 }
}

/// Bytes of small files in one job.
const MAX_BYTES: u64 = 2 << 20;
