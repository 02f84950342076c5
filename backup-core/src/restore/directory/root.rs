//! The directory that is restored to.

use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open, statvfs, syncfs};

use super::found::is_empty;
use crate::engine::{Existing, Verdict, VerdictLevel, printable_path};
use crate::{Error, ErrorKind, Result};

/// What is at the directory.
#[derive(Debug)]
pub(super) enum Root {
    /// Nothing, or an empty directory.
    New,
    /// A directory with something in it that may be changed.
    Filled(OwnedFd),
    /// Something that nothing may be restored to.
    Unusable(Verdict),
}

/// Looks at a directory; a symbolic link to one is followed.
pub(super) fn look(directory: &Path, existing: Existing) -> Result<Root> {
    let unusable = |reason, remedy| {
        Ok(Root::Unusable(Verdict::new(VerdictLevel::Deny, label(directory), reason, remedy)))
    };
    match std::fs::metadata(directory) {
        Ok(found) if !found.is_dir() => unusable("it is not a directory", "choose another directory"),
        Ok(_) => {
            let root = open_existing(directory)?;
            match (is_empty(&root).map_err(|errno| failed("list", directory, errno.into()))?, existing) {
                (true, _) => Ok(Root::New),
                (false, Existing::Refuse) => unusable(NOT_EMPTY, NOT_EMPTY_REMEDY),
                (false, _) => Ok(Root::Filled(root)),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if directory.as_os_str().is_empty() {
                return unusable("no directory is named", "name a directory");
            }
            if directory.symlink_metadata().is_ok() {
                return unusable(
                    "it is a symbolic link to something that does not exist",
                    "choose another directory",
                );
            }
            Ok(Root::New)
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            unusable("something on the way to it is not a directory", "choose another directory")
        }
        Err(error) => Err(failed("look at", directory, error)),
    }
}

/// A directory that was opened to restore to.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) root: OwnedFd,
    /// Whether nothing is in it.
    pub(super) empty: bool,
    /// Whether it was made.
    pub(super) made: bool,
}

/// Opens a directory to restore to, and makes it first if it is missing.
pub(super) fn open_root(directory: &Path, existing: Existing) -> Result<Opened> {
    if directory.as_os_str().is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "no directory is named").with_remedy("name a directory"));
    }
    let made = std::fs::metadata(directory).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if made {
        make(directory).map_err(|error| failed("make", directory, error))?;
    }
    let root = open_existing(directory)?;
    let empty = is_empty(&root).map_err(|errno| failed("list", directory, errno.into()))?;
    if !empty && existing == Existing::Refuse {
        let message = format!("cannot restore to \"{}\": {NOT_EMPTY}", label(directory));
        return Err(Error::new(ErrorKind::Exists, message).with_remedy(NOT_EMPTY_REMEDY));
    }
    Ok(Opened { root, empty, made })
}

/// Brings all that was restored to the disk; with the name of the directory, if it was made.
pub(super) fn sync(directory: &Path, root: &OwnedFd, made: bool) -> Result<()> {
    syncfs(root).map_err(|errno| failed("bring to disk", directory, errno.into()))?;
    if made {
        let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        let synced = File::open(above).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed("bring to disk", above, error))?;
    }
    Ok(())
}

/// A warning when less space is free than will be written, as far as that is known.
pub(super) fn space_verdict(directory: &Path, write_bytes: u64) -> Option<Verdict> {
    let there =
        directory.ancestors().find(|path| path.metadata().is_ok_and(|found: Metadata| found.is_dir()))?;
    let space = statvfs(there).ok()?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    (free < write_bytes).then(|| {
        let reason = format!("{write_bytes} bytes will be written, and {free} bytes are free");
        Verdict::new(VerdictLevel::Warn, label(directory), reason, "make room, or choose another directory")
    })
}

/// The directory as text for people.
pub(super) fn label(directory: &Path) -> String {
    let text = printable_path(directory.as_os_str().as_bytes());
    if text.len() > 1 { text.trim_end_matches('/').to_owned() } else { text }
}

/// Makes a directory that only its owner may enter; those above it as usual.
fn make(directory: &Path) -> io::Result<()> {
    if let Some(above) = directory.parent().filter(|above| !above.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).create(above)?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn open_existing(directory: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(directory, flags, Mode::empty()).map_err(|errno| failed("open", directory, errno.into()))
}

fn failed(doing: &str, directory: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot {doing} \"{}\"", label(directory)), error)
}

const NOT_EMPTY: &str = "it is not empty";
const NOT_EMPTY_REMEDY: &str = "choose an empty directory, or allow the restore to change what is there";
