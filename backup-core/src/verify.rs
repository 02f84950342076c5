//! Verifying one backup: that all of it can be read.

use std::collections::HashSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use backup_crypto::{ChunkId, ChunkKind};
use futures_util::StreamExt as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::chunks::ChunkReader;
use crate::engine::{
    ArtifactKind, Content, Context, Entries, ExtentList, Piece, ServiceReader, StoredContent, printable_path,
};
use crate::format::manifest::ServiceRecord;
use crate::format::names::PackName;
use crate::index::{Index, list_packs};
use crate::list::StoredBackup;
use crate::observer::Phase;
use crate::problem::{Problem, is_finding};
use crate::tree::reader::Source;
use crate::tree::walk::MapWalk;
use crate::{BackupId, Error, Repository, Result};

/// A request to verify one backup; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct VerifyRequest {
    repository: Repository,
    id: BackupId,
    read_data: bool,
    cancel: CancellationToken,
}

/// What a verification found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The backup.
    pub id: BackupId,
    /// Entries of trees and streams looked at.
    pub entries: u64,
    /// Different chunks that the backup needs.
    pub chunks: u64,
    /// Bytes of everything in it.
    pub bytes: u64,
    /// Whether the content was read and compared with its hashes, or only looked up.
    pub data_read: bool,
    /// What is wrong; nothing if the backup is sound.
    pub problems: Vec<Problem>,
}

impl Repository {
    /// Verifies one backup: reads all its metadata and looks up all its chunks, and, with
    /// [`read_data`](VerifyRequest::read_data), reads all content and compares it with its hashes.
    pub fn verify(&self, id: BackupId) -> VerifyRequest {
        VerifyRequest { repository: self.clone(), id, read_data: false, cancel: CancellationToken::new() }
    }
}

impl VerifyRequest {
    /// Reads all content too. Takes as long as a restore without writing.
    pub fn read_data(mut self, read_data: bool) -> Self {
        self.read_data = read_data;
        self
    }

    /// Ends with [`Cancelled`](crate::ErrorKind::Cancelled) when the token is cancelled.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    async fn run(self) -> Result<VerifyReport> {
        let context = self.repository.context(&self.cancel);
        context.until_cancelled(Box::pin(self.run_uncancelled(&context))).await
    }

    async fn run_uncancelled(&self, context: &Context) -> Result<VerifyReport> {
        context.phase(Phase::Index);
        let backup = self.repository.stored_backup(&self.id).await?;
        let reader = self.repository.chunk_reader().await?;
        let existing = list_packs(self.repository.storage()).await?.into_keys().collect();
        let mut survey = Survey::new(&reader, &existing);
        let info = backup.info();
        context.expect(info.entries, info.logical_bytes);
        context.phase(if self.read_data { Phase::Data } else { Phase::Structure });
        survey.backup(&backup, self.read_data, context).await?;
        Ok(VerifyReport {
            id: self.id,
            entries: survey.entries,
            chunks: survey.seen.len() as u64,
            bytes: survey.bytes,
            data_read: self.read_data,
            problems: survey.problems,
        })
    }
}

impl IntoFuture for VerifyRequest {
    type Output = Result<VerifyReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Looks at everything that backups refer to.
pub(crate) struct Survey<'a> {
    reader: &'a Arc<ChunkReader>,
    index: Arc<Index>,
    existing: &'a HashSet<PackName>,
    /// Chunks looked up already.
    pub(crate) seen: HashSet<ChunkId>,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(reader: &'a Arc<ChunkReader>, existing: &'a HashSet<PackName>) -> Self {
        let (seen, problems) = (HashSet::new(), Vec::new());
        Self { reader, index: reader.index(), existing, seen, entries: 0, bytes: 0, problems }
    }

    /// Looks at one backup; reads its content too if asked.
    pub(crate) async fn backup(
        &mut self,
        backup: &StoredBackup,
        read_data: bool,
        context: &Context,
    ) -> Result<()> {
        for record in &backup.manifest.body.services {
            let context = context.for_service(&record.name);
            if let Err(error) = self.service(backup, record, read_data, &context).await {
                self.finding(backup, record.name.clone(), error)?;
            }
        }
        Ok(())
    }

    async fn service(
        &mut self,
        backup: &StoredBackup,
        record: &ServiceRecord,
        read_data: bool,
        context: &Context,
    ) -> Result<()> {
        let service = backup.manifest.service_reader(record, self.reader)?;
        for (info, source) in service.infos.iter().zip(&service.sources) {
            match (info.kind, source) {
                (ArtifactKind::Tree, Source::Tree(_)) => {
                    let (entries, bytes) = (self.entries, self.bytes);
                    self.tree(backup, &service, &info.name, read_data, context).await?;
                    if (self.entries - entries, self.bytes - bytes) != (info.entries, info.bytes) {
                        let text = format!("the tree \"{}\" does not hold what its manifest says", info.name);
                        self.problems.push(Problem::new(&record.name, text).of(backup.name.id));
                    }
                }
                (_, Source::Stream(content)) => {
                    if let Some(content) = content {
                        let found =
                            self.content(&service, content.as_stored(), read_data.then_some(context)).await;
                        self.found(backup, format!("{}: {}", record.name, info.name), found)?;
                    }
                    self.entries += 1;
                    self.bytes = self.bytes.saturating_add(info.bytes);
                    context.advance(1, if read_data { 0 } else { info.bytes });
                }
                _ => {
                    return Err(Error::damaged(format!(
                        "the artifact \"{}\" is of no known kind",
                        info.name
                    )));
                }
            }
        }
        Ok(())
    }

    async fn tree(
        &mut self,
        backup: &StoredBackup,
        service: &dyn ServiceReader,
        artifact: &str,
        read_data: bool,
        context: &Context,
    ) -> Result<()> {
        let mut tree = service.tree(artifact, b"").await?;
        while let Some(entries) = tree.next().await? {
            context.check()?;
            let (mut bytes, mut told) = (0_u64, 0_u64);
            for entry in entries.iter() {
                bytes = bytes.saturating_add(entry.metadata.size);
                for content in [entry.content, entry.xattrs] {
                    if let Content::Stored(content) = content {
                        let read = (read_data && !is_in_one_chunk(&content)).then_some(context);
                        told = told.saturating_add(read.map_or(0, |_| content.size));
                        let found = self.content(service, content, read).await;
                        self.found(
                            backup,
                            format!("{}: {}", context.service(), printable_path(entry.path)),
                            found,
                        )?;
                    }
                }
            }
            if read_data {
                self.small_contents(backup, service, &entries, context).await?;
            }
            self.entries += entries.len() as u64;
            self.bytes = self.bytes.saturating_add(bytes);
            context.advance(entries.len() as u64, bytes.saturating_sub(told));
        }
        Ok(())
    }

    /// Reads the contents that are part of one chunk each, batch by batch; only if a batch fails, one by one.
    async fn small_contents(
        &mut self,
        backup: &StoredBackup,
        service: &dyn ServiceReader,
        entries: &Entries,
        context: &Context,
    ) -> Result<()> {
        let mut small: Vec<(&[u8], StoredContent<'_>)> = Vec::new();
        for entry in entries.iter() {
            for content in [entry.content, entry.xattrs] {
                if let Content::Stored(content) = content
                    && is_in_one_chunk(&content)
                {
                    small.push((entry.path, content));
                }
            }
        }
        let mut rest = &small[..];
        while !rest.is_empty() {
            let batch;
            (batch, rest) = rest.split_at(batch_length(rest));
            context.check()?;
            let wanted: Vec<_> = batch.iter().map(|(_, content)| *content).collect();
            if service.contents(&wanted).await.is_ok() {
                continue;
            }
            for (path, content) in batch {
                let found = service.contents(&[*content]).await.map(drop);
                self.found(backup, format!("{}: {}", context.service(), printable_path(path)), found)?;
            }
        }
        Ok(())
    }

    /// Looks up all chunks of a content, and reads it, telling how far it is, if there is somebody to tell.
    async fn content(
        &mut self,
        service: &dyn ServiceReader,
        content: StoredContent<'_>,
        read: Option<&Context>,
    ) -> Result<()> {
        match content.extents {
            ExtentList::Inline(extents) => {
                for chunk in extents.iter().filter_map(|extent| extent.chunk) {
                    self.look_up(ChunkKind::Data, chunk)?;
                }
            }
            ExtentList::Map(root) => {
                let mut map = MapWalk::new(self.reader, root, content.size);
                while let Some(leaf) = map.next().await? {
                    for chunk in leaf.segments {
                        self.look_up(ChunkKind::Meta, chunk)?;
                    }
                    for chunk in leaf.extents.iter().filter_map(|extent| extent.chunk) {
                        self.look_up(ChunkKind::Data, chunk)?;
                    }
                }
            }
        }
        if let Some(context) = read {
            let mut pieces = service.content(content).await?;
            while let Some(piece) = pieces.next().await {
                let length = match piece? {
                    Piece::Data(bytes) => bytes.len() as u64,
                    Piece::Hole(length) => length,
                };
                context.advance(0, length);
            }
        }
        Ok(())
    }

    fn look_up(&mut self, kind: ChunkKind, chunk: ChunkId) -> Result<()> {
        if self.seen.contains(&chunk) {
            return Ok(());
        }
        let exists = |pack| self.index.pack(pack).is_some_and(|pack| self.existing.contains(&pack.name));
        let mut places = self.index.locations(&chunk).filter(|location| location.chunk.kind == kind);
        match places.next() {
            None => Err(Error::damaged(format!("the chunk {chunk} is not in the index"))),
            Some(first) if !exists(first.pack) && !places.any(|place| exists(place.pack)) => {
                let pack = self
                    .index
                    .pack(first.pack)
                    .map_or_else(String::new, |pack| pack.name.to_name().to_string());
                Err(Error::damaged(format!("the chunk {chunk} is in {pack}, which is missing")))
            }
            Some(_) => {
                self.seen.insert(chunk);
                Ok(())
            }
        }
    }

    fn found(&mut self, backup: &StoredBackup, object: String, result: Result<()>) -> Result<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) => self.finding(backup, object, error),
        }
    }

    fn finding(&mut self, backup: &StoredBackup, object: String, error: Error) -> Result<()> {
        if !is_finding(&error) {
            return Err(error);
        }
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::from_error(object, &error).of(backup.name.id));
        }
        Ok(())
    }
}

fn is_in_one_chunk(content: &StoredContent<'_>) -> bool {
    matches!(content.extents, ExtentList::Inline(list) if list.len() == 1 && list[0].chunk.is_some())
}

/// How many contents at the front are read at once: chunks are held in memory whole, so they are what counts.
fn batch_length(contents: &[(&[u8], StoredContent<'_>)]) -> usize {
    let mut chunks = HashSet::new();
    let fits = |(_, content): &&(&[u8], StoredContent<'_>)| {
        if let ExtentList::Inline(extents) = content.extents {
            chunks.extend(extents.iter().filter_map(|extent| extent.chunk));
        }
        chunks.len() <= BATCH_CHUNKS
    };
    contents.iter().take(BATCH).take_while(fits).count().max(1)
}

/// Contents read at once.
const BATCH: usize = 256;
/// Chunks that they may be in, of at most 4 MiB each.
const BATCH_CHUNKS: usize = 8;
/// Problems kept for a report.
const MAX_PROBLEMS: usize = 10_000;
