//! The entries of a tree that a selection holds, checked.

use std::collections::VecDeque;
use std::sync::Arc;

use super::lineage::{Lineage, split};
use crate::Result;
use crate::engine::{Entries, Selection, ServiceReader, TreeReader, path_order};

/// Reads the entries at and below the selected paths, each preceded by the folders above it, in canonical order.
pub(super) struct Selected {
    from: Arc<dyn ServiceReader>,
    artifact: String,
    paths: VecDeque<Vec<u8>>,
    reader: Option<Box<dyn TreeReader>>,
    waiting: VecDeque<Entries>,
    lineage: Lineage,
    last_folder: Option<Vec<u8>>,
    missing: Vec<Vec<u8>>,
}

impl Selected {
    pub(super) fn new(from: &Arc<dyn ServiceReader>, artifact: &str, selection: &Selection) -> Self {
        Self {
            from: Arc::clone(from),
            artifact: artifact.to_owned(),
            paths: disjoint(&selection.paths),
            reader: None,
            waiting: VecDeque::new(),
            lineage: Lineage::default(),
            last_folder: None,
            missing: Vec::new(),
        }
    }

    /// The next entries; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Entries>> {
        loop {
            let next = match self.waiting.pop_front() {
                Some(entries) => Some(entries),
                None => match &mut self.reader {
                    Some(reader) => reader.next().await?,
                    None => None,
                },
            };
            if let Some(entries) = next {
                for entry in entries.iter() {
                    self.lineage.admit(&entry)?;
                }
                return Ok(Some(entries));
            }
            let Some(path) = self.paths.pop_front() else { return Ok(None) };
            self.open(path).await?;
        }
    }

    /// Selected paths that the tree does not have, once all was read.
    pub(super) fn missing(self) -> Vec<Vec<u8>> {
        self.missing
    }

    async fn open(&mut self, path: Vec<u8>) -> Result<()> {
        let mut reader = self.from.tree(&self.artifact, &path).await?;
        let Some(first) = some_entries(reader.as_mut()).await? else {
            if !path.is_empty() {
                self.missing.push(path);
            }
            return Ok(());
        };
        self.open_folders_above(&path).await?;
        self.waiting.push_back(first);
        self.reader = Some(reader);
        Ok(())
    }

    /// Reads the folders above a path, without what else is in them, as far as they were not read for the path before.
    async fn open_folders_above(&mut self, path: &[u8]) -> Result<()> {
        if path.is_empty() {
            return Ok(());
        }
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for length in std::iter::once(0).chain(slashes) {
            let folder = &path[..length];
            if self.last_folder.as_deref().is_some_and(|last| path_order(folder, last).is_le()) {
                continue;
            }
            let mut reader = self.from.tree(&self.artifact, folder).await?;
            if let Some(entries) = some_entries(reader.as_mut()).await?
                && let Some(entry) = entries.get(0)
            {
                let mut alone = Entries::new();
                alone.push(&entry);
                self.waiting.push_back(alone);
            }
        }
        self.last_folder = Some(split(path).0.to_vec());
        Ok(())
    }
}

async fn some_entries(reader: &mut dyn TreeReader) -> Result<Option<Entries>> {
    while let Some(entries) = reader.next().await? {
        if !entries.is_empty() {
            return Ok(Some(entries));
        }
    }
    Ok(None)
}

/// Paths in canonical order, without those below another; the root alone for none.
fn disjoint(paths: &[Vec<u8>]) -> VecDeque<Vec<u8>> {
    let mut sorted = paths.to_vec();
    sorted.sort_by(|left, right| path_order(left, right));
    let mut kept: VecDeque<Vec<u8>> = VecDeque::new();
    for path in sorted {
        let below = kept
            .back()
            .is_some_and(|last| Selection { paths: vec![last.clone()], devices: false }.holds(&path));
        if !below {
            kept.push_back(path);
        }
    }
    if kept.is_empty() {
        kept.push_back(Vec::new());
    }
    kept
}
