//! Announcing a backup that is to be made later.

use std::collections::BTreeSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use backup_policy::Kind;
use chrono::{DateTime, Utc};

use super::history::newest_stamp;
use super::request::no_run;
use super::{About, Operation, RunRecorder};
use crate::catalog::to_time;
use crate::format::run::{RecordedStatus, RunRecord};
use crate::{Environment, Error, ErrorKind, Repository, Result, RunId};

/// A request to announce a backup; await it for the id of its run.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct QueueRequest {
    repository: Repository,
    environment: Environment,
    kinds: BTreeSet<Kind>,
    created_by: Option<String>,
    comment: String,
    program: String,
}

/// A run that was announced and not begun.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) record: RunRecord,
    pub(crate) number: u32,
    pub(crate) created_at: DateTime<Utc>,
}

impl Repository {
    /// Announces a backup of an environment, so that it is among the [`runs`](Self::runs) before it begins. It begins when a
    /// backup of the environment is [made under the id](crate::BackupRequest::run) that this returns, by this process or another;
    /// nothing begins it by itself.
    pub fn queue(&self, environment: &Environment) -> QueueRequest {
        QueueRequest {
            repository: self.clone(),
            environment: environment.clone(),
            kinds: BTreeSet::new(),
            created_by: None,
            comment: String::new(),
            program: crate::PROGRAM.into(),
        }
    }

    /// The run of this id, which must be queued and of this environment.
    pub(crate) async fn queued_run(&self, id: RunId, environment: &str) -> Result<Queued> {
        let Some(listed) = self.listed_runs(Some(id)).await?.pop() else { return Err(no_run(id)) };
        let record = self.read_run(&listed).await?;
        if record.environment.as_deref() != Some(environment) || record.operation != Operation::Backup {
            return Err(Error::invalid(format!("the run {id} is no backup of \"{environment}\"")));
        }
        if record.status != RecordedStatus::Queued {
            return Err(Error::new(ErrorKind::Exists, format!("the run {id} has begun already"))
                .with_remedy("make a new run"));
        }
        let created_at = record.created_ms.map_or(newest_stamp(std::slice::from_ref(&listed)), to_time);
        Ok(Queued { record, number: listed.number(), created_at })
    }
}

impl QueueRequest {
    /// What makes the backup; as [`BackupRequest::kind`](crate::BackupRequest::kind).
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.insert(kind);
        self
    }

    /// Who asks for it: a person's name, or that of a scheduler.
    pub fn created_by(mut self, who: impl Into<String>) -> Self {
        self.created_by = Some(who.into());
        self
    }

    /// What a person wants to remember about the backup.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// The name and version of the program that announces it, for the record.
    pub fn program(mut self, program: impl Into<String>) -> Self {
        self.program = program.into();
        self
    }

    async fn put(self) -> Result<RunId> {
        self.environment.check()?;
        let repository = &self.repository;
        let id = RunId::generate(&**repository.clock(), &**repository.random())?;
        let about = About {
            operation: Operation::Backup,
            environment: Some(self.environment.name().to_owned()),
            backup: Some(id.backup()),
            kinds: self.kinds,
            created_by: self.created_by,
            comment: self.comment,
            program: self.program,
        };
        RunRecorder::of(repository, id, about).queue().await?;
        Ok(id)
    }
}

impl IntoFuture for QueueRequest {
    type Output = Result<RunId>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.put())
    }
}
