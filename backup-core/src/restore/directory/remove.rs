//! Removing what is in a target, through handles.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, fchmod, unlinkat};
use rustix::io::Errno;

use super::found::{Found, names};
use super::handles::{Handles, Mounts};
use super::lineage::{join, split};
use super::place::Place;
use crate::{Error, Result};

/// What is done to a name and all that is below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// It is counted.
    Count,
    /// It is removed. Other file systems mounted below are not entered: that is an error.
    Remove,
}

impl Removal {
    /// Does it to a name in a folder; `path` is what the place calls it. How many names there were.
    pub(super) fn apply(self, place: &Place, folder: &Arc<OwnedFd>, path: &[u8]) -> Result<u64> {
        let (above, name) = split(path);
        let handles = Handles::new(Arc::clone(folder), Mounts::Refuse);
        Walk { removal: self, place, above, handles }.run(folder, name)
    }

    /// Whether a name is a folder to go into; if not, it is dealt with.
    fn enters(self, folder: &OwnedFd, name: &[u8]) -> Result<bool, Errno> {
        let Some(found) = Found::at(folder, name)? else { return Ok(false) };
        if !found.is_folder() && self == Self::Remove {
            unlinkat(folder, name, AtFlags::empty())?;
        }
        Ok(found.is_folder())
    }
}

struct Walk<'a> {
    removal: Removal,
    place: &'a Place,
    above: &'a [u8],
    handles: Handles,
}

impl Walk<'_> {
    fn run(mut self, folder: &OwnedFd, name: &[u8]) -> Result<u64> {
        let mut count = 1;
        let mut path = name.to_vec();
        if !self.removal.enters(folder, name).map_err(|errno| self.failed(name, errno))? {
            return Ok(count);
        }
        let mut left = vec![self.list(&path)?];
        while let Some(names) = left.last_mut() {
            self.place.check()?;
            if let Some(child) = names.pop() {
                count += 1;
                let inside = join(&path, &child);
                let entered =
                    self.handles.folder(&path).and_then(|folder| self.removal.enters(&folder, &child));
                if entered.map_err(|errno| self.failed(&inside, errno))? {
                    path = inside;
                    left.push(self.list(&path)?);
                }
            } else {
                self.leave(&path).map_err(|errno| self.failed(&path, errno))?;
                left.pop();
                path.truncate(split(&path).0.len());
            }
        }
        Ok(count)
    }

    fn list(&mut self, path: &[u8]) -> Result<Vec<Box<[u8]>>> {
        let listed = self.handles.folder(path).and_then(|folder| {
            if self.removal == Removal::Remove {
                // Its names can only be removed where they may be changed; if that fails, their removal says so.
                let _ = fchmod(&*folder, Mode::RWXU);
            }
            names(&folder)
        });
        listed.map_err(|errno| self.failed(path, errno))
    }

    fn leave(&mut self, path: &[u8]) -> Result<(), Errno> {
        if self.removal == Removal::Count {
            return Ok(());
        }
        let (folder, name) = self.handles.parent(path)?;
        unlinkat(&*folder, name, AtFlags::REMOVEDIR)
    }

    fn failed(&self, path: &[u8], errno: Errno) -> Error {
        let doing = if self.removal == Removal::Count { "look at" } else { "delete" };
        let error = self.place.failed(doing, &join(self.above, path), errno);
        match errno {
            Errno::XDEV | Errno::BUSY => {
                error.with_remedy("unmount what is mounted there, then run it again")
            }
            _ => error,
        }
    }
}
