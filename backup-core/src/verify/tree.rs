//! Looking at trees segment by segment, each of them once however many backups have it.

use std::cmp::Ordering;
use std::pin::Pin;

use backup_crypto::{ChunkId, ChunkKind};

use super::survey::{Artifact, Survey};
use crate::engine::{Entries, path_order, printable_path};
use crate::format::limit;
use crate::format::node::{Child, SegmentKind, decode_children, decode_segment};
use crate::format::tree::decode_entries;
use crate::problem::is_finding;
use crate::{Error, Result};

/// A segment of a tree and all below it.
#[derive(Debug, Clone)]
pub(super) struct Subtree {
    entries: u64,
    bytes: u64,
    /// The first path.
    first: Vec<u8>,
    /// The last path.
    last: Vec<u8>,
    /// Levels of nodes above the leaves.
    height: usize,
}

/// Where in a tree a segment stands.
struct Place<'a> {
    level: usize,
    /// The first path below it, as its parent says.
    key: Option<&'a [u8]>,
    /// The last path before it.
    after: Option<&'a [u8]>,
}

impl Survey<'_> {
    /// Looks at a tree. Segments that cannot be read are findings; fails if those that can do not fit together.
    pub(super) async fn tree(&mut self, artifact: &Artifact<'_>, root: ChunkId) -> Result<()> {
        self.subtree(artifact, root, Place { level: 0, key: None, after: None }).await.map(drop)
    }

    /// Looks at a segment and all below it, at most [`limit::LEVELS`] deep. `None` if it cannot be read.
    fn subtree<'s>(
        &'s mut self,
        artifact: &'s Artifact<'_>,
        segment: ChunkId,
        place: Place<'s>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Subtree>>> + Send + 's>> {
        Box::pin(async move {
            if let Some(known) = self.sound.get(&segment).cloned() {
                place.expect(&known.first, known.height)?;
                self.count(artifact, known.entries, known.bytes, 0);
                return Ok(Some(known));
            }
            place.expect_level(0)?;
            artifact.context.check()?;
            let before = self.findings;
            let bytes = match self.reader.get(ChunkKind::Meta, segment).await {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.unreadable(artifact, &place, error)?;
                    return Ok(None);
                }
            };
            let decoded = decode_segment(&bytes)?;
            let subtree = match decoded.kind {
                SegmentKind::TreeLeaf => self.leaf(artifact, &decode_entries(decoded)?, &place).await?,
                SegmentKind::TreeNode => self.node(artifact, &decode_children(decoded)?, &place).await?,
                _ => return Err(Error::damaged("a tree has a segment of a content map")),
            };
            if self.findings == before {
                self.sound.insert(segment, subtree.clone());
            }
            Ok(Some(subtree))
        })
    }

    async fn node(
        &mut self,
        artifact: &Artifact<'_>,
        children: &[Child],
        place: &Place<'_>,
    ) -> Result<Subtree> {
        let first = children.first().map_or_else(Vec::new, |child| child.key.clone());
        place.expect(&first, 0)?;
        let mut node = Subtree { entries: 0, bytes: 0, last: first.clone(), first, height: 0 };
        let mut after = place.after.map(<[u8]>::to_vec);
        for (number, child) in children.iter().enumerate() {
            if number % SEGMENTS_AHEAD == 0 {
                self.read_ahead(&children[number..]).await?;
            }
            let below = Place { level: place.level + 1, key: Some(&child.key), after: after.as_deref() };
            let Some(subtree) = self.subtree(artifact, child.chunk, below).await? else { continue };
            node.entries = node.entries.saturating_add(subtree.entries);
            node.bytes = node.bytes.saturating_add(subtree.bytes);
            node.height = node.height.max(subtree.height + 1);
            node.last.clone_from(&subtree.last);
            after = Some(subtree.last);
        }
        Ok(node)
    }

    async fn leaf(
        &mut self,
        artifact: &Artifact<'_>,
        entries: &Entries,
        place: &Place<'_>,
    ) -> Result<Subtree> {
        let path = |at: usize| entries.get(at).map_or_else(Vec::new, |entry| entry.path.to_vec());
        let (first, last) = (path(0), path(entries.len().saturating_sub(1)));
        place.expect(&first, 0)?;
        let told = self.contents(artifact, entries).await?;
        let count = entries.len() as u64;
        let bytes = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.metadata.size));
        self.count(artifact, count, bytes, told);
        Ok(Subtree { entries: count, bytes, first, last, height: 0 })
    }

    /// Reads the segments that come next together: they are neighbours in their packs. One that cannot be read is found when its turn comes.
    async fn read_ahead(&self, children: &[Child]) -> Result<()> {
        let next = children.iter().take(SEGMENTS_AHEAD).map(|child| child.chunk);
        let next: Vec<ChunkId> = next.filter(|chunk| !self.sound.contains_key(chunk)).collect();
        match self.reader.get_all(ChunkKind::Meta, &next).await {
            Err(error) if !is_finding(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn count(&mut self, artifact: &Artifact<'_>, entries: u64, bytes: u64, told: u64) {
        self.entries = self.entries.saturating_add(entries);
        self.bytes = self.bytes.saturating_add(bytes);
        artifact.context.advance(entries, bytes.saturating_sub(told));
    }

    fn unreadable(&mut self, artifact: &Artifact<'_>, place: &Place<'_>, error: Error) -> Result<()> {
        let from = match place.key {
            None | Some(b"") => String::new(),
            Some(key) => format!(", from \"{}\" on", printable_path(key)),
        };
        self.finding(artifact.backup, format!("{}{from}", artifact.title()), error)
    }
}

impl Place<'_> {
    /// Fails unless what stands here begins where its parent says and after everything before it.
    fn expect(&self, first: &[u8], height: usize) -> Result<()> {
        self.expect_level(height)?;
        if self.key.is_some_and(|key| key != first) {
            return Err(Error::damaged("a segment of a tree does not begin where its parent says"));
        }
        if self.after.is_some_and(|after| path_order(after, first) != Ordering::Less) {
            return Err(Error::damaged("the leaves of a tree are not sorted"));
        }
        Ok(())
    }

    fn expect_level(&self, height: usize) -> Result<()> {
        if self.level + height <= limit::LEVELS {
            return Ok(());
        }
        Err(Error::damaged("a tree has too many levels"))
    }
}

/// Segments read with one request.
const SEGMENTS_AHEAD: usize = 32;
