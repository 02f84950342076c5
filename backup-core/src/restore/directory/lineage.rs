//! The rules that stored entries must keep, checked before any of them is used.

use std::cmp::Ordering;

use crate::engine::{Content, Entry, EntryKind, path_order, printable_path};
use crate::{Error, Result};

/// Checks the entries of one tree, in the order in which they come: canonical order, each path once, clean names, and every
/// entry below a folder of the same tree.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    last: Vec<u8>,
    folders: Vec<usize>,
    begun: bool,
}

impl Lineage {
    /// Takes the next entry.
    ///
    /// # Errors
    /// [`Damaged`](crate::ErrorKind::Damaged), naming the entry and the broken rule.
    pub(super) fn admit(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.place(entry).and_then(|()| check_parts(entry)).map_err(|reason| {
            Error::damaged(format!(
                "\"{}\" in the backup cannot be restored: {reason}",
                printable_path(entry.path)
            ))
        })
    }

    fn place(&mut self, entry: &Entry<'_>) -> Result<(), &'static str> {
        let path = entry.path;
        check_path(path)?;
        if self.begun && path_order(&self.last, path) != Ordering::Less {
            return Err("it comes twice or out of order");
        }
        let common = self.last.iter().zip(path).take_while(|(a, b)| a == b).count();
        while self.folders.last().is_some_and(|&length| !is_above(length, common, path)) {
            self.folders.pop();
        }
        if !path.is_empty() && self.folders.last() != Some(&parent_length(path)) {
            return Err("what it lies in is not a folder of the backup");
        }
        if path.is_empty() && entry.metadata.kind != EntryKind::Directory {
            return Err("the root is not a folder");
        }
        if entry.metadata.kind == EntryKind::Directory {
            self.folders.push(path.len());
        }
        self.last.clear();
        self.last.extend_from_slice(path);
        self.begun = true;
        Ok(())
    }
}

/// Checks that a path has no part that could lead out of the folder it is opened from.
pub(super) fn check_path(path: &[u8]) -> Result<(), &'static str> {
    if path.len() > MAX_PATH {
        return Err("its path is longer than 64 KiB");
    }
    if path.contains(&0) {
        return Err("its path contains a NUL byte");
    }
    if path.is_empty() {
        return Ok(());
    }
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" => return Err("its path is absolute or has an empty part"),
            b"." | b".." => return Err("its path has a part \".\" or \"..\""),
            _ => {}
        }
    }
    Ok(())
}

/// Splits a path into the folder it is in and its name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Puts a name below a folder.
pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
    path.extend_from_slice(folder);
    if !folder.is_empty() && !name.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Whether the folder that is the first `length` bytes of an earlier path is above `path`, when both agree in `common` bytes.
pub(super) fn is_above(length: usize, common: usize, path: &[u8]) -> bool {
    length <= common && length < path.len() && (length == 0 || path[length] == b'/')
}

fn parent_length(path: &[u8]) -> usize {
    split(path).0.len()
}

fn check_parts(entry: &Entry<'_>) -> Result<(), &'static str> {
    let metadata = &entry.metadata;
    if metadata.mtime.nanoseconds >= 1_000_000_000 {
        return Err("its time has more than 999,999,999 nanoseconds");
    }
    match metadata.kind {
        EntryKind::File => {
            let size = match entry.content {
                Content::None => 0,
                Content::Data(bytes) => bytes.len() as u64,
                Content::Stored(stored) => stored.size,
            };
            if size != metadata.size {
                return Err("its size is not that of its content");
            }
            if i64::try_from(size).is_err() {
                return Err("it is larger than any file");
            }
        }
        EntryKind::Symlink if entry.target.is_empty() || entry.target.contains(&0) => {
            return Err("its link target is empty or contains a NUL byte");
        }
        _ => {}
    }
    if let Content::Stored(stored) = entry.xattrs
        && stored.size > MAX_XATTRS
    {
        return Err("its extended attributes are larger than 4 MiB");
    }
    Ok(())
}

const MAX_PATH: usize = 64 * 1024;
const MAX_XATTRS: u64 = 4 * 1024 * 1024;
