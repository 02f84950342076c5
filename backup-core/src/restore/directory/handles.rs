//! Handles of the folders below a root, opened without following a symbolic link.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use super::found::Found;
use super::lineage::split;

/// Opens folders below a root and keeps the last ones open, so that a walk in canonical order opens each about once, with a
/// bounded number of descriptors at any depth.
#[derive(Debug)]
pub(super) struct Handles {
    root: Arc<OwnedFd>,
    mounts: Mounts,
    at: Vec<u8>,
    open: Vec<(usize, Arc<OwnedFd>)>,
}

/// Whether other file systems mounted below the root may be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mounts {
    /// They belong to the tree.
    Enter,
    /// They are not touched: opening one fails with `EXDEV`.
    Refuse,
}

impl Handles {
    pub(super) fn new(root: Arc<OwnedFd>, mounts: Mounts) -> Self {
        Self { root, mounts, at: Vec::new(), open: Vec::new() }
    }

    /// The folder at a path, which is clean (see [`check_path`](super::lineage::check_path)).
    pub(super) fn folder(&mut self, path: &[u8]) -> Result<Arc<OwnedFd>, Errno> {
        let common = common_folder(&self.at, path);
        while self.open.last().is_some_and(|(length, _)| *length > common) {
            self.open.pop();
        }
        self.at.clear();
        self.at.extend_from_slice(path);
        let (mut done, mut base) = match self.open.last() {
            Some((length, handle)) => (*length, Arc::clone(handle)),
            None => (0, Arc::clone(&self.root)),
        };
        while done < path.len() {
            let start = if done == 0 { 0 } else { done + 1 };
            done = piece_end(path, start);
            base = Arc::new(open_folder(&base, &path[start..done], self.mounts)?);
            self.keep(done, &base);
        }
        Ok(base)
    }

    /// The folder that a path is in, and its name there.
    pub(super) fn parent<'a>(&mut self, path: &'a [u8]) -> Result<(Arc<OwnedFd>, &'a [u8]), Errno> {
        let (folder, name) = split(path);
        Ok((self.folder(folder)?, name))
    }

    /// Whether another file system than that of the folder above is mounted at a path.
    pub(super) fn is_mount(&mut self, path: &[u8]) -> Result<bool, Errno> {
        if path.is_empty() {
            return Ok(false);
        }
        let (folder, name) = self.parent(path)?;
        let above = Found::of(&*folder)?.inode().0;
        Ok(Found::at(&folder, name)?.is_some_and(|found| found.inode().0 != above))
    }

    fn keep(&mut self, length: usize, handle: &Arc<OwnedFd>) {
        if self.open.len() == MAX_OPEN {
            self.open.remove(0);
        }
        self.open.push((length, Arc::clone(handle)));
    }
}

/// The length of the longest folder that is the same in two paths or above both.
fn common_folder(left: &[u8], right: &[u8]) -> usize {
    let common = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let ends = |path: &[u8]| path.get(common).is_none_or(|byte| *byte == b'/');
    if ends(left) && ends(right) {
        common
    } else {
        left[..common].iter().rposition(|byte| *byte == b'/').unwrap_or(0)
    }
}

/// Where the next piece of a path ends that one system call takes.
fn piece_end(path: &[u8], start: usize) -> usize {
    let rest = &path[start..];
    if rest.len() <= MAX_PIECE {
        return path.len();
    }
    let slash = rest[..MAX_PIECE].iter().rposition(|byte| *byte == b'/');
    slash.or_else(|| rest.iter().position(|byte| *byte == b'/')).map_or(path.len(), |slash| start + slash)
}

/// Opens a folder below another; a symbolic link anywhere on the way is an error.
fn open_folder(base: &OwnedFd, relative: &[u8], mounts: Mounts) -> Result<OwnedFd, Errno> {
    let mut how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    if mounts == Mounts::Refuse {
        how |= ResolveFlags::NO_XDEV;
    }
    match openat2(base, relative, FOLDER, Mode::empty(), how) {
        // Older kernels, sandboxes that do not know the call, and folders renamed meanwhile.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => open_by_name(base, relative, mounts),
        opened => opened,
    }
}

/// The same, one name at a time.
fn open_by_name(base: &OwnedFd, relative: &[u8], mounts: Mounts) -> Result<OwnedFd, Errno> {
    let device = fstat(base)?.st_dev;
    let mut opened: Option<OwnedFd> = None;
    for name in relative.split(|byte| *byte == b'/') {
        let folder = opened.as_ref().unwrap_or(base);
        let next = openat(folder.as_fd(), name, FOLDER, Mode::empty())?;
        if mounts == Mounts::Refuse && fstat(&next)?.st_dev != device {
            return Err(Errno::XDEV);
        }
        opened = Some(next);
    }
    opened.ok_or(Errno::NOENT)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const MAX_OPEN: usize = 32;
const MAX_PIECE: usize = 4000;

#[cfg(test)]
mod tests;
