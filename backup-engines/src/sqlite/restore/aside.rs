//! What belongs to an old database, under names that SQLite does not look for.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use backup_core::{Error, Result};
use tempfile::TempPath;

use super::super::database::{companions, found, label};
use super::draft::folder;

/// Log, index and journal of an old database, until the new one is in its place. Dropping it removes them.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// The own name of each, and the one that it has now.
    files: Vec<(PathBuf, TempPath)>,
}

impl Aside {
    /// Sets aside what lies beside a database.
    pub(super) fn take(place: &Path) -> Result<Self> {
        let mut aside = Self::default();
        for companion in companions(place) {
            if let Err(error) = aside.add(&companion) {
                let text = format!("cannot set \"{}\" of the old database aside", label(&companion));
                return Err(aside.put_back(Error::io(text, error)));
            }
        }
        Ok(aside)
    }

    fn add(&mut self, companion: &Path) -> io::Result<()> {
        if found(companion)?.is_none() {
            return Ok(());
        }
        let mut ending = OsString::from("-");
        ending.push(companion.file_name().unwrap_or_default());
        // A file holds the name until it is replaced.
        let name = tempfile::Builder::new()
            .prefix(".backup-restore-")
            .suffix(&ending)
            .tempfile_in(folder(companion))?;
        let name = name.into_temp_path();
        std::fs::rename(companion, &name)?;
        self.files.push((companion.to_owned(), name));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Gives the files their names back, after an error, which is returned with what went wrong now.
    pub(super) fn put_back(self, mut cause: Error) -> Error {
        for (own, name) in self.files {
            if std::fs::rename(&name, &own).is_ok() {
                continue;
            }
            let kept = label(&name);
            // It stays where it is.
            let _ = name.keep();
            cause = cause.context(format!(
                "\"{}\" of the old database is now \"{kept}\": give it its name back before the database is used",
                label(&own)
            ));
        }
        cause
    }

    /// Removes the files.
    pub(super) fn remove(self) -> Result<()> {
        for (own, name) in self.files {
            let named = label(&name);
            name.close().map_err(|error| {
                let text = format!(
                    "the new database is in place, but \"{named}\", the old \"{}\", cannot be removed",
                    label(&own)
                );
                Error::io(text, error).with_remedy("remove it")
            })?;
        }
        Ok(())
    }
}
