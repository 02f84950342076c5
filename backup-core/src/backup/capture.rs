//! Capturing the services of an environment: looked at, prepared, frozen in order, streamed.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::hold::Hold;
use super::panic::caught;
use super::parents::Parents;
use super::sink::{self, ServiceSink};
use super::{BackupRequest, refuse_prune_records};
use crate::catalog::Consistency;
use crate::chunks::ChunkReader;
use crate::engine::{Context, Engine, Facts, Preflight, Prepared, Role, Snapshot, VerdictLevel};
use crate::format::manifest::LeftOutRecord;
use crate::index::{Index, list_packs};
use crate::observer::Phase;
use crate::packer::{Packer, Parts};
use crate::tree::segments::Cutter;
use crate::tree::writer::TreeTotals;
use crate::{Environment, Error, ErrorKind, Result};

/// Which services are to be in a backup.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    /// Their names; none for all.
    pub(super) only: Option<BTreeSet<String>>,
    /// Whether one that fails is left out.
    pub(super) partial: bool,
}

/// The capture of one run.
pub(super) struct Capture<'a> {
    request: &'a BackupRequest,
    context: &'a Context,
    packer: Option<Packer>,
    left_out: Vec<LeftOutRecord>,
    /// Why the first service failed.
    failure: Option<Error>,
}

/// What was captured.
pub(super) struct Made {
    pub(super) services: Vec<Captured>,
    pub(super) left_out: Vec<LeftOutRecord>,
    pub(super) parents: Parents,
    pub(super) packer: Packer,
    /// How long the application was held.
    pub(super) pause: Duration,
}

/// One service, captured.
pub(super) struct Captured {
    pub(super) name: String,
    pub(super) engine: &'static str,
    pub(super) role: Role,
    pub(super) point: String,
    pub(super) facts: Facts,
    pub(super) started_at: DateTime<Utc>,
    pub(super) frozen_at: DateTime<Utc>,
    /// When it was frozen, by the clock that measures.
    pub(super) frozen: Duration,
    /// When all of it was read, by the same.
    pub(super) ended: Duration,
    /// How long freezing it took.
    pub(super) pause: Duration,
    pub(super) made: Vec<sink::Made>,
    pub(super) totals: TreeTotals,
}

/// A service on its way into a backup.
#[derive(Clone)]
struct Service {
    name: String,
    engine: Arc<dyn Engine>,
    /// What others keep to themselves.
    reserved: Vec<PathBuf>,
}

struct Waiting {
    service: Service,
    started_at: DateTime<Utc>,
    sink: Arc<ServiceSink>,
    prepared: Box<dyn Prepared>,
}

struct Frozen {
    service: Service,
    started_at: DateTime<Utc>,
    frozen_at: DateTime<Utc>,
    frozen: Duration,
    pause: Duration,
    sink: Arc<ServiceSink>,
    snapshot: Box<dyn Snapshot>,
}

/// The repository as it was when the run began, and where its chunks go.
struct Pipeline {
    packer: Packer,
    reader: Arc<ChunkReader>,
    cutter: Cutter,
    parents: Parents,
}

impl Choice {
    /// Fails when a service is asked for that does not exist.
    pub(super) fn check(&self, environment: &Environment) -> Result<()> {
        let Some(only) = &self.only else { return Ok(()) };
        let names: Vec<_> = environment.services().map(|(name, _)| name).collect();
        let remedy = format!("its services are: {}", names.join(", "));
        if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
            let text = format!("the environment \"{}\" has no service \"{unknown}\"", environment.name);
            return Err(Error::new(ErrorKind::NotFound, text).with_remedy(remedy));
        }
        if only.is_empty() {
            return Err(Error::invalid("no service was chosen").with_remedy(remedy));
        }
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(name))
    }

    /// The services to back up, databases before files, otherwise in the order in which they were added.
    fn services(&self, environment: &Environment) -> Vec<Service> {
        let chosen = environment.services().filter(|(name, _)| self.has(name));
        let mut services: Vec<_> = chosen
            .map(|(name, engine)| Service {
                name: name.to_owned(),
                engine: engine.clone(),
                reserved: environment.reserved_by_others(name),
            })
            .collect();
        services.sort_by_key(|service| service.engine.role());
        services
    }

    fn left_out(&self, environment: &Environment) -> Vec<LeftOutRecord> {
        let others = environment.services().filter(|(name, _)| !self.has(name));
        others.map(|(name, engine)| left_out(name, &**engine, None)).collect()
    }
}

fn left_out(name: &str, engine: &dyn Engine, failure: Option<String>) -> LeftOutRecord {
    LeftOutRecord { name: name.to_owned(), engine: engine.kind().into(), role: engine.role(), failure }
}

impl Service {
    fn context(&self, context: &Context) -> Context {
        context.for_service(&self.name).with_reserved(self.reserved.clone())
    }

    /// A call of the engine. A panic of it is an error of the service.
    async fn caught<T>(&self, call: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        caught(&format!("the engine `{}`", self.engine.kind()), call, work).await
    }

    async fn look(&self, context: &Context) -> Result<Preflight> {
        let Self { name, engine, .. } = self;
        let context = self.context(context);
        let preflight = self
            .caught("preflight", async { engine.preflight(&context).await })
            .await
            .map_err(|error| error.context(format!("look at the service \"{name}\"")))?;
        match preflight.verdicts.iter().find(|verdict| verdict.level == VerdictLevel::Deny) {
            None => Ok(preflight),
            Some(verdict) => {
                let text = format!("the service \"{name}\" cannot be backed up: {}", verdict.reason);
                Err(Error::invalid(text).with_remedy(verdict.remedy.clone()))
            }
        }
    }
}

/// Looks at the services; the first that cannot be backed up is the error.
pub(super) async fn look(
    environment: &Environment,
    choice: &Choice,
    context: &Context,
) -> Result<Vec<(String, Preflight)>> {
    let mut all = Vec::new();
    for service in choice.services(environment) {
        let preflight = service.look(context).await?;
        all.push((service.name, preflight));
    }
    Ok(all)
}

impl<'a> Capture<'a> {
    pub(super) fn new(request: &'a BackupRequest, context: &'a Context) -> Self {
        let left_out = request.choice.left_out(&request.environment);
        Self { request, context, packer: None, left_out, failure: None }
    }

    /// Captures what was asked for, freezing all services within one hold of the application.
    pub(super) async fn run(&mut self, hold: &mut Hold) -> Result<Made> {
        let held = self.request.consistency() == Consistency::Frozen;
        self.context.phase(Phase::Prepare);
        let services = self.look().await?;
        let pipeline = Pipeline::begin(self.request, &services, self.context).await?;
        self.packer = Some(pipeline.packer.clone());
        self.context.phase(Phase::Prepare);
        let waiting = self.prepare(services, &pipeline, held).await?;
        self.context.phase(Phase::Freeze);
        let frozen = if held {
            let deadline = self.request.environment.hold_deadline;
            let pausing = self.context.with_pause(true).with_deadline(deadline);
            hold.during(self.freeze(waiting, &pausing)).await?
        } else {
            let context = self.context;
            self.freeze(waiting, context).await?
        };
        let services = self.stream(frozen).await?;
        let left_out = std::mem::take(&mut self.left_out);
        let Pipeline { packer, parents, .. } = pipeline;
        Ok(Made { services, left_out, parents, packer, pause: hold.pause() })
    }

    async fn look(&mut self) -> Result<Vec<Service>> {
        let mut services = Vec::new();
        for service in self.request.choice.services(&self.request.environment) {
            match service.look(self.context).await {
                Err(error) => self.leave_out(&service, error)?,
                Ok(preflight) => {
                    let context = service.context(self.context);
                    for verdict in
                        preflight.verdicts.iter().filter(|verdict| verdict.level == VerdictLevel::Warn)
                    {
                        context.warn(b"", verdict.sentence());
                    }
                    context.expect(0, preflight.size_estimate.unwrap_or(0));
                    services.push(service);
                }
            }
        }
        self.expect_any(services)
    }

    async fn prepare(
        &mut self,
        services: Vec<Service>,
        pipeline: &Pipeline,
        held: bool,
    ) -> Result<Vec<Waiting>> {
        let mut waiting = Vec::new();
        for service in services {
            let context = service.context(self.context).with_pause(held);
            match pipeline.prepare(service.clone(), &context).await {
                Ok(prepared) => waiting.push(prepared),
                Err(error) => self.leave_out(&service, error)?,
            }
        }
        self.expect_any(waiting)
    }

    async fn freeze(&mut self, waiting: Vec<Waiting>, context: &Context) -> Result<Vec<Frozen>> {
        let mut frozen = Vec::new();
        for Waiting { service, started_at, sink, prepared } in waiting {
            let before = context.clock().elapsed();
            let own = service.context(context);
            match service.caught("freeze", async { prepared.freeze(&own).await }).await {
                Ok(snapshot) => {
                    let (at, frozen_at) = (context.clock().elapsed(), context.clock().now());
                    let pause = at.saturating_sub(before);
                    frozen.push(Frozen { service, started_at, frozen_at, frozen: at, pause, sink, snapshot });
                }
                Err(error) => {
                    let error = error.context(format!("freeze the service \"{}\"", service.name));
                    self.leave_out(&service, error)?;
                }
            }
        }
        self.expect_any(frozen)
    }

    async fn stream(&mut self, frozen: Vec<Frozen>) -> Result<Vec<Captured>> {
        let mut captured = Vec::new();
        for frozen in frozen {
            let service = frozen.service.clone();
            let context = service.context(self.context);
            context.phase(Phase::Stream);
            match frozen.stream(&context).await {
                Ok(done) => captured.push(done),
                Err(error) => self.leave_out(&service, error)?,
            }
        }
        self.expect_any(captured)
    }

    /// Leaves out a service that failed, if that was asked for. Not when it is the whole run that failed: it was cancelled, or
    /// nothing can be stored any more.
    fn leave_out(&mut self, service: &Service, error: Error) -> Result<()> {
        let stored = self.packer.as_ref().map_or(Ok(()), Packer::check);
        let run_failed =
            error.kind() == ErrorKind::Cancelled || self.context.check().is_err() || stored.is_err();
        if run_failed || !self.request.choice.partial {
            return Err(error);
        }
        let failure = crate::run::shortened(&error.chain());
        self.context.for_service(&service.name).warn(b"", format!("left out of the backup: {failure}"));
        self.left_out.push(left_out(&service.name, &*service.engine, Some(failure)));
        self.failure.get_or_insert(error);
        Ok(())
    }

    /// Something must be left to back up.
    fn expect_any<T>(&mut self, services: Vec<T>) -> Result<Vec<T>> {
        match self.failure.take_if(|_| services.is_empty()) {
            None => Ok(services),
            Some(error) => Err(error.context("every service failed")),
        }
    }
}

impl Pipeline {
    /// Steps W1 of `docs/format.md`.
    async fn begin(request: &BackupRequest, services: &[Service], context: &Context) -> Result<Self> {
        let repository = &request.repository;
        context.phase(Phase::Index);
        let names = services.iter().map(|service| (service.name.clone(), service.engine.kind())).collect();
        let parents = Parents::find(repository, &request.environment.name, names, context).await?;
        refuse_prune_records(repository).await?;
        let index = Arc::new(Index::load(repository.storage(), repository.keys()).await?);
        for (name, error) in &index.unreadable {
            context.warn(name.as_bytes(), format!("an index segment cannot be read: {}", error.chain()));
        }
        let existing = list_packs(repository.storage()).await?;
        let memory = repository.memory();
        let (storage, keys) = (repository.storage().clone(), repository.keys().clone());
        let packer = Packer::new(Parts {
            storage: storage.clone(),
            keys: keys.clone(),
            random: repository.random().clone(),
            context: context.clone(),
            index: index.clone(),
            existing,
            shared_trust: repository.config().trust == "shared",
            memory,
        })?;
        let reader = Arc::new(ChunkReader::new(storage, keys, index, memory / 8));
        Ok(Self { packer, reader, cutter: Cutter::new(repository.keys()), parents })
    }

    async fn prepare(&self, service: Service, context: &Context) -> Result<Waiting> {
        let Service { name, engine, .. } = &service;
        let started_at = context.clock().now();
        let sink = Arc::new(ServiceSink::new(&self.packer, &self.reader, &self.cutter, context, started_at));
        let parent = self.parents.service(name, engine.kind(), &self.reader, &self.packer)?;
        let prepared = service
            .caught("prepare", async { engine.prepare(context, parent, sink.clone()).await })
            .await
            .map_err(|error| error.context(format!("prepare the service \"{name}\"")))?;
        Ok(Waiting { service, started_at, sink, prepared })
    }
}

impl Frozen {
    async fn stream(self, context: &Context) -> Result<Captured> {
        let Self { service, started_at, frozen_at, frozen, pause, sink, snapshot } = self;
        let streamed = service.caught("stream", async {
            let point = snapshot.point().to_owned();
            let facts = snapshot.stream(context).await?;
            let (made, totals) = sink.take()?;
            Ok((point, facts, made, totals))
        });
        let (point, facts, made, totals) = streamed
            .await
            .map_err(|error: Error| error.context(format!("back up the service \"{}\"", service.name)))?;
        Ok(Captured {
            engine: service.engine.kind(),
            role: service.engine.role(),
            name: service.name,
            point,
            facts,
            started_at,
            frozen_at,
            frozen,
            ended: context.clock().elapsed(),
            pause,
            made,
            totals,
        })
    }
}

impl Made {
    pub(super) fn totals(&self) -> TreeTotals {
        self.services.iter().fold(TreeTotals::default(), |sum, service| sum.plus(service.totals))
    }
}
