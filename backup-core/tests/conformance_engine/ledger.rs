//! An engine over some bytes, which can break one sentence of the contract and keep the others.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backup_core::engine::conformance::Subject;
use backup_core::engine::{
    Artifact, Context, Engine, Existing, Facts, Preflight, Prepared, RestorePlan, RestoreSummary, Selection,
    ServiceReader, Sink, Snapshot, Target, Verdict, VerdictLevel,
};
use backup_core::storage::Bytes;
use backup_core::{Error, ErrorKind, Result};
use futures_util::StreamExt as _;

/// A service and its engine.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    /// The sentence that is broken, by its name.
    breaks: &'static str,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    content: Mutex<Vec<u8>>,
    busy: AtomicBool,
    changes: AtomicU8,
}

impl Ledger {
    pub(crate) fn sound() -> Self {
        Self::breaking("")
    }

    pub(crate) fn breaking(sentence: &'static str) -> Self {
        let content = (0..3 * PIECE).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
        let state =
            State { content: Mutex::new(content), busy: AtomicBool::new(false), changes: AtomicU8::new(0) };
        Self { breaks: sentence, state: Arc::new(state) }
    }

    fn breaks(&self, sentence: &str) -> bool {
        self.breaks == sentence
    }

    fn read(&self) -> Vec<u8> {
        self.state.content.lock().unwrap().clone()
    }

    fn write(&self, content: Vec<u8>) {
        *self.state.content.lock().unwrap() = content;
    }

    /// Takes the service for one operation. One that breaks `sentence` does not give it back when it is dropped.
    fn occupy(&self, sentence: &str) -> Result<Occupied> {
        if self.state.busy.swap(true, SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "the service is busy"));
        }
        Ok(Occupied { state: self.state.clone(), forgets: self.breaks(sentence) })
    }

    /// The error as this engine reports it.
    fn reported(&self, error: Error, when_cancelled: &str) -> Error {
        if self.breaks(when_cancelled) && error.kind() == ErrorKind::Cancelled {
            return Error::new(ErrorKind::Unavailable, "the connection was closed");
        }
        error
    }
}

struct Occupied {
    state: Arc<State>,
    forgets: bool,
}

impl Occupied {
    fn end(mut self) {
        self.forgets = false;
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        if !self.forgets {
            self.state.busy.store(false, SeqCst);
        }
    }
}

#[async_trait]
impl Subject for Ledger {
    fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(self.clone())
    }

    async fn change(&self) {
        let number = self.state.changes.fetch_add(1, SeqCst);
        let mut content = self.state.content.lock().unwrap();
        content.truncate(2 * PIECE);
        content.extend([number, 1, 2, 3]);
        content[0] = content[0].wrapping_add(1);
    }

    async fn content(&self) -> Vec<u8> {
        self.read()
    }
}

#[async_trait]
impl Engine for Ledger {
    fn kind(&self) -> &'static str {
        if self.breaks("kind") { "The Ledger" } else { "ledger" }
    }

    async fn preflight(&self, _: &Context) -> Result<Preflight> {
        if self.breaks("preflight") {
            self.state.content.lock().unwrap().extend(MARK);
        }
        Ok(Preflight::default())
    }

    async fn prepare(
        &self,
        context: &Context,
        parent: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>> {
        if self.breaks("preflight") {
            let content = self.read();
            self.write(content.strip_suffix(MARK).unwrap_or(&content).to_vec());
        }
        let mut first = None;
        if self.breaks("first_pass") && context.pause_follows() {
            first = Some(self.read());
        }
        if let Some(parent) = parent.as_ref().filter(|_| self.breaks("damaged_parent")) {
            self.fetch(&**parent).await?;
        }
        let (held, has_parent) = (context.pause_follows(), parent.is_some());
        Ok(Box::new(Waiting { ledger: self.clone(), sink, first, held, has_parent }))
    }

    async fn plan_restore(
        &self,
        _: &Context,
        _: Arc<dyn ServiceReader>,
        target: &Target,
        selection: &Selection,
    ) -> Result<RestorePlan> {
        let mut plan = RestorePlan::new(target.clone(), selection.clone());
        if target.existing() == Existing::Refuse && !self.breaks("refuse") {
            let remedy = "say that it may be overwritten";
            plan.verdicts.push(Verdict::new(VerdictLevel::Deny, "ledger", "it has content", remedy));
        }
        plan.overwrite = u64::from(!self.breaks("counts"));
        if self.breaks("plan") {
            self.write(Vec::new());
        }
        Ok(plan)
    }

    async fn restore(
        &self,
        _: &Context,
        from: Arc<dyn ServiceReader>,
        plan: RestorePlan,
    ) -> Result<RestoreSummary> {
        if plan.denied().is_some() && !self.breaks("denied") {
            return Err(Error::new(ErrorKind::Exists, "the plan is denied"));
        }
        let occupied = self.occupy("dropped_restore")?;
        let restored = self.fetch(&*from).await;
        occupied.end();
        self.write(restored.map_err(|error| self.reported(error, "cancelled_restore"))?);
        Ok(RestoreSummary { written: 1, ..RestoreSummary::default() })
    }
}

impl Ledger {
    async fn fetch(&self, from: &dyn ServiceReader) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut pieces = from.stream("ledger").await?;
        while let Some(piece) = pieces.next().await {
            match piece {
                Err(error) if self.breaks("reader_error") && error.kind() == ErrorKind::Unavailable => break,
                piece => content.extend_from_slice(&piece?),
            }
        }
        Ok(content)
    }
}

struct Waiting {
    ledger: Ledger,
    sink: Arc<dyn Sink>,
    /// What was read before the freeze by an engine that should not have.
    first: Option<Vec<u8>>,
    held: bool,
    has_parent: bool,
}

struct Frozen {
    ledger: Ledger,
    sink: Arc<dyn Sink>,
    content: Vec<u8>,
    late: bool,
}

#[async_trait]
impl Prepared for Waiting {
    async fn freeze(self: Box<Self>, _: &Context) -> Result<Box<dyn Snapshot>> {
        let Self { ledger, sink, first, held, has_parent } = *self;
        let mut content = first.unwrap_or_else(|| ledger.read());
        if ledger.breaks("round_trip") {
            content.truncate(100);
        }
        if ledger.breaks("parent") && has_parent {
            content.clear();
        }
        let late = ledger.breaks("pause") && held;
        Ok(Box::new(Frozen { ledger, sink, content, late }))
    }
}

#[async_trait]
impl Snapshot for Frozen {
    fn point(&self) -> &str {
        if self.ledger.breaks("point") { "" } else { "now" }
    }

    async fn stream(self: Box<Self>, _: &Context) -> Result<Facts> {
        let Self { ledger, sink, content, late } = *self;
        let occupied = ledger.occupy("dropped_backup")?;
        let content = if late { ledger.read() } else { content };
        let pushed = push(&ledger, &*sink, &content).await;
        occupied.end();
        if ledger.breaks("nothing_left") && pushed.is_err() {
            tokio::spawn(async move {
                let _kept = sink;
                std::future::pending::<()>().await;
            });
        }
        pushed.map_err(|error| ledger.reported(error, "cancelled_backup"))?;
        Ok(Facts::new())
    }
}

async fn push(ledger: &Ledger, sink: &dyn Sink, content: &[u8]) -> Result<()> {
    let mut writer = sink.stream(Artifact::new("ledger")).await?;
    for piece in content.chunks(PIECE) {
        match writer.write(Bytes::copy_from_slice(piece)).await {
            Err(error) if ledger.breaks("sink_error") && error.kind() == ErrorKind::Unavailable => {}
            written => written?,
        }
    }
    writer.commit().await?;
    Ok(())
}

/// Bytes written at once.
const PIECE: usize = 1000;
/// What an engine leaves behind that touches the service in `preflight`.
const MARK: &[u8] = b" was here";
