//! Things made under a temporary name, so that a final name never stands for something unfinished.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::{Error, ErrorKind, Result};

/// Makes temporary names that nobody else uses.
#[derive(Debug)]
pub(super) struct TemporaryNames {
    prefix: String,
    made: u64,
}

/// Something that exists under a temporary name, and is removed when this is dropped before it is [put](Self::put).
#[derive(Debug)]
pub(super) struct Temporary {
    folder: Arc<OwnedFd>,
    name: String,
    is_put: bool,
}

impl TemporaryNames {
    pub(super) fn new() -> Result<Self> {
        let random = getrandom::u64().map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the system gives no random numbers").with_source(error)
        })?;
        Ok(Self { prefix: format!(".backup-restore-{random:016x}"), made: 0 })
    }

    /// Makes something in a folder under a new temporary name, by a call that fails if the name exists.
    pub(super) fn make<T>(
        &mut self,
        folder: &Arc<OwnedFd>,
        make: impl FnOnce(&OwnedFd, &str) -> Result<T, Errno>,
    ) -> Result<(Temporary, T), Errno> {
        self.made += 1;
        let name = format!("{}-{}", self.prefix, self.made);
        let made = make(folder, &name)?;
        Ok((Temporary { folder: Arc::clone(folder), name, is_put: false }, made))
    }

    /// Makes an empty file, open for writing.
    pub(super) fn file(&mut self, folder: &Arc<OwnedFd>) -> Result<(Temporary, OwnedFd), Errno> {
        self.make(folder, |folder, name| {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(folder, name, flags, Mode::RUSR | Mode::WUSR)
        })
    }
}

impl Temporary {
    pub(super) fn folder(&self) -> &Arc<OwnedFd> {
        &self.folder
    }

    pub(super) fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    /// Gives it its final name, in place of whatever but a folder has that name.
    pub(super) fn put(&mut self, name: &[u8]) -> Result<(), Errno> {
        renameat(&self.folder, self.name(), &self.folder, name)?;
        self.is_put = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_put {
            // There is nobody to tell; the name says what it is.
            let _ = unlinkat(&self.folder, self.name(), AtFlags::empty());
        }
    }
}
