//! Checking what is said about backups, and the digests of the catalog.

use std::collections::HashSet;

use backup_storage::StorageExt as _;

use super::CheckReport;
use crate::catalog::ManifestNames;
use crate::engine::Context;
use crate::format::names;
use crate::note::Notes;
use crate::problem::{Problem, is_finding};
use crate::{Repository, Result};

/// Reads all notes.
pub(super) async fn read(repository: &Repository, report: &mut CheckReport) -> Result<Notes> {
    let notes = repository.notes(None).await?;
    for (name, error) in &notes.unreadable {
        report.problems.push(Problem::from_error(name.to_name().as_str(), error).of(name.id));
    }
    Ok(notes)
}

/// Backups that something is said about, that nobody deleted, and that are gone.
pub(super) fn check_subjects(manifests: &ManifestNames, notes: &Notes, report: &mut CheckReport) {
    let existing: HashSet<_> =
        manifests.confirmed.iter().chain(&manifests.unconfirmed).map(|(name, _)| *name).collect();
    let mut missing: Vec<_> = notes
        .iter()
        .filter(|(name, said)| said.state.deletion.is_none() && !existing.contains(*name))
        .map(|(name, _)| *name)
        .collect();
    // Reported already.
    missing.retain(|name| !manifests.lost.contains(name));
    missing.sort_unstable();
    for name in missing {
        let text = "is missing: there are notes about it, and none says that it was deleted";
        report.problems.push(Problem::new(name.to_name().as_str(), text).of(name.id));
    }
}

/// Reads all digests. Nothing is lost with one: it repeats what is said elsewhere.
pub(super) async fn check_digests(
    repository: &Repository,
    context: &Context,
    report: &mut CheckReport,
) -> Result<()> {
    for object in repository.storage().list_all(names::CATALOG).await? {
        context.check()?;
        let Some(hash) = names::parse_hashed(object.name.as_str(), names::CATALOG) else { continue };
        match repository.raw_digest(hash, &object).await {
            Ok(_) => {}
            // Removed by a prune since it was listed.
            Err(error) if error.kind() == crate::ErrorKind::NotFound => {}
            Err(error) if is_finding(&error) => {
                let text =
                    format!("{} (no backup is affected: it only repeats what others say)", error.chain());
                report.problems.push(Problem::new(object.name.as_str(), text));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
