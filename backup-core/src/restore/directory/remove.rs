//! Removing what is in a target, through handles.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, fchmod, unlinkat};
use rustix::io::Errno;

use super::found::{Found, names};
use super::handles::{Handles, Mounts};
use super::in_use::take_in_use;
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

/// What was dealt with.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// How many names.
    pub(super) count: u64,
    /// The first paths below the name that look like databases in use. They stay, as do the folders they are in.
    pub(super) in_use: Vec<Vec<u8>>,
}

impl Removal {
    /// Does it to a name in a folder; `path` is what the place calls it.
    pub(super) fn apply(self, place: &Place, folder: &Arc<OwnedFd>, path: &[u8]) -> Result<Removed> {
        let (above, name) = split(path);
        let handles = Handles::new(Arc::clone(folder), Mounts::Refuse);
        Walk { removal: self, place, above, handles, removed: Removed::default() }.run(folder, name)
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
    removed: Removed,
}

/// What is left of a folder.
struct Level {
    names: Vec<Box<[u8]>>,
    /// Whether something in it stays.
    stays: bool,
}

impl Walk<'_> {
    fn run(mut self, folder: &OwnedFd, name: &[u8]) -> Result<Removed> {
        self.removed.count = 1;
        let mut path = name.to_vec();
        if !self.removal.enters(folder, name).map_err(|errno| self.failed(name, errno))? {
            return Ok(self.removed);
        }
        let mut left = vec![self.list(&path)?];
        while let Some(level) = left.last_mut() {
            self.place.check()?;
            if let Some(child) = level.names.pop() {
                self.removed.count += 1;
                let inside = join(&path, &child);
                let entered =
                    self.handles.folder(&path).and_then(|folder| self.removal.enters(&folder, &child));
                if entered.map_err(|errno| self.failed(&inside, errno))? {
                    path = inside;
                    left.push(self.list(&path)?);
                }
            } else {
                let stays = level.stays;
                left.pop();
                if stays {
                    self.removed.count -= 1;
                    left.last_mut().into_iter().for_each(|above| above.stays = true);
                } else {
                    self.leave(&path).map_err(|errno| self.failed(&path, errno))?;
                }
                path.truncate(split(&path).0.len());
            }
        }
        Ok(self.removed)
    }

    fn list(&mut self, path: &[u8]) -> Result<Level> {
        let listed = self.handles.folder(path).and_then(|folder| {
            if self.removal == Removal::Remove {
                let mode = Found::of(&*folder)?.mode();
                if mode & 0o700 != 0o700 {
                    // Its names can only be removed where they may be changed; if that fails, their removal says so.
                    let _ = fchmod(&*folder, Mode::from_raw_mode(mode | 0o700));
                }
            }
            let mut names = names(&folder)?;
            let in_use = take_in_use(&folder, &mut names)?;
            Ok((names, in_use))
        });
        let (names, in_use) = listed.map_err(|errno| self.failed(path, errno))?;
        let stays = !in_use.is_empty();
        let room = MAX_NAMED.saturating_sub(self.removed.in_use.len());
        let named = in_use.iter().take(room).map(|name| join(self.above, &join(path, name)));
        self.removed.in_use.extend(named);
        Ok(Level { names, stays })
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

const MAX_NAMED: usize = 100;
