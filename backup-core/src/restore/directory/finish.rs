//! The second pass of a restore: links, pipes and devices, then what the backup does not have, then the attributes of folders,
//! deepest first.
//!
//! Links come after all files, so that nothing is ever written through one; folders come last, because all that happens in them
//! changes their times.

use std::sync::Arc;

use bytes::Bytes;

use super::extras::Extras;
use super::fetch::fetch_xattrs;
use super::lend::lend;
use super::lineage::is_above;
use super::place::MOUNTED;
use super::selected::Selected;
use super::survey::is_wanted;
use super::writer::Writer;
use crate::Result;
use crate::engine::{Entries, Entry, EntryKind, Existing, Metadata, ServiceReader};

/// Walks a tree once more and makes what the first pass left.
pub(super) async fn finish(
    from: &Arc<dyn ServiceReader>,
    mut selected: Selected,
    writer: Writer,
    beside: Vec<Vec<u8>>,
) -> Result<Writer> {
    let mut finisher =
        Finisher { writer, beside, extras: Extras::default(), at: Vec::new(), folders: Vec::new() };
    while let Some(entries) = selected.next().await? {
        let xattrs =
            fetch_xattrs(from.as_ref(), &entries, |_, entry| entry.metadata.kind != EntryKind::File).await?;
        (finisher, ()) = lend(finisher, move |finisher| finisher.take(&entries, &xattrs)).await?;
    }
    (finisher, ()) = lend(finisher, Finisher::end).await?;
    Ok(finisher.writer)
}

#[derive(Debug)]
struct Finisher {
    writer: Writer,
    beside: Vec<Vec<u8>>,
    extras: Extras,
    /// The path of the last of the folders.
    at: Vec<u8>,
    folders: Vec<Folder>,
}

/// A folder that waits for its attributes.
#[derive(Debug)]
struct Folder {
    length: usize,
    metadata: Metadata,
    xattrs: Bytes,
}

impl Finisher {
    fn take(&mut self, entries: &Entries, xattrs: &[Bytes]) -> Result<()> {
        for (entry, xattrs) in entries.iter().zip(xattrs) {
            self.writer.place().check()?;
            for extra in self.extras.before(entry.path) {
                self.writer.delete(&extra)?;
            }
            self.leave_folders(entry.path)?;
            match entry.metadata.kind {
                EntryKind::File => {}
                EntryKind::Directory => self.enter(&entry, xattrs)?,
                kind if is_wanted(self.writer.selection(), kind) => self.writer.node(&entry, xattrs)?,
                _ => self.skip(&entry),
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        for extra in self.extras.rest() {
            self.writer.delete(&extra)?;
        }
        while let Some(folder) = self.folders.pop() {
            self.leave(&folder)?;
        }
        Ok(())
    }

    fn enter(&mut self, entry: &Entry<'_>, xattrs: &Bytes) -> Result<()> {
        self.at.clear();
        self.at.extend_from_slice(entry.path);
        let held = self.writer.selection().holds(entry.path);
        if held || self.writer.made_on_the_way(entry.path) {
            let (length, metadata) = (entry.path.len(), entry.metadata);
            self.folders.push(Folder { length, metadata, xattrs: xattrs.clone() });
        }
        let place = self.writer.place();
        if held && place.existing() == Existing::Mirror && !place.is_fresh() {
            if self.writer.is_mount(entry.path)? {
                let place = self.writer.place();
                place.context().inform(&place.path(entry.path), MOUNTED);
                return Ok(());
            }
            let mut names = self.writer.list(entry.path)?;
            if entry.path.is_empty() {
                names.retain(|name| !self.beside.iter().any(|beside| **beside == **name));
            }
            self.extras.enter(entry.path, names);
        }
        Ok(())
    }

    fn leave_folders(&mut self, path: &[u8]) -> Result<()> {
        let common = self.at.iter().zip(path).take_while(|(a, b)| a == b).count();
        while let Some(folder) = self.folders.pop_if(|folder| !is_above(folder.length, common, path)) {
            self.leave(&folder)?;
        }
        Ok(())
    }

    fn leave(&mut self, folder: &Folder) -> Result<()> {
        self.writer.finish_folder(&self.at[..folder.length], &folder.metadata, &folder.xattrs)
    }

    fn skip(&mut self, entry: &Entry<'_>) {
        let context = self.writer.place().context();
        context.inform(
            &self.writer.place().path(entry.path),
            "is a device and was not asked for; it is left out",
        );
        self.writer.summary.skipped += 1;
    }
}
