//! Fetching small contents many at a time.

use std::ops::Range;

use bytes::Bytes;

use super::decide::{Action, Step};
use crate::engine::{Content, Entries, Entry, ExtentList, ServiceReader, StoredContent};
use crate::{Error, Result};

/// What one step needs from the repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Fetched {
    pub(super) content: Bytes,
    /// The block of extended attributes to set; `None` leaves them as they are.
    pub(super) xattrs: Option<Bytes>,
}

/// Cuts steps into batches of bounded number and size; a large file is a batch of its own.
pub(super) fn batches(entries: &Entries, steps: &[Step]) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0_u64);
    for (at, step) in steps.iter().enumerate() {
        let alone = is_large(entries, *step);
        let size = fetched_size(entries, *step);
        if at > start && (alone || at - start >= MAX_STEPS || bytes + size > MAX_BYTES) {
            batches.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += size;
        if alone {
            batches.push(start..at + 1);
            (start, bytes) = (at + 1, 0);
        }
    }
    if start < steps.len() {
        batches.push(start..steps.len());
    }
    batches
}

/// Whether the file of a step is read piece by piece: because of its size, or to keep its holes.
pub(super) fn is_large(entries: &Entries, step: Step) -> bool {
    let Some(Entry { content: Content::Stored(stored), .. }) = entries.get(step.index) else { return false };
    let has_holes = match stored.extents {
        ExtentList::Map(_) => true,
        ExtentList::Inline(extents) => extents.iter().any(|extent| extent.chunk.is_none()),
    };
    step.action == Action::Write && (has_holes || stored.size > MAX_SMALL)
}

/// Fetches what the steps of a batch need, except the content of a large file.
pub(super) async fn fetch(
    from: &dyn ServiceReader,
    entries: &Entries,
    steps: &[Step],
) -> Result<Vec<Fetched>> {
    let mut fetched = vec![Fetched::default(); steps.len()];
    let mut wanted = Vec::new();
    let mut places = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let Some(entry) = entries.get(step.index) else { continue };
        if step.action == Action::Write && !is_large(entries, *step) {
            match entry.content {
                Content::None => {}
                Content::Data(bytes) => fetched[at].content = Bytes::copy_from_slice(bytes),
                Content::Stored(stored) => {
                    wanted.push(stored);
                    places.push((at, Part::Content));
                }
            }
        }
        if step.sets_xattrs {
            fetched[at].xattrs = Some(Bytes::new());
            match entry.xattrs {
                Content::None => {}
                Content::Data(bytes) => fetched[at].xattrs = Some(Bytes::copy_from_slice(bytes)),
                Content::Stored(stored) => {
                    wanted.push(stored);
                    places.push((at, Part::Xattrs));
                }
            }
        }
    }
    for ((at, part), bytes) in places.into_iter().zip(contents(from, &wanted).await?) {
        match part {
            Part::Content => fetched[at].content = bytes,
            Part::Xattrs => fetched[at].xattrs = Some(bytes),
        }
    }
    Ok(fetched)
}

/// The blocks of extended attributes of entries, in their order; empty where there are none.
pub(super) async fn fetch_xattrs(
    from: &dyn ServiceReader,
    entries: &Entries,
    wanted: impl Fn(usize, &Entry<'_>) -> bool,
) -> Result<Vec<Bytes>> {
    let mut blocks = vec![Bytes::new(); entries.len()];
    let (mut stored_blocks, mut places, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (at, entry) in entries.iter().enumerate().filter(|(at, entry)| wanted(*at, entry)) {
        match entry.xattrs {
            Content::None => {}
            Content::Data(data) => blocks[at] = Bytes::copy_from_slice(data),
            Content::Stored(stored) => {
                if bytes + stored.size > MAX_BYTES {
                    place(&mut blocks, &mut places, contents(from, &stored_blocks).await?);
                    stored_blocks.clear();
                    bytes = 0;
                }
                bytes += stored.size;
                stored_blocks.push(stored);
                places.push(at);
            }
        }
    }
    place(&mut blocks, &mut places, contents(from, &stored_blocks).await?);
    Ok(blocks)
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Content,
    Xattrs,
}

fn place(blocks: &mut [Bytes], places: &mut Vec<usize>, fetched: Vec<Bytes>) {
    for (at, block) in places.drain(..).zip(fetched) {
        blocks[at] = block;
    }
}

async fn contents(from: &dyn ServiceReader, wanted: &[StoredContent<'_>]) -> Result<Vec<Bytes>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let contents = from.contents(wanted).await?;
    let sizes = contents.iter().map(|bytes| bytes.len() as u64);
    if contents.len() != wanted.len() || !sizes.eq(wanted.iter().map(|stored| stored.size)) {
        return Err(Error::damaged("the backup gave other contents than those asked for"));
    }
    Ok(contents)
}

fn fetched_size(entries: &Entries, step: Step) -> u64 {
    let Some(entry) = entries.get(step.index) else { return 0 };
    let size = |content| match content {
        Content::None => 0,
        Content::Data(bytes) => bytes.len() as u64,
        Content::Stored(stored) => stored.size,
    };
    let content =
        if step.action == Action::Write && !is_large(entries, step) { size(entry.content) } else { 0 };
    content + if step.sets_xattrs { size(entry.xattrs) } else { 0 }
}

const MAX_STEPS: usize = 1_000;
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Files above this size are read piece by piece.
const MAX_SMALL: u64 = 1024 * 1024;
