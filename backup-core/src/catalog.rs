//! The catalog: all backups of a repository, with what was said about them later.

mod cache;
mod digest;
mod digests;
mod entry;
mod environments;
mod find;
mod info;
mod names;
mod request;
mod retention;
mod stored;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use backup_storage::{Name, Object};
use chrono::{DateTime, TimeZone as _, Utc};
use futures_util::{StreamExt as _, stream};

pub(crate) use self::cache::Cache;
use self::digests::{Digests, in_memory};
pub(crate) use self::entry::Entry;
pub use self::environments::EnvironmentInfo;
pub use self::info::{
    ArtifactSummary, BackupInfo, BackupStatus, Consistency, Contents, LeftOut, ServiceInfo, Verification,
};
pub(crate) use self::names::{Listed, ManifestNames};
pub use self::request::ListRequest;
pub use self::retention::RetentionGroup;
pub(crate) use self::stored::{StoredBackup, refuse};
use crate::format::digest::summary;
use crate::format::manifest::{Body, Bytes32};
use crate::format::names::NoteName;
use crate::note::{Notes, StoredNote};
use crate::observer::{Event, Notice, NoticeLevel};
use crate::{Error, ErrorKind, Repository, Result};

/// The backups of one environment or of all, with what was said about them.
///
/// It shows what exists: names are always listed, and only what names stand for may come from digests. Nothing is removed because of it
/// alone; see [`Repository::entry`].
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// Oldest first.
    pub(crate) entries: Vec<Entry>,
    /// Manifests that are there and cannot be read, and why.
    pub(crate) unreadable: Vec<(Object, Error)>,
    /// Notes about these backups that are there and cannot be read, and why.
    pub(crate) unreadable_notes: Vec<(NoteName, Error)>,
}

/// Which manifests are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those that are confirmed.
    Confirmed,
    /// Those of interrupted runs too.
    All,
}

impl Catalog {
    /// The completed backups, oldest first.
    pub(crate) fn completed(&self, now: DateTime<Utc>) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.status(now) == BackupStatus::Completed)
    }

    /// Hashes of the confirmed manifests that no other one names, ascending.
    pub(crate) fn heads(&self) -> Vec<Bytes32> {
        let confirmed = || self.entries.iter().filter(|entry| entry.confirmed);
        let named: HashSet<_> = confirmed().flat_map(|entry| &entry.body.heads).collect();
        let mut heads: Vec<_> = confirmed().map(|entry| Bytes32(entry.name.hash)).collect();
        heads.retain(|hash| !named.contains(hash));
        heads.sort_by_key(|hash| hash.0);
        heads
    }
}

impl Repository {
    /// Reads the catalog. What cannot be read is left out of the entries, and told to the observer; what could be read another time is an
    /// error.
    pub(crate) async fn catalog(&self, environment: Option<&str>, scope: Scope) -> Result<Catalog> {
        let names = self.manifest_names(environment).await?;
        let listed: Vec<Listed> =
            names.into_listed().filter(|listed| listed.confirmed || scope == Scope::All).collect();
        let ids: HashSet<_> = listed.iter().map(|listed| listed.name.id).collect();
        let mut note_names = self.note_names(&self.notes_folder(environment)).await?;
        note_names.retain(|(name, _)| ids.contains(&name.id));
        let unknown =
            listed.iter().filter(|listed| self.catalog_cache().body(&listed.name).is_none()).count()
                + note_names.iter().filter(|(name, _)| self.catalog_cache().note(name).is_none()).count();
        let digests = if unknown > DIRECT { self.digests().await? } else { Digests::default() };
        let notes = self.known_notes(note_names, &digests).await?;
        self.warn_of_notes(&notes);
        let mut catalog = Catalog::default();
        self.add_entries(listed, &notes, &digests, &mut catalog).await?;
        catalog.entries.sort_by_key(|entry| (entry.created_at(), entry.name.id));
        catalog.unreadable_notes = notes.unreadable;
        Ok(catalog)
    }

    async fn add_entries(
        &self,
        listed: Vec<Listed>,
        notes: &Notes,
        digests: &Digests,
        catalog: &mut Catalog,
    ) -> Result<()> {
        let mut reads = stream::iter(listed)
            .map(|listed| async move { (self.known_body(&listed, digests).await, listed) })
            .buffer_unordered(PARALLEL);
        while let Some((result, listed)) = reads.next().await {
            let Listed { name, object, confirmed } = listed;
            match result {
                Ok(body) => {
                    let notes = notes.about(&name).clone();
                    catalog.entries.push(Entry { name, object, confirmed, body, notes });
                }
                Err(error) if is_passing(&error) => return Err(error),
                // Removed since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    self.warn(&object.name, cannot_list(&error));
                    catalog.unreadable.push((object, error));
                }
            }
        }
        Ok(())
    }

    /// What a manifest says in short: by a digest, from memory, or by itself.
    async fn known_body(&self, listed: &Listed, digests: &Digests) -> Result<Arc<Body>> {
        let known = digests.body(&listed.name).cloned();
        if let Some(body) = known.or_else(|| self.catalog_cache().body(&listed.name)) {
            return Ok(body);
        }
        let backup = self.read_backup(listed.name, &listed.object).await?;
        let bytes = usize::try_from(listed.object.size).unwrap_or(usize::MAX);
        let body = Arc::new(summary(backup.manifest.body));
        self.catalog_cache().keep_body(listed.name, &body, in_memory(bytes));
        Ok(body)
    }

    /// Notes by digests, from memory, or by themselves.
    async fn known_notes(&self, names: Vec<(NoteName, Object)>, digests: &Digests) -> Result<Notes> {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for (name, object) in names {
            let note = digests.note(&name).cloned().or_else(|| self.catalog_cache().note(&name));
            match note {
                Some(note) => known.push(StoredNote { name, stamp: object.stamp, note: (*note).clone() }),
                None => unknown.push((name, object)),
            }
        }
        let (read, unreadable) = self.read_note_objects(unknown).await?;
        for stored in &read {
            self.catalog_cache().keep_note(stored.name, &Arc::new(stored.note.clone()), NOTE_IN_MEMORY);
        }
        known.extend(read);
        Ok(Notes::of(known, unreadable))
    }

    /// Tells the observer of notes that cannot be read.
    pub(crate) fn warn_of_notes(&self, notes: &Notes) {
        for (name, error) in &notes.unreadable {
            let text = format!("a note cannot be read and is passed over: {}", error.chain());
            self.warn(&name.to_name(), text);
        }
    }

    fn warn(&self, object: &Name, message: String) {
        self.observer().event(&Event::Notice(&Notice {
            level: NoticeLevel::Warning,
            service: String::new(),
            path: object.to_string(),
            message,
        }));
    }
}

fn cannot_list(error: &Error) -> String {
    format!("a backup cannot be read and is left out: {}", error.chain())
}

/// Whether an error may be gone another time, so that it says nothing about what is stored.
pub(crate) fn is_passing(error: &Error) -> bool {
    error.is_retryable() || error.kind() == ErrorKind::Permission
}

pub(crate) fn to_time(milliseconds: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(milliseconds).single().unwrap_or_default()
}

pub(crate) fn as_seconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// What names of environments are hashed for.
pub(crate) const ENVIRONMENT: &str = "environment";
/// Objects read at once.
const PARALLEL: usize = 16;
/// Manifests and notes that are read themselves rather than looked for in digests.
const DIRECT: usize = 8;
/// About what a note takes in memory.
const NOTE_IN_MEMORY: usize = 1024;

#[cfg(test)]
mod tests;
