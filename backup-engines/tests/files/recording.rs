//! A sink that keeps everything in memory and can act while it is written to, and its content as a parent.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backup_core::crypto::{ChunkId, ContentHash, ContentHasher, Keys, OsRandom, RandomExt, RepositoryId};
use backup_core::engine::{
    Artifact, ArtifactInfo, ArtifactKind, Content, Context, Engine, Entries, Entry, Extent, ExtentList,
    Facts, FileWriter, Metadata, Piece, Role, ServiceReader, Sink, StoredContent, StreamWriter, TreeReader,
    TreeWriter, path_order, printable_path,
};
use backup_core::{
    BUNDLE_LIMIT, CancellationToken, Error, ErrorKind, Event, Notice, NoticeLevel, Observer, Progress,
    Result, SystemClock,
};
use backup_engines::Files;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;

/// A backup in memory.
#[derive(Clone)]
pub(crate) struct Backup {
    pub(crate) tree: Vec<Stored>,
    pub(crate) facts: Facts,
    pub(crate) point: String,
    pub(crate) notices: Vec<Notice>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) progress: Progress,
    /// Whether reading it as a parent fails.
    pub(crate) damaged: bool,
    contents: Contents,
}

/// One entry of it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) path: Vec<u8>,
    pub(crate) metadata: Metadata,
    pub(crate) target: Vec<u8>,
    pub(crate) content: Vec<u8>,
    /// Bytes in holes.
    pub(crate) holes: u64,
    pub(crate) xattrs: Vec<u8>,
    /// Whether content or attributes were taken from the parent.
    pub(crate) kept: bool,
}

type Contents = Arc<Mutex<HashMap<[u8; 32], Vec<u8>>>>;
type Hook = Arc<dyn Fn(&str) + Send + Sync>;

impl Backup {
    pub(crate) fn paths(&self) -> Vec<String> {
        self.tree.iter().map(|stored| printable_path(&stored.path)).collect()
    }

    pub(crate) fn find(&self, path: impl AsRef<[u8]>) -> Option<&Stored> {
        self.tree.iter().find(|stored| stored.path == path.as_ref())
    }

    pub(crate) fn get(&self, path: &str) -> &Stored {
        self.find(path).unwrap_or_else(|| panic!("{path} is not in {:?}", self.paths()))
    }

    /// The paths that were taken from the parent.
    pub(crate) fn kept(&self) -> Vec<String> {
        self.tree.iter().filter(|stored| stored.kept).map(|stored| printable_path(&stored.path)).collect()
    }

    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("no fact {name} in {:?}", self.facts))
    }

    /// The messages about a path.
    pub(crate) fn told(&self, level: NoticeLevel, path: &str) -> Vec<&str> {
        let about = self.notices.iter().filter(|notice| notice.level == level && notice.path == path);
        about.map(|notice| notice.message.as_str()).collect()
    }

    pub(crate) fn warnings(&self) -> Vec<&Notice> {
        self.notices.iter().filter(|notice| notice.level == NoticeLevel::Warning).collect()
    }

    /// As if the files had not been touched for a while when it was made.
    pub(crate) fn long_after_the_files(mut self) -> Self {
        self.started_at += Duration::from_secs(3600);
        self
    }

    pub(crate) fn reader(&self) -> Arc<dyn ServiceReader> {
        let (entries, bytes) =
            (self.tree.len() as u64, self.tree.iter().map(|stored| stored.metadata.size).sum());
        let info = ArtifactInfo { name: "tree".into(), kind: ArtifactKind::Tree, bytes, entries };
        Arc::new(Reader { backup: self.clone(), infos: [info] })
    }
}

/// A backup to be made.
pub(crate) struct Request<'a> {
    engine: &'a Files,
    parent: Option<&'a Backup>,
    hook: Hook,
    between: Option<Box<dyn FnOnce() + Send + 'a>>,
    pause: Option<Duration>,
    cancel: CancellationToken,
    ahead: Duration,
    reserved: Vec<PathBuf>,
}

pub(crate) fn request(engine: &Files) -> Request<'_> {
    Request {
        engine,
        parent: None,
        hook: Arc::new(|_| ()),
        between: None,
        pause: None,
        cancel: CancellationToken::new(),
        ahead: Duration::ZERO,
        reserved: Vec::new(),
    }
}

/// Backs up without anything special.
pub(crate) async fn back_up(engine: &Files) -> Backup {
    request(engine).run().await.unwrap()
}

impl<'a> Request<'a> {
    pub(crate) fn parent(mut self, parent: &'a Backup) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Runs before each piece of a large file is taken, with its path.
    pub(crate) fn on_write(mut self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.hook = Arc::new(hook);
        self
    }

    /// In two passes, with something that happens between them, and a pause that may take so long.
    pub(crate) fn paused(mut self, deadline: Duration, between: impl FnOnce() + Send + 'a) -> Self {
        self.pause = Some(deadline);
        self.between = Some(Box::new(between));
        self
    }

    pub(crate) fn cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// With a clock that is an hour ahead of the files.
    pub(crate) fn hour_ahead(mut self) -> Self {
        self.ahead = Duration::from_secs(3600);
        self
    }

    /// With files that other services keep to themselves.
    pub(crate) fn reserved(mut self, paths: Vec<PathBuf>) -> Self {
        self.reserved = paths;
        self
    }

    pub(crate) async fn run(self) -> Result<Backup> {
        let heard = Arc::new(Heard::default());
        let context = Context::new(self.cancel, Arc::new(SystemClock::default()), heard.clone())
            .for_service("files")
            .with_pause(self.pause.is_some())
            .with_reserved(self.reserved);
        let started_at = context.clock().now() + self.ahead;
        let contents = self.parent.map(|parent| parent.contents.clone()).unwrap_or_default();
        let sink = Arc::new(Recording { hook: self.hook, contents, started_at, ..Recording::default() });
        self.engine.preflight(&context).await?;
        let parent = self.parent.map(Backup::reader);
        let prepared = self.engine.prepare(&context, parent, sink.clone()).await?;
        if let Some(between) = self.between {
            between();
        }
        let paused = self.pause.map_or_else(|| context.clone(), |deadline| context.with_deadline(deadline));
        let snapshot = prepared.freeze(&paused).await?;
        let point = snapshot.point().to_owned();
        let facts = snapshot.stream(&context).await?;
        let tree = sink.committed.lock().unwrap().take().expect("the tree was committed");
        let notices = std::mem::take(&mut *heard.0.lock().unwrap());
        Ok(Backup {
            tree,
            facts,
            point,
            notices,
            started_at,
            progress: context.progress(),
            damaged: false,
            contents: sink.contents.clone(),
        })
    }
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Notice>>);

impl Observer for Heard {
    fn event(&self, event: &Event<'_>) {
        if let Event::Notice(notice) = event {
            self.0.lock().unwrap().push((*notice).clone());
        }
    }
}

struct Recording {
    hook: Hook,
    contents: Contents,
    started_at: DateTime<Utc>,
    first: Arc<Mutex<Option<Vec<Stored>>>>,
    committed: Arc<Mutex<Option<Vec<Stored>>>>,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            hook: Arc::new(|_| ()),
            contents: Contents::default(),
            started_at: DateTime::default(),
            first: Arc::default(),
            committed: Arc::default(),
        }
    }
}

impl Recording {
    fn writer(&self, end: &Arc<Mutex<Option<Vec<Stored>>>>) -> Box<dyn TreeWriter> {
        Box::new(Writer {
            tree: Vec::new(),
            hook: self.hook.clone(),
            contents: self.contents.clone(),
            end: end.clone(),
        })
    }
}

#[async_trait]
impl Sink for Recording {
    async fn stream(&self, _: Artifact) -> Result<Box<dyn StreamWriter>> {
        panic!("the files engine writes no streams")
    }

    async fn tree(&self, artifact: Artifact) -> Result<Box<dyn TreeWriter>> {
        assert_eq!(artifact.name, "tree");
        Ok(self.writer(&self.committed))
    }

    async fn first_pass(&self) -> Result<Box<dyn TreeWriter>> {
        Ok(self.writer(&self.first))
    }

    async fn read_first_pass(&self) -> Result<Arc<dyn ServiceReader>> {
        let tree = self.first.lock().unwrap().clone().expect("the first pass was committed");
        let backup = Backup {
            tree,
            facts: Facts::new(),
            point: String::new(),
            notices: Vec::new(),
            started_at: self.started_at,
            progress: Progress::default(),
            damaged: false,
            contents: self.contents.clone(),
        };
        Ok(backup.reader())
    }
}

struct Writer {
    tree: Vec<Stored>,
    hook: Hook,
    contents: Contents,
    end: Arc<Mutex<Option<Vec<Stored>>>>,
}

impl Writer {
    fn add(&mut self, stored: Stored) {
        match self.tree.last() {
            None => assert!(stored.path.is_empty(), "the root comes first"),
            Some(last) => assert!(path_order(&last.path, &stored.path).is_lt(), "{last:?} before {stored:?}"),
        }
        assert_eq!(stored.metadata.size, stored.content.len() as u64, "{stored:?}");
        self.tree.push(stored);
    }

    fn bytes(&self, content: Content<'_>, kept: &mut bool) -> Vec<u8> {
        match content {
            Content::None => Vec::new(),
            Content::Data(bytes) => bytes.to_vec(),
            Content::Stored(stored) => {
                *kept = true;
                self.contents.lock().unwrap()[&stored.hash.0].clone()
            }
        }
    }

    fn take(&mut self, entry: &Entry<'_>) {
        let mut kept = false;
        let content = self.bytes(entry.content, &mut kept);
        assert!(kept || (content.len() as u64) < BUNDLE_LIMIT);
        let xattrs = self.bytes(entry.xattrs, &mut kept);
        self.add(Stored {
            path: entry.path.to_vec(),
            metadata: entry.metadata,
            target: entry.target.to_vec(),
            content,
            holes: 0,
            xattrs,
            kept,
        });
    }
}

#[async_trait]
impl TreeWriter for Writer {
    async fn put(&mut self, entries: &Entries) -> Result<()> {
        entries.iter().for_each(|entry| self.take(&entry));
        Ok(())
    }

    async fn file(&mut self, path: &[u8]) -> Result<Box<dyn FileWriter + '_>> {
        Ok(Box::new(File { path: path.to_vec(), content: Vec::new(), holes: 0, tree: self }))
    }

    async fn commit(self: Box<Self>) -> Result<ArtifactInfo> {
        let entries = self.tree.len() as u64;
        *self.end.lock().unwrap() = Some(self.tree);
        Ok(ArtifactInfo { name: "tree".into(), kind: ArtifactKind::Tree, bytes: 0, entries })
    }
}

struct File<'a> {
    tree: &'a mut Writer,
    path: Vec<u8>,
    content: Vec<u8>,
    holes: u64,
}

#[async_trait]
impl FileWriter for File<'_> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        (self.tree.hook)(&printable_path(&self.path));
        self.content.extend_from_slice(&bytes);
        Ok(())
    }

    async fn hole(&mut self, length: u64) -> Result<()> {
        assert!(length > 0);
        self.holes += length;
        self.content.resize(self.content.len() + usize::try_from(length).unwrap(), 0);
        Ok(())
    }

    async fn commit(self: Box<Self>, metadata: &Metadata, xattrs: Content<'_>) -> Result<()> {
        let mut kept = false;
        let xattrs = self.tree.bytes(xattrs, &mut kept);
        let Self { tree, path, content, holes } = *self;
        tree.add(Stored { path, metadata: *metadata, target: Vec::new(), content, holes, xattrs, kept });
        Ok(())
    }
}

struct Reader {
    backup: Backup,
    infos: [ArtifactInfo; 1],
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reader")
    }
}

#[async_trait]
impl ServiceReader for Reader {
    fn artifacts(&self) -> &[ArtifactInfo] {
        &self.infos
    }

    fn facts(&self) -> &Facts {
        &self.backup.facts
    }

    fn role(&self) -> Role {
        Role::Files
    }

    fn started_at(&self) -> DateTime<Utc> {
        self.backup.started_at
    }

    async fn stream(&self, _: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        panic!("there are no streams")
    }

    async fn tree(&self, artifact: &str, below: &[u8]) -> Result<Box<dyn TreeReader>> {
        assert_eq!((artifact, below), ("tree", &b""[..]));
        Ok(Box::new(Cursor {
            backup: self.backup.clone(),
            position: 0,
            contents: self.backup.contents.clone(),
        }))
    }

    async fn contents(&self, _: &[StoredContent<'_>]) -> Result<Vec<Bytes>> {
        panic!("a backup does not read contents of its parent")
    }

    async fn content(&self, _: StoredContent<'_>) -> Result<BoxStream<'static, Result<Piece>>> {
        panic!("a backup does not read contents of its parent")
    }

    fn content_hasher(&self) -> ContentHasher {
        let repository = RepositoryId::generate(&OsRandom).unwrap();
        Keys::generate(repository, &OsRandom).unwrap().content_hasher()
    }
}

struct Cursor {
    backup: Backup,
    position: usize,
    contents: Contents,
}

impl Cursor {
    fn keep(&self, bytes: &[u8]) -> Option<ContentHash> {
        if bytes.is_empty() {
            return None;
        }
        let hash = OsRandom.array().unwrap();
        self.contents.lock().unwrap().insert(hash, bytes.to_vec());
        Some(ContentHash(hash))
    }
}

#[async_trait]
impl TreeReader for Cursor {
    async fn next(&mut self) -> Result<Option<Entries>> {
        if self.backup.damaged && self.position > 0 {
            return Err(Error::new(ErrorKind::Damaged, "a segment is damaged"));
        }
        // Batches of odd sizes, so that they never meet those of the walk.
        let batch = self.backup.tree.iter().skip(self.position).take(7);
        let mut entries = Entries::new();
        for stored in batch {
            let (content, xattrs) = (extent(&stored.content), extent(&stored.xattrs));
            entries.push(&Entry {
                path: &stored.path,
                metadata: stored.metadata,
                target: &stored.target,
                content: as_stored(self.keep(&stored.content), &content),
                xattrs: as_stored(self.keep(&stored.xattrs), &xattrs),
            });
        }
        self.position += entries.len();
        Ok((!entries.is_empty()).then_some(entries))
    }
}

fn extent(content: &[u8]) -> [Extent; 1] {
    [Extent { chunk: Some(ChunkId([1; 32])), offset: 0, length: content.len() as u64 }]
}

fn as_stored(hash: Option<ContentHash>, extents: &[Extent; 1]) -> Content<'_> {
    hash.map_or(Content::None, |hash| {
        Content::Stored(StoredContent { hash, size: extents[0].length, extents: ExtentList::Inline(extents) })
    })
}
