//! Comparing two trees side by side.

use std::cmp::Ordering;
use std::sync::Arc;

use backup_crypto::ChunkId;

use super::change::{Change, DiffItem, Difference};
use super::content::Edit;
use super::cursor::{Closed, Cursor, Next};
use super::entry::{compare, edit};
use crate::Result;
use crate::chunks::ChunkReader;
use crate::engine::{Context, Entry, Selection, path_order};

/// Two trees and how far they were compared. Segments that both have at the same place are passed unread.
#[derive(Debug)]
pub(super) struct Trees {
    old: Cursor,
    new: Cursor,
}

/// A path of which the entries differ.
#[derive(Debug)]
pub(super) struct Pair {
    path: Vec<u8>,
    difference: Difference,
    old: Option<DiffItem>,
    new: Option<DiffItem>,
    /// The contents, if they differ.
    edit: Option<Edit>,
    changed_bytes: Option<u64>,
}

/// What to do next.
#[allow(clippy::large_enum_variant, reason = "done and forgotten")]
enum Step {
    PassBoth,
    OpenOld,
    OpenNew,
    Tell(Pair),
    End,
}

impl Trees {
    pub(super) async fn new(
        reader: &Arc<ChunkReader>,
        old: ChunkId,
        new: ChunkId,
        selection: &Arc<Selection>,
    ) -> Result<Self> {
        Ok(Self {
            old: Cursor::new(reader, old, selection).await?,
            new: Cursor::new(reader, new, selection).await?,
        })
    }

    /// The next difference, in the order of paths. A call that was dropped or failed has passed nothing.
    pub(super) async fn next(
        &mut self,
        reader: &Arc<ChunkReader>,
        context: &Context,
    ) -> Result<Option<Pair>> {
        loop {
            match self.step() {
                Step::PassBoth => {
                    self.old.pass();
                    self.new.pass();
                }
                Step::OpenOld => self.old.open(&self.new, context).await?,
                Step::OpenNew => self.new.open(&self.old, context).await?,
                Step::Tell(mut pair) => {
                    if let Some(edit) = &pair.edit {
                        pair.changed_bytes = edit.changed_bytes(reader).await?;
                    }
                    self.pass(&pair);
                    return Ok(Some(pair));
                }
                Step::End => return Ok(None),
            }
        }
    }

    fn pass(&mut self, pair: &Pair) {
        if pair.old.is_some() {
            self.old.pass();
        }
        if pair.new.is_some() {
            self.new.pass();
        }
    }

    fn step(&self) -> Step {
        match (self.old.next(), self.new.next()) {
            (Next::End, Next::End) => Step::End,
            (Next::Segment(old), Next::Segment(new)) => open_one(old, new),
            (Next::Segment(old), Next::Entry(new)) => {
                if is_before(new.path, &old.key) {
                    Step::Tell(Pair::added(&new))
                } else {
                    Step::OpenOld
                }
            }
            (Next::Entry(old), Next::Segment(new)) => {
                if is_before(old.path, &new.key) {
                    Step::Tell(Pair::removed(&old))
                } else {
                    Step::OpenNew
                }
            }
            (Next::Segment(_), Next::End) => Step::OpenOld,
            (Next::End, Next::Segment(_)) => Step::OpenNew,
            (Next::Entry(old), Next::End) => Step::Tell(Pair::removed(&old)),
            (Next::End, Next::Entry(new)) => Step::Tell(Pair::added(&new)),
            (Next::Entry(old), Next::Entry(new)) => match path_order(old.path, new.path) {
                Ordering::Less => Step::Tell(Pair::removed(&old)),
                Ordering::Greater => Step::Tell(Pair::added(&new)),
                Ordering::Equal => Pair::of_both(&old, &new).map_or(Step::PassBoth, Step::Tell),
            },
        }
    }
}

/// Of two segments, opens the one that begins earlier, so that what only one tree has does not keep the rest from meeting; of two that begin
/// together the higher one, so that they meet at one height.
fn open_one(old: &Closed, new: &Closed) -> Step {
    if old.chunk == new.chunk {
        return Step::PassBoth;
    }
    match path_order(&old.key, &new.key).then(new.height.cmp(&old.height)) {
        Ordering::Less | Ordering::Equal => Step::OpenOld,
        Ordering::Greater => Step::OpenNew,
    }
}

fn is_before(path: &[u8], key: &[u8]) -> bool {
    path_order(path, key) == Ordering::Less
}

impl Pair {
    fn removed(old: &Entry<'_>) -> Self {
        Self::new(old.path, Difference::Removed, Some(old), None)
    }

    fn added(new: &Entry<'_>) -> Self {
        Self::new(new.path, Difference::Added, None, Some(new))
    }

    fn of_both(old: &Entry<'_>, new: &Entry<'_>) -> Option<Self> {
        let pair = Self::new(new.path, compare(old, new)?, Some(old), Some(new));
        Some(Self { edit: edit(old, new), ..pair })
    }

    fn new(path: &[u8], difference: Difference, old: Option<&Entry<'_>>, new: Option<&Entry<'_>>) -> Self {
        let [old, new] = [old, new].map(|entry| entry.map(DiffItem::of_entry));
        Self { path: path.to_vec(), difference, old, new, edit: None, changed_bytes: None }
    }

    pub(super) fn into_change(self, service: &str, artifact: &str) -> Change {
        let Self { path, difference, old, new, edit: _, changed_bytes } = self;
        Change { path, changed_bytes, ..Change::new(service, artifact, difference, old, new) }
    }
}
