//! Putting together what the walk finds.

use std::collections::HashMap;

use backup_storage::Object;

use super::owner::Owner;
use super::report::{BackupStats, EnvironmentStats, Stats, Totals};
use super::size::Size;
use super::walk::Walk;
use crate::Result;
use crate::catalog::StoredBackup;
use crate::engine::Context;
use crate::format::names;
use crate::problem::Problem;

/// The statistics while they are collected.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    walk: Walk<'a>,
    /// By the numbers of the backups.
    backups: Vec<BackupStats>,
    /// What the backups of each environment refer to together.
    environments: Vec<(String, Size)>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(walk: Walk<'a>) -> Self {
        Self { walk, backups: Vec::new(), environments: Vec::new() }
    }

    /// Adds a backup. All backups of an environment come one after the other.
    pub(super) async fn backup(
        &mut self,
        backup: &StoredBackup,
        is_deleted: bool,
        context: &Context,
    ) -> Result<()> {
        let info = backup.info();
        if self.backups.last().is_some_and(|last| last.environment != info.environment) {
            self.leave_environment();
        }
        let size = self.walk.enter(info.id, is_deleted, &backup.manifest.references, context).await?;
        self.backups.push(BackupStats {
            id: info.id,
            environment: info.environment,
            created_at: info.created_at,
            deleted: is_deleted,
            logical_bytes: info.logical_bytes,
            unique_bytes: size.unique,
            stored_bytes: size.stored,
            freed_bytes: 0,
            added_bytes: info.stored_bytes,
        });
        Ok(())
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.walk.keep(problem);
    }

    fn leave_environment(&mut self) {
        let size = self.walk.leave_environment();
        if let Some(last) = self.backups.last() {
            self.environments.push((last.environment.clone(), size));
        }
    }

    /// The statistics of a repository that has these objects.
    pub(super) fn finish(mut self, objects: &[Object]) -> Stats {
        self.leave_environment();
        let mut total = Totals {
            unique_bytes: self.walk.total.unique,
            stored_bytes: self.walk.total.stored,
            unused_bytes: self.walk.ledger.spare_bytes,
            ..Totals::default()
        };
        self.settle(&mut total);
        for backup in &self.backups {
            total.add_backup(backup);
        }
        for object in objects {
            total.add_object(object);
        }
        total.ratio = ratio(total.logical_bytes, total.stored_bytes);
        self.backups.sort_by_key(|backup| (backup.created_at, backup.id));
        let environments = self.environments();
        Stats { total, environments, backups: self.backups, problems: self.walk.problems }
    }

    /// Gives each chunk to whom it belongs.
    fn settle(&mut self, total: &mut Totals) {
        for chunk in self.walk.ledger.iter() {
            let stored = u64::from(chunk.stored);
            match chunk.owner {
                Owner::Nobody => total.unused_bytes = total.unused_bytes.saturating_add(stored),
                Owner::Deleted(_) | Owner::SeveralDeleted => {
                    total.deleted_bytes = total.deleted_bytes.saturating_add(stored);
                }
                Owner::One(_) | Owner::Several => {}
            }
            if let Owner::One(number) | Owner::Deleted(number) = chunk.owner
                && let Some(backup) = self.backups.get_mut(number as usize)
            {
                backup.freed_bytes = backup.freed_bytes.saturating_add(stored);
            }
        }
    }

    fn environments(&mut self) -> Vec<EnvironmentStats> {
        let mut backups: HashMap<&str, Vec<&BackupStats>> = HashMap::new();
        for backup in &self.backups {
            backups.entry(&backup.environment).or_default().push(backup);
        }
        self.environments.sort_by(|(left, _), (right, _)| left.cmp(right));
        let stats = |(name, size): &(String, Size)| {
            let of_it = backups.get(name.as_str()).into_iter().flatten().copied();
            EnvironmentStats::new(name, *size, of_it)
        };
        self.environments.iter().map(stats).collect()
    }
}

impl Totals {
    fn add_backup(&mut self, backup: &BackupStats) {
        if backup.deleted {
            self.deleted_backups += 1;
        } else {
            self.backups += 1;
            self.logical_bytes = self.logical_bytes.saturating_add(backup.logical_bytes);
        }
    }

    fn add_object(&mut self, object: &Object) {
        let bytes = match object.name.as_str().split('/').next() {
            Some(names::PACKS) => &mut self.packs_bytes,
            Some(names::INDEX) => &mut self.index_bytes,
            _ => &mut self.other_bytes,
        };
        *bytes = bytes.saturating_add(object.size);
    }
}

#[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(logical: u64, stored: u64) -> Option<f64> {
    (stored > 0).then(|| logical as f64 / stored as f64)
}
