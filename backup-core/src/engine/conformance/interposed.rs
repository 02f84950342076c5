//! Stands between a backup and the engine under test.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::reading::TappedReader;
use super::tap::Tap;
use crate::Result;
use crate::engine::{
    Artifact, ArtifactInfo, Content, Context, Engine, Entries, Facts, FileWriter, Metadata, Preflight,
    Prepared, RestorePlan, RestoreSummary, Selection, ServiceReader, Sink, Snapshot, StreamWriter, Target,
    TreeWriter,
};
use crate::observer::Silent;

/// An engine that passes on all calls, and taps what the engine under test does with its sink and reader.
#[derive(Debug, Clone)]
pub(super) struct Interposed {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) tap: Arc<Tap>,
    /// Taps the reading of the parent.
    pub(super) parent: Option<Arc<Tap>>,
    /// What happens between preparing and freezing, and between freezing and streaming.
    pub(super) before_freeze: Moment,
    pub(super) before_stream: Moment,
    /// What the engine was given and must let go.
    pub(super) lent: Arc<Mutex<Option<Weak<TappedSink>>>>,
}

/// Something that happens at a moment of a backup.
#[derive(Clone)]
pub(super) struct Moment(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>);

impl Moment {
    pub(super) fn new(action: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(action))
    }

    pub(super) fn nothing() -> Self {
        Self::new(|| Box::pin(std::future::ready(())))
    }

    async fn come(&self) {
        (self.0)().await;
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Moment")
    }
}

impl Interposed {
    pub(super) fn new(engine: Arc<dyn Engine>, tap: Arc<Tap>) -> Self {
        let lent = Arc::default();
        let (before_freeze, before_stream) = (Moment::nothing(), Moment::nothing());
        Self { engine, tap, parent: None, before_freeze, before_stream, lent }
    }

    /// Whether the engine still has the sink it was given.
    pub(super) fn holds_sink(&self) -> bool {
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        lent.as_ref().is_some_and(|sink| sink.strong_count() > 0)
    }

    /// The context as the engine under test sees it: its own token, so that it is the engine that must heed it.
    fn context(&self, context: &Context) -> Context {
        let own = Context::new(self.tap.token().clone(), context.clock().clone(), Arc::new(Silent));
        let own = own.for_service(context.service()).with_pause(context.pause_follows());
        match context.remaining() {
            None => own,
            Some(remaining) => own.with_deadline(remaining),
        }
    }
}

#[async_trait]
impl Engine for Interposed {
    fn kind(&self) -> &'static str {
        self.engine.kind()
    }

    async fn preflight(&self, context: &Context) -> Result<Preflight> {
        self.engine.preflight(&self.context(context)).await
    }

    async fn prepare(
        &self,
        context: &Context,
        parent: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>> {
        let sink = Arc::new(TappedSink { sink, tap: self.tap.clone() });
        *self.lent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(&sink));
        let parent = match (parent, &self.parent) {
            (Some(reader), Some(tap)) => {
                Some(Arc::new(TappedReader { reader, tap: tap.clone() }) as Arc<dyn ServiceReader>)
            }
            (parent, _) => parent,
        };
        let prepared = self.engine.prepare(&self.context(context), parent, sink).await?;
        Ok(Box::new(InterposedStep { interposed: self.clone(), step: prepared }))
    }

    async fn plan_restore(
        &self,
        context: &Context,
        from: Arc<dyn ServiceReader>,
        target: &Target,
        selection: &Selection,
    ) -> Result<RestorePlan> {
        self.engine.plan_restore(&self.context(context), from, target, selection).await
    }

    async fn restore(
        &self,
        context: &Context,
        from: Arc<dyn ServiceReader>,
        plan: RestorePlan,
    ) -> Result<RestoreSummary> {
        let from = Arc::new(TappedReader { reader: from, tap: self.tap.clone() });
        self.engine.restore(&self.context(context), from, plan).await
    }
}

struct InterposedStep<S> {
    interposed: Interposed,
    step: S,
}

#[async_trait]
impl Prepared for InterposedStep<Box<dyn Prepared>> {
    async fn freeze(self: Box<Self>, context: &Context) -> Result<Box<dyn Snapshot>> {
        let Self { interposed, step } = *self;
        interposed.before_freeze.come().await;
        let step = step.freeze(&interposed.context(context)).await?;
        Ok(Box::new(InterposedStep { interposed, step }))
    }
}

#[async_trait]
impl Snapshot for InterposedStep<Box<dyn Snapshot>> {
    fn point(&self) -> &str {
        self.step.point()
    }

    async fn stream(self: Box<Self>, context: &Context) -> Result<Facts> {
        let Self { interposed, step } = *self;
        interposed.before_stream.come().await;
        step.stream(&interposed.context(context)).await
    }
}

/// A sink whose calls are counted.
pub(super) struct TappedSink {
    sink: Arc<dyn Sink>,
    tap: Arc<Tap>,
}

#[async_trait]
impl Sink for TappedSink {
    async fn stream(&self, artifact: Artifact) -> Result<Box<dyn StreamWriter>> {
        self.tap.pass().await?;
        let writer = self.sink.stream(artifact).await?;
        Ok(Box::new(Tapped { writer, tap: self.tap.clone() }))
    }

    async fn tree(&self, artifact: Artifact) -> Result<Box<dyn TreeWriter>> {
        self.tap.pass().await?;
        let writer = self.sink.tree(artifact).await?;
        Ok(Box::new(Tapped { writer, tap: self.tap.clone() }))
    }

    async fn first_pass(&self) -> Result<Box<dyn TreeWriter>> {
        self.tap.pass().await?;
        let writer = self.sink.first_pass().await?;
        Ok(Box::new(Tapped { writer, tap: self.tap.clone() }))
    }

    async fn read_first_pass(&self) -> Result<Arc<dyn ServiceReader>> {
        self.tap.pass().await?;
        self.sink.read_first_pass().await
    }
}

struct Tapped<W> {
    writer: W,
    tap: Arc<Tap>,
}

#[async_trait]
impl StreamWriter for Tapped<Box<dyn StreamWriter>> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.tap.pass().await?;
        self.writer.write(bytes).await
    }

    async fn commit(self: Box<Self>) -> Result<ArtifactInfo> {
        self.tap.pass().await?;
        self.writer.commit().await
    }
}

#[async_trait]
impl TreeWriter for Tapped<Box<dyn TreeWriter>> {
    async fn put(&mut self, entries: &Entries) -> Result<()> {
        self.tap.pass().await?;
        self.writer.put(entries).await
    }

    async fn file(&mut self, path: &[u8]) -> Result<Box<dyn FileWriter + '_>> {
        self.tap.pass().await?;
        let writer = self.writer.file(path).await?;
        Ok(Box::new(Tapped { writer, tap: self.tap.clone() }))
    }

    async fn commit(self: Box<Self>) -> Result<ArtifactInfo> {
        self.tap.pass().await?;
        self.writer.commit().await
    }
}

#[async_trait]
impl FileWriter for Tapped<Box<dyn FileWriter + '_>> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.tap.pass().await?;
        self.writer.write(bytes).await
    }

    async fn hole(&mut self, length: u64) -> Result<()> {
        self.tap.pass().await?;
        self.writer.hole(length).await
    }

    async fn commit(self: Box<Self>, metadata: &Metadata, xattrs: Content<'_>) -> Result<()> {
        self.tap.pass().await?;
        self.writer.commit(metadata, xattrs).await
    }
}
