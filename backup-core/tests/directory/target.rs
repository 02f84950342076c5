//! Target directories of the tests, and what is seen in them.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use backup_core::engine::{
    Context, EntryKind, Existing, RestorePlan, RestoreSummary, Selection, ServiceReader,
};
use backup_core::restore::directory::{plan, restore};
use backup_core::{CancellationToken, Event, Notice, Observer, Result, SystemClock};

use crate::service::Item;

/// A directory of its own, and what the restores into it say.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) home: tempfile::TempDir,
    pub(crate) cancel: CancellationToken,
    notices: Arc<Notices>,
    reserved: Vec<PathBuf>,
}

#[derive(Debug, Default)]
struct Notices(Mutex<Vec<Notice>>);

impl Observer for Notices {
    fn event(&self, event: &Event<'_>) {
        if let Event::Notice(notice) = event {
            self.0.lock().unwrap().push((*notice).clone());
        }
    }
}

impl Target {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { home, cancel: CancellationToken::new(), notices: Arc::default(), reserved: Vec::new() }
    }

    /// The same, where other services keep these paths in it to themselves.
    pub(crate) fn reserving(self, paths: &[&str]) -> Self {
        let reserved = paths.iter().map(|path| self.at(path)).collect();
        Self { reserved, ..self }
    }

    /// The directory that is restored to; it does not exist at first.
    pub(crate) fn path(&self) -> PathBuf {
        self.home.path().join("target")
    }

    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path().join(path)
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(self.cancel.clone(), Arc::new(SystemClock::default()), self.notices.clone())
            .with_reserved(self.reserved.clone())
    }

    pub(crate) async fn plan(
        &self,
        from: &Arc<dyn ServiceReader>,
        existing: Existing,
    ) -> Result<RestorePlan> {
        self.plan_selected(from, existing, &Selection::default()).await
    }

    pub(crate) async fn plan_selected(
        &self,
        from: &Arc<dyn ServiceReader>,
        existing: Existing,
        selection: &Selection,
    ) -> Result<RestorePlan> {
        plan(&self.context(), from, &self.path(), existing, selection).await
    }

    pub(crate) async fn carry_out(
        &self,
        from: &Arc<dyn ServiceReader>,
        plan: &RestorePlan,
    ) -> Result<RestoreSummary> {
        restore(&self.context(), from, plan, &self.path()).await
    }

    pub(crate) async fn restore(
        &self,
        from: &Arc<dyn ServiceReader>,
        existing: Existing,
    ) -> Result<RestoreSummary> {
        self.restore_selected(from, existing, &Selection::default()).await
    }

    pub(crate) async fn restore_selected(
        &self,
        from: &Arc<dyn ServiceReader>,
        existing: Existing,
        selection: &Selection,
    ) -> Result<RestoreSummary> {
        let plan = self.plan_selected(from, existing, selection).await?;
        self.carry_out(from, &plan).await
    }

    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.notices.0.lock().unwrap().clone()
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen::at(&self.path())
    }
}

/// All that a tree of files shows, in a form that can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen(pub(crate) BTreeMap<Vec<u8>, SeenEntry>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenEntry {
    kind: EntryKind,
    mode: u32,
    owner: (u32, u32),
    mtime: (i64, i64),
    content: Vec<u8>,
    target: Vec<u8>,
    xattrs: Vec<(String, Vec<u8>)>,
    /// The first path that is the same file.
    same_as: Vec<u8>,
}

impl Seen {
    /// What is at a directory.
    pub(crate) fn at(root: &Path) -> Self {
        let mut seen = BTreeMap::new();
        let mut waiting = vec![root.to_owned()];
        while let Some(path) = waiting.pop() {
            let key = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            if path.symlink_metadata().unwrap().is_dir() {
                waiting.extend(std::fs::read_dir(&path).unwrap().map(|item| item.unwrap().path()));
            }
            seen.insert(key, path);
        }
        let mut firsts = HashMap::new();
        let entries = seen.into_iter().map(|(key, path)| {
            let found = path.symlink_metadata().unwrap();
            let first = firsts.entry((found.dev(), found.ino())).or_insert_with(|| key.clone()).clone();
            let entry = see(&path, first);
            (key, entry)
        });
        Self(entries.collect())
    }

    /// What items would show.
    pub(crate) fn of(items: &[Item]) -> Self {
        let mut firsts = HashMap::new();
        let mut sorted: Vec<&Item> = items.iter().collect();
        sorted.sort_by(|left, right| left.path.cmp(&right.path));
        let entries = sorted.into_iter().map(|item| {
            let own = || item.path.clone();
            let same_as =
                if item.link == 0 { own() } else { firsts.entry(item.link).or_insert_with(own).clone() };
            let entry = SeenEntry {
                kind: item.kind,
                mode: item.mode,
                owner: (item.uid, item.gid),
                mtime: (item.mtime.seconds, i64::from(item.mtime.nanoseconds)),
                content: item.bytes(),
                target: item.target.clone(),
                xattrs: item.xattrs.clone(),
                same_as,
            };
            (item.path.clone(), entry)
        });
        Self(entries.collect())
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.keys().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }
}

fn see(path: &Path, same_as: Vec<u8>) -> SeenEntry {
    let found = path.symlink_metadata().unwrap();
    let kind = found.file_type();
    let kind = match kind {
        _ if kind.is_dir() => EntryKind::Directory,
        _ if kind.is_symlink() => EntryKind::Symlink,
        _ if kind.is_fifo() => EntryKind::Fifo,
        _ if kind.is_char_device() => EntryKind::CharacterDevice,
        _ if kind.is_block_device() => EntryKind::BlockDevice,
        _ => EntryKind::File,
    };
    let target = std::fs::read_link(path).map_or(Vec::new(), |target| target.as_os_str().as_bytes().to_vec());
    SeenEntry {
        kind,
        mode: found.mode() & 0o7777,
        owner: (found.uid(), found.gid()),
        mtime: (found.mtime(), found.mtime_nsec()),
        content: if kind == EntryKind::File { std::fs::read(path).unwrap() } else { Vec::new() },
        target,
        xattrs: xattrs(path),
        same_as,
    }
}

/// The extended attributes that users set.
pub(crate) fn xattrs(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut list = vec![0; 65_536];
    let length = rustix::fs::llistxattr(path, &mut list[..]).unwrap_or(0);
    let mut xattrs = Vec::new();
    for name in list[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user.")) {
        let mut value = vec![0; 65_536];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        xattrs.push((String::from_utf8(name.to_vec()).unwrap(), value[..length].to_vec()));
    }
    xattrs.sort();
    xattrs
}

/// Whether this process may do what only root may; if not, says that a test was not run.
pub(crate) fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("NOT RUN: {test}: needs root");
    }
    root
}
