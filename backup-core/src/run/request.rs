//! Listing runs.

use std::collections::BTreeSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use super::history::newest_stamp;
use super::{RunInfo, RunStatus};
use crate::format::names;
use crate::{Error, ErrorKind, Repository, Result, RunId};

/// A request for a list of runs; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct RunsRequest {
    repository: Repository,
    environment: Option<String>,
    statuses: BTreeSet<RunStatus>,
    limit: usize,
}

impl Repository {
    /// Lists runs, newest first: the last twenty unless said otherwise. Runs of which the newest status cannot be read are told to the
    /// observer as warnings and left out.
    ///
    /// A run is stale when it was not heard of for a day (by the newest stamp of the storage, or by the clock, whichever is later) or,
    /// seen from the host that it runs on, when its process exists no more.
    pub fn runs(&self) -> RunsRequest {
        RunsRequest { repository: self.clone(), environment: None, statuses: BTreeSet::new(), limit: 20 }
    }

    /// One run, as it is now.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is none, or it is so old that it was removed.
    pub async fn run(&self, id: RunId) -> Result<RunInfo> {
        let listed = self.listed_runs(Some(id)).await?;
        let now = newest_stamp(&listed).max(self.clock().now());
        let read = self.read_runs(listed, now).await?.pop();
        read.map_or_else(|| Err(no_run(id)), |(_, info)| info)
    }
}

impl RunsRequest {
    /// Only runs of one environment.
    pub fn of(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Only runs of this status. May be called several times, for several statuses.
    pub fn status(mut self, status: RunStatus) -> Self {
        self.statuses.insert(status);
        self
    }

    /// Only runs that are queued or under way.
    pub fn active(self) -> Self {
        self.status(RunStatus::Queued).status(RunStatus::Running)
    }

    /// At most so many; 20 by default.
    pub fn take(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    async fn read(self) -> Result<Vec<RunInfo>> {
        let listed = self.repository.listed_runs(None).await?;
        let now = newest_stamp(&listed).max(self.repository.clock().now());
        let mut found = Vec::new();
        let mut rest = listed;
        // No more than are missing are read at once, so without a filter each run that is read is listed.
        while found.len() < self.limit && !rest.is_empty() {
            let later = rest.split_off(rest.len().min(self.limit - found.len()));
            let next = std::mem::replace(&mut rest, later);
            for (id, read) in self.repository.read_runs(next, now).await? {
                match read {
                    Ok(info) if self.wants(&info) => found.push(info),
                    Ok(_) => {}
                    Err(error) => self.repository.tell_unreadable(id, &error),
                }
            }
        }
        Ok(found)
    }

    fn wants(&self, info: &RunInfo) -> bool {
        let of = self.environment.is_none() || self.environment == info.environment;
        of && (self.statuses.is_empty() || self.statuses.contains(&info.status))
    }
}

impl IntoFuture for RunsRequest {
    type Output = Result<Vec<RunInfo>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

pub(super) fn no_run(id: RunId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no run {id} ({})", names::run_folder(id)))
        .with_remedy("list the runs; old ones are removed after a time")
}
