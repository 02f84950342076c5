//! An engine over a file tree in memory, which knows unchanged files from the parent and makes a first pass before a pause.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backup_core::engine::{
    Artifact, Content, Context, Engine, Entries, Entry, EntryKind, Facts, Metadata, Piece, Preflight,
    Prepared, RestorePlan, RestoreSummary, Role, Selection, ServiceReader, Sink, Snapshot, Target, Timestamp,
    TreeReader, TreeWriter, path_order,
};
use backup_core::storage::Bytes;
use backup_core::{BUNDLE_LIMIT, Error, ErrorKind, Result};

/// A tree and the engine over it. Clones share the tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    files: Arc<Mutex<Vec<File>>>,
    on_freeze: Option<Hook>,
}

#[derive(Debug, Clone)]
struct File {
    path: String,
    data: Data,
    version: i64,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// So many bytes that do not compress, made from a seed.
    Noise(u64, usize),
    Pieces(Vec<Piece>),
}

#[derive(Clone)]
struct Hook(Arc<dyn Fn() -> Result<()> + Send + Sync>);

impl fmt::Debug for Hook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hook")
    }
}

impl Tree {
    /// A few files of all sizes that matter.
    pub(crate) fn small() -> Self {
        let tree = Self::default();
        tree.write("a/first", Data::Noise(1, 5_000));
        tree.write("a/second", Data::Noise(2, 100));
        tree.write("a.b", Data::Noise(3, 0));
        tree.write("large", Data::Noise(4, 600_000));
        let hole = [Piece::Data(noise(5, 10)), Piece::Hole(1_000_000), Piece::Data(noise(6, 10))];
        tree.write("sparse", Data::Pieces(hole.into()));
        tree
    }

    /// So many files of 4 KB in folders of a hundred.
    pub(crate) fn many(count: u64) -> Self {
        let tree = Self::default();
        let path = |number: u64| format!("{:04}/{:02}", number / 100, number % 100);
        let file = |number| File { path: path(number), data: Data::Noise(number, 4096), version: 0 };
        *tree.files.lock().unwrap() = (0..count).map(file).collect();
        tree
    }

    /// Does something in the middle of each freeze, and fails as it does.
    pub(crate) fn on_freeze(mut self, hook: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        self.on_freeze = Some(Hook(Arc::new(hook)));
        self
    }

    /// Makes or replaces a file.
    pub(crate) fn write(&self, path: &str, data: Data) {
        let mut files = self.files.lock().unwrap();
        let version =
            i64::try_from(files.len()).unwrap() + files.iter().map(|file| file.version).max().unwrap_or(0);
        files.retain(|file| file.path != path);
        files.push(File { path: path.to_owned(), data, version: version + 1 });
        files.sort_by(|left, right| path_order(left.path.as_bytes(), right.path.as_bytes()));
    }

    /// All files in order, holes as zeros.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let bytes = |file: &File| {
            let mut bytes = Vec::new();
            for piece in file.data.pieces() {
                match piece {
                    Piece::Data(data) => bytes.extend_from_slice(&data),
                    Piece::Hole(length) => bytes.resize(bytes.len() + usize::try_from(length).unwrap(), 0),
                }
            }
            (file.path.clone(), bytes)
        };
        self.files.lock().unwrap().iter().map(bytes).collect()
    }

    /// Pushes all entries, those that are as `known` says without their content.
    async fn push(&self, known: Option<&dyn ServiceReader>, mut writer: Box<dyn TreeWriter>) -> Result<()> {
        let mut known = Known::read(known).await?;
        let mut batch = Entries::new();
        for (path, file) in self.nodes() {
            let metadata = metadata(file.as_ref());
            let mut entry =
                Entry { path: path.as_bytes(), metadata, target: &[], content: NONE, xattrs: NONE };
            let Some(file) = file else {
                batch.push(&entry);
                continue;
            };
            if let Some(stored) = known.find(path.as_bytes()).await?
                && metadata.is_unchanged_since(&stored.metadata)
            {
                batch.push(&stored);
            } else if file.data.is_small() {
                let bytes = file.data.pieces().pop();
                if let Some(Piece::Data(bytes)) = &bytes {
                    entry.content = Content::Data(bytes);
                }
                batch.push(&entry);
            } else {
                writer.put(&std::mem::take(&mut batch)).await?;
                push_large(&mut *writer, &path, &file.data, &metadata).await?;
            }
            if batch.bytes() > 1 << 20 {
                writer.put(&batch).await?;
                batch.clear();
            }
        }
        writer.put(&batch).await?;
        writer.commit().await.map(drop)
    }

    /// Files and the folders above them, in order.
    fn nodes(&self) -> Vec<(String, Option<File>)> {
        let files = self.files.lock().unwrap();
        let folders: BTreeSet<&str> = files
            .iter()
            .flat_map(|file| file.path.match_indices('/').map(|(end, _)| &file.path[..end]))
            .chain([""])
            .collect();
        let folders = folders.into_iter().map(|path| (path.to_owned(), None));
        let files = files.iter().map(|file| (file.path.clone(), Some(file.clone())));
        let mut nodes: Vec<_> = folders.chain(files).collect();
        nodes.sort_by(|left, right| path_order(left.0.as_bytes(), right.0.as_bytes()));
        nodes
    }
}

async fn push_large(writer: &mut dyn TreeWriter, path: &str, data: &Data, metadata: &Metadata) -> Result<()> {
    let mut file = writer.file(path.as_bytes()).await?;
    for piece in data.pieces() {
        match piece {
            Piece::Data(bytes) => file.write(bytes).await?,
            Piece::Hole(length) => file.hole(length).await?,
        }
    }
    file.commit(metadata, NONE).await
}

impl Data {
    fn pieces(&self) -> Vec<Piece> {
        match self {
            Self::Noise(_, 0) => Vec::new(),
            Self::Noise(seed, length) => vec![Piece::Data(noise(*seed, *length))],
            Self::Pieces(pieces) => pieces.clone(),
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Noise(_, length) => *length as u64,
            Self::Pieces(pieces) => pieces.iter().map(size).sum(),
        }
    }

    fn is_small(&self) -> bool {
        matches!(self, Self::Noise(_, length) if (*length as u64) < BUNDLE_LIMIT)
    }
}

fn size(piece: &Piece) -> u64 {
    match piece {
        Piece::Data(bytes) => bytes.len() as u64,
        Piece::Hole(length) => *length,
    }
}

/// Bytes that do not compress.
pub(crate) fn noise(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes.into()
}

fn metadata(file: Option<&File>) -> Metadata {
    let time = Timestamp { seconds: file.map_or(0, |file| file.version), nanoseconds: 1 };
    let kind = if file.is_some() { EntryKind::File } else { EntryKind::Directory };
    let mode = if file.is_some() { 0o644 } else { 0o755 };
    let size = file.map_or(0, |file| file.data.size());
    Metadata {
        kind,
        mode,
        uid: 0,
        gid: 0,
        mtime: time,
        ctime: time,
        size,
        inode: 1,
        device: 1,
        special: 0,
        link: 0,
    }
}

/// The entries of an earlier pass, read alongside.
struct Known {
    tree: Option<Box<dyn TreeReader>>,
    entries: Entries,
    next: usize,
}

impl Known {
    async fn read(service: Option<&dyn ServiceReader>) -> Result<Self> {
        let tree = match service {
            Some(service) => Some(service.tree("tree", b"").await?),
            None => None,
        };
        Ok(Self { tree, entries: Entries::new(), next: 0 })
    }

    async fn find(&mut self, path: &[u8]) -> Result<Option<Entry<'_>>> {
        loop {
            match self.entries.get(self.next) {
                Some(entry) if path_order(entry.path, path).is_lt() => self.next += 1,
                Some(_) => break,
                None => {
                    let Some(tree) = &mut self.tree else { return Ok(None) };
                    let entries = match tree.next().await {
                        // What cannot be read is not known.
                        Err(error) if error.kind() == ErrorKind::Damaged => None,
                        entries => entries?,
                    };
                    match entries {
                        Some(entries) => (self.entries, self.next) = (entries, 0),
                        None => {
                            self.tree = None;
                            return Ok(None);
                        }
                    }
                }
            }
        }
        Ok(self.entries.get(self.next).filter(|entry| entry.path == path))
    }
}

#[async_trait]
impl Engine for Tree {
    fn kind(&self) -> &'static str {
        "tree"
    }

    fn role(&self) -> Role {
        Role::Files
    }

    async fn preflight(&self, _: &Context) -> Result<Preflight> {
        let size = self.files.lock().unwrap().iter().map(|file| file.data.size()).sum();
        Ok(Preflight { size_estimate: Some(size), ..Preflight::default() })
    }

    async fn prepare(
        &self,
        context: &Context,
        parent: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>> {
        if context.pause_follows() {
            self.push(parent.as_deref(), sink.first_pass().await?).await?;
        }
        Ok(Box::new(Waiting { tree: self.clone(), parent, sink, held: context.pause_follows() }))
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

struct Waiting {
    tree: Tree,
    parent: Option<Arc<dyn ServiceReader>>,
    sink: Arc<dyn Sink>,
    held: bool,
}

#[async_trait]
impl Prepared for Waiting {
    async fn freeze(self: Box<Self>, _: &Context) -> Result<Box<dyn Snapshot>> {
        if let Some(hook) = &self.tree.on_freeze {
            (hook.0)()?;
        }
        if self.held {
            let known = self.sink.read_first_pass().await?;
            self.tree.push(Some(&*known), self.sink.tree(Artifact::new("tree")).await?).await?;
        }
        Ok(self)
    }
}

#[async_trait]
impl Snapshot for Waiting {
    fn point(&self) -> &str {
        "now"
    }

    async fn stream(self: Box<Self>, _: &Context) -> Result<Facts> {
        if !self.held {
            self.tree.push(self.parent.as_deref(), self.sink.tree(Artifact::new("tree")).await?).await?;
        }
        Ok(Facts::new())
    }
}

const NONE: Content<'static> = Content::None;
