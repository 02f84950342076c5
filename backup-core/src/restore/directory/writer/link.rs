//! Further names of a file.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, linkat};

use super::super::found::{Found, Inode};
use super::Writer;
use crate::Result;
use crate::engine::Entry;

/// How a further name ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Linked {
    /// It is made.
    Made,
    /// It was there already.
    Unchanged,
    /// It cannot be made: the name has to become a file of its own, the first of those to come.
    Impossible,
}

impl Writer {
    /// Makes another name of a file that came before.
    pub(in super::super) fn link(&mut self, entry: &Entry<'_>) -> Result<Linked> {
        let link = entry.metadata.link;
        let Some(first) = self.firsts.get(&link).filter(|first| first.is_same(entry)) else {
            return Ok(Linked::Impossible);
        };
        let inode = first.inode;
        let first_path = first.path.clone();
        let (folder, name) = self.parent(entry.path)?;
        if !self.place.is_fresh() && is_at(&folder, name, inode) {
            self.summary.unchanged += 1;
            return Ok(Linked::Unchanged);
        }
        let linked = self.first_handles.parent(&first_path).and_then(|(first_folder, first_name)| {
            self.temporary_names.make(&folder, |folder, temporary| {
                linkat(&*first_folder, first_name, folder, temporary, AtFlags::empty())
            })
        });
        match linked {
            // Otherwise the first name stands for something else by now.
            Ok((mut temporary, ())) if is_at(&folder, temporary.name(), inode) => {
                self.put(&mut temporary, entry.path)?;
                Ok(Linked::Made)
            }
            _ => {
                let message = "is a file of its own now: it could not be made another name of the same file";
                self.place.context().warn(&self.place.path(entry.path), message);
                self.firsts.remove(&link);
                Ok(Linked::Impossible)
            }
        }
    }
}

fn is_at(folder: &OwnedFd, name: &[u8], inode: Inode) -> bool {
    matches!(Found::at(folder, name), Ok(Some(found)) if found.inode() == inode)
}
