//! What a failed system call means for the backup.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use backup_core::engine::printable_path;
use backup_core::{Error, ErrorKind};
use rustix::io::Errno;

/// An error that concerns the whole backup rather than one path, if it is one.
pub(super) fn fatal(errno: Errno) -> Option<Error> {
    let (message, remedy) = match errno {
        Errno::MFILE | Errno::NFILE => (
            "no file can be opened: too many are open",
            "raise the limit of open files (ulimit -n), then run it again",
        ),
        Errno::NOMEM => ("no file can be opened: out of memory", "free memory, then run it again"),
        _ => return None,
    };
    Some(Error::new(ErrorKind::Unavailable, message).with_remedy(remedy).with_source(reason(errno)))
}

/// Whether the path does not exist (any more).
pub(super) fn is_gone(errno: Errno) -> bool {
    errno == Errno::NOENT
}

/// Whether a path opened as one kind of file turned out to be another.
pub(super) fn is_other_kind(errno: Errno) -> bool {
    matches!(errno, Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::ISDIR)
}

/// The system's words.
pub(super) fn reason(errno: Errno) -> std::io::Error {
    std::io::Error::from(errno)
}

/// Why the root of a tree cannot be backed up.
pub(super) fn root(path: &Path, errno: Errno) -> Error {
    if let Some(error) = fatal(errno) {
        return error;
    }
    let name = printable_path(path.as_os_str().as_bytes());
    match errno {
        Errno::NOENT => Error::new(ErrorKind::NotFound, format!("there is no folder {name}"))
            .with_remedy("create the folder, or name the one that holds the files"),
        Errno::NOTDIR => Error::new(ErrorKind::Invalid, format!("{name} is not a folder"))
            .with_remedy("name the folder that holds the files"),
        _ => Error::io(format!("cannot list the folder {name}"), reason(errno)),
    }
}
