//! What stays is looked at as it is stored: because of it, other backups go.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt as _, stream};

use super::{ForgetGroup, PARALLEL, RefusedEnvironment};
use crate::catalog::{Catalog, Entry, is_passing};
use crate::format::digest::summary;
use crate::note::Notes;
use crate::{BackupId, Error, Repository, Result};

/// The environments that would lose something, and of whose other backups one is not as the catalog shows it.
pub(super) async fn refused(
    repository: &Repository,
    groups: &[ForgetGroup],
    catalog: &Catalog,
) -> Result<Vec<RefusedEnvironment>> {
    let loses = |group: &&ForgetGroup| group.decisions.iter().any(|decision| !decision.kept);
    let losing: BTreeSet<&str> =
        groups.iter().filter(loses).map(|group| group.group.environment.as_str()).collect();
    let entries: HashMap<BackupId, &Entry> =
        catalog.entries.iter().map(|entry| (entry.name.id, entry)).collect();
    let mut refused = Vec::new();
    for environment in losing {
        let kept: Vec<&Entry> = groups
            .iter()
            .filter(|group| group.group.environment == environment)
            .flat_map(|group| &group.decisions)
            .filter(|decision| decision.kept && !decision.backup.is_damaged())
            .filter_map(|decision| entries.get(&decision.backup.id).copied())
            .collect();
        refused.extend(look(repository, environment, kept).await?);
    }
    Ok(refused)
}

/// Reads manifests and notes, and says which one is not as it was taken to be.
async fn look(
    repository: &Repository,
    environment: &str,
    kept: Vec<&Entry>,
) -> Result<Option<RefusedEnvironment>> {
    let refuse = |object: String, error: &Error| {
        let reason = error.chain();
        Ok(Some(RefusedEnvironment { environment: Some(environment.to_owned()), object, reason }))
    };
    let ids: HashSet<BackupId> = kept.iter().map(|entry| entry.name.id).collect();
    let notes = repository.notes_of(environment, &ids).await?;
    if let Some((name, error)) = notes.unreadable.first() {
        return refuse(name.to_name().to_string(), error);
    }
    let notes = &notes;
    // Owned: a future that borrows from an iterator's items could not be sent.
    let kept: Vec<Entry> = kept.into_iter().cloned().collect();
    let mut looks = stream::iter(kept)
        .map(|entry| async move { (expect_true(repository, &entry, notes).await, entry) })
        .buffered(PARALLEL);
    while let Some((look, entry)) = looks.next().await {
        match look {
            Ok(()) => {}
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => return refuse(entry.object.name.to_string(), &error),
        }
    }
    Ok(None)
}

/// Fails unless a manifest can be read, and it and the notes say what the catalog says. Notes that came since then do not matter.
async fn expect_true(repository: &Repository, entry: &Entry, notes: &Notes) -> Result<()> {
    let backup = repository.read_backup(entry.name, &entry.object).await?;
    let said = &notes.about(&entry.name).notes;
    if summary(backup.manifest.body) == summary((*entry.body).clone())
        && entry.notes.notes.iter().all(|note| said.contains(note))
    {
        return Ok(());
    }
    Err(Error::damaged(format!("a digest does not say of the backup {} what is stored", entry.name.id)))
}
