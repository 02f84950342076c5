//! How much there will be, for the progress of a backup.

use std::sync::{Arc, Weak};

use backup_core::Error;
use backup_core::engine::{Context, ServiceReader};

use super::batch::Batch;
use super::blocking;
use super::capture::Source;
use super::notices::Notices;
use super::walk::Walk;

/// Counts a tree ahead of the pass that reads it, until dropped.
#[derive(Debug)]
pub(super) struct Inventory {
    _running: Arc<()>,
}

impl Inventory {
    pub(super) fn start(source: &Source, context: &Context) -> Self {
        let running = Arc::new(());
        let (source, context, wanted) = (source.clone(), context.clone(), Arc::downgrade(&running));
        // What goes wrong here goes wrong in the pass that counts too, which tells it.
        drop(blocking::start(move || {
            let mut walk = Walk::start(source, Notices { context: context.clone(), quiet: true })?;
            while let Some(batch) = walk.next()? {
                count(&batch, &context, &wanted)?;
            }
            Ok(())
        }));
        Self { _running: running }
    }
}

fn count(batch: &Batch, context: &Context, wanted: &Weak<()>) -> Result<(), Error> {
    if wanted.strong_count() == 0 {
        return Err(Error::cancelled());
    }
    context.expect(batch.len() as u64, batch.iter().map(|found| found.observed.metadata.size).sum());
    Ok(())
}

/// Expects as much as the previous backup had; `false` if it does not say.
pub(super) fn recall(parent: &Arc<dyn ServiceReader>, context: &Context) -> bool {
    let fact = |name: &str| parent.facts().get(name)?.parse::<u64>().ok();
    let items =
        ["files.count", "files.folders", "files.others"].iter().map(|name| fact(name)).sum::<Option<u64>>();
    match (items, fact("files.bytes")) {
        (Some(items), Some(bytes)) => {
            context.expect(items, bytes);
            true
        }
        _ => false,
    }
}
