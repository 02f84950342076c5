//! What is said about a backup after it was made.

mod notes;
mod state;

use std::collections::BTreeSet;

use backup_policy::{Hold, Kind};
use backup_storage::StorageExt as _;
use bytes::Bytes;
use chrono::{DateTime, Utc};

pub(crate) use self::notes::{BackupNotes, Notes, StoredNote};
pub(crate) use self::state::{Deletion, State};
use crate::catalog::refuse;
use crate::format::header::Kind as RecordKind;
use crate::format::manifest::Bytes32;
use crate::format::names::{self, ManifestName, NoteName};
pub(crate) use crate::format::note::{Note, Statement};
use crate::format::record;
use crate::{BackupId, BackupStatus, Error, Repository, Result};

/// Says something about a backup. Each method stores one note, which is kept with who said it and when, and never changed.
///
/// Notes need no lock: any number of people and programs may speak at the same time. Who speaks later wins, except that a hold always
/// wins over a release that did not know of it.
///
/// # Errors
/// All methods fail with [`NotFound`](crate::ErrorKind::NotFound) if there is no such backup, and with [`Invalid`](crate::ErrorKind::Invalid) if the
/// backup was deleted, or if what is said cannot be: names, tags and people have 1 to 200 bytes and no control characters, comments at
/// most 16 KiB.
#[derive(Debug, Clone)]
#[must_use = "say something"]
pub struct NoteRequest {
    repository: Repository,
    id: BackupId,
    by: Option<String>,
}

impl Repository {
    /// Says something about a backup: [`hold`](NoteRequest::hold) it, [`tag`](NoteRequest::tag) it, ...
    ///
    /// ```
    /// # use backup_core::{BackupId, Hold, Repository, Result};
    /// # async fn example(repository: &Repository, id: BackupId) -> Result<()> {
    /// repository.note(&id).by("alice").hold(Hold::open("case-17")).await?;
    /// repository.note(&id).by("alice").tag(["audited"], ["new"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn note(&self, id: &BackupId) -> NoteRequest {
        NoteRequest { repository: self.clone(), id: *id, by: None }
    }

    /// Puts a note about a backup. Looks only at what was said before, not at whether the backup exists.
    pub(crate) async fn put_note(
        &self,
        backup: &ManifestName,
        statement: Statement,
        by: Option<&str>,
    ) -> Result<()> {
        let said = self.notes_about(backup).await?;
        self.put_note_after(backup, said.about(backup), statement, by).await
    }

    /// Puts a note by somebody who knows what was said before.
    pub(crate) async fn put_note_after(
        &self,
        backup: &ManifestName,
        said: &BackupNotes,
        statement: Statement,
        by: Option<&str>,
    ) -> Result<()> {
        let note = Note {
            manifest: Bytes32(backup.hash),
            number: said.next_number(),
            at_ms: self.clock().now().timestamp_millis(),
            by: by.map(ToOwned::to_owned),
            program: crate::PROGRAM.into(),
            statement,
        };
        let plain = note.encode()?;
        let sealed =
            record::seal(self.keys(), &**self.random(), RecordKind::Note, backup.id.as_bytes(), plain)?;
        let name = NoteName { environment: backup.environment, id: backup.id, hash: names::hash(&sealed) };
        self.storage().create(&name.to_name(), Bytes::from(sealed)).await.map(drop).map_err(|error| {
            Error::from(error).context(format!("store a note about the backup {}", backup.id))
        })
    }
}

impl NoteRequest {
    /// Who says it: a person's name, or that of a program.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.by = Some(who.into());
        self
    }

    /// Forbids the removal of the backup, until somebody [releases](Self::release) the hold, or until it ends by itself. Under a name that
    /// there is already the longer one counts: release it first to shorten it.
    ///
    /// # Errors
    /// As [`NoteRequest`] says.
    pub async fn hold(self, hold: Hold) -> Result<()> {
        let until_ms = hold.until.map(|until| until.timestamp_millis());
        self.say(|_| Ok(Statement::Hold { id: hold.id, until_ms })).await
    }

    /// Ends the hold of this name. One that somebody else begins at the same moment stays.
    ///
    /// # Errors
    /// As [`NoteRequest`] says; [`Invalid`](crate::ErrorKind::Invalid) if there is no such hold, naming those there are.
    pub async fn release(self, name: &str) -> Result<()> {
        let id = self.id;
        self.say(|said| {
            if let Some(hold) = said.state.holds.iter().find(|hold| hold.id == name) {
                return Ok(Statement::Release {
                    id: hold.id.clone(),
                    ends: state::held_by(&said.notes, name),
                });
            }
            let names: Vec<_> = said.state.holds.iter().map(|hold| format!("\"{}\"", hold.id)).collect();
            let remedy = match names.as_slice() {
                [] => "it has none: there is nothing to release".to_owned(),
                names => format!("its holds are: {}", names.join(", ")),
            };
            Err(Error::invalid(format!("the backup {id} has no hold \"{name}\"")).with_remedy(remedy))
        })
        .await
    }

    /// Adds and removes tags. To add one that it has, or to remove one that it lacks, is no error.
    ///
    /// # Errors
    /// As [`NoteRequest`] says; [`Invalid`](crate::ErrorKind::Invalid) for one tag in both, or none at all.
    pub async fn tag<Add, Remove>(self, add: Add, remove: Remove) -> Result<()>
    where
        Add: IntoIterator<Item: Into<String>>,
        Remove: IntoIterator<Item: Into<String>>,
    {
        let add: BTreeSet<String> = add.into_iter().map(Into::into).collect();
        let remove: BTreeSet<String> = remove.into_iter().map(Into::into).collect();
        if let Some(tag) = add.intersection(&remove).next() {
            return Err(Error::invalid(format!("the tag \"{tag}\" is to be added and removed")));
        }
        if add.is_empty() && remove.is_empty() {
            return Err(
                Error::invalid("there is no tag to add or to remove").with_remedy("name at least one")
            );
        }
        self.say(|_| Ok(Statement::Tag { add, remove })).await
    }

    /// Replaces the comment; an empty one removes it.
    ///
    /// # Errors
    /// As [`NoteRequest`] says.
    pub async fn comment(self, text: impl Into<String>) -> Result<()> {
        let text = text.into();
        self.say(|_| Ok(Statement::Comment { text })).await
    }

    /// Replaces the kinds, and so the retention rules that cover it: an automatic backup that is to stay becomes a manual one.
    ///
    /// # Errors
    /// As [`NoteRequest`] says; [`Invalid`](crate::ErrorKind::Invalid) without any kind.
    pub async fn convert(self, kinds: impl IntoIterator<Item = Kind>) -> Result<()> {
        let kinds = kinds.into_iter().collect();
        self.say(|_| Ok(Statement::Kinds { kinds })).await
    }

    /// Keeps the backup from being removed while somebody uses it, until a time. A further one of the same name replaces it: a later time
    /// renews it, one that has passed ends it.
    ///
    /// # Errors
    /// As [`NoteRequest`] says.
    pub async fn pin(self, name: impl Into<String>, until: DateTime<Utc>) -> Result<()> {
        let (id, until_ms) = (name.into(), until.timestamp_millis());
        self.say(|_| Ok(Statement::Pinned { id, until_ms })).await
    }

    /// Puts what is made of all that was said before.
    async fn say(self, statement: impl FnOnce(&BackupNotes) -> Result<Statement>) -> Result<()> {
        let Self { repository, id, by } = self;
        let entry = repository.entry(&id).await?;
        let status = entry.status(repository.clock().now());
        if status != BackupStatus::Completed {
            return Err(refuse(&entry.name, status));
        }
        let statement = statement(&entry.notes)?;
        repository.put_note_after(&entry.name, &entry.notes, statement, by.as_deref()).await
    }
}
