//! What the operating system and `object_store` report, as errors of this crate.

use std::error::Error as StdError;
use std::io;

use rustix::io::Errno;

use crate::{Error, ErrorKind};

/// Turns an error of `object_store` into ours.
pub(super) fn from_store(error: object_store::Error, operation: &'static str, subject: &str) -> Error {
    use object_store::Error as Store;
    let kind = match &error {
        Store::NotFound { .. } => ErrorKind::NotFound,
        Store::AlreadyExists { .. } => ErrorKind::AlreadyExists,
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => ErrorKind::Permission,
        Store::NotSupported { .. } | Store::NotImplemented { .. } => ErrorKind::Unsupported,
        Store::InvalidPath { .. } => ErrorKind::Invalid,
        // The runtime shuts down.
        Store::JoinError { .. } => ErrorKind::Unavailable,
        other => io_cause(other).map_or(ErrorKind::Other, io_kind),
    };
    Error::new(kind, operation, subject).caused_by(error)
}

/// Turns an error of the operating system into ours.
pub(super) fn from_io(error: io::Error, operation: &'static str, subject: &str) -> Error {
    Error::new(io_kind(&error), operation, subject).caused_by(error)
}

/// The error of the operating system at the root of `error`, if there is one.
pub(super) fn io_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        link = error.source();
    }
    None
}

fn io_kind(error: &io::Error) -> ErrorKind {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) => ErrorKind::NotFound,
        Some(Errno::EXIST) => ErrorKind::AlreadyExists,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => ErrorKind::Permission,
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => ErrorKind::Full,
        Some(
            Errno::TIMEDOUT
            | Errno::STALE
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::MFILE
            | Errno::NFILE
            | Errno::NOMEM
            | Errno::AGAIN
            | Errno::BUSY,
        ) => ErrorKind::Unavailable,
        Some(Errno::OPNOTSUPP | Errno::NOSYS) => ErrorKind::Unsupported,
        Some(Errno::NOTDIR | Errno::ISDIR | Errno::LOOP | Errno::NAMETOOLONG) => ErrorKind::Invalid,
        _ => ErrorKind::Other,
    }
}
