//! The place that a tree is restored to.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use super::allowance::Allowance;
use super::found::Found;
use super::handles::{Handles, Mounts};
use super::lineage::join;
use super::owner::Owner;
use super::reserved::{Reserved, expect_allowed};
use crate::engine::{Context, EntryKind, Existing, RestorePlan, Verdict, printable_path};
use crate::{Error, ErrorKind, Result};

/// An open root folder, what may be done below it, and how to speak of what is there.
#[derive(Debug, Clone)]
pub(super) struct Place {
    root: Arc<OwnedFd>,
    label: Arc<str>,
    prefix: Arc<[u8]>,
    existing: Existing,
    fresh: bool,
    allowance: Arc<Allowance>,
    reserved: Arc<Reserved>,
    owner: Arc<Owner>,
    context: Context,
    stop: CancellationToken,
}

impl Place {
    /// The place at an open root; it is `fresh` if nothing was in it.
    pub(super) fn new(
        root: Arc<OwnedFd>,
        label: &str,
        existing: Existing,
        fresh: bool,
        context: &Context,
    ) -> Self {
        Self {
            root,
            label: Arc::from(label),
            prefix: Arc::from(&b""[..]),
            existing,
            fresh,
            allowance: Arc::default(),
            reserved: Arc::default(),
            owner: Arc::new(Owner::current()),
            context: context.clone(),
            stop: context.cancellation().child_token(),
        }
    }

    /// The same place, where as much may be destroyed as a plan says.
    pub(super) fn allowing(self, plan: &RestorePlan) -> Self {
        Self { allowance: Arc::new(Allowance::of(plan)), ..self }
    }

    /// The same place, where what other services keep to themselves is not touched.
    pub(super) fn sparing(self, reserved: Arc<Reserved>) -> Self {
        Self { reserved, ..self }
    }

    /// The place at a folder below this one.
    pub(super) fn below(&self, path: &[u8], root: Arc<OwnedFd>, fresh: bool) -> Self {
        let (label, prefix) = (Arc::from(self.show(path)), Arc::from(self.path(path)));
        Self { root, label, prefix, fresh, ..self.clone() }
    }

    /// Handles of the folders in it.
    pub(super) fn handles(&self) -> Handles {
        Handles::new(Arc::clone(&self.root), Mounts::Enter)
    }

    pub(super) fn root(&self) -> &Arc<OwnedFd> {
        &self.root
    }

    pub(super) fn existing(&self) -> Existing {
        self.existing
    }

    /// Whether nothing was in it when the restore began.
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Ends work on other threads too; cancelled with the operation.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Fails if the operation was cancelled or given up.
    pub(super) fn check(&self) -> Result<()> {
        if self.stop.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Uses up what may be deleted; fails if it is more than was planned. Nothing may be deleted before this.
    pub(super) fn take_deletions(&self, path: &[u8], count: u64) -> Result<()> {
        if self.allowance.takes_deletions(count) { Ok(()) } else { Err(self.unplanned("deleted", path)) }
    }

    /// Fails if nothing may be overwritten, because nothing was there when the restore was planned.
    pub(super) fn check_overwrite(&self, path: &[u8]) -> Result<()> {
        if self.allowance.overwrites() { Ok(()) } else { Err(self.unplanned("overwritten", path)) }
    }

    /// Why nothing of a kind may come to stand at a path, if another service keeps it to itself.
    pub(super) fn forbids(&self, path: &[u8], kind: EntryKind) -> Option<Verdict> {
        if self.reserved.is_empty() { None } else { self.reserved.forbids(&self.path(path), kind) }
    }

    /// Why what was found at a path may not be touched, if another service keeps it to itself.
    pub(super) fn forbids_found(&self, path: &[u8], found: &Found) -> Option<Verdict> {
        if self.reserved.is_empty() { None } else { self.reserved.forbids_found(&self.path(path), found) }
    }

    /// Fails if something of a kind must not come to stand at a path.
    pub(super) fn check_reserved(&self, path: &[u8], kind: EntryKind) -> Result<()> {
        expect_allowed(self.forbids(path, kind))
    }

    /// Fails if what was found at a path must not be touched.
    pub(super) fn check_reserved_found(&self, path: &[u8], found: &Found) -> Result<()> {
        expect_allowed(self.forbids_found(path, found))
    }

    /// A path in it as text for people.
    pub(super) fn show(&self, path: &[u8]) -> String {
        if path.is_empty() {
            return self.label.to_string();
        }
        format!("{}/{}", self.label, printable_path(path))
    }

    /// A path in it as a path below the directory that is restored to.
    pub(super) fn path(&self, path: &[u8]) -> Vec<u8> {
        join(&self.prefix, path)
    }

    /// The error of a system call about a path in it.
    pub(super) fn failed(&self, doing: &str, path: &[u8], errno: Errno) -> Error {
        let error = Error::io(format!("cannot {doing} \"{}\"", self.show(path)), errno.into());
        match errno {
            Errno::LOOP | Errno::NOTDIR => {
                error.with_remedy("find out who changes the target while it is restored, then run it again")
            }
            _ => error,
        }
    }

    /// The error of something that stands in the way and may not be removed.
    pub(super) fn in_the_way(&self, path: &[u8]) -> Error {
        let (reason, remedy) = match self.existing {
            Existing::Refuse => ("something was put there meanwhile", "choose an empty directory"),
            _ => (NOT_EMPTY, NOT_EMPTY_REMEDY),
        };
        Error::new(ErrorKind::Exists, format!("cannot restore \"{}\": {reason}", self.show(path)))
            .with_remedy(remedy)
    }

    /// The error of a database that would have to be opened or replaced.
    pub(super) fn in_use(&self, path: &[u8]) -> Error {
        Error::new(ErrorKind::Exists, format!("cannot restore \"{}\": it {IN_USE}", self.show(path)))
            .with_remedy(IN_USE_REMEDY)
    }

    /// The error of a stream of a database where something is already.
    pub(super) fn standing(&self, path: &[u8]) -> Error {
        Error::new(ErrorKind::Exists, format!("cannot restore \"{}\": {STANDING}", self.show(path)))
            .with_remedy(STANDING_REMEDY)
    }

    fn unplanned(&self, done: &str, path: &[u8]) -> Error {
        let message = format!(
            "\"{}\" stays as it is: more would be {done} than was planned, the target changed meanwhile",
            self.show(path)
        );
        Error::new(ErrorKind::Exists, message).with_remedy("plan again")
    }
}

/// Why a file is not opened, replaced or deleted.
pub(super) const IN_USE: &str =
    "looks like a SQLite database in use (a file ending in -wal, -shm or -journal is beside it)";
/// What helps.
pub(super) const IN_USE_REMEDY: &str =
    "close the application that uses it and move away what stays beside it, or restore elsewhere";
/// Why the stream of a database does not replace a file.
pub(super) const STANDING: &str =
    "something is there already, and a database that may be open is not replaced without its engine";
/// What helps.
pub(super) const STANDING_REMEDY: &str =
    "restore it in place through its engine, restore into an empty directory, or move away what is there";
/// Why what is in a folder and not in the backup is not deleted.
pub(super) const MOUNTED: &str =
    "another file system is mounted there: what is directly in it and the backup does not have stays";

/// Why a folder is not replaced by something else.
pub(super) const NOT_EMPTY: &str =
    "a folder that is not empty is there, and the backup has no folder of this name";
/// What helps.
pub(super) const NOT_EMPTY_REMEDY: &str =
    "move the folder away, or let the restore delete what the backup does not have";

/// What is said of a database in use that the backup does not have.
pub(super) fn stays() -> String {
    format!("{IN_USE}: it is not deleted")
}
