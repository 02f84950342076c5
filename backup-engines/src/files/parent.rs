//! What the previous backup knows, read alongside the walk.

use std::sync::Arc;

use backup_core::engine::{
    ArtifactKind, Content, Entries, Entry, EntryKind, Metadata, ServiceReader, Timestamp, TreeReader,
    path_order,
};
use backup_core::{ErrorKind, Result};

use super::notices::Notices;
use super::snapshot::TREE;

/// The entries of the previous backup, one after the other in canonical order.
pub(super) struct Parent {
    reader: Option<Box<dyn TreeReader>>,
    entries: Entries,
    position: usize,
    clean_before: Timestamp,
    ignore_inode: bool,
    notices: Notices,
}

impl Parent {
    /// Begins to read a parent; without one, or one that has no tree, nothing is unchanged.
    pub(super) async fn open(
        service: Option<&Arc<dyn ServiceReader>>,
        ignore_inode: bool,
        notices: &Notices,
    ) -> Result<Self> {
        let mut parent = Self {
            reader: None,
            entries: Entries::new(),
            position: 0,
            clean_before: Timestamp::default(),
            ignore_inode,
            notices: notices.clone(),
        };
        let has_tree = |service: &&Arc<dyn ServiceReader>| {
            service
                .artifacts()
                .iter()
                .any(|artifact| artifact.name == TREE && artifact.kind == ArtifactKind::Tree)
        };
        if let Some(service) = service.filter(has_tree) {
            let started_at = service.started_at();
            parent.clean_before = Timestamp {
                seconds: started_at.timestamp().saturating_sub(RACY_SECONDS),
                nanoseconds: started_at.timestamp_subsec_nanos(),
            };
            match service.tree(TREE, b"").await {
                Ok(reader) => parent.reader = Some(reader),
                Err(error) => parent.give_up(error)?,
            }
        }
        Ok(parent)
    }

    /// The parent's entry of a path if it is still true. To be asked for paths in canonical order.
    pub(super) async fn unchanged(&mut self, path: &[u8], now: &Metadata) -> Result<Option<Entry<'_>>> {
        loop {
            while let Some(entry) = self.entries.get(self.position) {
                if path_order(entry.path, path).is_ge() {
                    break;
                }
                self.position += 1;
            }
            if self.position < self.entries.len() || !self.refill().await? {
                break;
            }
        }
        let entry = self.entries.get(self.position).filter(|entry| entry.path == path);
        Ok(entry.filter(|entry| self.is_unchanged(entry, now)))
    }

    async fn refill(&mut self) -> Result<bool> {
        let Some(reader) = &mut self.reader else { return Ok(false) };
        self.position = 0;
        self.entries = match reader.next().await {
            Ok(Some(entries)) => entries,
            Ok(None) => {
                self.reader = None;
                Entries::new()
            }
            Err(error) => {
                self.give_up(error)?;
                Entries::new()
            }
        };
        Ok(self.reader.is_some())
    }

    /// A damaged parent costs time, not the backup.
    fn give_up(&mut self, error: backup_core::Error) -> Result<()> {
        if !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound) {
            return Err(error.context("cannot read the files of the previous backup"));
        }
        let reason = error.chain();
        self.notices.warn(
            b"",
            format!(
                "files are read although they may be unchanged: the previous backup cannot be read: {reason}"
            ),
        );
        self.reader = None;
        Ok(())
    }

    fn is_unchanged(&self, earlier: &Entry<'_>, now: &Metadata) -> bool {
        let mut known = earlier.metadata;
        if self.ignore_inode {
            (known.inode, known.device) = (now.inode, now.device);
        }
        now.is_unchanged_since(&known) && now.ctime < self.clean_before && has_content(earlier)
    }
}

/// Whether an entry brings all bytes of its file.
fn has_content(entry: &Entry<'_>) -> bool {
    let size = match entry.content {
        Content::None => 0,
        Content::Data(bytes) => bytes.len() as u64,
        Content::Stored(stored) => stored.size,
    };
    entry.metadata.kind != EntryKind::File || size == entry.metadata.size
}

/// A file that changed so shortly before the previous backup began may have changed once more within the
/// same tick of its file system's clock.
const RACY_SECONDS: i64 = 2;
