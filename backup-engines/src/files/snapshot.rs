//! The course of a backup: one pass, or two with the pause around the second.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use async_trait::async_trait;
use backup_core::Result;
use backup_core::engine::{
    Artifact, Context, Facts, Prepared, ServiceReader, Sink, Snapshot, printable_path,
};

use super::blocking;
use super::capture::{Pass, Source, capture};
use super::inventory::{self, Inventory};
use super::tally::Tally;

/// The name of the one artifact.
pub(super) const TREE: &str = "tree";

/// Makes a first pass if the application is going to be held, so that little is left to read while it is.
pub(super) async fn prepare(
    source: Source,
    context: &Context,
    parent: Option<Arc<dyn ServiceReader>>,
    sink: Arc<dyn Sink>,
) -> Result<Box<dyn Prepared>> {
    let known = parent.as_ref().is_some_and(|parent| inventory::recall(parent, context));
    let counting = (!known).then(|| Inventory::start(&source, context));
    if !context.pause_follows() {
        return Ok(Box::new(Ready { source, parent, sink, first_pass: None, counting }));
    }
    let writer = sink.first_pass().await?;
    let tally = capture(&source, context, parent.as_ref(), writer, Pass::First).await?;
    Ok(Box::new(Ready { source, parent: None, sink, first_pass: Some(tally), counting: None }))
}

struct Ready {
    source: Source,
    parent: Option<Arc<dyn ServiceReader>>,
    sink: Arc<dyn Sink>,
    first_pass: Option<Tally>,
    /// Counts until the pass that it counts for has ended.
    counting: Option<Inventory>,
}

#[async_trait]
impl Prepared for Ready {
    async fn freeze(self: Box<Self>, context: &Context) -> Result<Box<dyn Snapshot>> {
        let point = context.clock().now().to_rfc3339().replace("+00:00", "Z");
        let Some(first) = &self.first_pass else {
            return Ok(Box::new(Frozen { point, ready: *self, tally: None }));
        };
        context.expect(first.count(), first.bytes);
        let known = self.sink.read_first_pass().await?;
        let writer = self.sink.tree(Artifact::new(TREE)).await?;
        let mut tally = capture(&self.source, context, Some(&known), writer, Pass::Counting).await?;
        // Everything is known from the first pass; what counts is what that one knew.
        tally.unchanged_files = first.unchanged_files.min(tally.unchanged_files);
        Ok(Box::new(Frozen { point, ready: *self, tally: Some(tally) }))
    }
}

struct Frozen {
    point: String,
    ready: Ready,
    /// Set if the tree is written already.
    tally: Option<Tally>,
}

#[async_trait]
impl Snapshot for Frozen {
    fn point(&self) -> &str {
        &self.point
    }

    async fn stream(self: Box<Self>, context: &Context) -> Result<Facts> {
        let Ready { source, parent, sink, counting: _counting, .. } = self.ready;
        let tally = match self.tally {
            Some(tally) => tally,
            None => {
                let writer = sink.tree(Artifact::new(TREE)).await?;
                capture(&source, context, parent.as_ref(), writer, Pass::Counting).await?
            }
        };
        let root = printable_path(source.root.as_os_str().as_bytes());
        blocking::run(move || Ok(tally.facts(root))).await
    }
}
