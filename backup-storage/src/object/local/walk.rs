//! A listing, folder by folder.

use std::path::Path;

use rustix::fs::FileType;

use super::folder::{self, Entry, Obstacle};
use crate::name::is_segment;
use crate::{Name, Object};

/// The folders that a listing has yet to read.
pub(super) struct Walk(Vec<String>);

impl Walk {
    /// Begins with the folder `prefix`, empty for all.
    pub(super) fn new(prefix: &str) -> Self {
        Self(vec![prefix.to_owned()])
    }

    /// The objects of the next folder, or none when all are read.
    pub(super) fn step(&mut self, root: &Path) -> Result<Option<Vec<Object>>, Obstacle> {
        let Some(path) = self.0.pop() else { return Ok(None) };
        let mut objects = Vec::new();
        let Some(folder) = folder::open_path(root, &path)? else { return Ok(Some(objects)) };
        for (segment, kind) in folder::read(&folder)? {
            let Some(name) = name_in(&path, &segment) else { continue };
            if kind == FileType::Directory {
                self.0.push(name.to_string());
                continue;
            }
            match folder::look(&folder, &segment)? {
                Some(Entry::File(facts)) => {
                    objects.push(Object { name, size: facts.size, stamp: facts.stamp })
                }
                Some(Entry::Folder) => self.0.push(name.to_string()),
                // Objects may be behind it: better no listing than one that lacks them.
                Some(Entry::Other) => return Err(Obstacle::Foreign(name.to_string())),
                None => {}
            }
        }
        Ok(Some(objects))
    }
}

/// The name of `segment` in the folder `path`, unless it is foreign.
fn name_in(path: &str, segment: &str) -> Option<Name> {
    if !is_segment(segment) {
        return None;
    }
    if path.is_empty() { segment.parse().ok() } else { format!("{path}/{segment}").parse().ok() }
}
