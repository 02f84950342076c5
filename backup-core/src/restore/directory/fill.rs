//! The first pass of a restore: folders, and files with their contents.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, once};
use tokio::sync::mpsc;

use super::decide::{Action, Decider, Step};
use super::fetch::{Fetched, batches, fetch, fetch_xattrs, is_large};
use super::lend::lend;
use super::pour::pour;
use super::selected::Selected;
use super::writer::{Linked, Writer};
use crate::engine::{Content, Entries, Entry, Piece, ServiceReader};
use crate::{Error, Result};

/// Steps with all that they need, but for the content of a large file.
struct Batch {
    entries: Arc<Entries>,
    steps: Vec<(Step, Fetched)>,
    large: bool,
}

/// Makes the folders and files of a tree; while one batch is written the next is fetched.
pub(super) async fn fill(
    from: &Arc<dyn ServiceReader>,
    selected: Selected,
    writer: Writer,
) -> Result<Writer> {
    let (send, receive) = mpsc::channel(1);
    let decider = Decider::new(writer.place(), from.content_hasher());
    let fetching = Box::pin(fetch_all(from, selected, decider, send));
    let writing = Box::pin(write_all(from, writer, receive));
    let ((), writer) = tokio::try_join!(fetching, writing)?;
    Ok(writer)
}

async fn fetch_all(
    from: &Arc<dyn ServiceReader>,
    mut selected: Selected,
    mut decider: Decider,
    send: mpsc::Sender<Batch>,
) -> Result<()> {
    while let Some(entries) = selected.next().await? {
        let entries = Arc::new(entries);
        let looked_at = Arc::clone(&entries);
        let steps;
        (decider, steps) = lend(decider, move |decider| decider.decide(&looked_at)).await?;
        for range in batches(&entries, &steps) {
            let steps = &steps[range];
            let large = steps.iter().any(|step| is_large(&entries, *step));
            let fetched = fetch(from.as_ref(), &entries, steps).await?;
            let steps = steps.iter().copied().zip(fetched).collect();
            if send.send(Batch { entries: Arc::clone(&entries), steps, large }).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn write_all(
    from: &Arc<dyn ServiceReader>,
    mut writer: Writer,
    mut receive: mpsc::Receiver<Batch>,
) -> Result<Writer> {
    while let Some(Batch { entries, steps, large }) = receive.recv().await {
        if large {
            for (step, fetched) in steps {
                let xattrs = fetched.xattrs.unwrap_or_default();
                writer = write_large(from, writer, &entries, step.index, xattrs).await?;
            }
            continue;
        }
        let written = Arc::clone(&entries);
        let unlinked;
        (writer, unlinked) = lend(writer, move |writer| write_batch(writer, &written, &steps)).await?;
        if !unlinked.is_empty() {
            writer = write_unlinked(from, writer, &entries, &unlinked).await?;
        }
    }
    Ok(writer)
}

/// Carries out the steps of a batch; gives back the positions of names that could not be linked.
fn write_batch(writer: &mut Writer, entries: &Entries, steps: &[(Step, Fetched)]) -> Result<Vec<usize>> {
    let mut unlinked = Vec::new();
    for (step, fetched) in steps {
        writer.place().check()?;
        let Some(entry) = entries.get(step.index) else { continue };
        let size = entry.metadata.size;
        match step.action {
            Action::Folder => writer.folder(&entry)?,
            Action::Keep(inode) => writer.keep(&entry, inode),
            Action::Mend(inode) => {
                if writer.mend(&entry, inode, fetched.xattrs.as_deref())? {
                    writer.place().context().advance(1, size);
                }
            }
            Action::Write => {
                let mut draft = writer.begin(entry.path, size)?;
                writer.append(&mut draft, entry.path, &Piece::Data(fetched.content.clone()))?;
                writer.finish(draft, &entry, fetched.xattrs.as_deref().unwrap_or_default())?;
                writer.place().context().advance(1, size);
            }
            Action::Link => match writer.link(&entry)? {
                Linked::Made => writer.place().context().advance(1, size),
                Linked::Unchanged => {}
                Linked::Impossible => unlinked.push(step.index),
            },
        }
    }
    Ok(unlinked)
}

/// Writes files that could not be further names of others; the first of them can be what the next are linked to.
async fn write_unlinked(
    from: &Arc<dyn ServiceReader>,
    mut writer: Writer,
    entries: &Arc<Entries>,
    unlinked: &[usize],
) -> Result<Writer> {
    let is_unlinked = |index: usize, _: &Entry<'_>| unlinked.binary_search(&index).is_ok();
    let mut xattrs = fetch_xattrs(from.as_ref(), entries, is_unlinked).await?;
    for index in unlinked.iter().copied() {
        let step = (Step { index, action: Action::Link, sets_xattrs: false }, Fetched::default());
        let again = Arc::clone(entries);
        let impossible;
        (writer, impossible) = lend(writer, move |writer| write_batch(writer, &again, &[step])).await?;
        if !impossible.is_empty() {
            writer = write_large(from, writer, entries, index, std::mem::take(&mut xattrs[index])).await?;
        }
    }
    Ok(writer)
}

/// Writes one file piece by piece; while one piece is written the next is fetched.
async fn write_large(
    from: &Arc<dyn ServiceReader>,
    writer: Writer,
    entries: &Arc<Entries>,
    index: usize,
    xattrs: Bytes,
) -> Result<Writer> {
    let Some(entry) = entries.get(index) else { return Ok(writer) };
    let pieces = pieces(from.as_ref(), &entry).await?;
    let (path, size) = (Arc::<[u8]>::from(entry.path), entry.metadata.size);
    let target = Arc::clone(&path);
    let begun = lend(writer, move |writer| writer.begin(&target, size)).await?;
    let (writer, draft) = pour(begun, &path, pieces).await?;
    let entries = Arc::clone(entries);
    let finish = move |writer: &mut Writer| {
        let entry = entries.get(index).ok_or_else(|| Error::damaged("an entry vanished"))?;
        writer.finish(draft, &entry, &xattrs)?;
        writer.place().context().advance(1, 0);
        Ok(())
    };
    Ok(lend(writer, finish).await?.0)
}

async fn pieces(from: &dyn ServiceReader, entry: &Entry<'_>) -> Result<BoxStream<'static, Result<Piece>>> {
    match entry.content {
        Content::None => Ok(futures_util::stream::empty().boxed()),
        Content::Data(bytes) => {
            let piece = Piece::Data(Bytes::copy_from_slice(bytes));
            Ok(once(async move { Ok(piece) }).boxed())
        }
        Content::Stored(stored) => from.content(stored).await,
    }
}
