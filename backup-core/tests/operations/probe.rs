//! An engine that says what is done with it, and does what a test wants at each step.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backup_core::engine::{
    Artifact, Context, Engine, Facts, Preflight, Prepared, RestorePlan, RestoreSummary, Role, Selection,
    ServiceReader, Sink, Snapshot, Target,
};
use backup_core::storage::Bytes;
use backup_core::{Error, ErrorKind, Result};

/// What is done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Look,
    Prepare,
    Freeze,
    Stream,
}

pub(crate) const STEPS: [Step; 4] = [Step::Look, Step::Prepare, Step::Freeze, Step::Stream];

/// Everything that was done with the services that share it.
pub(crate) type Log = Arc<Mutex<Vec<(&'static str, Step)>>>;

type Act = dyn Fn(Step) -> Result<()> + Send + Sync;

/// One stream with its own name in it.
#[derive(Clone)]
pub(crate) struct Probe {
    name: &'static str,
    role: Role,
    log: Log,
    act: Arc<Act>,
    reserves: Vec<PathBuf>,
    reserved: Arc<Mutex<Vec<Vec<PathBuf>>>>,
    parents: Arc<Mutex<Vec<bool>>>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Probe({})", self.name)
    }
}

impl Probe {
    pub(crate) fn new(name: &'static str, role: Role, log: &Log) -> Self {
        Self {
            name,
            role,
            log: log.clone(),
            act: Arc::new(|_| Ok(())),
            reserves: Vec::new(),
            reserved: Arc::default(),
            parents: Arc::default(),
        }
    }

    /// Does this at each step, and fails as it does.
    pub(crate) fn act(mut self, act: impl Fn(Step) -> Result<()> + Send + Sync + 'static) -> Self {
        self.act = Arc::new(act);
        self
    }

    pub(crate) fn fails_at(self, at: Step, kind: ErrorKind) -> Self {
        self.act(
            move |step| {
                if step == at { Err(Error::new(kind, format!("it fails at {at:?}"))) } else { Ok(()) }
            },
        )
    }

    pub(crate) fn reserves(mut self, path: &str) -> Self {
        self.reserves.push(path.into());
        self
    }

    /// What was reserved by others at each step.
    pub(crate) fn saw_reserved(&self) -> Vec<Vec<PathBuf>> {
        self.reserved.lock().unwrap().clone()
    }

    /// Whether there was a parent, for each time it was prepared.
    pub(crate) fn had_parents(&self) -> Vec<bool> {
        self.parents.lock().unwrap().clone()
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        self.name.repeat(1000).into_bytes()
    }

    fn step(&self, step: Step, context: &Context) -> Result<()> {
        assert_eq!(context.service(), self.name);
        self.log.lock().unwrap().push((self.name, step));
        self.reserved.lock().unwrap().push(context.reserved().to_vec());
        (self.act)(step)
    }
}

#[async_trait]
impl Engine for Probe {
    fn kind(&self) -> &'static str {
        "probe"
    }

    fn role(&self) -> Role {
        self.role
    }

    fn reserves(&self) -> Vec<PathBuf> {
        self.reserves.clone()
    }

    async fn preflight(&self, context: &Context) -> Result<Preflight> {
        self.step(Step::Look, context)?;
        Ok(Preflight::default())
    }

    async fn prepare(
        &self,
        context: &Context,
        parent: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>> {
        self.parents.lock().unwrap().push(parent.is_some());
        self.step(Step::Prepare, context)?;
        Ok(Box::new(Ready { probe: self.clone(), sink }))
    }

    async fn plan_restore(
        &self,
        _: &Context,
        _: Arc<dyn ServiceReader>,
        _: &Target,
        _: &Selection,
    ) -> Result<RestorePlan> {
        Err(Error::new(ErrorKind::Unsupported, "restored into directories only"))
    }

    async fn restore(
        &self,
        _: &Context,
        _: Arc<dyn ServiceReader>,
        _: RestorePlan,
    ) -> Result<RestoreSummary> {
        Err(Error::new(ErrorKind::Unsupported, "restored into directories only"))
    }
}

struct Ready {
    probe: Probe,
    sink: Arc<dyn Sink>,
}

#[async_trait]
impl Prepared for Ready {
    async fn freeze(self: Box<Self>, context: &Context) -> Result<Box<dyn Snapshot>> {
        self.probe.step(Step::Freeze, context)?;
        Ok(self)
    }
}

#[async_trait]
impl Snapshot for Ready {
    fn point(&self) -> &str {
        "now"
    }

    /// Commits one artifact before it may fail, and leaves another one half.
    async fn stream(self: Box<Self>, context: &Context) -> Result<Facts> {
        let mut whole = self.sink.stream(Artifact::new("dump")).await?;
        whole.write(Bytes::from(self.probe.content())).await?;
        whole.commit().await?;
        self.probe.step(Step::Stream, context)?;
        Ok(Facts::new())
    }
}
