//! Reading notes.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use backup_storage::{Object, StorageExt as _};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};

use super::Note;
use super::state::State;
use crate::catalog::{ENVIRONMENT, is_passing};
use crate::format::header::Kind;
use crate::format::names::{self, ManifestName, NoteName};
use crate::format::{limit, record};
use crate::index::run_blocking;
use crate::problem::cannot_read;
use crate::{BackupId, Error, Repository, Result};

/// A note that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredNote {
    pub(crate) name: NoteName,
    /// When it was put, by the storage's clock.
    pub(crate) stamp: DateTime<Utc>,
    pub(crate) note: Note,
}

/// All that is said about one backup.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct BackupNotes {
    /// In order: by number, then by the writers' clocks, then by hash.
    pub(crate) notes: Vec<StoredNote>,
    pub(crate) state: State,
}

/// All that is said about many backups.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    about: HashMap<ManifestName, BackupNotes>,
    /// Notes that are there and cannot be read, and why.
    pub(crate) unreadable: Vec<(NoteName, Error)>,
}

impl BackupNotes {
    /// Orders and folds notes about one backup.
    pub(crate) fn of(mut notes: Vec<StoredNote>) -> Self {
        notes.sort_by_key(|stored| (stored.note.number, stored.note.at_ms, stored.name.hash));
        let state = State::fold(&notes);
        Self { notes, state }
    }

    /// The number of the next note.
    pub(crate) fn next_number(&self) -> u64 {
        self.notes.last().map_or(1, |last| last.note.number.saturating_add(1))
    }
}

impl Notes {
    /// Sorts notes by what they are about.
    pub(crate) fn of(notes: Vec<StoredNote>, unreadable: Vec<(NoteName, Error)>) -> Self {
        let mut about: HashMap<ManifestName, Vec<StoredNote>> = HashMap::new();
        for stored in notes {
            about.entry(stored.about()).or_default().push(stored);
        }
        let about = about.into_iter().map(|(name, notes)| (name, BackupNotes::of(notes))).collect();
        Self { about, unreadable }
    }

    /// What is said about a backup; nothing if nobody said anything.
    pub(crate) fn about(&self, backup: &ManifestName) -> &BackupNotes {
        static NOTHING: LazyLock<BackupNotes> = LazyLock::new(BackupNotes::default);
        self.about.get(backup).unwrap_or(&NOTHING)
    }

    /// All manifests that something is said about; they need not exist any more.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ManifestName, &BackupNotes)> {
        self.about.iter()
    }

    /// The manifests of deleted backups; they need not exist any more.
    pub(crate) fn deleted(&self) -> impl Iterator<Item = &ManifestName> {
        self.about.iter().filter(|(_, said)| said.state.deletion.is_some()).map(|(name, _)| name)
    }

    /// Fails if there is a note about a backup that cannot be read: what it says may be that the backup must stay.
    pub(crate) fn expect_readable(&self, backup: BackupId) -> Result<()> {
        match self.unreadable.iter().find(|(name, _)| name.id == backup) {
            None => Ok(()),
            Some((name, error)) => Err(Error::new(
                error.kind(),
                format!(
                    "a note about the backup {backup} cannot be read, so it may be held: {}",
                    error.chain()
                ),
            )
            .with_remedy(format!("run a check; bring {} back from a copy", name.to_name()))),
        }
    }
}

impl StoredNote {
    /// The name of the manifest that it is about.
    pub(crate) fn about(&self) -> ManifestName {
        let NoteName { environment, id, .. } = self.name;
        ManifestName { environment, id, hash: self.note.manifest.0 }
    }
}

impl Repository {
    /// All notes of an environment, or of all of them, as they are stored: none is taken from a digest. What cannot be read is
    /// remembered; what could be read another time is an error.
    pub(crate) async fn notes(&self, environment: Option<&str>) -> Result<Notes> {
        self.read_notes(self.note_names(&self.notes_folder(environment)).await?).await
    }

    /// The folder of the notes of an environment, or of all of them.
    pub(crate) fn notes_folder(&self, environment: Option<&str>) -> String {
        match environment {
            None => names::NOTES.to_owned(),
            Some(name) => names::notes_folder(self.keys().opaque_name(ENVIRONMENT, name.as_bytes())),
        }
    }

    /// What is said about one backup, as it is stored.
    pub(crate) async fn notes_about(&self, backup: &ManifestName) -> Result<Notes> {
        let mut names = self.note_names(&names::notes_folder(backup.environment)).await?;
        names.retain(|(name, _)| name.id == backup.id);
        self.read_notes(names).await
    }

    /// What is said about some backups of an environment, as it is stored.
    pub(crate) async fn notes_of(&self, environment: &str, ids: &HashSet<BackupId>) -> Result<Notes> {
        let mut names = self.note_names(&self.notes_folder(Some(environment))).await?;
        names.retain(|(name, _)| ids.contains(&name.id));
        self.read_notes(names).await
    }

    /// The names of the notes in a folder.
    pub(crate) async fn note_names(&self, folder: &str) -> Result<Vec<(NoteName, Object)>> {
        let objects = self.storage().list_all(folder).await?;
        let named = |object: Object| NoteName::parse(object.name.as_str()).map(|name| (name, object));
        Ok(objects.into_iter().filter_map(named).collect())
    }

    async fn read_notes(&self, names: Vec<(NoteName, Object)>) -> Result<Notes> {
        let (notes, unreadable) = self.read_note_objects(names).await?;
        Ok(Notes::of(notes, unreadable))
    }

    /// Reads notes; those that cannot be read are returned with the reason.
    pub(crate) async fn read_note_objects(
        &self,
        names: Vec<(NoteName, Object)>,
    ) -> Result<(Vec<StoredNote>, Vec<(NoteName, Error)>)> {
        let (mut notes, mut unreadable) = (Vec::with_capacity(names.len()), Vec::new());
        let mut reads = stream::iter(names)
            .map(|(name, object)| async move { (name, self.read_note(name, &object).await) })
            .buffer_unordered(PARALLEL);
        while let Some((name, result)) = reads.next().await {
            match result {
                Ok(note) => notes.push(note),
                Err(error) if is_passing(&error) => return Err(error),
                // A note that was listed and is gone may have said anything too.
                Err(error) => unreadable.push((name, error)),
            }
        }
        Ok((notes, unreadable))
    }

    pub(crate) async fn read_note(&self, name: NoteName, object: &Object) -> Result<StoredNote> {
        let plain = self.read_note_bytes(name, object).await?;
        let note = Note::decode(&plain).map_err(|error| error.context(format!("read {}", object.name)))?;
        Ok(StoredNote { name, stamp: object.stamp, note })
    }

    /// The plaintext of a note.
    pub(crate) async fn read_note_bytes(&self, name: NoteName, object: &Object) -> Result<Vec<u8>> {
        names::expect_size(object, limit::NOTE)?;
        let bytes =
            self.storage().get(&object.name).await.map_err(|error| cannot_read(&object.name, error))?;
        let (keys, title) = (self.keys().clone(), object.name.clone());
        run_blocking(move || {
            names::expect_hash(title.as_str(), &name.hash, &bytes)?;
            record::open(&keys, Kind::Note, name.id.as_bytes(), &bytes, limit::NOTE)
                .map_err(|error| error.context(format!("read {title}")))
        })
        .await
    }
}

/// Notes read at once.
const PARALLEL: usize = 16;
