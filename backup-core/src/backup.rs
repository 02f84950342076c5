//! Making a backup of an environment.

mod commit;
mod hold;
mod sink;

use std::collections::HashSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backup_storage::StorageExt as _;
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::hold::Hold;
use self::sink::{Made, ServiceSink};
use crate::chunks::ChunkReader;
use crate::engine::{Context, Engine, Facts, Preflight, Prepared, ServiceReader, Snapshot, VerdictLevel};
use crate::format::manifest::{Body, Bytes32, Manifest, ServiceRecord};
use crate::format::names::{self, ManifestName};
use crate::format::references::ReferenceBuilder;
use crate::index::{Index, list_packs};
use crate::list::{StoredBackup, as_seconds};
use crate::observer::{Notice, NoticeLevel, Phase};
use crate::packer::{Packed, Packer, Parts};
use crate::tree::segments::Cutter;
use crate::tree::writer::TreeTotals;
use crate::{BackupId, Environment, Error, ErrorKind, Repository, Result};

/// A request for a backup; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct BackupRequest {
    repository: Repository,
    environment: Environment,
    kind: String,
    comment: String,
    tags: Vec<String>,
    program: String,
    cancel: CancellationToken,
}

/// What a backup did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// The id of the backup.
    pub id: BackupId,
    /// The environment it is of.
    pub environment: String,
    /// When it began, by the host's clock.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    #[serde(rename = "duration_seconds", serialize_with = "as_seconds")]
    pub duration: Duration,
    /// How long the application's writes were held.
    #[serde(rename = "pause_seconds", serialize_with = "as_seconds")]
    pub pause: Duration,
    /// The backup that it followed.
    pub parent: Option<BackupId>,
    /// Entries of all trees, plus one for each stream.
    pub entries: u64,
    /// Files whose content is the parent's: known without a look, or read again and found equal (the engine's facts tell these
    /// apart).
    pub unchanged_entries: u64,
    /// Bytes of everything in it.
    pub logical_bytes: u64,
    /// Bytes read from the services, without those read again and found equal to the parent's.
    pub read_bytes: u64,
    /// Bytes that it added to the repository.
    pub stored_bytes: u64,
    /// Chunks that it added to the repository.
    pub new_chunks: u64,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

impl BackupReport {
    /// How many of the notices are warnings: something is missing or doubtful.
    #[must_use]
    pub fn warnings(&self) -> u64 {
        self.notices.iter().filter(|notice| notice.level == NoticeLevel::Warning).count() as u64
    }
}

impl Repository {
    /// Backs up an environment: everything or nothing. A failed or cancelled run leaves what it stored for the next one to use, and no
    /// backup; a run whose very last step, the confirmation, could not be settled says so. A future that is dropped during that step may
    /// leave a backup: a whole one.
    pub fn backup(&self, environment: &Environment) -> BackupRequest {
        BackupRequest {
            repository: self.clone(),
            environment: environment.clone(),
            kind: "manual".into(),
            comment: String::new(),
            tags: Vec::new(),
            program: concat!("backup-core ", env!("CARGO_PKG_VERSION")).into(),
            cancel: CancellationToken::new(),
        }
    }
}

impl BackupRequest {
    /// What makes this backup: `manual` by default; `nightly`, `final` or a word of the host's own. Retention rules go by it.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = kind.into();
        self
    }

    /// What a person wants to remember about it.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// Adds a word to find it by.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The name and version of the program that makes it, for the record.
    pub fn program(mut self, program: impl Into<String>) -> Self {
        self.program = program.into();
        self
    }

    /// Ends the backup with [`Cancelled`](ErrorKind::Cancelled) when the token is cancelled.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Looks at all services without touching them or the repository: what each is, how big, and whether a backup can work.
    ///
    /// # Errors
    /// As the backup itself would fail before it begins.
    pub async fn preflight(&self) -> Result<Vec<(String, Preflight)>> {
        self.environment.check()?;
        self.preflight_all(&self.repository.context(&self.cancel)).await
    }

    async fn preflight_all(&self, context: &Context) -> Result<Vec<(String, Preflight)>> {
        let mut all = Vec::new();
        for (name, engine) in self.environment.services() {
            let preflight = engine
                .preflight(&context.for_service(name))
                .await
                .map_err(|error| error.context(format!("look at the service \"{name}\"")))?;
            if let Some(verdict) =
                preflight.verdicts.iter().find(|verdict| verdict.level == VerdictLevel::Deny)
            {
                return Err(Error::invalid(format!(
                    "the service \"{name}\" cannot be backed up: {}",
                    verdict.reason
                ))
                .with_remedy(verdict.remedy.clone()));
            }
            all.push((name.to_owned(), preflight));
        }
        Ok(all)
    }

    async fn run(self) -> Result<BackupReport> {
        self.environment.check()?;
        let context = self.repository.context(&self.cancel);
        let mut hold = Hold::new(self.environment.gate(), context.clock().clone());
        let work = Box::pin(self.run_uncancelled(&context, &mut hold));
        let stored = context.until_cancelled(work).await;
        hold.end().await;
        let (name, report) = stored?;
        commit::confirm(&self.repository, &name).await?;
        Ok(report)
    }

    /// Everything but the confirmation.
    async fn run_uncancelled(
        &self,
        context: &Context,
        hold: &mut Hold,
    ) -> Result<(ManifestName, BackupReport)> {
        let clock = self.repository.clock().clone();
        let (started_at, started) = (clock.now(), clock.elapsed());
        context.phase(Phase::Prepare);
        for (name, preflight) in self.preflight_all(context).await? {
            for verdict in preflight.verdicts.iter().filter(|verdict| verdict.level == VerdictLevel::Warn) {
                context.for_service(&name).warn(b"", verdict.to_string());
            }
            context.expect(0, preflight.size_estimate.unwrap_or(0));
        }
        let id = BackupId::generate(&*clock, &**self.repository.random())?;
        let run = Run::begin(self, context).await?;
        let services = run.capture(self, context, hold).await?;
        context.phase(Phase::Commit);
        let packed = run.packer.finish().await?;
        let notices = context.take_notices();
        let manifest = self.manifest(&run, &services, started_at, &packed, &notices)?;
        let (name, manifest_bytes) = commit::store(&self.repository, id, &manifest, &packed, context).await?;
        let totals = services.iter().fold(TreeTotals::default(), |sum, service| sum.plus(service.totals));
        let report = BackupReport {
            id,
            environment: self.environment.name.clone(),
            started_at,
            duration: clock.elapsed().saturating_sub(started),
            pause: run.pause(),
            parent: run.parent.as_ref().map(|parent| parent.name.id),
            entries: totals.entries,
            unchanged_entries: totals.unchanged,
            logical_bytes: totals.bytes,
            read_bytes: totals.read_bytes,
            stored_bytes: packed.totals.stored_bytes + manifest_bytes,
            new_chunks: packed.totals.chunks,
            notices,
        };
        Ok((name, report))
    }

    fn manifest(
        &self,
        run: &Run,
        services: &[Captured],
        started_at: DateTime<Utc>,
        packed: &Packed,
        notices: &[Notice],
    ) -> Result<Manifest> {
        let mut references = ReferenceBuilder::default();
        let services =
            services.iter().map(|service| service.record(&mut references)).collect::<Result<Vec<_>>>()?;
        let body = Body {
            environment: self.environment.name.clone(),
            started_at_ms: started_at.timestamp_millis(),
            finished_at_ms: self.repository.clock().now().timestamp_millis(),
            stamp_ms: packed.stamp.map(|stamp| stamp.timestamp_millis()),
            heads: run.heads.clone(),
            parent: run.parent.as_ref().map(|parent| parent.name.id),
            kind: self.kind.clone(),
            comment: self.comment.clone(),
            tags: self.tags.clone(),
            facts: self.environment.facts.clone(),
            consistency: if self.environment.quiesce.is_some() { "frozen" } else { "ordered" }.into(),
            pause_us: u64::try_from(run.pause().as_micros()).unwrap_or(u64::MAX),
            warnings: notices.iter().filter(|notice| notice.level == NoticeLevel::Warning).count() as u64,
            stored_bytes: packed.totals.stored_bytes,
            program: self.program.clone(),
            services,
        };
        Ok(Manifest { references: references.take(), body })
    }
}

impl IntoFuture for BackupRequest {
    type Output = Result<BackupReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// One run: the repository as it was when it began, and what goes into it.
struct Run {
    packer: Packer,
    reader: Arc<ChunkReader>,
    cutter: Cutter,
    parent: Option<StoredBackup>,
    heads: Vec<Bytes32>,
    pause: std::sync::Mutex<Duration>,
}

/// One service, captured.
struct Captured {
    name: String,
    engine: &'static str,
    point: String,
    facts: Facts,
    started_at: DateTime<Utc>,
    made: Vec<Made>,
    totals: TreeTotals,
}

impl Run {
    async fn begin(request: &BackupRequest, context: &Context) -> Result<Self> {
        let repository = &request.repository;
        context.phase(Phase::Index);
        let earlier = repository.read_backups(Some(&request.environment.name)).await?;
        refuse_prune_records(repository).await?;
        let index = Arc::new(Index::load(repository.storage(), repository.keys()).await?);
        for (name, error) in &index.unreadable {
            context.warn(name.as_bytes(), format!("an index segment cannot be read: {}", error.chain()));
        }
        let existing = list_packs(repository.storage()).await?;
        let memory = repository.memory();
        let packer = Packer::new(Parts {
            storage: repository.storage().clone(),
            keys: repository.keys().clone(),
            random: repository.random().clone(),
            context: context.clone(),
            index: index.clone(),
            existing,
            shared_trust: repository.config().trust == "shared",
            memory,
        })?;
        let reader = Arc::new(ChunkReader::new(
            repository.storage().clone(),
            repository.keys().clone(),
            index,
            memory / 8,
        ));
        Ok(Self {
            packer,
            reader,
            cutter: Cutter::new(repository.keys()),
            heads: heads(&earlier),
            parent: earlier.into_iter().next_back(),
            pause: std::sync::Mutex::default(),
        })
    }

    /// Prepares all services, freezes them within one hold of the application, and streams them.
    async fn capture(
        &self,
        request: &BackupRequest,
        context: &Context,
        hold: &mut Hold,
    ) -> Result<Vec<Captured>> {
        let environment = &request.environment;
        let held = environment.quiesce.is_some();
        let mut prepared = Vec::new();
        context.phase(Phase::Prepare);
        for (name, engine) in environment.services() {
            prepared.push(self.prepare(name, engine, context, held).await?);
        }
        context.phase(Phase::Freeze);
        let deadline = environment.hold_deadline;
        let frozen = if held {
            let pausing = context.with_pause(true).with_deadline(deadline);
            let frozen = hold.during(deadline, freeze_all(prepared, &pausing)).await?;
            *self.pause.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = hold.pause();
            frozen
        } else {
            freeze_all(prepared, context).await?
        };
        let mut captured = Vec::new();
        for service in frozen {
            let context = context.for_service(&service.name);
            context.phase(Phase::Stream);
            captured.push(service.stream(&context).await?);
        }
        Ok(captured)
    }

    async fn prepare(
        &self,
        name: &str,
        engine: &Arc<dyn Engine>,
        context: &Context,
        pause_follows: bool,
    ) -> Result<Waiting> {
        let context = context.for_service(name).with_pause(pause_follows);
        let started_at = context.clock().now();
        let sink = Arc::new(ServiceSink::new(&self.packer, &self.reader, &self.cutter, &context, started_at));
        let parent = self.parent_service(name, engine.kind())?;
        let prepared = engine
            .prepare(&context, parent, sink.clone())
            .await
            .map_err(|error| error.context(format!("prepare the service \"{name}\"")))?;
        Ok(Waiting { name: name.to_owned(), engine: engine.kind(), started_at, sink, prepared })
    }

    fn parent_service(&self, name: &str, engine: &str) -> Result<Option<Arc<dyn ServiceReader>>> {
        let Some(parent) = &self.parent else { return Ok(None) };
        let same = |record: &&ServiceRecord| record.name == name && record.engine == engine;
        let Some(record) = parent.manifest.body.services.iter().find(same) else { return Ok(None) };
        let mut service = parent.manifest.service_reader(record, &self.reader)?;
        service.reliable = Some(self.packer.clone());
        Ok(Some(Arc::new(service)))
    }

    fn pause(&self) -> Duration {
        *self.pause.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

struct Waiting {
    name: String,
    engine: &'static str,
    started_at: DateTime<Utc>,
    sink: Arc<ServiceSink>,
    prepared: Box<dyn Prepared>,
}

struct Frozen {
    name: String,
    engine: &'static str,
    started_at: DateTime<Utc>,
    sink: Arc<ServiceSink>,
    snapshot: Box<dyn Snapshot>,
}

async fn freeze_all(prepared: Vec<Waiting>, context: &Context) -> Result<Vec<Frozen>> {
    let mut frozen = Vec::new();
    for Waiting { name, engine, started_at, sink, prepared } in prepared {
        let snapshot = prepared
            .freeze(&context.for_service(&name))
            .await
            .map_err(|error| error.context(format!("freeze the service \"{name}\"")))?;
        frozen.push(Frozen { name, engine, started_at, sink, snapshot });
    }
    Ok(frozen)
}

impl Frozen {
    async fn stream(self, context: &Context) -> Result<Captured> {
        let Self { name, engine, started_at, sink, snapshot } = self;
        let point = snapshot.point().to_owned();
        let facts = snapshot
            .stream(context)
            .await
            .map_err(|error| error.context(format!("back up the service \"{name}\"")))?;
        let (made, totals) = sink.take()?;
        Ok(Captured { name, engine, point, facts, started_at, made, totals })
    }
}

impl Captured {
    fn record(&self, references: &mut ReferenceBuilder) -> Result<ServiceRecord> {
        let mut artifacts =
            self.made.iter().map(|made| made.record(references)).collect::<Result<Vec<_>>>()?;
        artifacts.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(ServiceRecord {
            name: self.name.clone(),
            engine: self.engine.into(),
            point: self.point.clone(),
            started_at_ms: self.started_at.timestamp_millis(),
            facts: self.facts.clone(),
            artifacts,
        })
    }
}

/// Hashes of the manifests that no other one names.
fn heads(backups: &[StoredBackup]) -> Vec<Bytes32> {
    let named: HashSet<_> = backups.iter().flat_map(|backup| &backup.manifest.body.heads).collect();
    let mut heads: Vec<_> = backups.iter().map(|backup| Bytes32(backup.name.hash)).collect();
    heads.retain(|hash| !named.contains(hash));
    heads.sort_by_key(|hash| hash.0);
    heads
}

/// Marks and sweep records say which packs must not be relied on. This version cannot read them, so where there are any it does not write.
async fn refuse_prune_records(repository: &Repository) -> Result<()> {
    for folder in [names::MARKS, names::SWEEPS] {
        if let Some(object) = repository.storage().list_all(folder).await?.first() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the repository is being pruned by a newer version ({})", object.name),
            ));
        }
    }
    Ok(())
}
