//! Deleting one backup: saying so. Its data goes when nothing needs it any more, with a prune.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;

use crate::catalog::{Entry, Listed, Scope};
use crate::format::names::ManifestName;
use crate::note::{BackupNotes, Notes, State, Statement};
use crate::problem::is_finding;
use crate::{BackupId, BackupInfo, Error, ErrorKind, Repository, Result};

/// A request to delete one backup: plan it, look at the plan, execute it; or just await it.
#[derive(Debug, Clone)]
#[must_use = "await it, or plan it first"]
pub struct DeleteRequest {
    repository: Repository,
    id: BackupId,
    reason: Option<String>,
    by: Option<String>,
}

/// What deleting a backup would do.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct DeletePlan {
    /// Its id.
    pub id: BackupId,
    /// What is known of it; `None` if its manifest is missing or cannot be read.
    pub backup: Option<BackupInfo>,
    /// What somebody should know before.
    pub warnings: Vec<String>,
    #[serde(skip)]
    request: DeleteRequest,
}

/// A backup to be deleted, as it is stored.
struct Doomed {
    name: ManifestName,
    entry: Option<Entry>,
    notes: Notes,
    warnings: Vec<String>,
}

impl Repository {
    /// Deletes one backup. From then on it is listed as deleted and cannot be restored; [`undelete`](Self::undelete) brings it back until a
    /// [`prune`](Self::prune) removes it, which is not before the grace period is over.
    ///
    /// ```
    /// # use backup_core::{BackupId, Repository, Result};
    /// # async fn example(repository: &Repository, id: BackupId) -> Result<()> {
    /// let plan = repository.delete(&id).by("alice").plan().await?;
    /// if plan.warnings.is_empty() {
    ///     plan.execute().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete(&self, id: &BackupId) -> DeleteRequest {
        DeleteRequest { repository: self.clone(), id: *id, reason: None, by: None }
    }
}

impl DeleteRequest {
    /// Why, for the record.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Who deletes it: a person's name, or that of a program.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.by = Some(who.into());
        self
    }

    /// Looks whether it can be deleted, and what somebody should know before.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no such backup; [`Invalid`](ErrorKind::Invalid) if it is held, in use, deleted
    /// already or was never confirmed; [`Damaged`](ErrorKind::Damaged) if a note about it cannot be read, since it may be held.
    pub async fn plan(self) -> Result<DeletePlan> {
        let doomed = self.look().await?;
        let now = self.repository.clock().now();
        let backup = doomed.entry.as_ref().map(|entry| entry.info(now));
        let mut warnings = doomed.warnings;
        if let Some(backup) = &backup {
            warnings.extend(self.warn_of_last(backup).await?);
        }
        Ok(DeletePlan { id: self.id, backup, warnings, request: self })
    }

    /// Looks once more, and says that it is deleted.
    async fn execute(self) -> Result<()> {
        let doomed = self.look().await?;
        let said = doomed.notes.about(&doomed.name);
        let statement = Statement::Deleted { reason: self.reason, unconfirmed: false };
        let by = self.by.as_deref();
        self.repository.put_note_after(&doomed.name, said, statement, by).await?;
        // Whoever held it at the same moment wins.
        let after = self.repository.notes_about(&doomed.name).await?;
        let said = after.about(&doomed.name);
        let Err(held) = expect_free(self.id, &said.state, self.repository.clock().now()) else {
            return Ok(());
        };
        match self.repository.take_back_deletion(&doomed.name, said, by).await {
            Ok(()) => Err(held),
            Err(unsaid) => Err(held
                .context(format!("that {} is not deleted could not be said: {}", self.id, unsaid.chain()))
                .with_remedy("undelete it: otherwise it goes when nothing keeps it any more")),
        }
    }

    /// Reads the manifest and all notes as they are stored, and refuses if it must stay.
    async fn look(&self) -> Result<Doomed> {
        let (repository, id) = (&self.repository, self.id);
        let now = repository.clock().now();
        let names = repository.manifest_names(None).await?;
        // A manifest that was lost can be deleted too: otherwise nobody could ever prune again.
        let lost = names.lost.iter().find(|name| name.id == id).copied();
        let listed = names.into_listed().find(|listed| listed.name.id == id);
        let (name, confirmed) = match (&listed, lost) {
            (Some(listed), _) => (listed.name, listed.confirmed),
            (None, Some(name)) => (name, true),
            (None, None) => return Err(repository.no_backup(id).await),
        };
        let notes = repository.notes_about(&name).await?;
        notes.expect_readable(id)?;
        let state = &notes.about(&name).state;
        if state.deletion.is_some() {
            return Err(Error::invalid(format!("the backup {id} was deleted already"))
                .with_remedy("prune to free what it takes, or undelete it"));
        }
        if !confirmed {
            return Err(Error::invalid(format!("the backup {id} was never confirmed"))
                .with_remedy("prune removes it by itself when the grace period is over"));
        }
        expect_free(id, state, now)?;
        let (entry, warnings) = match listed {
            None => (None, vec![format!("the manifest of the backup {id} is missing")]),
            Some(listed) => read(repository, listed, notes.about(&name)).await?,
        };
        Ok(Doomed { name, entry, notes, warnings })
    }

    /// A warning if nothing to restore the environment from would be left.
    async fn warn_of_last(&self, backup: &BackupInfo) -> Result<Option<String>> {
        let now = self.repository.clock().now();
        let catalog = self.repository.catalog(Some(&backup.environment), Scope::Confirmed).await?;
        let others = catalog.completed(now).filter(|entry| entry.name.id != backup.id);
        let is_last = backup.restorable && !others.map(|entry| entry.info(now)).any(|info| info.restorable);
        let text =
            || format!("it is the last backup from which \"{}\" can be restored whole", backup.environment);
        Ok(is_last.then(text))
    }
}

impl DeletePlan {
    /// Deletes the backup, after looking again whether it may.
    ///
    /// # Errors
    /// As [`DeleteRequest::plan`]: it may have been held since.
    pub async fn execute(self) -> Result<()> {
        self.request.execute().await
    }
}

impl IntoFuture for DeleteRequest {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.execute())
    }
}

impl Repository {
    /// Takes back a deletion that lost to a hold or a pin. Whoever deleted is told that the backup stays, so it must not go when those end.
    pub(crate) async fn take_back_deletion(
        &self,
        backup: &ManifestName,
        said: &BackupNotes,
        by: Option<&str>,
    ) -> Result<()> {
        match said.state.deletion {
            None => Ok(()),
            Some(_) => self.put_note_after(backup, said, Statement::Undeleted, by).await,
        }
    }

    /// The error of a backup of which there is nothing any more, which may once have been.
    pub(crate) async fn no_backup(&self, id: BackupId) -> Error {
        let notes = self.notes(None).await;
        let was_deleted = notes.is_ok_and(|notes| {
            notes.iter().any(|(name, said)| name.id == id && said.state.deletion.is_some())
        });
        if was_deleted {
            return Error::new(
                ErrorKind::NotFound,
                format!("the backup {id} was deleted, and its data was pruned"),
            )
            .with_remedy("choose another backup: this one cannot be brought back");
        }
        Error::new(ErrorKind::NotFound, format!("there is no backup {id}"))
    }
}

async fn read(
    repository: &Repository,
    listed: Listed,
    notes: &BackupNotes,
) -> Result<(Option<Entry>, Vec<String>)> {
    let Listed { name, object, confirmed } = listed;
    match repository.read_backup(name, &object).await {
        Ok(backup) => {
            let body = std::sync::Arc::new(backup.manifest.body);
            Ok((Some(Entry { name, object, confirmed, body, notes: notes.clone() }), Vec::new()))
        }
        Err(error) if is_finding(&error) => {
            Ok((None, vec![format!("its manifest cannot be read: {}", error.chain())]))
        }
        Err(error) => Err(error),
    }
}

/// Fails if a hold or a pin forbids the removal of a backup.
pub(crate) fn expect_free(id: BackupId, state: &State, now: chrono::DateTime<chrono::Utc>) -> Result<()> {
    let holds: Vec<_> = state.active_holds(now).map(|hold| format!("\"{}\"", hold.id)).collect();
    if let Some(first) = holds.first() {
        return Err(Error::invalid(format!("the backup {id} is held ({})", holds.join(", ")))
            .with_remedy(format!("release the hold {first} first")));
    }
    match state.pinned_until.filter(|_| state.is_pinned(now)) {
        None => Ok(()),
        Some(until) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("the backup {id} is in use until {}", until.to_rfc3339()),
        )
        .with_remedy("try again then")),
    }
}
