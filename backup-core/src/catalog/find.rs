//! Finding one backup by what a person types.

use super::{BackupInfo, Catalog, Entry, Listed, Scope};
use crate::{BackupId, Error, ErrorKind, Repository, Result};

impl Repository {
    /// Finds a backup by a word, by its id, or by a piece of its id that no other backup has.
    ///
    /// | word | the newest completed backup |
    /// |---|---|
    /// | `latest` | of all |
    /// | `latest-restorable` | that can be restored whole |
    /// | `latest-verified` | that was read whole and found sound |
    ///
    /// By its id a backup is found whatever its [status](BackupInfo::status) is.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is none; [`Invalid`](ErrorKind::Invalid) if there are several, which are named;
    /// [`Damaged`](ErrorKind::Damaged) if what may be the newest one cannot be read.
    pub async fn find(&self, reference: &str) -> Result<BackupInfo> {
        self.find_of(None, reference).await
    }

    /// As [`find`](Self::find), among the backups of one environment.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub async fn find_in(&self, environment: &str, reference: &str) -> Result<BackupInfo> {
        self.find_of(Some(environment), reference).await
    }

    async fn find_of(&self, environment: Option<&str>, reference: &str) -> Result<BackupInfo> {
        let (which, fits): (&str, fn(&BackupInfo) -> bool) = match reference {
            "latest" => ("", |_| true),
            "latest-restorable" => (" that can be restored whole", |info| info.restorable),
            "latest-verified" => (" that was verified and found sound", BackupInfo::is_verified),
            _ => {
                let listed = self.manifest_names(environment).await?.by_piece(reference)?;
                return Ok(self.read_entry(listed).await?.info(self.clock().now()));
            }
        };
        let catalog = self.catalog(environment, Scope::Confirmed).await?;
        let newest = self.newest(&catalog, fits);
        if let Some(error) = may_be_newer(catalog, newest.as_ref()) {
            return Err(error);
        }
        newest.ok_or_else(|| {
            let of = environment.map_or_else(String::new, |name| format!(" of \"{name}\""));
            let remedy =
                if which.is_empty() { "make one first" } else { "list the backups and choose another one" };
            Error::new(ErrorKind::NotFound, format!("there is no backup{of}{which} in {}", self.location()))
                .with_remedy(remedy)
        })
    }

    fn newest(&self, catalog: &Catalog, fits: fn(&BackupInfo) -> bool) -> Option<BackupInfo> {
        let now = self.clock().now();
        catalog.completed(now).rev().map(|entry| entry.info(now)).find(fits)
    }

    /// Everything that is stored about one backup, whatever its status is: its manifest and its notes, none taken from a digest.
    /// Decisions that remove something go by this.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no such backup, any other if its manifest cannot be read. Notes that cannot be read are
    /// warnings: see [`Notes::expect_readable`](crate::note::Notes::expect_readable).
    pub(crate) async fn entry(&self, id: &BackupId) -> Result<Entry> {
        self.read_entry(self.manifest_names(None).await?.of_backup(id)?).await
    }

    /// As [`entry`](Self::entry), of a manifest that was listed.
    pub(crate) async fn read_entry(&self, listed: Listed) -> Result<Entry> {
        let Listed { name, object, confirmed } = listed;
        let backup = self.read_backup(name, &object).await?;
        let said = self.notes_about(&name).await?;
        self.warn_of_notes(&said);
        let notes = said.about(&name).clone();
        Ok(Entry { name, object, confirmed, body: std::sync::Arc::new(backup.manifest.body), notes })
    }
}

/// Nobody gets an older backup without being told that what may be the newest cannot be read.
fn may_be_newer(catalog: Catalog, newest: Option<&BackupInfo>) -> Option<Error> {
    let newest = newest.map(|info| info.created_at);
    let mut unreadable = catalog.unreadable.into_iter();
    let (object, error) =
        unreadable.find(|(object, _)| newest.is_none_or(|newest| newest <= object.stamp))?;
    let error = error.context(format!("{} may be the newest backup, and it cannot be read", object.name));
    Some(error.with_remedy("check the repository, or name an older backup by its id"))
}

/// The words of [`Repository::find`], as errors name them.
pub(super) const WORDS: &str = "\"latest\", \"latest-restorable\", \"latest-verified\"";
