//! A folder held by its descriptor: what is in it is reached by name, never by path.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use backup_core::Result;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, StatxFlags, openat, readlinkat, statx};
use rustix::io::{self, Errno};

use super::failure;
use super::listing::Listing;
use super::metadata::Observed;

/// An open folder.
#[derive(Debug)]
pub(super) struct Directory(OwnedFd);

/// The flags of everything that is opened: nothing waits, nothing is inherited.
const QUIET: OFlags = OFlags::CLOEXEC.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Directory {
    /// Opens the root of a tree, through symbolic links if it is given that way.
    pub(super) fn open_root(path: &Path) -> Result<Self> {
        let flags = QUIET | OFlags::DIRECTORY;
        rustix::fs::open(path.as_os_str().as_bytes(), flags, Mode::empty())
            .map(Self)
            .map_err(|errno| failure::root(path, errno))
    }

    /// Opens a folder in this one; fails with `LOOP` or `NOTDIR` if it is something else.
    pub(super) fn open_folder(&self, name: &[u8]) -> io::Result<Self> {
        self.open(name, OFlags::DIRECTORY).map(Self)
    }

    /// Opens a file in this folder for reading, without touching its access time where that is permitted.
    pub(super) fn open_file(&self, name: &[u8]) -> io::Result<OwnedFd> {
        match self.open(name, OFlags::NOATIME) {
            Err(Errno::PERM) => self.open(name, OFlags::empty()),
            result => result,
        }
    }

    fn open(&self, name: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        openat(&self.0, name, QUIET | OFlags::NOFOLLOW | flags, Mode::empty())
    }

    /// Looks at this folder; `None` never happens for a folder.
    pub(super) fn observe(&self) -> io::Result<Option<Observed>> {
        observe(&self.0)
    }

    /// Looks at something in this folder, not through a symbolic link; `None` for a socket.
    pub(super) fn observe_child(&self, name: &[u8]) -> io::Result<Option<Observed>> {
        let stat = statx(&self.0, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)?;
        Ok(Observed::new(&stat))
    }

    /// Where a symbolic link in this folder points.
    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        readlinkat(&self.0, name, Vec::new()).map(std::ffi::CString::into_bytes)
    }

    /// The names in this folder, sorted. To be called once: what was read before is not read again.
    pub(super) fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in Dir::new(rustix::io::fcntl_dupfd_cloexec(&self.0, 0)?)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let maybe_file = matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown);
                listing.push(name, maybe_file);
            }
        }
        listing.sort();
        Ok(listing)
    }

    pub(super) fn descriptor(&self) -> &OwnedFd {
        &self.0
    }

    /// A path by which system calls that take no descriptor reach something in this folder; valid while it
    /// is open.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut path = format!("/proc/self/fd/{}/", self.0.as_raw_fd()).into_bytes();
        path.extend_from_slice(name);
        path
    }
}

/// Looks at what is open.
pub(super) fn observe(file: &OwnedFd) -> io::Result<Option<Observed>> {
    let stat = statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Ok(Observed::new(&stat))
}
