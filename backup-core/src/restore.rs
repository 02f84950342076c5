//! Restoring a backup: planned, then done.

pub mod directory;

use std::future::{Future, IntoFuture};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::catalog::{StoredBackup, as_seconds};
use crate::engine::{
    Context, Engine, Existing, RestorePlan, RestoreSummary, Selection, ServiceReader, Target, Verdict,
    VerdictLevel, printable_path,
};
use crate::index::run_blocking;
use crate::observer::{Notice, NoticeLevel, Phase};
use crate::{BackupId, Environment, Error, ErrorKind, Repository, Result};

/// A request for a restore: await it, or [`plan`](Self::plan) it first.
#[derive(Debug, Clone)]
#[must_use = "await it, or plan it first"]
pub struct RestoreRequest {
    repository: Repository,
    id: BackupId,
    destination: Option<Destination>,
    services: Vec<String>,
    paths: Vec<Vec<u8>>,
    existing: Existing,
    devices: bool,
    cancel: CancellationToken,
}

#[derive(Debug, Clone)]
enum Destination {
    Directory(PathBuf),
    Environment(Environment),
}

/// A restore that was planned: what would happen, to show and to judge, and the way to do it.
#[derive(Debug)]
#[must_use = "execute it, or drop it"]
pub struct PlannedRestore {
    id: BackupId,
    context: Context,
    started: Duration,
    steps: Vec<Step>,
    plans: Vec<(String, RestorePlan)>,
}

/// How one service is restored.
#[derive(Debug)]
struct Step {
    name: String,
    context: Context,
    from: Arc<dyn ServiceReader>,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Directory(PathBuf),
    Engine(Arc<dyn Engine>),
}

/// What a restore did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The backup restored.
    pub id: BackupId,
    /// What was done for each service.
    pub services: Vec<RestoredService>,
    /// How long it took, planning included.
    #[serde(rename = "duration_seconds", serialize_with = "as_seconds")]
    pub duration: Duration,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

/// What a restore did for one service.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RestoredService {
    /// Its name.
    pub name: String,
    /// What was done.
    #[serde(flatten)]
    pub summary: RestoreSummary,
}

impl RestoreReport {
    /// How many of the notices are warnings: something was not restored as it was.
    #[must_use]
    pub fn warnings(&self) -> u64 {
        self.notices.iter().filter(|notice| notice.level == NoticeLevel::Warning).count() as u64
    }
}

impl Repository {
    /// Restores a backup. Say where: [`to_directory`](RestoreRequest::to_directory) or [`in_place`](RestoreRequest::in_place).
    pub fn restore(&self, id: BackupId) -> RestoreRequest {
        RestoreRequest {
            repository: self.clone(),
            id,
            destination: None,
            services: Vec::new(),
            paths: Vec::new(),
            existing: Existing::Refuse,
            devices: false,
            cancel: CancellationToken::new(),
        }
    }
}

impl RestoreRequest {
    /// Restores into a directory, which is made if it is missing: each service into a folder of its name, or one chosen
    /// [`service`](Self::service) directly. Needs no engine: trees become folders and files, streams become files.
    pub fn to_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.destination = Some(Destination::Directory(directory.into()));
        self
    }

    /// Restores onto the services of an environment, each through its engine.
    pub fn in_place(mut self, environment: &Environment) -> Self {
        self.destination = Some(Destination::Environment(environment.clone()));
        self
    }

    /// Restores this service only; may be said for several.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.services.push(name.into());
        self
    }

    /// Restores this path within the service and what is below it only; may be said for several.
    pub fn path(mut self, path: impl Into<Vec<u8>>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// What may happen to what is already there; nothing by default. The stream of a database never replaces a file in a directory, which may
    /// be a database that is open: only restoring in place does.
    pub fn existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }

    /// Makes device nodes too. Off by default: a device node is a way into a machine.
    pub fn devices(mut self, devices: bool) -> Self {
        self.devices = devices;
        self
    }

    /// Ends planning or restoring with [`Cancelled`](ErrorKind::Cancelled) when the token is cancelled.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Works out what would happen, and changes nothing.
    ///
    /// # Errors
    /// When the backup, a service or a path does not exist, or something cannot be read. What forbids the restore is among
    /// [`PlannedRestore::verdicts`].
    pub async fn plan(self) -> Result<PlannedRestore> {
        let context = self.repository.context(&self.cancel);
        let work = Box::pin(self.plan_uncancelled(&context));
        context.until_cancelled(work).await
    }

    async fn plan_uncancelled(&self, context: &Context) -> Result<PlannedRestore> {
        let repository = &self.repository;
        let started = context.clock().elapsed();
        context.phase(Phase::Plan);
        let backup = repository.stored_backup(&self.id).await?;
        let chosen = self.chosen(&backup)?;
        let reader = repository.chunk_reader().await?;
        let (mut steps, mut plans) = (Vec::new(), Vec::new());
        for name in chosen {
            let from: Arc<dyn ServiceReader> = Arc::new(backup.service(&name, &reader)?);
            let way = self.way(&backup, &name)?;
            let service = context.for_service(&name).with_reserved(self.reserved_by_others(&name));
            let plan = self
                .plan_service(&service, &from, &way)
                .await
                .map_err(|error| error.context(format!("plan the restore of the service \"{name}\"")))?;
            plans.push((name.clone(), plan));
            steps.push(Step { name, context: service, from, way });
        }
        if let (Some(verdict), Some((_, plan))) = (self.judge_base().await?, plans.first_mut()) {
            plan.verdicts.push(verdict);
        }
        Ok(PlannedRestore { id: self.id, context: context.clone(), started, steps, plans })
    }

    async fn plan_service(
        &self,
        context: &Context,
        from: &Arc<dyn ServiceReader>,
        way: &Way,
    ) -> Result<RestorePlan> {
        let selection = Selection {
            paths: self.paths.iter().map(|path| normalize(path)).collect(),
            devices: self.devices,
        };
        match way {
            Way::Directory(path) => directory::plan(context, from, path, self.existing, &selection).await,
            Way::Engine(engine) => {
                let target = Target::InPlace { existing: self.existing };
                engine.plan_restore(context, from.clone(), &target, &selection).await
            }
        }
    }

    /// Several services get folders of their own, but they share the directory that these lie in: it must be empty too.
    async fn judge_base(&self) -> Result<Option<Verdict>> {
        let Some(Destination::Directory(base)) = &self.destination else { return Ok(None) };
        if self.existing != Existing::Refuse || self.services.len() == 1 {
            return Ok(None);
        }
        let looked_at = base.clone();
        let is_filled = run_blocking(move || {
            Ok(std::fs::read_dir(looked_at).is_ok_and(|mut entries| entries.next().is_some()))
        });
        Ok(is_filled.await?.then(|| {
            Verdict::new(
                VerdictLevel::Deny,
                printable_path(base.as_os_str().as_encoded_bytes()),
                "it is not empty",
                "choose an empty directory, or allow the restore to change what is there",
            )
        }))
    }

    /// The services to restore, in the order of the backup.
    fn chosen(&self, backup: &StoredBackup) -> Result<Vec<String>> {
        let names: Vec<String> =
            backup.manifest.body.services.iter().map(|service| service.name.clone()).collect();
        if let Some(unknown) = self.services.iter().find(|name| !names.contains(*name)) {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("the backup {} has no service \"{unknown}\"", self.id),
            )
            .with_remedy(format!("its services are: {}", names.join(", "))));
        }
        let chosen: Vec<String> = names
            .into_iter()
            .filter(|name| self.services.is_empty() || self.services.contains(name))
            .collect();
        if !self.paths.is_empty() && chosen.len() != 1 {
            return Err(Error::invalid("paths are within one service, and several are chosen")
                .with_remedy("choose one service"));
        }
        Ok(chosen)
    }

    fn way(&self, backup: &StoredBackup, name: &str) -> Result<Way> {
        match &self.destination {
            None => Err(Error::invalid("the restore has no destination")
                .with_remedy("choose a directory, or the environment to restore in place")),
            Some(Destination::Directory(path)) => Ok(Way::Directory(self.folder(path, name))),
            Some(Destination::Environment(environment)) => {
                let kind = backup.manifest.body.services.iter().find(|service| service.name == name);
                let kind = kind.map_or("", |service| service.engine.as_str());
                let engine =
                    environment.services().find(|(other, engine)| *other == name && engine.kind() == kind);
                engine.map(|(_, engine)| Way::Engine(engine.clone())).ok_or_else(|| {
                    let text = format!(
                        "the environment \"{}\" has no service \"{name}\" of kind {kind}",
                        environment.name()
                    );
                    Error::new(ErrorKind::NotFound, text)
                        .with_remedy("choose services that it has, or restore into a directory")
                })
            }
        }
    }

    fn reserved_by_others(&self, service: &str) -> Vec<PathBuf> {
        match &self.destination {
            Some(Destination::Environment(environment)) => environment.reserved_by_others(service),
            _ => Vec::new(),
        }
    }

    fn folder(&self, base: &Path, service: &str) -> PathBuf {
        if self.services.len() == 1 { base.to_owned() } else { base.join(service) }
    }

    async fn run(self) -> Result<RestoreReport> {
        let plan = self.plan().await?;
        plan.execute().await
    }
}

impl IntoFuture for RestoreRequest {
    type Output = Result<RestoreReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl PlannedRestore {
    /// The backup.
    #[must_use]
    pub fn id(&self) -> BackupId {
        self.id
    }

    /// What would happen to each service.
    #[must_use]
    pub fn services(&self) -> &[(String, RestorePlan)] {
        &self.plans
    }

    /// Reasons for and against, of all services.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.plans.iter().flat_map(|(_, plan)| &plan.verdicts)
    }

    /// The first reason that forbids it.
    #[must_use]
    pub fn denied(&self) -> Option<&Verdict> {
        self.plans.iter().find_map(|(_, plan)| plan.denied())
    }

    /// Whether it overwrites or deletes anything.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        self.plans.iter().any(|(_, plan)| plan.is_destructive())
    }

    /// Does it.
    ///
    /// # Errors
    /// [`Exists`](ErrorKind::Exists) if a verdict forbids it; otherwise when the target cannot be written or the backup
    /// not be read: what was restored so far stays, no file is half.
    pub async fn execute(self) -> Result<RestoreReport> {
        if let Some(verdict) = self.denied() {
            return Err(Error::new(ErrorKind::Exists, format!("{}: {}", verdict.subject, verdict.reason))
                .with_remedy(verdict.remedy.clone()));
        }
        let Self { id, context, started, steps, plans } = self;
        let work = Box::pin(async {
            let mut services = Vec::new();
            for (step, (_, plan)) in steps.into_iter().zip(plans) {
                step.context.phase(Phase::Restore);
                let summary = step.execute(plan).await?;
                services.push(RestoredService { name: step.name, summary });
            }
            Ok(services)
        });
        let services = context.until_cancelled(work).await?;
        let duration = context.clock().elapsed().saturating_sub(started);
        Ok(RestoreReport { id, services, duration, notices: context.take_notices() })
    }
}

impl Step {
    async fn execute(&self, plan: RestorePlan) -> Result<RestoreSummary> {
        let context = &self.context;
        let result = match &self.way {
            Way::Directory(path) => directory::restore(context, &self.from, &plan, path).await,
            Way::Engine(engine) => engine.restore(context, self.from.clone(), plan).await,
        };
        result.map_err(|error| error.context(format!("restore the service \"{}\"", self.name)))
    }
}

/// A path as people write it, as trees hold it: no slash at either end, no `./` before it.
fn normalize(path: &[u8]) -> Vec<u8> {
    let mut path = path;
    while let Some(rest) = path.strip_prefix(b"/").or_else(|| path.strip_prefix(b"./")) {
        path = rest;
    }
    while let Some(rest) = path.strip_suffix(b"/") {
        path = rest;
    }
    if path == b"." { Vec::new() } else { path.to_vec() }
}
