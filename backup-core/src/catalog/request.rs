//! Listing backups.

use std::collections::BTreeSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use backup_policy::Kind;
use chrono::{DateTime, Utc};

use super::{BackupInfo, BackupStatus, Contents, Scope};
use crate::{Repository, Result};

/// A request for a list of backups; await it. Every filter narrows the list further.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct ListRequest {
    repository: Repository,
    environment: Option<String>,
    filter: Filter,
    newest_first: bool,
    limit: usize,
}

#[derive(Debug, Clone, Default)]
struct Filter {
    /// Completed ones if empty.
    statuses: BTreeSet<BackupStatus>,
    service: Option<String>,
    kind: Option<Kind>,
    tags: BTreeSet<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    contents: Option<Contents>,
    restorable: bool,
    existing: Option<BTreeSet<String>>,
}

impl Repository {
    /// Lists backups, oldest first unless said otherwise: completed ones unless other [statuses](ListRequest::status) are asked for.
    /// Backups and notes that cannot be read are told to the observer as warnings and left out.
    pub fn backups(&self) -> ListRequest {
        ListRequest {
            repository: self.clone(),
            environment: None,
            filter: Filter::default(),
            newest_first: false,
            limit: usize::MAX,
        }
    }
}

impl ListRequest {
    /// Only backups of one environment.
    pub fn of(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Only backups that hold this service.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.filter.service = Some(name.into());
        self
    }

    /// Only backups of this kind, among others that they may be of.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.filter.kind = Some(kind);
        self
    }

    /// Only backups with this tag. May be called several times: only backups with all of them.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.filter.tags.insert(tag.into());
        self
    }

    /// Only backups made at this time or later.
    pub fn since(mut self, time: DateTime<Utc>) -> Self {
        self.filter.since = Some(time);
        self
    }

    /// Only backups made before this time.
    pub fn until(mut self, time: DateTime<Utc>) -> Self {
        self.filter.until = Some(time);
        self
    }

    /// Only backups of this status instead of completed ones. May be called several times: backups of any of them.
    pub fn status(mut self, status: BackupStatus) -> Self {
        self.filter.statuses.insert(status);
        self
    }

    /// Backups of every status, the unconfirmed and the deleted too.
    pub fn any_status(mut self) -> Self {
        self.filter.statuses =
            [BackupStatus::Completed, BackupStatus::Unconfirmed, BackupStatus::Deleted].into();
        self
    }

    /// Only backups that hold this much of their environment.
    pub fn contents(mut self, contents: Contents) -> Self {
        self.filter.contents = Some(contents);
        self
    }

    /// Only backups that can be [restored whole](BackupInfo::restorable).
    pub fn restorable(mut self) -> Self {
        self.filter.restorable = true;
        self
    }

    /// Only backups of environments other than these: those that no longer exist, for a host that names all that do.
    pub fn orphans(mut self, existing: impl IntoIterator<Item: Into<String>>) -> Self {
        self.filter.existing = Some(existing.into_iter().map(Into::into).collect());
        self
    }

    /// Newest first; otherwise oldest first.
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// At most so many, after ordering.
    pub fn take(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    async fn run(self) -> Result<Vec<BackupInfo>> {
        let Self { repository, environment, filter, newest_first, limit } = self;
        let scope = match filter.statuses.contains(&BackupStatus::Unconfirmed)
            || filter.statuses.contains(&BackupStatus::Deleted)
        {
            true => Scope::All,
            false => Scope::Confirmed,
        };
        let catalog = repository.catalog(environment.as_deref(), scope).await?;
        let now = repository.clock().now();
        let infos = catalog.entries.iter().map(|entry| entry.info(now));
        let fitting = |info: &BackupInfo| filter.fits(info);
        Ok(match newest_first {
            true => infos.rev().filter(fitting).take(limit).collect(),
            false => infos.filter(fitting).take(limit).collect(),
        })
    }
}

impl Filter {
    fn fits(&self, info: &BackupInfo) -> bool {
        let status = match self.statuses.is_empty() {
            true => info.status == BackupStatus::Completed,
            false => self.statuses.contains(&info.status),
        };
        let holds = |name: &String| info.services.iter().any(|service| service.name == *name);
        status
            && self.service.as_ref().is_none_or(holds)
            && self.kind.as_ref().is_none_or(|kind| info.kinds.contains(kind))
            && self.tags.is_subset(&info.tags)
            && self.since.is_none_or(|since| info.created_at >= since)
            && self.until.is_none_or(|until| info.created_at < until)
            && self.contents.is_none_or(|contents| info.contents == contents)
            && (!self.restorable || info.restorable)
            && self.existing.as_ref().is_none_or(|existing| !existing.contains(&info.environment))
    }
}

impl IntoFuture for ListRequest {
    type Output = Result<Vec<BackupInfo>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
