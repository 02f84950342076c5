//! A local directory: what `object_store` leaves open about durability, links and leftovers of crashes.
//!
//! Content goes through `object_store`. Folders, facts, listings and deletions are made here, relative to open
//! folders, because `LocalFileSystem` follows links, ends a listing at the first name that is not UTF-8, syncs only
//! folders that it made itself, and never syncs a deletion.

mod filesystem;
mod folder;
mod prepare;
mod sweep;
mod walk;

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::local::LocalFileSystem;
use rustix::fs::{AtFlags, fstat, fsync, unlinkat};

use super::blocking::blocking;
use super::transfer;
use crate::{Capabilities, Error, ErrorKind, Name, Object, Result};
use folder::{Entry, Facts, Obstacle};
use walk::Walk;

/// A directory that holds objects.
pub(super) struct Local {
    directory: PathBuf,
    capabilities: Capabilities,
    /// Set once the directory exists.
    root: OnceLock<Root>,
    /// The folders that this process has synced, with all above them.
    durable: Mutex<HashSet<Box<str>>>,
    swept: AtomicBool,
}

/// The directory, its links resolved once, so that all see the same.
#[derive(Clone)]
struct Root {
    path: PathBuf,
    store: LocalFileSystem,
}

impl Local {
    pub(super) fn new(directory: &Path) -> Result<Self> {
        let invalid = |reason| Error::new(ErrorKind::Invalid, "open", directory.display()).because(reason);
        let directory = std::path::absolute(directory)
            .map_err(|error| invalid("this is no path; name a directory").caused_by(error))?;
        if directory.to_str().is_none() {
            return Err(invalid(NOT_UTF8));
        }
        Ok(Self {
            capabilities: filesystem::capabilities(&directory),
            directory,
            root: OnceLock::new(),
            durable: Mutex::default(),
            swept: AtomicBool::new(false),
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    pub(super) async fn put_new(self: &Arc<Self>, name: &Name, bytes: Bytes) -> Result<()> {
        let store = self.run("create", name, |local, name| local.prepare(name)).await?;
        match transfer::put_new(&store, name, bytes).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.settle(name, error).await),
        }
    }

    pub(super) async fn get(self: &Arc<Self>, name: &Name) -> Result<Bytes> {
        let (store, facts) = self.locate("read", name).await?;
        transfer::check_length(name, &(0..facts.size))?;
        self.read(&store, name, facts, None).await
    }

    pub(super) async fn get_range(self: &Arc<Self>, name: &Name, range: Range<u64>) -> Result<Bytes> {
        let (store, facts) = self.locate("read", name).await?;
        transfer::check_range(name, &range, facts.size)?;
        transfer::check_length(name, &range)?;
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.read(&store, name, facts, Some(range)).await
    }

    pub(super) async fn head(self: &Arc<Self>, name: &Name) -> Result<Object> {
        let (_, facts) = self.locate("look up", name).await?;
        Ok(Object { name: name.clone(), size: facts.size, stamp: facts.stamp })
    }

    pub(super) fn list(self: &Arc<Self>, prefix: &str) -> BoxStream<'static, Result<Object>> {
        let subject =
            if prefix.is_empty() { self.directory.display().to_string() } else { prefix.to_owned() };
        let walk = Walk::new(prefix);
        stream::try_unfold((Arc::clone(self), walk, subject), |(local, mut walk, subject)| async move {
            let step = {
                let local = Arc::clone(&local);
                run("list", &subject, move || {
                    let found = match local.root()? {
                        Some(root) => walk.step(&root.path)?,
                        None => None,
                    };
                    Ok(found.map(|found| (found, walk)))
                })
            };
            let step = step.await?;
            Ok(step.map(|(found, walk)| (stream::iter(found).map(Ok), (local, walk, subject))))
        })
        .try_flatten()
        .boxed()
    }

    pub(super) async fn delete(self: &Arc<Self>, name: &Name) -> Result<()> {
        self.run("delete", name, |local, name| {
            let Some(root) = local.root()? else { return Ok(()) };
            let Some((folder, last)) = folder::open_parent(&root.path, name)? else { return Ok(()) };
            match folder::look(&folder, last)? {
                Some(Entry::File(_)) => match unlinkat(&folder, last, AtFlags::empty()) {
                    Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                    Err(error) => return Err(error.into()),
                },
                Some(Entry::Other) => return Err(Obstacle::Foreign(name.to_string())),
                Some(Entry::Folder) | None => {}
            }
            // Also where nothing was: another process may have removed it and not come to this.
            Ok(fsync(&folder)?)
        })
        .await
    }

    /// Finds the file of an object, which is none that a link leads to.
    async fn locate(
        self: &Arc<Self>,
        operation: &'static str,
        name: &Name,
    ) -> Result<(LocalFileSystem, Facts)> {
        let found = self.run(operation, name, |local, name| {
            let Some(root) = local.root()? else { return Ok(None) };
            let Some((folder, last)) = folder::open_parent(&root.path, name)? else { return Ok(None) };
            match folder::look(&folder, last)? {
                Some(Entry::File(facts)) => Ok(Some((root.store.clone(), facts))),
                Some(Entry::Other) => Err(Obstacle::Foreign(name.to_string())),
                Some(Entry::Folder) | None => Ok(None),
            }
        });
        found.await?.ok_or_else(|| Error::new(ErrorKind::NotFound, operation, name))
    }

    async fn read(
        &self,
        store: &LocalFileSystem,
        name: &Name,
        facts: Facts,
        range: Option<Range<u64>>,
    ) -> Result<Bytes> {
        let found = transfer::open(store, name, range).await?;
        transfer::read(found, name, move |file| {
            // What was opened by its path must be what was found without following a link.
            if facts.is_of(&fstat(file)?) {
                Ok(())
            } else {
                Err(io::Error::other("it was replaced meanwhile"))
            }
        })
        .await
    }

    /// What a failed put means: whether the object is there all the same, and as durable as one that succeeded.
    async fn settle(self: &Arc<Self>, name: &Name, error: Error) -> Error {
        let settled = self.run("create", name, |local, name| {
            let Some(root) = local.root()? else { return Ok(Settled::Absent) };
            let Some((folder, last)) = folder::open_parent(&root.path, name)? else {
                return Ok(Settled::Absent);
            };
            match folder::look(&folder, last)? {
                Some(Entry::File(_)) => {
                    fsync(folder::open_file(&folder, last)?)?;
                    fsync(&folder)?;
                    Ok(Settled::Durable)
                }
                Some(Entry::Folder) => Err(Obstacle::Folder),
                Some(Entry::Other) => Err(Obstacle::Foreign(name.to_string())),
                None if folder::refuses_links(&folder) => Ok(Settled::NoLinks),
                None => Ok(Settled::Absent),
            }
        });
        match settled.await {
            Ok(Settled::Durable) => Error::new(ErrorKind::AlreadyExists, "create", name).caused_by(error),
            Ok(Settled::Absent) => error,
            Ok(Settled::NoLinks) => Error::new(ErrorKind::Unsupported, "create", name)
                .because("the file system refuses hard links, which creating without replacing needs; use another one")
                .caused_by(error),
            Err(failed) if failed.kind() == ErrorKind::Invalid => failed,
            Err(failed) => Error::new(ErrorKind::Unknown, "create", name)
                .because("it may be stored, but whether it would outlive a loss of power is unknown; check the disk")
                .caused_by(failed),
        }
    }

    /// The directory, if there is one yet.
    fn root(&self) -> Result<Option<&Root>, Obstacle> {
        if let Some(root) = self.root.get() {
            return Ok(Some(root));
        }
        let path = match std::fs::canonicalize(&self.directory) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !path.is_dir() {
            return Err(Obstacle::NoDirectory(path));
        }
        if path.to_str().is_none() {
            return Err(Obstacle::NotUtf8(path));
        }
        let store = LocalFileSystem::new_with_prefix(&path).map_err(io::Error::other)?.with_fsync(true);
        Ok(Some(self.root.get_or_init(|| Root { path, store })))
    }

    /// Does `work` where it may block.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        name: &Name,
        work: impl FnOnce(&Self, &Name) -> Result<T, Obstacle> + Send + 'static,
    ) -> Result<T> {
        let (local, owned) = (Arc::clone(self), name.clone());
        run(operation, name.as_str(), move || work(&local, &owned)).await
    }
}

const NOT_UTF8: &str = "the path of the directory must be valid UTF-8; use another one";

enum Settled {
    Durable,
    Absent,
    NoLinks,
}

async fn run<T: Send + 'static>(
    operation: &'static str,
    subject: &str,
    work: impl FnOnce() -> Result<T, Obstacle> + Send + 'static,
) -> Result<T> {
    let done = blocking(operation, subject, work).await?;
    done.map_err(|obstacle| obstacle.into_error(operation, subject))
}
