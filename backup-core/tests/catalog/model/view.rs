//! What is compared of a backup, as the repository tells it and as it must be.

use std::collections::{BTreeMap, BTreeSet};

use backup_core::{BackupId, BackupInfo, BackupStatus, Contents, Hold, Kind};
use chrono::{DateTime, TimeDelta, Utc};

use super::application::SERVICES;
use super::naive::Backup;
use super::operation::Filter;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    pub(super) created_at: DateTime<Utc>,
    pub(super) id: BackupId,
    pub(super) environment: String,
    pub(super) status: BackupStatus,
    finished_at: DateTime<Utc>,
    kinds: BTreeSet<Kind>,
    tags: BTreeSet<String>,
    comment: String,
    parent: Option<BackupId>,
    contents: Contents,
    pub(super) restorable: bool,
    services: BTreeSet<String>,
    /// What it does not hold, and whether that failed.
    left_out: BTreeMap<String, bool>,
    pub(super) logical_bytes: u64,
    holds: Vec<Hold>,
    pinned_until: Option<DateTime<Utc>>,
    pub(super) verified_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

impl View {
    pub(super) fn of(backup: &Backup, now: DateTime<Utc>) -> Self {
        let left_out = SERVICES.into_iter().filter(|name| !backup.services.contains_key(name));
        Self {
            created_at: backup.created_at,
            id: backup.id,
            environment: backup.environment.to_owned(),
            status: backup.status(now),
            finished_at: backup.finished_at,
            kinds: backup.kinds(),
            tags: backup.tags(),
            comment: backup.comment(),
            parent: backup.parent,
            contents: backup.contents(),
            restorable: backup.is_restorable(now),
            services: backup.services.keys().map(|name| (*name).to_owned()).collect(),
            left_out: left_out.map(|name| (name.to_owned(), backup.failed == Some(name))).collect(),
            logical_bytes: backup.logical_bytes(),
            holds: backup.holds(),
            pinned_until: backup.pinned_until(),
            verified_at: backup.verified_at(),
            deleted_at: backup.deletion().map(|said| said.at),
        }
    }

    pub(super) fn fits(&self, filter: &Filter, now: DateTime<Utc>) -> bool {
        let ago = |hours: u32| now - TimeDelta::hours(hours.into());
        let mut fits = match filter.statuses.as_slice() {
            [] => self.status == BackupStatus::Completed,
            statuses => statuses.contains(&self.status),
        };
        fits &= filter.environment.is_none_or(|name| self.environment == name);
        fits &= filter.service.is_none_or(|name| self.services.contains(name));
        fits &= filter.kind.as_ref().is_none_or(|kind| self.kinds.contains(kind));
        fits &= filter.tags.iter().all(|tag| self.tags.contains(*tag));
        fits &= filter.since.is_none_or(|hours| self.created_at >= ago(hours));
        fits &= filter.until.is_none_or(|hours| self.created_at < ago(hours));
        fits &= filter.contents.is_none_or(|contents| self.contents == contents);
        fits &= self.restorable || !filter.restorable;
        fits && filter.existing.as_ref().is_none_or(|names| !names.contains(&self.environment.as_str()))
    }
}

impl From<BackupInfo> for View {
    fn from(info: BackupInfo) -> Self {
        Self {
            created_at: info.created_at,
            id: info.id,
            environment: info.environment,
            status: info.status,
            finished_at: info.finished_at,
            kinds: info.kinds,
            tags: info.tags,
            comment: info.comment,
            parent: info.parent,
            contents: info.contents,
            restorable: info.restorable,
            services: info.services.into_iter().map(|service| service.name).collect(),
            left_out: info.left_out.into_iter().map(|left| (left.name, left.failure.is_some())).collect(),
            logical_bytes: info.logical_bytes,
            holds: info.holds,
            pinned_until: info.pinned_until,
            verified_at: info.verified.filter(|verified| verified.sound).map(|verified| verified.at),
            deleted_at: info.deleted_at,
        }
    }
}
