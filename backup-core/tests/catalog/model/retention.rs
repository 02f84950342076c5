//! What forgetting must decide, by the policy alone, over the model's own list.

use std::collections::{BTreeMap, BTreeSet};

use backup_core::policy::{self, Policy};
use backup_core::{BackupId, BackupStatus, Contents, ErrorKind, Hold};
use chrono::{DateTime, Utc};

use super::naive::{Backup, Refusal};

/// What becomes of each backup, in groups that are judged on their own.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) groups: Vec<Vec<Judged>>,
}

/// One backup as it was when it was judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) id: BackupId,
    pub(super) kept: bool,
    /// What the policy says; none if it stays although the policy does not keep it.
    pub(super) explanation: Option<String>,
    known: policy::Backup,
}

impl Plan {
    /// Judges the backups that are completed `today` as of `now`. They must be in order, oldest first.
    pub(super) fn of<'a>(
        backups: impl Iterator<Item = &'a Backup>,
        policy: &Policy,
        today: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut groups: BTreeMap<(&str, Contents, BTreeSet<&str>), Vec<&Backup>> = BTreeMap::new();
        for backup in backups.filter(|backup| backup.status(today) == BackupStatus::Completed) {
            let services = match backup.contents() {
                Contents::Partial => backup.services.keys().copied().collect(),
                _ => BTreeSet::new(),
            };
            groups.entry((backup.environment, backup.contents(), services)).or_default().push(backup);
        }
        let judged = groups.values().map(|group| judge(group, policy, now)).collect();
        let mut plan = Self { groups: judged };
        plan.keep_irreplaceable(&groups.into_values().collect::<Vec<_>>());
        plan
    }

    /// The newest of a group of which a service failed stays, unless a whole one that stays and is not older has what it has.
    fn keep_irreplaceable(&mut self, groups: &[Vec<&Backup>]) {
        let kept: BTreeSet<BackupId> =
            self.groups.iter().flatten().filter(|judged| judged.kept).map(|judged| judged.id).collect();
        for (group, judged) in groups.iter().zip(&mut self.groups) {
            let Some(last) = group.iter().rposition(|backup| backup.failed.is_some()) else { continue };
            let failed = group[last];
            let replaces = |other: &&&Backup| {
                kept.contains(&other.id)
                    && other.environment == failed.environment
                    && other.failed.is_none()
                    && other.created_at >= failed.created_at
                    && failed.services.keys().all(|service| other.services.contains_key(service))
            };
            if !judged[last].kept && !groups.iter().flatten().any(|other| replaces(&other)) {
                (judged[last].kept, judged[last].explanation) = (true, None);
            }
        }
    }

    pub(super) fn removed(&self) -> impl Iterator<Item = &Judged> {
        self.groups.iter().flatten().filter(|judged| !judged.kept)
    }

    pub(super) fn removed_ids(&self) -> BTreeSet<BackupId> {
        self.removed().map(|judged| judged.id).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// Whether the plan can be executed, if judging again as of the same time gives `again`.
    pub(super) fn expect_same(&self, again: &Self, backups: &[Backup], today: DateTime<Utc>) -> Refusal {
        if !self.removed_ids().is_subset(&again.removed_ids()) {
            return Err(ErrorKind::Invalid);
        }
        for judged in self.removed() {
            let backup = backups.iter().find(|backup| backup.id == judged.id).unwrap();
            backup.expect_free(today)?;
            if known(backup) != judged.known {
                return Err(ErrorKind::Invalid);
            }
        }
        Ok(())
    }
}

fn judge(group: &[&Backup], policy: &Policy, now: DateTime<Utc>) -> Vec<Judged> {
    let all: Vec<policy::Backup> = group.iter().map(|backup| known(backup)).collect();
    let decisions = policy.decide(&all, now).unwrap();
    let judged = |(backup, known): (&&Backup, &policy::Backup)| {
        let decision = decisions.get(&known.id).unwrap();
        Judged {
            id: backup.id,
            kept: decision.is_kept(),
            explanation: Some(decision.to_string()),
            known: known.clone(),
        }
    };
    group.iter().zip(&all).map(judged).collect()
}

/// A backup as retention must see it.
fn known(backup: &Backup) -> policy::Backup {
    let mut known = policy::Backup::new(backup.id.to_string(), backup.created_at).with_kinds(backup.kinds());
    known.completed_at = Some(backup.created_at.max(backup.finished_at));
    if backup.failed.is_some() {
        known.status = policy::Status::Failed;
    }
    known.verified = backup.verified_at().is_some();
    known.tags = backup.tags();
    known.holds = backup.holds();
    known.holds.extend(backup.pinned_until().map(|until| Hold::until("in use", until)));
    known
}
