//! Backups of which a service failed. They count for nothing, and yet may be all that there is of what they hold.

use std::collections::{BTreeSet, HashSet};

use backup_policy::Expiry;

use super::{ForgetDecision, ForgetGroup};
use crate::BackupId;

/// Keeps the newest of each group, unless a completed backup that stays and is not older has all services that it has.
pub(super) fn keep(groups: &mut [ForgetGroup]) {
    let only: HashSet<BackupId> = groups
        .iter()
        .filter_map(|group| newest(group))
        .filter(|failed| !groups.iter().any(|group| replaces(group, failed)))
        .map(|failed| failed.backup.id)
        .collect();
    let decisions = groups.iter_mut().flat_map(|group| &mut group.decisions);
    for decision in decisions.filter(|decision| only.contains(&decision.backup.id) && !decision.kept) {
        decision.kept = true;
        decision.explanation = ONLY.into();
        decision.expiry = Some(Expiry::Conditional);
    }
}

fn newest(group: &ForgetGroup) -> Option<&ForgetDecision> {
    let failed =
        |decision: &&ForgetDecision| decision.backup.lacks_failed_service() && !decision.backup.is_damaged();
    group.decisions.iter().rev().find(failed)
}

/// Whether a backup of a group does for another one, of whatever group of its environment.
fn replaces(group: &ForgetGroup, failed: &ForgetDecision) -> bool {
    let needed = services(failed);
    group.group.environment == failed.backup.environment
        && group.decisions.iter().any(|other| {
            other.kept
                && !other.backup.lacks_failed_service()
                && !other.backup.is_damaged()
                && other.backup.created_at >= failed.backup.created_at
                && services(other).is_superset(&needed)
        })
}

fn services(decision: &ForgetDecision) -> BTreeSet<&str> {
    decision.backup.services.iter().map(|service| service.name.as_str()).collect()
}

const ONLY: &str = "kept: a service failed in it, but no newer complete backup holds what it holds";
