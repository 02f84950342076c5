//! An engine whose capture is a function of the sink, for streams and for what engines must not do.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use backup_core::engine::{
    Context, Engine, Facts, Preflight, Prepared, RestorePlan, RestoreSummary, Selection, ServiceReader, Sink,
    Snapshot, Target,
};
use backup_core::{Error, ErrorKind, Result};
use futures_util::future::BoxFuture;

type Capture = dyn Fn(Arc<dyn Sink>) -> BoxFuture<'static, Result<()>> + Send + Sync;

/// Captures by calling a function.
#[derive(Clone)]
pub(crate) struct Scripted {
    capture: Arc<Capture>,
    preflight: Preflight,
}

impl Scripted {
    pub(crate) fn new<F: Future<Output = Result<()>> + Send + 'static>(
        capture: impl Fn(Arc<dyn Sink>) -> F + Send + Sync + 'static,
    ) -> Self {
        Self { capture: Arc::new(move |sink| Box::pin(capture(sink))), preflight: Preflight::default() }
    }

    pub(crate) fn preflight(mut self, preflight: Preflight) -> Self {
        self.preflight = preflight;
        self
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Scripted")
    }
}

#[async_trait]
impl Engine for Scripted {
    fn kind(&self) -> &'static str {
        "scripted"
    }

    async fn preflight(&self, _: &Context) -> Result<Preflight> {
        Ok(self.preflight.clone())
    }

    async fn prepare(
        &self,
        _: &Context,
        _: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>> {
        Ok(Box::new(Step { capture: self.capture.clone(), sink }))
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

struct Step {
    capture: Arc<Capture>,
    sink: Arc<dyn Sink>,
}

#[async_trait]
impl Prepared for Step {
    async fn freeze(self: Box<Self>, _: &Context) -> Result<Box<dyn Snapshot>> {
        Ok(self)
    }
}

#[async_trait]
impl Snapshot for Step {
    fn point(&self) -> &str {
        "now"
    }

    async fn stream(self: Box<Self>, _: &Context) -> Result<Facts> {
        (self.capture)(self.sink).await?;
        Ok(Facts::from([("scripted.fact".into(), "yes".into())]))
    }
}
