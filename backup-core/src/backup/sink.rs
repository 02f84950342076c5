//! Where the engine of one service pushes its artifacts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use backup_crypto::ChunkId;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::chunks::ChunkReader;
use crate::engine::{
    Artifact, ArtifactInfo, ArtifactKind, Content, Context, Entries, FileWriter, Layout, Metadata,
    ServiceReader, Sink, StreamWriter, TreeWriter,
};
use crate::format::manifest::{ArtifactRecord, is_artifact_name};
use crate::format::references::ReferenceBuilder;
use crate::index::Index;
use crate::packer::Packer;
use crate::tree::content::{ContentWriter, Finished};
use crate::tree::reader::{Source, StoredService};
use crate::tree::segments::Cutter;
use crate::tree::writer::{EntryWriter, LargeFileWriter, TreeTotals};
use crate::{Error, Result};

/// The sink of one service.
#[derive(Debug, Clone)]
pub(super) struct ServiceSink {
    packer: Packer,
    reader: Arc<ChunkReader>,
    cutter: Cutter,
    context: Context,
    started_at: DateTime<Utc>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// A write was begun and neither ended nor failed.
    abandoned: bool,
    /// Names of artifacts begun.
    begun: Vec<String>,
    made: Vec<Made>,
    totals: TreeTotals,
    first_pass: Option<(Made, TreeTotals)>,
}

/// Marks a write by the engine from its beginning to its end. Dropped in between, it fails the service: what was being written is neither
/// stored nor not stored.
#[derive(Debug)]
#[must_use = "a write that is begun must be ended"]
struct Write(Option<Arc<Mutex<State>>>);

impl Write {
    /// The write has ended, well or not.
    fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if let Some(state) = self.0.take() {
            state.lock().unwrap_or_else(PoisonError::into_inner).abandoned = true;
        }
    }
}

/// An artifact that was committed.
#[derive(Debug, Clone)]
pub(super) struct Made {
    info: ArtifactInfo,
    layout: Layout,
    source: Source,
}

impl Made {
    pub(super) fn record(&self, references: &mut ReferenceBuilder) -> Result<ArtifactRecord> {
        match &self.source {
            Source::Tree(root) => {
                let totals = (self.info.entries, self.info.bytes);
                ArtifactRecord::tree(&self.info.name, self.layout, totals, *root, references)
            }
            Source::Stream(content) => {
                ArtifactRecord::stream(&self.info.name, self.layout, content.as_ref(), references)
            }
        }
    }
}

impl ServiceSink {
    pub(super) fn new(
        packer: &Packer,
        reader: &Arc<ChunkReader>,
        cutter: &Cutter,
        context: &Context,
        started_at: DateTime<Utc>,
    ) -> Self {
        Self {
            packer: packer.clone(),
            reader: reader.clone(),
            cutter: cutter.clone(),
            context: context.clone(),
            started_at,
            state: Arc::default(),
        }
    }

    /// What was committed. An artifact that was begun and not committed fails the service: it would be half.
    pub(super) fn take(&self) -> Result<(Vec<Made>, TreeTotals)> {
        self.packer.check()?;
        let mut state = self.state();
        if state.abandoned {
            return Err(Error::invalid(
                "a write was abandoned in the middle, so the service is not backed up whole",
            )
            .with_remedy("await every write of an engine to its end, or give up the backup"));
        }
        let (made, totals) = (std::mem::take(&mut state.made), state.totals);
        match state.begun.iter().find(|name| !made.iter().any(|made| made.info.name == **name)) {
            None => Ok((made, totals)),
            Some(name) => Err(Error::new(
                crate::ErrorKind::Unavailable,
                format!("the artifact \"{name}\" was begun and not completed"),
            )),
        }
    }

    fn write(&self) -> Write {
        Write(Some(self.state.clone()))
    }

    fn begin(&self, artifact: &Artifact) -> Result<()> {
        let name = &artifact.name;
        if !is_artifact_name(name) {
            return Err(Error::invalid(format!("{name:?} cannot be the name of an artifact")));
        }
        if let Layout::Paged { page_size } = artifact.layout
            && !(page_size.is_power_of_two() && (512..=65_536).contains(&page_size))
        {
            return Err(Error::invalid(format!("{page_size} is not a page size from 512 to 65,536")));
        }
        let mut state = self.state();
        if state.begun.contains(name) {
            return Err(Error::invalid(format!("there are two artifacts named \"{name}\" in one service")));
        }
        state.begun.push(name.clone());
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tree_writer(&self, artifact: Artifact, first_pass: bool) -> Box<dyn TreeWriter> {
        let entries = EntryWriter::new(&self.packer, &self.reader, &self.cutter);
        Box::new(SinkTree { sink: self.clone(), artifact, entries, first_pass })
    }
}

#[async_trait]
impl Sink for ServiceSink {
    async fn stream(&self, artifact: Artifact) -> Result<Box<dyn StreamWriter>> {
        self.begin(&artifact)?;
        let content = ContentWriter::new(&self.packer, &self.cutter, artifact.layout);
        Ok(Box::new(SinkStream { sink: self.clone(), artifact, content, bytes: 0 }))
    }

    async fn tree(&self, artifact: Artifact) -> Result<Box<dyn TreeWriter>> {
        self.begin(&artifact)?;
        Ok(self.tree_writer(artifact, false))
    }

    async fn first_pass(&self) -> Result<Box<dyn TreeWriter>> {
        Ok(self.tree_writer(Artifact::new(FIRST_PASS), true))
    }

    async fn read_first_pass(&self) -> Result<Arc<dyn ServiceReader>> {
        let Some((made, _)) = self.state().first_pass.clone() else {
            return Err(Error::invalid("no first pass was committed"));
        };
        Ok(Arc::new(StoredService {
            reader: self.reader.clone(),
            infos: vec![made.info],
            sources: vec![made.source],
            facts: crate::engine::Facts::new(),
            // Nobody restores a first pass.
            role: crate::engine::Role::Files,
            started_at: self.started_at,
            reliable: Some(self.packer.clone()),
        }))
    }
}

struct SinkStream {
    sink: ServiceSink,
    artifact: Artifact,
    content: ContentWriter,
    bytes: u64,
}

#[async_trait]
impl StreamWriter for SinkStream {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let length = bytes.len() as u64;
        let write = self.sink.write();
        let written = self.content.write(bytes).await;
        write.end();
        self.bytes += length;
        self.sink.context.advance(0, length);
        written
    }

    async fn commit(self: Box<Self>) -> Result<ArtifactInfo> {
        let Self { sink, artifact, content, bytes } = *self;
        let write = sink.write();
        let finished = content.finish().await;
        write.end();
        let Finished { content, new_bytes } = finished?;
        let info = ArtifactInfo { name: artifact.name, kind: ArtifactKind::Stream, bytes, entries: 0 };
        let made = Made { info: info.clone(), layout: artifact.layout, source: Source::Stream(content) };
        let mut state = sink.state();
        let changed_bytes = new_bytes;
        let totals =
            TreeTotals { entries: 1, files: 0, bytes, unchanged: 0, read_bytes: bytes, changed_bytes };
        state.totals = state.totals.plus(totals);
        state.made.push(made);
        drop(state);
        sink.context.advance(1, 0);
        Ok(info)
    }
}

struct SinkTree {
    sink: ServiceSink,
    artifact: Artifact,
    entries: EntryWriter,
    first_pass: bool,
}

#[async_trait]
impl TreeWriter for SinkTree {
    async fn put(&mut self, entries: &Entries) -> Result<()> {
        let before = self.entries.totals;
        let write = self.sink.write();
        let written = self.entries.put(entries).await;
        write.end();
        let after = self.entries.totals;
        self.sink.context.advance(after.entries - before.entries, after.bytes - before.bytes);
        written
    }

    async fn file(&mut self, path: &[u8]) -> Result<Box<dyn FileWriter + '_>> {
        Ok(Box::new(SinkFile { sink: &self.sink, file: self.entries.file(path) }))
    }

    async fn commit(self: Box<Self>) -> Result<ArtifactInfo> {
        let Self { sink, artifact, mut entries, first_pass } = *self;
        let write = sink.write();
        let finished = entries.finish().await;
        write.end();
        let root: ChunkId = finished?;
        let TreeTotals { entries: count, bytes, .. } = entries.totals;
        let info = ArtifactInfo { name: artifact.name, kind: ArtifactKind::Tree, bytes, entries: count };
        let made = Made { info: info.clone(), layout: artifact.layout, source: Source::Tree(root) };
        if first_pass {
            // The next pass reads it back, so it must be where reading finds it.
            let write = sink.write();
            let flushed = sink.packer.flush().await;
            write.end();
            flushed?;
            let index = Index::load(sink.packer.storage(), sink.packer.keys()).await?;
            sink.reader.set_index(Arc::new(index));
            sink.state().first_pass = Some((made, entries.totals));
        } else {
            let mut state = sink.state();
            let mut totals = entries.totals;
            if let Some((_, first)) = state.first_pass.take() {
                // What this pass knew, it knew from the first one, which may have read it.
                totals.unchanged = totals.unchanged.min(first.unchanged);
                totals.read_bytes += first.read_bytes;
                totals.changed_bytes += first.changed_bytes;
            }
            state.totals = state.totals.plus(totals);
            state.made.push(made);
        }
        Ok(info)
    }
}

/// One large file of a tree, whose progress is told as it goes.
struct SinkFile<'a> {
    sink: &'a ServiceSink,
    file: LargeFileWriter<'a>,
}

#[async_trait]
impl FileWriter for SinkFile<'_> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let length = bytes.len() as u64;
        let write = self.sink.write();
        let written = self.file.write(bytes).await;
        write.end();
        self.sink.context.advance(0, length);
        written
    }

    async fn hole(&mut self, length: u64) -> Result<()> {
        let write = self.sink.write();
        let written = self.file.hole(length).await;
        write.end();
        self.sink.context.advance(0, length);
        written
    }

    async fn commit(self: Box<Self>, metadata: &Metadata, xattrs: Content<'_>) -> Result<()> {
        let Self { sink, file } = *self;
        let write = sink.write();
        let written = Box::new(file).commit(metadata, xattrs).await;
        write.end();
        sink.context.advance(1, 0);
        written
    }
}

/// The name under which an engine reads its first pass.
const FIRST_PASS: &str = "tree";
