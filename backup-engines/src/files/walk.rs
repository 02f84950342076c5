//! The walk over a tree, in canonical order, on a thread that may block.

mod frame;
mod links;

use std::sync::Arc;

use backup_core::Result;
use backup_core::engine::EntryKind;
use rustix::io::Errno;

use self::frame::{Frame, Stack};
use self::links::Links;
use super::batch::{Batch, Place};
use super::capture::Source;
use super::directory::Directory;
use super::filter::Choice;
use super::listing::Listing;
use super::metadata::Observed;
use super::notices::Notices;
use super::reserved::Reserved;
use super::{cachedir, failure, sqlite};

/// A walk under way. It holds a bounded number of folders open and no thread stack per level, however deep
/// the tree is.
#[derive(Debug)]
pub(super) struct Walk {
    source: Source,
    notices: Notices,
    batch: Batch,
    /// The path that is being looked at.
    path: Vec<u8>,
    stack: Stack,
    links: Links,
    device: u64,
    reserved: Reserved,
}

impl Walk {
    /// Opens the root.
    pub(super) fn start(source: Source, notices: Notices) -> Result<Self> {
        let reserved = Reserved::new(&source.root, notices.context.reserved())?;
        let root = Directory::open_root(&source.root)?;
        let looked = root.observe().and_then(|seen| Ok((seen.ok_or(Errno::NOTDIR)?, root.list()?)));
        let (observed, listing) = looked.map_err(|errno| failure::root(&source.root, errno))?;
        let device = observed.metadata.device;
        let choice = source.filter.root();
        let mut walk = Self {
            source,
            notices,
            batch: Batch::default(),
            path: Vec::new(),
            stack: Stack::default(),
            links: Links::new(device),
            device,
            reserved,
        };
        walk.enter(Arc::new(root), observed, listing, choice);
        Ok(walk)
    }

    /// Goes on until a batch is full; `None` at the end of the tree.
    pub(super) fn next(&mut self) -> Result<Option<Batch>> {
        while !self.batch.is_full() && self.step()? {
            self.notices.context.check()?;
        }
        Ok((self.batch.len() > 0).then(|| std::mem::take(&mut self.batch)))
    }

    /// Adds at most one path to the batch; `false` at the end of the tree.
    fn step(&mut self) -> Result<bool> {
        let Some(frame) = self.stack.top() else { return Ok(false) };
        self.path.truncate(frame.path_length);
        if self.stack.is_due() {
            self.add_waiting()?;
            return Ok(true);
        }
        let Some(position) = self.stack.advance() else {
            self.stack.pop();
            return Ok(true);
        };
        match self.stack.open_top(&self.path) {
            Ok(folder) => {
                self.stack.push_name(position, &mut self.path);
                self.visit(&folder)?;
            }
            Err(errno) => self.lost_folder(errno)?,
        }
        Ok(true)
    }

    /// The folder that was being read is not where it was any more.
    fn lost_folder(&mut self, errno: Errno) -> Result<()> {
        fatal(errno)?;
        let reason = failure::reason(errno);
        let message =
            format!("it was moved or replaced while it was read ({reason}): the rest of it is left out");
        self.notices.warn(&self.path, message);
        self.stack.pop();
        Ok(())
    }

    fn visit(&mut self, folder: &Arc<Directory>) -> Result<()> {
        if self.path.len() > MAX_PATH {
            self.notices.warn(&self.path, format!("left out: its path is longer than {MAX_PATH} bytes"));
            return Ok(());
        }
        // A name that turns out to be something else than it was a moment ago is looked at again, once.
        for _ in 0..2 {
            let observed = match folder.observe_child(self.name()) {
                Ok(observed) => observed,
                Err(errno) => return self.missed(errno),
            };
            let is_folder = observed.is_some_and(|seen| seen.is_folder());
            let choice = self.source.filter.choose(&self.path, is_folder, self.stack.choice());
            match observed {
                _ if choice == Choice::Skip => return Ok(()),
                None => {
                    self.notices.inform(&self.path, "left out: a socket has no content");
                    return Ok(());
                }
                Some(observed) if self.reserved.has(&observed) => {
                    if choice == Choice::Take {
                        self.notices.inform(&self.path, RESERVED);
                    }
                    return Ok(());
                }
                Some(observed) if !is_folder => return self.visit_file(folder, observed),
                Some(observed) if self.is_elsewhere(&observed) => {
                    return self.mount_point(folder, observed, choice);
                }
                Some(observed) => {
                    if self.visit_folder(folder, observed, choice)? {
                        return Ok(());
                    }
                }
            }
        }
        self.notices.warn(&self.path, "left out: it changes between folder and other kinds while it is read");
        Ok(())
    }

    /// Opens and enters a folder; `false` if it is a folder no more.
    fn visit_folder(&mut self, parent: &Arc<Directory>, seen: Observed, choice: Choice) -> Result<bool> {
        let opened = parent.open_folder(self.name()).and_then(|folder| {
            let observed = folder.observe()?.ok_or(Errno::NOTDIR)?;
            let listing = folder.list()?;
            Ok((folder, observed, listing))
        });
        match opened {
            Ok((folder, observed, listing)) => self.enter(Arc::new(folder), observed, listing, choice),
            Err(errno) if failure::is_other_kind(errno) => return Ok(false),
            Err(errno) if failure::is_gone(errno) => self.notices.vanished(&self.path),
            Err(errno) => {
                fatal(errno)?;
                if choice != Choice::Take || self.add(parent, seen)? {
                    let reason = failure::reason(errno);
                    let message = format!("what is in this folder is left out: it cannot be read: {reason}");
                    self.notices.warn(&self.path, message);
                }
            }
        }
        Ok(true)
    }

    fn enter(&mut self, folder: Arc<Directory>, seen: Observed, mut listing: Listing, choice: Choice) {
        self.leave_out(&folder, &mut listing, choice);
        self.stack.push(Frame::new(folder, seen, listing, choice, self.path.len()));
    }

    /// Takes from a listing what must not be visited.
    fn leave_out(&self, folder: &Directory, listing: &mut Listing, choice: Choice) {
        if !self.reserved.is_empty() {
            self.leave_out_reserved(folder, listing, choice);
        }
        let tag = if self.source.keep_caches { None } else { listing.find_file(cachedir::TAG) };
        if let Some(tag) = tag.filter(|_| cachedir::is_tagged(folder)) {
            listing.keep_only(tag);
            self.cache_left_out();
            return;
        }
        let in_use = sqlite::in_use(listing);
        for name in in_use.databases.iter().filter_map(|position| listing.get(*position)) {
            let path = joined(&self.path, name);
            if self.source.filter.choose(&path, false, choice) == Choice::Take {
                self.notices.warn(
                    &path,
                    "left out: it looks like a SQLite database in use (a -wal, -shm or -journal file lies beside it); \
                     add it as a service of its own, or close it before the backup",
                );
            }
        }
        listing.remove(&in_use.all);
    }

    /// Takes from a listing what other services keep to themselves. A symbolic link to it is not it.
    fn leave_out_reserved(&self, folder: &Directory, listing: &mut Listing, choice: Choice) {
        let mut left_out = self.reserved.find(&self.path, listing);
        let is_link = |position: &usize| {
            let seen = listing.get(*position).and_then(|name| folder.observe_child(name).ok()?);
            seen.is_some_and(|seen| seen.metadata.kind == EntryKind::Symlink)
        };
        left_out.named.retain(|position| !is_link(position));
        left_out.all.retain(|position| !is_link(position));
        for name in left_out.named.iter().filter_map(|position| listing.get(*position)) {
            let path = joined(&self.path, name);
            if self.source.filter.choose(&path, false, choice) == Choice::Take {
                self.notices.inform(&path, RESERVED);
            }
        }
        listing.remove(&left_out.all);
    }

    fn cache_left_out(&self) {
        let message = "what is in this folder is left out: it is a cache, as its CACHEDIR.TAG says";
        if self.path.is_empty() {
            // Nobody backs up a cache on purpose.
            self.notices.warn(&self.path, message);
        } else {
            self.notices.inform(&self.path, message);
        }
    }

    fn is_elsewhere(&self, observed: &Observed) -> bool {
        self.source.one_file_system && observed.metadata.device != self.device
    }

    fn mount_point(&mut self, parent: &Arc<Directory>, observed: Observed, choice: Choice) -> Result<()> {
        if choice != Choice::Take || self.add(parent, observed)? {
            self.notices
                .inform(&self.path, "what is in this folder is left out: it is on another file system");
        }
        Ok(())
    }

    fn visit_file(&mut self, folder: &Arc<Directory>, observed: Observed) -> Result<()> {
        if self.is_elsewhere(&observed) {
            self.notices.inform(&self.path, "left out: it is on another file system");
            return Ok(());
        }
        self.add(folder, observed).map(drop)
    }

    fn missed(&self, errno: Errno) -> Result<()> {
        fatal(errno)?;
        if failure::is_gone(errno) {
            self.notices.vanished(&self.path);
        } else {
            self.notices.unreadable(&self.path, failure::reason(errno));
        }
        Ok(())
    }

    /// Adds what is in the folder being read; `false` if a folder above it had to be added first, so that it
    /// is to be visited again.
    fn add(&mut self, folder: &Arc<Directory>, observed: Observed) -> Result<bool> {
        if self.stack.is_waiting() {
            self.stack.retreat();
            self.add_waiting()?;
            return Ok(false);
        }
        self.batch.push(&self.path, Place::In(folder), self.links.number(observed));
        Ok(true)
    }

    /// Adds the uppermost folder that waits.
    fn add_waiting(&mut self) -> Result<()> {
        match self.stack.next_waiting(&self.path) {
            Some(Ok(waiting)) => {
                let path = &self.path[..waiting.path_length];
                self.batch.push(path, Place::Itself(&waiting.folder), waiting.observed);
                Ok(())
            }
            Some(Err(errno)) => self.lost_folder(errno),
            None => Ok(()),
        }
    }

    /// The last part of the path.
    fn name(&self) -> &[u8] {
        let start = self.path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        &self.path[start..]
    }
}

fn fatal(errno: Errno) -> Result<()> {
    failure::fatal(errno).map_or(Ok(()), Err)
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// What is said of what is reserved.
const RESERVED: &str = "left out: it belongs to another service of the environment";
/// Longer paths cannot be stored.
const MAX_PATH: usize = 65_536;
