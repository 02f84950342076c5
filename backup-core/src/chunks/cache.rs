//! Chunks that were read already.

use std::collections::{BTreeMap, HashMap};

use backup_crypto::ChunkId;
use bytes::Bytes;

/// Recently opened chunks, bounded in bytes; what was not used for longest goes first.
#[derive(Debug)]
pub(super) struct Cache {
    limit: usize,
    held: usize,
    tick: u64,
    chunks: HashMap<ChunkId, (Bytes, u64)>,
    ages: BTreeMap<u64, ChunkId>,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: 0, tick: 0, chunks: HashMap::new(), ages: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, id: &ChunkId) -> Option<Bytes> {
        let (bytes, age) = self.chunks.get_mut(id)?;
        self.tick += 1;
        self.ages.remove(age);
        *age = self.tick;
        self.ages.insert(self.tick, *id);
        Some(bytes.clone())
    }

    pub(super) fn put(&mut self, id: ChunkId, bytes: Bytes) {
        if self.chunks.contains_key(&id) {
            return;
        }
        self.tick += 1;
        self.held += bytes.len();
        self.ages.insert(self.tick, id);
        self.chunks.insert(id, (bytes, self.tick));
        while self.held > self.limit {
            let Some((_, oldest)) = self.ages.pop_first() else { return };
            if let Some((bytes, _)) = self.chunks.remove(&oldest) {
                self.held -= bytes.len();
            }
        }
    }
}
