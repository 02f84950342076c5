//! The folders from the root to where the walk is.

use std::sync::Arc;

use rustix::io::{self, Errno};

use super::super::directory::Directory;
use super::super::filter::Choice;
use super::super::listing::Listing;
use super::super::metadata::Observed;

/// One folder being read.
#[derive(Debug)]
pub(super) struct Frame {
    /// `None` while it is closed because too many below it are open.
    folder: Option<Arc<Directory>>,
    observed: Observed,
    listing: Listing,
    next: usize,
    choice: Choice,
    /// Bytes of its path.
    pub(super) path_length: usize,
}

impl Frame {
    pub(super) fn new(
        folder: Arc<Directory>,
        observed: Observed,
        listing: Listing,
        choice: Choice,
        path_length: usize,
    ) -> Self {
        Self { folder: Some(folder), observed, listing, next: 0, choice, path_length }
    }
}

/// A folder that is added to the backup now that something in it is.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) path_length: usize,
    pub(super) folder: Arc<Directory>,
    pub(super) observed: Observed,
}

/// The folders from the root down. The root and the deepest ones are open; the others are opened again, and
/// proved to be the same, when the walk comes back to them.
#[derive(Debug, Default)]
pub(super) struct Stack {
    frames: Vec<Frame>,
    /// The frames before this one were added to the backup; it and those after it wait until something in
    /// them is.
    waiting: usize,
    /// The folder of the frame before, if it was opened just now.
    added: Option<Arc<Directory>>,
}

impl Stack {
    pub(super) fn top(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// The position of the next name in the folder being read.
    pub(super) fn advance(&mut self) -> Option<usize> {
        let frame = self.frames.last_mut()?;
        let position = frame.next;
        frame.listing.get(position)?;
        frame.next += 1;
        Some(position)
    }

    /// Goes back by one name.
    pub(super) fn retreat(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.next = frame.next.saturating_sub(1);
        }
    }

    /// Whether a folder was not added to the backup yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting < self.frames.len()
    }

    /// Whether a folder is to be added to the backup now, whatever is in it: the root, and one that is taken
    /// itself.
    pub(super) fn is_due(&self) -> bool {
        self.is_waiting() && (self.waiting == 0 || self.choice() == Choice::Take)
    }

    /// What was chosen for the folder being read.
    pub(super) fn choice(&self) -> Choice {
        self.frames.last().map_or(Choice::Skip, |frame| frame.choice)
    }

    pub(super) fn push(&mut self, frame: Frame) {
        self.frames.push(frame);
        if let Some(far) = self.frames.len().checked_sub(OPEN + 1).filter(|far| *far > 0) {
            self.frames[far].folder = None;
        }
    }

    pub(super) fn pop(&mut self) {
        self.frames.pop();
        self.waiting = self.waiting.min(self.frames.len());
    }

    /// Adds a name of the folder being read to its path.
    pub(super) fn push_name(&self, position: usize, path: &mut Vec<u8>) {
        if let Some(name) = self.frames.last().and_then(|frame| frame.listing.get(position)) {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
        }
    }

    /// The folder being read, opened again if it was closed. `path` is its path.
    pub(super) fn open_top(&mut self, path: &[u8]) -> io::Result<Arc<Directory>> {
        self.open(self.frames.len().saturating_sub(1), path)
    }

    fn open(&mut self, wanted: usize, path: &[u8]) -> io::Result<Arc<Directory>> {
        let mut level = wanted;
        while level > 0 && self.frames.get(level).is_some_and(|frame| frame.folder.is_none()) {
            level -= 1;
        }
        let first = self.frames.get(level).and_then(|frame| frame.folder.clone());
        let mut folder = first.ok_or(Errno::BADF)?;
        while level < wanted {
            level += 1;
            folder = self.open_below(&folder, level, path)?;
            if level + OPEN >= self.frames.len() {
                self.frames[level].folder = Some(Arc::clone(&folder));
            }
        }
        Ok(folder)
    }

    /// Opens the folder of a frame again, given the one above it.
    fn open_below(&self, above: &Directory, level: usize, path: &[u8]) -> io::Result<Arc<Directory>> {
        let start = match self.frames[level - 1].path_length {
            0 => 0,
            length => length + 1,
        };
        let frame = &self.frames[level];
        let name = path.get(start..frame.path_length).ok_or(Errno::INVAL)?;
        same_folder(above, name, &frame.observed).map(Arc::new)
    }

    /// The uppermost folder that was not added to the backup yet; it counts as added from now on. `path` is
    /// the path of the folder being read, or one below it.
    pub(super) fn next_waiting(&mut self, path: &[u8]) -> Option<io::Result<Waiting>> {
        let level = self.waiting;
        let above = self.added.take();
        let frame = self.frames.get(level)?;
        let (observed, path_length) = (frame.observed, frame.path_length);
        let folder = match (&frame.folder, above) {
            (Some(folder), _) => Ok(Arc::clone(folder)),
            (None, Some(above)) => self.open_below(&above, level, path),
            (None, None) => self.open(level, path),
        };
        Some(folder.map(|folder| {
            self.waiting += 1;
            self.added = Some(Arc::clone(&folder));
            Waiting { path_length, folder, observed }
        }))
    }
}

fn same_folder(parent: &Directory, name: &[u8], expected: &Observed) -> io::Result<Directory> {
    let folder = parent.open_folder(name)?;
    let identity = |seen: &Observed| (seen.metadata.device, seen.metadata.inode);
    let found = folder.observe()?;
    if found.is_some_and(|found| identity(&found) == identity(expected)) {
        Ok(folder)
    } else {
        Err(Errno::STALE)
    }
}

/// Folders kept open besides the root.
const OPEN: usize = 32;
