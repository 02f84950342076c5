//! A backup as retention sees it.

use std::collections::BTreeSet;

use backup_policy::{Backup, Hold, Status};
use serde::Serialize;

use super::{BackupInfo, Contents};

/// Backups that retention counts together: of one environment and with the same contents.
///
/// A backup that holds only the database never takes the place of a full one, nor the other way round: with "keep the last seven" and a
/// database backup every hour, all full backups would otherwise be gone after seven hours. Of partial ones only those with the same
/// services are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct RetentionGroup {
    /// The environment.
    pub environment: String,
    /// What of it they hold.
    pub contents: Contents,
    /// The services they hold, if that is [`Partial`](Contents::Partial); otherwise none.
    pub services: BTreeSet<String>,
}

impl BackupInfo {
    /// What retention has to know about it. A partial backup of which a service failed counts as failed, every other one as completed. A
    /// pin counts as a hold.
    ///
    /// A policy knows no damage: leave out a backup that was [found damaged](Self::is_damaged), and keep it. Otherwise it would take the
    /// place of one that can be restored.
    #[must_use]
    pub fn to_policy(&self) -> Backup {
        let mut backup = Backup::new(self.id.to_string(), self.created_at).with_kinds(self.kinds.clone());
        backup.completed_at = Some(self.finished_at.max(self.created_at));
        if self.lacks_failed_service() {
            backup.status = Status::Failed;
        }
        backup.verified = self.is_verified();
        backup.tags = self.tags.clone();
        backup.holds = self.holds.clone();
        backup.holds.extend(self.pinned_until.map(|until| Hold::until("in use", until)));
        backup.size = self.stored_bytes;
        backup
    }

    /// The backups that it competes with.
    #[must_use]
    pub fn retention_group(&self) -> RetentionGroup {
        let services = match self.contents {
            Contents::Partial => self.services.iter().map(|service| service.name.clone()).collect(),
            _ => BTreeSet::new(),
        };
        RetentionGroup { environment: self.environment.clone(), contents: self.contents, services }
    }

    /// Whether a service that it should hold failed.
    pub(crate) fn lacks_failed_service(&self) -> bool {
        self.left_out.iter().any(|service| service.failure.is_some())
    }

    /// Whether its last verification found damage.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.verified.is_some_and(|verified| !verified.sound)
    }

    /// Whether all its data was read and found sound.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified.is_some_and(|verified| verified.sound)
    }
}
