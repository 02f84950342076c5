//! Paths that the walk found, many at once.

use std::ops::Range;
use std::sync::Arc;

use super::directory::Directory;
use super::metadata::Observed;

/// Paths in canonical order with what the file system says about them, and the open folders they are in.
#[derive(Debug, Default)]
pub(super) struct Batch {
    paths: Vec<u8>,
    folders: Vec<Arc<Directory>>,
    records: Vec<Record>,
}

/// One path found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    /// The path below the root.
    pub(super) path: &'a [u8],
    /// The name by which `folder` reaches it: the last part of the path, or `.`.
    pub(super) name: &'a [u8],
    pub(super) folder: &'a Directory,
    pub(super) observed: Observed,
}

/// How a path is reached.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// By its name in this folder.
    In(&'a Arc<Directory>),
    /// It is this folder.
    Itself(&'a Arc<Directory>),
}

#[derive(Debug)]
struct Record {
    path: Range<usize>,
    folder: usize,
    is_folder_itself: bool,
    observed: Observed,
}

impl Batch {
    pub(super) fn push(&mut self, path: &[u8], place: Place<'_>, observed: Observed) {
        let (folder, is_folder_itself) = match place {
            Place::In(folder) => (folder, false),
            Place::Itself(folder) => (folder, true),
        };
        let known = self.folders.iter().rposition(|known| Arc::ptr_eq(known, folder));
        let folder = known.unwrap_or_else(|| {
            self.folders.push(Arc::clone(folder));
            self.folders.len() - 1
        });
        let start = self.paths.len();
        self.paths.extend_from_slice(path);
        self.records.push(Record { path: start..self.paths.len(), folder, is_folder_itself, observed });
    }

    /// Whether it is time for the next batch. Each batch keeps the folders of its paths open, so their
    /// number is bounded too.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= MAX_PATHS || self.folders.len() >= MAX_FOLDERS
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        (0..self.len()).filter_map(|position| self.get(position))
    }

    pub(super) fn get(&self, position: usize) -> Option<Found<'_>> {
        let record = self.records.get(position)?;
        let path = &self.paths[record.path.clone()];
        let name = match path.iter().rposition(|byte| *byte == b'/') {
            _ if record.is_folder_itself => b".",
            Some(slash) => &path[slash + 1..],
            None => path,
        };
        Some(Found { path, name, folder: &self.folders[record.folder], observed: record.observed })
    }
}

const MAX_PATHS: usize = 512;
const MAX_FOLDERS: usize = 32;
