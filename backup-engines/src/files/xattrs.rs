//! Extended attributes, ACLs among them, as one block.

use std::os::fd::OwnedFd;

use rustix::fs::{fgetxattr, flistxattr, lgetxattr, llistxattr};
use rustix::io::{self, Errno};

use super::directory::Directory;

/// Reads attributes into blocks, with buffers of its own.
#[derive(Debug)]
pub(super) struct Xattrs {
    names: Vec<u8>,
    value: Vec<u8>,
    block: Vec<u8>,
}

impl Default for Xattrs {
    fn default() -> Self {
        Self { names: vec![0; LIMIT], value: vec![0; LIMIT], block: Vec::new() }
    }
}

impl Xattrs {
    /// The attributes of an open file; empty if there are none, or the file system has no such thing.
    pub(super) fn of_file(&mut self, file: &OwnedFd) -> io::Result<&[u8]> {
        let listed = flistxattr(file, &mut self.names[..]);
        self.collect(listed, |name, value| fgetxattr(file, name, value))
    }

    /// The attributes of something in a folder, not through a symbolic link, or of the folder itself (`.`).
    pub(super) fn of_child(&mut self, folder: &Directory, name: &[u8]) -> io::Result<&[u8]> {
        if name == b"." {
            return self.of_file(folder.descriptor());
        }
        let path = folder.path_of(name);
        let listed = llistxattr(path.as_slice(), &mut self.names[..]);
        self.collect(listed, |name, value| lgetxattr(path.as_slice(), name, value))
    }

    fn collect(
        &mut self,
        listed: io::Result<usize>,
        get: impl Fn(&[u8], &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<&[u8]> {
        self.block.clear();
        let length = match listed {
            Err(Errno::NOTSUP | Errno::NOSYS) => 0,
            listed => listed?,
        };
        let mut names: Vec<&[u8]> =
            self.names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        for name in names {
            let length = match get(name, &mut self.value) {
                // Removed since it was listed, or listed by a file system that does not give it.
                Err(Errno::NODATA | Errno::NOTSUP) => continue,
                length => length?,
            };
            append(&mut self.block, name, &self.value[..length])?;
            if self.block.len() > MAX_BLOCK {
                return Err(Errno::TOOBIG);
            }
        }
        Ok(&self.block)
    }
}

fn append(block: &mut Vec<u8>, name: &[u8], value: &[u8]) -> io::Result<()> {
    let name_length = u16::try_from(name.len()).map_err(|_| Errno::NAMETOOLONG)?;
    let value_length = u32::try_from(value.len()).map_err(|_| Errno::TOOBIG)?;
    block.extend_from_slice(&name_length.to_le_bytes());
    block.extend_from_slice(&value_length.to_le_bytes());
    block.extend_from_slice(name);
    block.extend_from_slice(value);
    Ok(())
}

/// The kernel's limit of a list of names and of a value.
const LIMIT: usize = 65_536;
/// A repository stores no longer block.
const MAX_BLOCK: usize = 1 << 20;
