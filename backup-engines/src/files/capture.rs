//! One pass over a tree, from the file system into a writer.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use backup_core::engine::{Context, Entries, ServiceReader, TreeWriter};
use backup_core::{Error, ErrorKind, Result};
use futures_util::{TryStreamExt, stream};

use super::filter::Filter;
use super::notices::Notices;
use super::parent::Parent;
use super::plan::{Job, Planner};
use super::read::{self, Part};
use super::tally::Tally;
use super::{blocking, large};

/// What is captured.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) root: PathBuf,
    pub(super) filter: Arc<Filter>,
    pub(super) one_file_system: bool,
    pub(super) ignore_inode: bool,
    pub(super) keep_caches: bool,
}

/// Whether a pass is the one that counts, or another one over the same files follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    First,
    Counting,
}

/// Writes the tree as it is now and commits it.
pub(super) async fn capture(
    source: &Source,
    context: &Context,
    parent: Option<&Arc<dyn ServiceReader>>,
    mut writer: Box<dyn TreeWriter>,
    pass: Pass,
) -> Result<Tally> {
    let notices = Notices { context: context.clone(), quiet: pass == Pass::First };
    let parent = Parent::open(parent, source.ignore_inode, &notices).await?;
    let jobs = stream::try_unfold(Planner::new(source, parent, &notices), next_job);
    let mut parts = pin!(jobs.map_ok(|job| read_job(job, notices.clone())).try_buffered(JOBS));
    let mut tally = Tally::default();
    while let Some((read, unchanged_files)) = parts.try_next().await? {
        tally.unchanged_files += unchanged_files;
        for part in read {
            check(context)?;
            match part {
                Part::Entries(entries) => put(&mut *writer, &entries, &mut tally).await?,
                Part::Large(batch, position) => {
                    large::store(batch, position, &mut *writer, &notices, &mut tally).await?
                }
            }
        }
    }
    check(context)?;
    writer.commit().await?;
    Ok(tally)
}

async fn next_job(mut planner: Planner) -> Result<Option<(Job, Planner)>> {
    Ok(planner.next().await?.map(|job| (job, planner)))
}

async fn read_job(job: Job, notices: Notices) -> Result<(Vec<Part>, u64)> {
    blocking::run(move || Ok((read::read(&job, &notices)?, job.unchanged_files()))).await
}

async fn put(writer: &mut dyn TreeWriter, entries: &Entries, tally: &mut Tally) -> Result<()> {
    tally.add_entries(entries);
    writer.put(entries).await
}

fn check(context: &Context) -> Result<()> {
    context.check()?;
    if context.remaining() == Some(Duration::ZERO) {
        let message = "the files could not be looked through before the deadline of the pause";
        return Err(Error::new(ErrorKind::Unavailable, message)
            .with_remedy("allow a longer pause, or back up without holding the application"));
    }
    Ok(())
}

/// Jobs read at once.
const JOBS: usize = 4;
