//! The folders of an object: made, synced, and free of links, before it is put.

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use object_store::local::LocalFileSystem;
use rustix::fs::{Mode, fsync, mkdirat};
use rustix::io::Errno;

use super::folder::{self, Obstacle};
use super::{Local, Root, sweep};
use crate::Name;

impl Local {
    /// Makes the folders of `name` and sees to it that they outlive a loss of power.
    ///
    /// A folder that exists may have been made a moment ago by a process that has not synced it, or died before.
    /// So this process syncs each folder it puts into, and all above it, once, whoever made them.
    pub(super) fn prepare(&self, name: &Name) -> Result<LocalFileSystem, Obstacle> {
        let (root, top) = self.make_root()?;
        // Before anything else is made: it may be what a full disk needs.
        if !self.swept.swap(true, Ordering::Relaxed) {
            sweep::sweep(&root.path);
        }
        let (path, _) = folder::split(name);
        let folders = self.make_folders(top, path)?;
        self.sync(&root.path, path, &folders)?;
        Ok(root.store.clone())
    }

    /// Opens the folders of `path`, from `top` down, `top` included, and makes those that are missing.
    fn make_folders(&self, top: OwnedFd, path: &str) -> Result<Vec<OwnedFd>, Obstacle> {
        let mut folders = vec![];
        let mut folder = top;
        for path in paths(path).into_iter().skip(1) {
            let segment = path.rsplit_once('/').map_or(path, |(_, last)| last);
            let next = match folder::open_folder(&folder, segment)? {
                Some(next) => next,
                None => {
                    // First this: nobody may see the new folder and take it for the one that was synced before.
                    self.durable().remove(path);
                    match mkdirat(&folder, segment, Mode::RWXU | Mode::RWXG | Mode::RWXO) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    let opened = folder::open_folder(&folder, segment)?;
                    opened.ok_or_else(|| Obstacle::NoFolder(segment.to_owned()))?
                }
            };
            folders.push(std::mem::replace(&mut folder, next));
        }
        folders.push(folder);
        Ok(folders)
    }

    /// Syncs `folders`, which lead down to `path`, from the last up to the one that holds the first new entry.
    fn sync(&self, root: &Path, path: &str, folders: &[OwnedFd]) -> Result<(), Obstacle> {
        let paths = paths(path);
        let Some(first_new) = paths.iter().position(|&path| !self.durable().contains(path)) else {
            return Ok(());
        };
        for folder in folders.iter().skip(first_new.saturating_sub(1)).rev() {
            fsync(folder)?;
        }
        if first_new == 0 {
            sync_above(root)?;
        }
        self.durable().extend(paths.into_iter().skip(first_new).map(Box::from));
        Ok(())
    }

    /// Opens the directory, after making it if need be: also where it was removed meanwhile.
    fn make_root(&self) -> Result<(&Root, OwnedFd), Obstacle> {
        for _ in 0..2 {
            if let Some(root) = self.root()? {
                match folder::open_root(&root.path) {
                    Ok(top) => return Ok((root, top)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
            self.durable().clear();
            DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        }
        Err(Obstacle::Io(io::Error::other("the directory is removed again and again")))
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The directory itself, which has the empty path, and all folders down to `path`.
fn paths(path: &str) -> Vec<&str> {
    let inner = path.match_indices('/').map(|(end, _)| &path[..end]);
    let last = (!path.is_empty()).then_some(path);
    std::iter::once("").chain(inner).chain(last).collect()
}

/// Syncs what is above the directory, as far as this process may: the directory itself may be new.
fn sync_above(root: &Path) -> Result<(), Obstacle> {
    for above in root.ancestors().skip(1) {
        match folder::open_root(above) {
            Ok(folder) => match fsync(&folder) {
                // A file system that cannot be changed or synced holds nothing new.
                Ok(()) | Err(Errno::ROFS | Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            },
            // Nor has this process made anything in a folder that it may not read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
