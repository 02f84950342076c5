//! The place that a tree is restored to.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use super::handles::{Handles, Mounts};
use super::lineage::join;
use super::owner::Owner;
use crate::engine::{Context, Existing, printable_path};
use crate::{Error, ErrorKind, Result};

/// An open root folder, what may be done below it, and how to speak of what is there.
#[derive(Debug, Clone)]
pub(super) struct Place {
    root: Arc<OwnedFd>,
    label: Arc<str>,
    prefix: Arc<[u8]>,
    existing: Existing,
    fresh: bool,
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
            owner: Arc::new(Owner::current()),
            context: context.clone(),
            stop: context.cancellation().child_token(),
        }
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
}

/// Why a folder is not replaced by something else.
pub(super) const NOT_EMPTY: &str =
    "a folder that is not empty is there, and the backup has no folder of this name";
/// What helps.
pub(super) const NOT_EMPTY_REMEDY: &str =
    "move the folder away, or let the restore delete what the backup does not have";
