//! Folders and what is in them, reached one segment at a time from an open folder, so that no link is followed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, linkat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::super::failure::from_io;
use crate::{Error, ErrorKind, Name};

/// What stands in the way of an operation.
#[derive(Debug)]
pub(super) enum Obstacle {
    Io(io::Error),
    /// A link or device where an object or folder should be.
    Foreign(String),
    /// An object where a folder should be.
    NoFolder(String),
    /// A folder where an object should be.
    Folder,
    NoDirectory(PathBuf),
    NotUtf8(PathBuf),
}

/// What there is under a name.
pub(super) enum Entry {
    File(Facts),
    Folder,
    Other,
}

/// What the file system knows of a file.
pub(super) struct Facts {
    pub(super) size: u64,
    pub(super) stamp: DateTime<Utc>,
    stat: Stat,
}

impl Facts {
    pub(super) fn new(stat: Stat) -> io::Result<Self> {
        let size = number(stat.st_size).ok_or_else(|| io::Error::other("the file has no valid size"))?;
        let stamp = number(stat.st_mtime)
            .zip(number(stat.st_mtime_nsec))
            .and_then(|(seconds, nanoseconds)| DateTime::from_timestamp(seconds, nanoseconds))
            .ok_or_else(|| io::Error::other("the file has no valid time of change"))?;
        Ok(Self { size, stamp, stat })
    }

    /// Whether `stat` is of the same file.
    pub(super) fn is_of(&self, stat: &Stat) -> bool {
        self.stat.st_dev == stat.st_dev && self.stat.st_ino == stat.st_ino
    }
}

/// Opens the directory itself, which may be a link.
pub(super) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, FOLDER, Mode::empty())?)
}

/// Opens the folder `segment` in `folder`; none if there is nothing or an object.
pub(super) fn open_folder(folder: impl AsFd, segment: &str) -> Result<Option<OwnedFd>, Obstacle> {
    match openat(&folder, segment, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
        Ok(opened) => Ok(Some(opened)),
        Err(Errno::NOENT) => Ok(None),
        Err(error @ (Errno::NOTDIR | Errno::LOOP)) => match look(&folder, segment)? {
            Some(Entry::Other) => Err(Obstacle::Foreign(segment.to_owned())),
            Some(Entry::File(_)) | None => Ok(None),
            Some(Entry::Folder) => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Opens the folder that an object is in; with the last segment of its name.
pub(super) fn open_parent<'n>(root: &Path, name: &'n Name) -> Result<Option<(OwnedFd, &'n str)>, Obstacle> {
    let (folders, last) = split(name);
    Ok(open_path(root, folders)?.map(|folder| (folder, last)))
}

/// Opens the folder `path`, segments below `root`; none if it does not exist.
pub(super) fn open_path(root: &Path, path: &str) -> Result<Option<OwnedFd>, Obstacle> {
    let mut folder = match open_root(root) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        match open_folder(&folder, segment)? {
            Some(next) => folder = next,
            None => return Ok(None),
        }
    }
    Ok(Some(folder))
}

/// The folder of a name, empty if it has none, and its last segment.
pub(super) fn split(name: &Name) -> (&str, &str) {
    name.as_str().rsplit_once('/').unwrap_or(("", name.as_str()))
}

/// What stands under `segment` in `folder`.
pub(super) fn look(folder: impl AsFd, segment: &str) -> Result<Option<Entry>, Obstacle> {
    match statat(folder, segment, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Entry::File(Facts::new(stat)?),
            FileType::Directory => Entry::Folder,
            _ => Entry::Other,
        })),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens a file of `folder`, to sync it.
pub(super) fn open_file(folder: impl AsFd, segment: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(folder, segment, flags, Mode::empty())?)
}

/// The entries of `folder` whose names are text, each with its type where the file system tells it.
pub(super) fn read(folder: impl AsFd) -> io::Result<Vec<(String, FileType)>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().to_str() {
            entries.push((name.to_owned(), entry.file_type()));
        }
    }
    Ok(entries)
}

/// Whether hard links cannot be made in `folder`, though files can. Asked only after a put failed.
pub(super) fn refuses_links(folder: impl AsFd) -> bool {
    // Both names are leftovers that the sweeper removes, should this process be killed here.
    let unique = std::process::id();
    let (from, to) = (format!("probe#{unique}"), format!("probe#{unique}0"));
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    if openat(&folder, from.as_str(), flags, Mode::RUSR | Mode::WUSR).is_err() {
        return false;
    }
    let linked = linkat(&folder, from.as_str(), &folder, to.as_str(), AtFlags::empty());
    let _ = unlinkat(&folder, to.as_str(), AtFlags::empty());
    let _ = unlinkat(&folder, from.as_str(), AtFlags::empty());
    matches!(linked, Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS))
}

impl Obstacle {
    pub(super) fn into_error(self, operation: &'static str, subject: &str) -> Error {
        let invalid = |reason: String| Error::new(ErrorKind::Invalid, operation, subject).because(reason);
        match self {
            Self::Io(error) => from_io(error, operation, subject),
            Self::Foreign(name) => invalid(format!(
                "`{name}` is a symbolic link or a device, which is never followed below the directory of a storage; \
                 remove it, or put the real file or folder in its place"
            )),
            Self::NoFolder(name) => invalid(format!(
                "`{name}` is an object or another kind of file, so it cannot be a folder too; use another name"
            )),
            Self::Folder => invalid("it is a folder of other objects; use another name".to_owned()),
            Self::NoDirectory(path) => invalid(format!("{} is not a directory; name one", path.display())),
            Self::NotUtf8(path) => {
                invalid(format!("the path {} is not valid UTF-8; use another directory", path.display()))
            }
        }
    }
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Obstacle {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The fields of `Stat` have other types on other platforms.
fn number<T, U: TryFrom<T>>(value: T) -> Option<U> {
    U::try_from(value).ok()
}
