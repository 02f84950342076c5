//! What is found in a target, looked at without following it.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Stat, makedev, readlinkat, statat};
use rustix::io::Errno;

use super::owner::Owner;
use crate::engine::{Entry, EntryKind, Metadata, Timestamp};

/// One existing name in a target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found(Stat);

/// Device and number of a file: the same for all its names.
pub(super) type Inode = (u64, u64);

impl Found {
    /// What a name stands for, if it exists.
    pub(super) fn at(folder: &OwnedFd, name: &[u8]) -> Result<Option<Self>, Errno> {
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Self(stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// What an open file is.
    pub(super) fn of(file: impl std::os::fd::AsFd) -> Result<Self, Errno> {
        rustix::fs::fstat(file).map(Self)
    }

    /// Its kind; `None` for what no backup has (a socket).
    pub(super) fn kind(&self) -> Option<EntryKind> {
        Some(match FileType::from_raw_mode(self.0.st_mode) {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Directory,
            FileType::Symlink => EntryKind::Symlink,
            FileType::Fifo => EntryKind::Fifo,
            FileType::CharacterDevice => EntryKind::CharacterDevice,
            FileType::BlockDevice => EntryKind::BlockDevice,
            _ => return None,
        })
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind() == Some(EntryKind::Directory)
    }

    pub(super) fn inode(&self) -> Inode {
        (self.0.st_dev, self.0.st_ino)
    }

    /// Whether other names of it exist, perhaps outside of the target.
    pub(super) fn has_other_names(&self) -> bool {
        !self.is_folder() && self.0.st_nlink > 1
    }

    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.0.st_size).unwrap_or(0)
    }

    pub(super) fn mode(&self) -> u32 {
        self.0.st_mode & 0o7777
    }

    pub(super) fn uid(&self) -> u32 {
        self.0.st_uid
    }

    pub(super) fn gid(&self) -> u32 {
        self.0.st_gid
    }

    pub(super) fn mtime(&self) -> Timestamp {
        Timestamp {
            seconds: self.0.st_mtime,
            nanoseconds: u32::try_from(self.0.st_mtime_nsec).unwrap_or(u32::MAX),
        }
    }

    /// Whether it is of the kind that an entry wants, with the same size, link target or device number.
    pub(super) fn is_same_thing(
        &self,
        folder: &OwnedFd,
        name: &[u8],
        entry: &Entry<'_>,
    ) -> Result<bool, Errno> {
        if self.kind() != Some(entry.metadata.kind) {
            return Ok(false);
        }
        Ok(match entry.metadata.kind {
            EntryKind::File => self.size() == entry.metadata.size,
            EntryKind::Directory | EntryKind::Fifo => true,
            EntryKind::Symlink => readlinkat(folder, name, Vec::new())?.as_bytes() == entry.target,
            EntryKind::CharacterDevice | EntryKind::BlockDevice => {
                self.0.st_rdev == device_number(&entry.metadata)
            }
        })
    }

    /// Whether mode, owner and time are as wanted, as far as this process can set them.
    pub(super) fn is_dressed_as(&self, wanted: &Metadata, owner: &Owner) -> bool {
        let (uid, gid) = owner.attainable(self.uid(), self.gid(), wanted);
        self.uid() == uid
            && self.gid() == gid
            && self.mtime() == wanted.mtime
            && (wanted.kind == EntryKind::Symlink || self.mode() == owner.mode_with(uid, gid, wanted))
    }
}

/// The number of a device node as the system wants it.
pub(super) fn device_number(metadata: &Metadata) -> u64 {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    makedev(half(metadata.special >> 32), half(metadata.special))
}

/// The names in a folder, sorted.
pub(super) fn names(folder: &OwnedFd) -> Result<Vec<Box<[u8]>>, Errno> {
    let mut names = Vec::new();
    for item in Dir::read_from(folder)? {
        let item = item?;
        let name = item.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(Box::from(name));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether nothing is in a folder.
pub(super) fn is_empty(folder: &OwnedFd) -> Result<bool, Errno> {
    for item in Dir::read_from(folder)? {
        if !matches!(item?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}
