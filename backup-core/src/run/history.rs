//! The runs that a repository remembers, read back and judged.

use std::collections::HashMap;
use std::time::Duration;

use backup_storage::{Object, StorageExt as _};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};

use super::{Operation, RunInfo, RunStatus, SILENCE};
use crate::catalog::to_time;
use crate::format::header::Kind;
use crate::format::names::{self, RunName};
use crate::format::run::{RecordedStatus, RunRecord};
use crate::format::{limit, record};
use crate::observer::{Event, Notice, NoticeLevel};
use crate::problem::cannot_read;
use crate::{BackupId, Error, ErrorKind, Repository, Result, RunId};

/// What a listing shows of one run.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) id: RunId,
    /// Its statuses but the newest, oldest first.
    superseded: Vec<Object>,
    newest: (RunName, Object),
}

impl Listed {
    /// When the run was last heard of.
    pub(super) fn heard_at(&self) -> DateTime<Utc> {
        self.newest.1.stamp
    }

    pub(super) fn number(&self) -> u32 {
        self.newest.0.number
    }
}

impl Repository {
    /// Runs that are under way, for those who must not disturb them: neither ended, nor silent for a day, nor of a process that
    /// exists no more. A day ends with the newest stamp below `runs/`, so no clock but the storage's decides; who asks puts a
    /// status of its own first.
    ///
    /// # Errors
    /// When the newest status of a run that was heard of within that day cannot be read.
    pub(crate) async fn alive_runs(&self) -> Result<Vec<RunInfo>> {
        let listed = self.listed_runs(None).await?;
        let now = newest_stamp(&listed);
        let recent: Vec<_> = listed.into_iter().filter(|run| !is_silent(run.heard_at(), now)).collect();
        let mut alive = Vec::new();
        for (_, read) in self.read_runs(recent, now).await? {
            let info = read.map_err(|error| error.context("it cannot be told whether a run is under way"))?;
            if info.status == RunStatus::Running {
                alive.push(info);
            }
        }
        Ok(alive)
    }

    /// Objects of runs that nobody needs any more: all of a run that was not heard of for longer than `keep`, and every status but the
    /// newest of a run that has ended. Without reading any: a run that is silent for a day has ended, and the newest status says all.
    pub(crate) async fn old_runs(&self, keep: Duration, now: DateTime<Utc>) -> Result<Vec<Object>> {
        let keep = TimeDelta::from_std(keep.max(SILENCE)).unwrap_or(TimeDelta::MAX);
        let mut old = Vec::new();
        for run in self.listed_runs(None).await? {
            if !is_silent(run.heard_at(), now) {
                continue;
            }
            old.extend(run.superseded);
            if now.signed_duration_since(run.newest.1.stamp) > keep {
                old.push(run.newest.1);
            }
        }
        Ok(old)
    }

    /// The runs, or one of them, newest first.
    pub(super) async fn listed_runs(&self, id: Option<RunId>) -> Result<Vec<Listed>> {
        let folder = id.map_or_else(|| names::RUNS.to_owned(), names::run_folder);
        let mut found: HashMap<RunId, Vec<(RunName, Object)>> = HashMap::new();
        for object in self.storage().list_all(&folder).await? {
            // Others are reported by a check.
            if let Some(name) = RunName::parse(object.name.as_str()) {
                found.entry(name.id).or_default().push((name, object));
            }
        }
        let mut runs: Vec<_> = found.into_iter().filter_map(|(id, statuses)| order(id, statuses)).collect();
        runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.id));
        Ok(runs)
    }

    /// Reads the newest status of each run and says what it means. Those that have gone meanwhile are left out.
    pub(super) async fn read_runs(
        &self,
        runs: Vec<Listed>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(RunId, Result<RunInfo>)>> {
        let mut read = Vec::with_capacity(runs.len());
        let mut reads =
            stream::iter(runs).map(|run| async move { (self.read_run(&run).await, run) }).buffered(PARALLEL);
        while let Some((record, run)) = reads.next().await {
            match record {
                Ok(record) => read.push((run.id, Ok(run.info(record, now)))),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.is_retryable() || error.kind() == ErrorKind::Permission => {
                    return Err(error);
                }
                Err(error) => read.push((run.id, Err(error))),
            }
        }
        drop(reads);
        self.complete_confirmed(&mut read).await?;
        Ok(read)
    }

    pub(super) async fn read_run(&self, run: &Listed) -> Result<RunRecord> {
        let (name, object) = &run.newest;
        names::expect_size(object, limit::RUN)?;
        let read = self.storage().get(&object.name).await;
        let bytes = read.map_err(|error| cannot_read(&object.name, error))?;
        open_run(self, name, &bytes).map_err(|error| error.context(format!("read {}", object.name)))
    }

    /// A run that confirmed its backup did what it was to do, even if it could not say so any more.
    async fn complete_confirmed(&self, runs: &mut [(RunId, Result<RunInfo>)]) -> Result<()> {
        let mut confirmed: HashMap<String, HashMap<BackupId, DateTime<Utc>>> = HashMap::new();
        for (id, info) in runs {
            let Ok(info) = info else { continue };
            let unended = matches!(info.status, RunStatus::Running | RunStatus::Stale);
            let Some(environment) = info.environment.clone() else { continue };
            if info.operation != Operation::Backup || !unended || info.started_at.is_none() {
                continue;
            }
            if !confirmed.contains_key(&environment) {
                let names = self.manifest_names(Some(&environment)).await?.confirmed;
                let ids = names.into_iter().map(|(name, object)| (name.id, object.stamp)).collect();
                confirmed.insert(environment.clone(), ids);
            }
            if let Some(stamp) = confirmed.get(&environment).and_then(|ids| ids.get(&id.backup())) {
                info.end(RunStatus::Completed, *stamp);
            }
        }
        Ok(())
    }

    pub(super) fn tell_unreadable(&self, id: RunId, error: &Error) {
        self.observer().event(&Event::Notice(&Notice {
            level: NoticeLevel::Warning,
            service: String::new(),
            path: names::run_folder(id),
            message: format!("a run cannot be read and is left out: {}", error.chain()),
        }));
    }
}

/// Opens one status of a run.
pub(crate) fn open_run(repository: &Repository, name: &RunName, bytes: &[u8]) -> Result<RunRecord> {
    names::expect_hash(name.to_name().as_str(), &name.hash, bytes)?;
    let plain = record::open(repository.keys(), Kind::Run, name.id.as_bytes(), bytes, limit::RUN)?;
    RunRecord::decode(&plain)
}

/// The highest number counts; of equal ones, which two that began the same run may have put, the later.
fn order(id: RunId, mut statuses: Vec<(RunName, Object)>) -> Option<Listed> {
    statuses.sort_unstable_by_key(|(name, object)| (name.number, object.stamp, name.hash));
    let newest = statuses.pop()?;
    Some(Listed { id, superseded: statuses.into_iter().map(|(_, object)| object).collect(), newest })
}

/// The nearest to the storage's own time that can be had without writing.
pub(super) fn newest_stamp(runs: &[Listed]) -> DateTime<Utc> {
    runs.iter().map(Listed::heard_at).max().unwrap_or_default()
}

fn is_silent(heard_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(heard_at).to_std().is_ok_and(|silence| silence > SILENCE)
}

impl Listed {
    /// What the newest status means.
    fn info(&self, record: RunRecord, now: DateTime<Utc>) -> RunInfo {
        let heard_at = self.heard_at();
        let silent = is_silent(heard_at, now);
        let gone = || record.process.as_ref().is_some_and(|process| process.has_gone(self.id));
        let status = match record.status {
            RecordedStatus::Failed => RunStatus::Failed,
            RecordedStatus::Completed => RunStatus::Completed,
            RecordedStatus::Queued if silent => RunStatus::Stale,
            RecordedStatus::Queued => RunStatus::Queued,
            RecordedStatus::Running if silent || gone() => RunStatus::Stale,
            RecordedStatus::Running => RunStatus::Running,
        };
        let ended = matches!(status, RunStatus::Failed | RunStatus::Completed);
        let begun = record.status != RecordedStatus::Queued;
        let created_at = record.created_ms.map_or(heard_at, to_time);
        let process = record.process.filter(|_| begun);
        let mut info = RunInfo {
            id: self.id,
            operation: record.operation,
            environment: record.environment,
            status,
            created_at,
            started_at: begun.then(|| record.stamp_ms.map_or(heard_at, to_time)),
            heartbeat_at: heard_at,
            finished_at: None,
            duration: Duration::ZERO,
            kinds: record.kinds,
            created_by: record.created_by,
            comment: record.comment,
            backup: record.backup,
            progress: record.progress.into(),
            failure: record.failure.map(Into::into),
            pid: process.as_ref().map(|process| process.pid),
            host: process.map(|process| process.host).filter(|host| !host.is_empty()),
            program: record.program,
        };
        info.duration = info.since_start(heard_at);
        if ended {
            info.end(status, heard_at);
        }
        info
    }
}

impl RunInfo {
    fn end(&mut self, status: RunStatus, at: DateTime<Utc>) {
        self.status = status;
        self.finished_at = Some(at);
        self.duration = self.since_start(at);
    }

    fn since_start(&self, until: DateTime<Utc>) -> Duration {
        let since = |start| until.signed_duration_since(start).to_std().unwrap_or_default();
        self.started_at.map_or(Duration::ZERO, since)
    }
}

/// Runs read at once.
const PARALLEL: usize = 16;
