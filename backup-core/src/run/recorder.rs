//! Recording a run while it goes on.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use backup_policy::Kind;
use backup_storage::{Object, StorageExt as _};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::under_way::UnderWay;
use super::{HEARTBEAT, Operation};
use crate::engine::Context;
use crate::format::header;
use crate::format::names::{self, RunName};
use crate::format::record;
use crate::format::run::{FailureRecord, ProcessRecord, ProgressRecord, RecordedStatus, RunRecord};
use crate::{BackupId, Error, ErrorKind, Repository, Result, RunId};

/// What a run is about, said in each of its statuses.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) operation: Operation,
    /// None if it is about the whole repository.
    pub(crate) environment: Option<String>,
    /// The backup that it makes, restores or verifies.
    pub(crate) backup: Option<BackupId>,
    pub(crate) kinds: BTreeSet<Kind>,
    pub(crate) created_by: Option<String>,
    pub(crate) comment: String,
    /// Name and version of the program.
    pub(crate) program: String,
}

/// Says how a run is: that it runs, that it still runs, and how it ended.
///
/// [`begin`](Self::begin), then the work within [`during`](Self::during), then [`finish`](Self::finish). If it is dropped before, nobody
/// ends the run; it is recognised as stale.
#[derive(Debug)]
pub(crate) struct RunRecorder {
    repository: Repository,
    id: RunId,
    record: RunRecord,
    /// The number of the newest status that was put, or begun to be put.
    number: u32,
    warned: bool,
    /// Somebody else does this run: it is theirs to record.
    lost: bool,
    under_way: Option<UnderWay>,
}

impl About {
    /// About the whole repository.
    pub(crate) fn repository(operation: Operation) -> Self {
        Self {
            operation,
            environment: None,
            backup: None,
            kinds: BTreeSet::new(),
            created_by: None,
            comment: String::new(),
            program: crate::PROGRAM.into(),
        }
    }
}

impl RunRecorder {
    /// A new run.
    pub(crate) fn new(repository: &Repository, about: About) -> Result<Self> {
        let id = RunId::generate(&**repository.clock(), &**repository.random())?;
        Ok(Self::of(repository, id, about))
    }

    /// A run with an id that is known already.
    pub(crate) fn of(repository: &Repository, id: RunId, about: About) -> Self {
        let About { operation, environment, backup, kinds, created_by, comment, program } = about;
        let record = RunRecord {
            operation,
            status: RecordedStatus::Queued,
            at_ms: 0,
            created_ms: None,
            stamp_ms: None,
            environment,
            backup,
            kinds,
            created_by,
            comment,
            process: None,
            progress: ProgressRecord::default(),
            failure: None,
            program,
        };
        Self {
            repository: repository.clone(),
            id,
            record,
            number: 0,
            warned: false,
            lost: false,
            under_way: None,
        }
    }

    /// The same run, after a status that somebody put before: the last one, and when the run was first heard of.
    pub(crate) fn after(mut self, number: u32, created_at: DateTime<Utc>) -> Self {
        self.number = number;
        self.record.created_ms = Some(created_at.timestamp_millis());
        self
    }

    pub(crate) fn id(&self) -> RunId {
        self.id
    }

    /// Announces the run without beginning it.
    pub(crate) async fn queue(&mut self) -> Result<()> {
        self.put(RecordedStatus::Queued).await.map(drop)
    }

    /// Says that the run began, and returns the storage's stamp of that: what happens in the storage from now on happens after it.
    ///
    /// # Errors
    /// [`Exists`](ErrorKind::Exists) if somebody else began it too.
    pub(crate) async fn begin(&mut self) -> Result<DateTime<Utc>> {
        self.record.process = Some(ProcessRecord::this());
        self.under_way = Some(UnderWay::new(self.id));
        let name = self.put(RecordedStatus::Running).await?;
        let stamp = self.repository.storage().head(&name.to_name()).await?.stamp;
        self.record.stamp_ms = Some(stamp.timestamp_millis());
        self.record.created_ms.get_or_insert(stamp.timestamp_millis());
        if name.number > 1 {
            self.expect_alone(&name).await?;
        }
        Ok(stamp)
    }

    /// Does work, and says every quarter of an hour that it goes on. That it cannot be said is no reason to end it.
    pub(crate) async fn during<T>(&mut self, context: &Context, work: impl Future<Output = T>) -> T {
        let work = pin!(work);
        tokio::select! {
            biased;
            done = work => done,
            never = self.beat(context) => match never {},
        }
    }

    /// Says how the run ended. It is only history, so it neither takes long nor fails: it says what went wrong, if anything did.
    pub(crate) async fn finish<T>(mut self, context: &Context, result: &Result<T>) {
        if self.number == 0 || self.lost {
            return;
        }
        self.record.progress = context.progress().into();
        let status = match result {
            Ok(_) => RecordedStatus::Completed,
            Err(error) => {
                self.record.failure = Some(FailureRecord::from(error));
                RecordedStatus::Failed
            }
        };
        let unsaid = match tokio::time::timeout(LAST_WORD, self.put(status)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.chain(),
            Err(_) => format!("the storage did not answer within {} seconds", LAST_WORD.as_secs()),
        };
        context.inform(b"", format!("how the run {} ended could not be recorded: {unsaid}", self.id));
    }

    async fn beat(&mut self, context: &Context) -> Infallible {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            self.record.progress = context.progress().into();
            if let Err(error) = self.put(RecordedStatus::Running).await
                && !std::mem::replace(&mut self.warned, true)
            {
                let unsaid =
                    "that the run goes on could not be recorded; others may take it for ended after a day";
                context.warn(b"", format!("{unsaid}: {}", error.chain()));
            }
        }
    }

    /// Puts the next status. Its number is used up, whatever comes of it.
    async fn put(&mut self, status: RecordedStatus) -> Result<RunName> {
        self.number = self.number.saturating_add(1);
        self.record.status = status;
        self.record.at_ms = self.repository.clock().now().timestamp_millis();
        let (keys, random) = (self.repository.keys(), self.repository.random());
        let plain = self.record.encode()?;
        let sealed = record::seal(keys, &**random, header::Kind::Run, self.id.as_bytes(), plain)?;
        let name = RunName { id: self.id, number: self.number, hash: names::hash(&sealed) };
        self.repository
            .storage()
            .create(&name.to_name(), Bytes::from(sealed))
            .await
            .map_err(|error| Error::from(error).context(format!("record the run {}", self.id)))?;
        Ok(name)
    }

    /// Of two that begin one queued run at the same time, whoever looks second sees the other one and leaves the run to it;
    /// perhaps both do.
    async fn expect_alone(&mut self, own: &RunName) -> Result<()> {
        let objects = self.repository.storage().list_all(&names::run_folder(self.id)).await?;
        let is_other = |object: &Object| {
            RunName::parse(object.name.as_str()).is_some_and(|name| name.number >= own.number && name != *own)
        };
        if !objects.iter().any(is_other) {
            return Ok(());
        }
        self.lost = true;
        Err(Error::new(ErrorKind::Exists, format!("somebody else has begun the run {}", self.id))
            .with_remedy("look at the runs; if it does not go on, make a new one"))
    }
}

/// The longest time for saying how a run ended.
const LAST_WORD: Duration = Duration::from_secs(10);
