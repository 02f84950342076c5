//! Symbolic links, pipes and devices.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, mknodat, symlinkat};
use rustix::io::Errno;

use super::super::attributes::Subject;
use super::super::found::{Found, device_number};
use super::{Linked, Writer};
use crate::Result;
use crate::engine::{Entry, EntryKind};

impl Writer {
    /// Makes a symbolic link, a pipe or a device.
    pub(in super::super) fn node(&mut self, entry: &Entry<'_>, xattrs: &[u8]) -> Result<()> {
        if self.firsts.contains_key(&entry.metadata.link) {
            match self.link(entry)? {
                Linked::Unchanged => return Ok(()),
                Linked::Made => {
                    self.place.context().advance(1, 0);
                    return Ok(());
                }
                Linked::Impossible => {}
            }
        }
        let (folder, name) = self.parent(entry.path)?;
        if let Some(found) = self.standing_node(&folder, name, entry)? {
            let subject = Subject::Node(&folder, name);
            let changed = self.attributes.give(subject, entry.path, &entry.metadata, Some(xattrs), false)?;
            self.note_first(entry, found.inode());
            if changed {
                self.summary.written += 1;
                self.place.context().advance(1, 0);
            } else {
                self.summary.unchanged += 1;
            }
            return Ok(());
        }
        let made = self.temporary_names.make(&folder, |folder, name| make_node(folder, name, entry));
        let (mut temporary, ()) = match made {
            Err(Errno::PERM) if entry.metadata.kind != EntryKind::Symlink => {
                let message =
                    "could not be made, because the system lets only root make devices; it is left out";
                self.place.context().warn(&self.place.path(entry.path), message);
                self.summary.skipped += 1;
                return Ok(());
            }
            made => made.map_err(|errno| self.place.failed("make", entry.path, errno))?,
        };
        let home = Arc::clone(temporary.folder());
        let subject = Subject::Node(&home, temporary.name());
        self.attributes.give(subject, entry.path, &entry.metadata, Some(xattrs), true)?;
        if entry.metadata.link != 0
            && let Ok(Some(found)) = Found::at(&home, temporary.name())
        {
            self.note_first(entry, found.inode());
        }
        self.put(&mut temporary, entry.path)?;
        self.place.context().advance(1, 0);
        Ok(())
    }

    /// The existing node that is what an entry wants and may get its attributes.
    fn standing_node(&self, folder: &OwnedFd, name: &[u8], entry: &Entry<'_>) -> Result<Option<Found>> {
        if self.place.is_fresh() {
            return Ok(None);
        }
        let standing = Found::at(folder, name).and_then(|found| match found {
            Some(found) if found.is_same_thing(folder, name, entry)? => Ok(Some(found)),
            _ => Ok(None),
        });
        let standing = standing.map_err(|errno| self.place.failed("look at", entry.path, errno))?;
        let dressed = |found: &Found| found.is_dressed_as(&entry.metadata, self.place.owner());
        Ok(standing.filter(|found| !found.has_other_names() || (entry.metadata.link != 0 && dressed(found))))
    }
}

fn make_node(folder: &OwnedFd, name: &str, entry: &Entry<'_>) -> Result<(), Errno> {
    let mode = Mode::RUSR | Mode::WUSR;
    let device = device_number(&entry.metadata);
    match entry.metadata.kind {
        EntryKind::Symlink => symlinkat(entry.target, folder, name),
        EntryKind::Fifo => mknodat(folder, name, FileType::Fifo, mode, 0),
        EntryKind::CharacterDevice => mknodat(folder, name, FileType::CharacterDevice, mode, device),
        EntryKind::BlockDevice => mknodat(folder, name, FileType::BlockDevice, mode, device),
        EntryKind::File | EntryKind::Directory => Err(Errno::INVAL),
    }
}
