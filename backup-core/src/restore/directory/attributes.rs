//! Owner, extended attributes, mode and time of what is restored.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, chmodat, chownat, fchmod, fchown,
    futimens, openat, utimensat,
};
use rustix::io::Errno;

use super::found::Found;
use super::place::Place;
use super::xattrs::{Bearer, decode};
use crate::engine::{EntryKind, Metadata, printable_path};
use crate::{Error, Result};

/// Gives restored things their attributes, and remembers what could not be given.
#[derive(Debug)]
pub(super) struct Attributes {
    place: Place,
    inherits: bool,
    unowned: Option<Refusal>,
    refused: BTreeMap<Vec<u8>, Refusal>,
}

/// What gets attributes, held so that no symbolic link is followed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    /// An open file or folder.
    Open(BorrowedFd<'a>),
    /// A link, pipe or device, which is not opened.
    Node(&'a OwnedFd, &'a [u8]),
}

#[derive(Debug)]
struct Refusal {
    count: u64,
    path: Vec<u8>,
    errno: Errno,
}

impl Attributes {
    /// For a place; new files in it may inherit attributes from their folder unless it is known that they do not.
    pub(super) fn new(place: &Place) -> Self {
        let mut byte = [0; 1];
        let plain = matches!(
            rustix::fs::fgetxattr(place.root(), "system.posix_acl_default", &mut byte[..]),
            Err(Errno::NODATA | Errno::NOTSUP)
        );
        Self {
            place: place.clone(),
            inherits: !(place.is_fresh() && plain),
            unowned: None,
            refused: BTreeMap::new(),
        }
    }

    /// Gives the wanted attributes; `xattrs` is the stored block, `None` leaves them as they are. Whether anything was different.
    ///
    /// The order matters: a change of owner clears the bits of the mode that run a file as its owner and its capabilities, and access lists change
    /// the mode.
    pub(super) fn give(
        &mut self,
        subject: Subject<'_>,
        path: &[u8],
        wanted: &Metadata,
        xattrs: Option<&[u8]>,
        new: bool,
    ) -> Result<bool> {
        let failed = |doing: &str, errno| Err(self.place.failed(doing, path, errno));
        let found = match subject.found() {
            Ok(found) => found,
            Err(errno) => return failed("look at", errno),
        };
        let mut changed = false;
        let (mut uid, mut gid) = (found.uid(), found.gid());
        let nearest = self.place.owner().attainable(uid, gid, wanted);
        if nearest != (uid, gid) {
            match subject.chown(nearest.0, nearest.1) {
                Ok(()) => ((uid, gid), changed) = (nearest, true),
                Err(Errno::PERM | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                Err(errno) => return failed("set the owner of", errno),
            }
        }
        if (uid, gid) != (wanted.uid, wanted.gid) {
            note(&mut self.unowned, path, Errno::PERM);
        }
        if let Some(block) = xattrs {
            changed |= self.give_xattrs(subject, path, block, !new || self.inherits)?;
        }
        let mode = self.place.owner().mode_with(uid, gid, wanted);
        if wanted.kind != EntryKind::Symlink && (changed || found.mode() != mode) {
            subject.chmod(mode).map_err(|errno| self.place.failed("set the mode of", path, errno))?;
            changed = true;
        }
        if found.mtime() != wanted.mtime {
            subject.touch(wanted).map_err(|errno| self.place.failed("set the time of", path, errno))?;
            changed = true;
        }
        Ok(changed)
    }

    /// Tells what could not be given, once per cause.
    pub(super) fn report(&self) {
        let context = self.place.context();
        if let Some(Refusal { count, path, .. }) = &self.unowned {
            let why = if self.place.owner().is_root() {
                "the system does not allow it"
            } else {
                "only root can; run the restore as root to keep owners"
            };
            let message =
                format!("the owner of {count} entries, this one first, could not be restored: {why}");
            context.warn(&self.place.path(path), message);
        }
        for (name, Refusal { count, path, errno }) in &self.refused {
            let name = printable_path(name);
            let why = std::io::Error::from(*errno);
            let message = format!(
                "the extended attribute {name} of {count} entries, this one first, could not be restored: {why}"
            );
            context.warn(&self.place.path(path), message);
        }
    }

    fn give_xattrs(
        &mut self,
        subject: Subject<'_>,
        path: &[u8],
        block: &[u8],
        exclusive: bool,
    ) -> Result<bool> {
        if block.is_empty() && !exclusive {
            return Ok(false);
        }
        let wanted = decode(block).map_err(|reason| {
            Error::damaged(format!("\"{}\" in the backup cannot be restored: {reason}", printable_path(path)))
        })?;
        let bearer = match subject {
            Subject::Open(file) => Bearer::Open(file),
            Subject::Node(folder, name) => Bearer::named(folder, name),
        };
        Ok(bearer.dress(&wanted, exclusive, |name, errno| {
            if let Some(known) = self.refused.get_mut(name) {
                known.count += 1;
            } else if self.refused.len() < MAX_REFUSED {
                self.refused.insert(name.to_vec(), Refusal { count: 1, path: path.to_vec(), errno });
            }
        }))
    }
}

impl Subject<'_> {
    fn found(self) -> Result<Found, Errno> {
        match self {
            Self::Open(file) => Found::of(file),
            Self::Node(folder, name) => Found::at(folder, name)?.ok_or(Errno::NOENT),
        }
    }

    fn chown(self, uid: u32, gid: u32) -> Result<(), Errno> {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        match self {
            Self::Open(file) => fchown(file, uid, gid),
            Self::Node(folder, name) => chownat(folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW),
        }
    }

    fn chmod(self, mode: u32) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(mode);
        match self {
            Self::Open(file) => fchmod(file, mode),
            Self::Node(folder, name) => {
                // There is no call that sets the mode of a name without following it; the handle is of the node itself.
                let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let node = openat(folder, name, flags, Mode::empty())?;
                let path = format!("/proc/self/fd/{}", node.as_fd().as_raw_fd());
                chmodat(CWD, path, mode, AtFlags::empty())
            }
        }
    }

    fn touch(self, wanted: &Metadata) -> Result<(), Errno> {
        let times = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec {
                tv_sec: wanted.mtime.seconds,
                tv_nsec: wanted.mtime.nanoseconds.into(),
            },
        };
        match self {
            Self::Open(file) => futimens(file, &times),
            Self::Node(folder, name) => utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW),
        }
    }
}

fn note(refusal: &mut Option<Refusal>, path: &[u8], errno: Errno) {
    refusal.get_or_insert_with(|| Refusal { count: 0, path: path.to_vec(), errno }).count += 1;
}

/// Names of attributes remembered.
const MAX_REFUSED: usize = 64;
