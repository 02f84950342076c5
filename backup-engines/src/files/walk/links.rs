//! Numbers by which the names of one file find each other.

use std::collections::HashMap;

use super::super::metadata::Observed;

/// Gives all names of a file the same number, which stays the same from backup to backup as far as possible.
#[derive(Debug)]
pub(super) struct Links {
    device: u64,
    /// Files on other file systems, whose file numbers may recur; they are counted down from the greatest
    /// number.
    elsewhere: HashMap<(u64, u64), u64>,
}

impl Links {
    pub(super) fn new(device: u64) -> Self {
        Self { device, elsewhere: HashMap::new() }
    }

    /// The same with `link` set.
    pub(super) fn number(&mut self, mut observed: Observed) -> Observed {
        if observed.names > 1 && !observed.is_folder() {
            let key = (observed.metadata.device, observed.metadata.inode);
            observed.metadata.link = if key.0 == self.device && key.1 != 0 {
                key.1
            } else {
                let next = u64::MAX - self.elsewhere.len() as u64;
                *self.elsewhere.entry(key).or_insert(next)
            };
        }
        observed
    }
}
