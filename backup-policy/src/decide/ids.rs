use std::hash::{BuildHasher, RandomState};

use crate::{
    backup::Backup,
    error::{Error, ErrorKind, Quoted, Result},
};

/// Finds backups by id. A sorted table is smaller and much faster to build than a map of a million ids.
#[derive(Debug)]
pub(super) struct Ids {
    /// Hash and position, sorted by hash.
    entries: Vec<(u64, u32)>,
    /// Where the entries begin whose hashes have the same leading bits, for each number that these bits make;
    /// one more for the end.
    starts: Vec<u32>,
    /// How many bits do not lead.
    shift: u32,
    hasher: RandomState,
}

impl Ids {
    /// # Errors
    /// [`ErrorKind::DuplicateId`] names the least id that occurs twice.
    pub(super) fn new(backups: &[Backup], positions: &[u32], ordered: &[&Backup]) -> Result<Self> {
        let hasher = RandomState::new();
        // In the order of the input, which mostly is that of the memory.
        let hashes = backups.iter().map(|backup| hasher.hash_one(&backup.id));
        let mut entries: Vec<(u64, u32)> = hashes.zip(positions.iter().copied()).collect();
        entries.sort_unstable();
        refuse_duplicates(&entries, ordered)?;

        let leading = entries.len().checked_ilog2().unwrap_or(0).saturating_sub(2).max(1);
        let shift = u64::BITS - leading;
        let mut starts = vec![0; (1_usize << leading) + 1];
        for &(hash, _) in &entries {
            starts[bucket(hash, shift) + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Ok(Self { entries, starts, shift, hasher })
    }

    pub(super) fn find(&self, id: &str, ordered: &[&Backup]) -> Option<u32> {
        let hash = self.hasher.hash_one(id);
        let bucket = bucket(hash, self.shift);
        let candidates = &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize];
        let is_it = |&&(known, position): &&(u64, u32)| known == hash && ordered[position as usize].id == id;
        candidates.iter().find(is_it).map(|&(_, position)| position)
    }
}

fn bucket(hash: u64, shift: u32) -> usize {
    usize::try_from(hash >> shift).unwrap_or(usize::MAX)
}

fn refuse_duplicates(entries: &[(u64, u32)], ordered: &[&Backup]) -> Result<()> {
    let mut twice: Vec<&str> = Vec::new();
    for same in entries.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        let mut ids: Vec<&str> =
            same.iter().map(|&(_, position)| ordered[position as usize].id.as_str()).collect();
        ids.sort_unstable();
        twice.extend(ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]));
    }
    match twice.iter().min() {
        None => Ok(()),
        Some(id) => Err(Error::new(
            ErrorKind::DuplicateId,
            format!(
                "two backups have the id {}: pass the backups of one group, each of them once",
                Quoted(id)
            ),
        )),
    }
}
