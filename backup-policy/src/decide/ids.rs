use std::{
    cmp::Ordering,
    hash::{BuildHasher, RandomState},
};

use crate::{
    backup::Backup,
    error::{Error, ErrorKind, Quoted, Result},
};

/// Finds backups by id. A sorted table is smaller and much faster to build than a map of a million ids.
#[derive(Debug)]
pub(super) struct Ids {
    /// Hash and position, sorted by hash and then by id.
    entries: Vec<(u64, u32)>,
    hasher: RandomState,
}

impl Ids {
    /// # Errors
    /// [`ErrorKind::DuplicateId`] names the least id that occurs twice.
    pub(super) fn new(ordered: &[&Backup]) -> Result<Self> {
        let hasher = RandomState::new();
        let hashes = ordered.iter().map(|backup| hasher.hash_one(&backup.id));
        let mut entries: Vec<(u64, u32)> = hashes.zip(0..).collect();
        let id = |position: u32| &ordered[position as usize].id;
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| id(a.1).cmp(id(b.1))));
        let neighbours = entries.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        let twice = neighbours.map(|pair| (id(pair[0].1), id(pair[1].1))).filter(|(a, b)| a == b);
        match twice.map(|(id, _)| id).min() {
            Some(id) => Err(duplicate(id)),
            None => Ok(Self { entries, hasher }),
        }
    }

    pub(super) fn find(&self, id: &str, ordered: &[&Backup]) -> Option<u32> {
        let hash = self.hasher.hash_one(id);
        let compare = |&(known, position): &(u64, u32)| -> Ordering {
            known.cmp(&hash).then_with(|| ordered[position as usize].id.as_str().cmp(id))
        };
        self.entries.binary_search_by(compare).ok().map(|index| self.entries[index].1)
    }
}

fn duplicate(id: &str) -> Error {
    Error::new(
        ErrorKind::DuplicateId,
        format!("two backups have the id {}: pass the backups of one group, each of them once", Quoted(id)),
    )
}
