//! The new file of a database, under a temporary name beside its place.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use backup_core::{CancellationToken, Error, ErrorKind, Result};
use tempfile::NamedTempFile;

use super::super::check::{Checked, quick_check};
use super::super::database::label;
use super::super::failure;
use super::super::session::{Access, open};

/// A new file that is written. Deleted when dropped before it is put in its place.
#[derive(Debug)]
pub(super) struct Draft {
    file: NamedTempFile,
    /// What it is going to be, for messages.
    place: String,
    bytes: u64,
}

impl Draft {
    /// Makes it in the folder of its place, which is made if it is missing. Only this user may read it.
    pub(super) fn begin(place: &Path) -> Result<Self> {
        let folder = folder(place);
        let named = label(&folder);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Error::io(format!("cannot make the folder \"{named}\""), error))?;
        let file = tempfile::Builder::new()
            .prefix(".backup-restore-")
            .tempfile_in(&folder)
            .map_err(|error| Error::io(format!("cannot make a file in \"{named}\""), error))?;
        Ok(Self { file, place: label(place), bytes: 0 })
    }

    /// Adds bytes.
    pub(super) fn write(mut self, bytes: &[u8]) -> Result<Self> {
        let written = self.file.as_file_mut().write_all(bytes);
        written.map_err(|error| self.failed("write", error))?;
        self.bytes += bytes.len() as u64;
        Ok(self)
    }

    /// Brings it to the disk and checks it.
    pub(super) fn finish(self, expected: u64, stop: CancellationToken) -> Result<(Self, Checked)> {
        if self.bytes != expected {
            let text =
                format!("the backup of \"{}\" has {} bytes instead of {expected}", self.place, self.bytes);
            return Err(Error::new(ErrorKind::Damaged, text));
        }
        self.file.as_file().sync_all().map_err(|error| self.failed("bring to the disk", error))?;
        let opened = open(self.file.path(), Access::Unshared, stop);
        let connection = opened.map_err(|error| failure::of(&self.place, error))?;
        let checked = quick_check(&connection, &self.place);
        let checked = checked.map_err(|error| {
            error.context(format!(
                "the database restored to \"{}\" is not sound; nothing was replaced",
                self.place
            ))
        })?;
        Ok((self, checked))
    }

    pub(super) fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives it the name of its place. Fails if that exists, unless it may be replaced.
    pub(super) fn put(self, place: &Path, replace: bool) -> Result<()> {
        let Self { file, place: named, .. } = self;
        let put = if replace { file.persist(place) } else { file.persist_noclobber(place) };
        put.map(drop)
            .map_err(|error| Error::io(format!("cannot put the new database at \"{named}\""), error.error))
    }

    fn failed(&self, doing: &str, error: std::io::Error) -> Error {
        Error::io(format!("cannot {doing} the new file for \"{}\"", self.place), error)
    }
}

/// The folder that a file lies in.
pub(super) fn folder(place: &Path) -> PathBuf {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}
