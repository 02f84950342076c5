//! Which manifests are roots, and which are to be removed.

use std::collections::{BTreeMap, HashSet};

use backup_storage::Object;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};

use super::PruneSettings;
use super::live::Live;
use super::packs::{Packs, is_older};
use crate::catalog::ManifestNames;
use crate::engine::Context;
use crate::format::names::ManifestName;
use crate::note::{Notes, Statement};
use crate::problem::{Problem, is_finding};
use crate::{Error, ErrorKind, Repository, Result};

/// The manifests of a repository by what becomes of them. Made of two listings, manifests and then notes; what the manifests say may be
/// read later, since it never changes.
#[derive(Debug, Default)]
pub(super) struct Roots {
    /// Confirmed, and not deleted: all that they refer to must be there.
    pub(super) backups: Vec<(ManifestName, Object)>,
    /// Deleted or not confirmed, and all of it younger than the grace period, or with a problem: what is there of them stays.
    pub(super) recent: Vec<(ManifestName, Object)>,
    /// Deleted for longer than the grace period.
    pub(super) deleted: Vec<(ManifestName, Object)>,
    /// Not confirmed for longer than the grace period, and [given up](give_up).
    pub(super) unconfirmed: Vec<(ManifestName, Object)>,
    /// Confirmed after a prune gave them up: whoever confirmed them was told so or came first.
    pub(super) confirmed_late: Vec<ManifestName>,
    /// Deleted and removed, but for their confirmations.
    pub(super) leftover: Vec<ManifestName>,
    /// Deleted backups that stay, as nobody can tell whether they are to.
    pub(super) problems: Vec<Problem>,
    /// All manifests that exist, and all that do not and need not, because they were deleted.
    known: HashSet<[u8; 32]>,
}

impl Roots {
    /// Lists manifests and notes.
    ///
    /// # Errors
    /// When a manifest of which there is a confirmation is missing.
    pub(super) async fn list(
        repository: &Repository,
        now: DateTime<Utc>,
        settings: &PruneSettings,
    ) -> Result<Self> {
        let names = repository.manifest_names(None).await?;
        let notes = repository.notes(None).await?;
        let mut roots = Self::default();
        roots.known.extend(notes.deleted().map(|name| name.hash));
        let ManifestNames { confirmed, unconfirmed, lost, .. } = names;
        for (name, object) in confirmed {
            roots.confirmed(name, object, &notes, now, settings)?;
        }
        for (name, object) in unconfirmed {
            roots.known.insert(name.hash);
            // Whoever confirms it from now on finds the note. Without one, it may be confirmed at any moment.
            let given_up = notes.about(&name).state.deletion.is_some() || !settings.announced;
            let goes = given_up && is_older(object.stamp, now, settings.grace);
            let list = if goes { &mut roots.unconfirmed } else { &mut roots.recent };
            list.push((name, object));
        }
        for name in lost {
            roots.lost(repository, name, settings).await?;
        }
        Ok(roots)
    }

    fn confirmed(
        &mut self,
        name: ManifestName,
        object: Object,
        notes: &Notes,
        now: DateTime<Utc>,
        settings: &PruneSettings,
    ) -> Result<()> {
        self.known.insert(name.hash);
        let state = &notes.about(&name).state;
        let deletion = state.deletion.as_ref().zip(state.deleted_since());
        let Some((deletion, since)) = deletion.filter(|_| state.is_deleted(now)) else {
            self.backups.push((name, object));
            return Ok(());
        };
        if deletion.unconfirmed {
            self.confirmed_late.push(name);
            self.recent.push((name, object));
        } else if is_older(since, now, settings.grace) {
            match notes.expect_readable(name.id) {
                Ok(()) => self.deleted.push((name, object)),
                Err(error) => {
                    self.problems.push(Problem::from_error(name.to_name().as_str(), &error).of(name.id));
                    self.recent.push((name, object));
                }
            }
        } else {
            self.recent.push((name, object));
        }
        Ok(())
    }

    /// Of a manifest there is only the confirmation.
    async fn lost(
        &mut self,
        repository: &Repository,
        name: ManifestName,
        settings: &PruneSettings,
    ) -> Result<()> {
        if self.known.contains(&name.hash) {
            self.leftover.push(name);
            return Ok(());
        }
        // Looked up once more: a listing is not a moment, and the manifest is put before its confirmation.
        match repository.storage().head(&name.to_name()).await {
            Ok(object) => self.backups.push((name, object)),
            Err(error) if error.kind() == backup_storage::ErrorKind::NotFound => {
                expect_missing(settings, name.to_name().as_str(), &format!("delete the backup {}", name.id))?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Reads all roots and marks what they refer to.
    ///
    /// # Errors
    /// When anything of a backup is missing or cannot be read.
    pub(super) async fn mark(
        &self,
        repository: &Repository,
        live: &mut Live,
        packs: &Packs,
        settings: &PruneSettings,
        context: &Context,
    ) -> Result<()> {
        let mut heads = BTreeMap::new();
        context.expect((self.backups.len() + self.recent.len()) as u64, 0);
        // Backups first: what cannot be read is read for them.
        for (roots, must_be_whole) in [(&self.backups, true), (&self.recent, false)] {
            let mut reads = stream::iter(roots.clone())
                .map(|(name, object)| async move { (name, repository.read_backup(name, &object).await) })
                .buffered(PARALLEL);
            while let Some((name, read)) = reads.next().await {
                let lack = match read {
                    Ok(backup) => {
                        let manifest = backup.manifest;
                        let named = manifest.body.heads.iter().filter(|_| must_be_whole);
                        heads.extend(named.map(|head| (head.0, name.id)));
                        live.mark(&manifest.references, packs, context).await?
                    }
                    Err(error) if is_finding(&error) => Some(error),
                    Err(error) => return Err(error),
                };
                if let Some(error) = lack.filter(|_| must_be_whole) {
                    return Err(error
                        .context(format!("the backup {} is damaged, so nothing is pruned", name.id))
                        .with_remedy(format!(
                            "run a check and bring back what is missing, or delete the backup {}",
                            name.id
                        )));
                }
                context.advance(1, 0);
            }
        }
        for (hash, named_by) in heads.iter().filter(|(hash, _)| !self.known.contains(*hash)) {
            let what = format!(
                "the manifest with the hash {}, which the backup {named_by} names,",
                hex::encode(hash)
            );
            expect_missing(settings, &what, "accept that it is missing")?;
        }
        Ok(())
    }
}

/// Says of each manifest that was not confirmed within the grace period that it will never be. Its writer may yet wake up and confirm it: from
/// then on it finds the note and fails, and if it came first, the listing that follows shows its confirmation.
pub(super) async fn give_up(
    repository: &Repository,
    now: DateTime<Utc>,
    settings: &PruneSettings,
) -> Result<()> {
    let mut stale = repository.manifest_names(None).await?.unconfirmed;
    stale.retain(|(_, object)| is_older(object.stamp, now, settings.grace));
    for (name, _) in stale {
        let notes = repository.notes_about(&name).await?;
        let said = notes.about(&name);
        if said.state.deletion.is_none() {
            let reason = Some(NEVER_CONFIRMED.into());
            let statement = Statement::Deleted { reason, unconfirmed: true };
            repository.put_note_after(&name, said, statement, None).await?;
        }
    }
    Ok(())
}

/// Fails unless missing backups are accepted: a listing that hides manifests would make what they refer to look dead.
fn expect_missing(settings: &PruneSettings, what: &str, remedy: &str) -> Result<()> {
    if settings.accept_missing {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Damaged, format!("{what} is missing, so nothing is pruned"))
        .with_remedy(format!("bring it back from a copy; if it is lost for good, {remedy}")))
}

/// Why a prune deletes a backup that nobody asked it to delete.
const NEVER_CONFIRMED: &str = "its run ended before it was confirmed";
/// Manifests read at once.
const PARALLEL: usize = 8;
