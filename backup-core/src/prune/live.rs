//! Which chunks backups refer to.
//!
//! Takes 32 bytes and two bits for each chunk of the index, and reads each segment of a tree or map once, however many backups have it.

use std::sync::Arc;

use backup_crypto::{ChunkId, ChunkKind};
use bytes::Bytes;

use super::packs::Packs;
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::format::node::decode_segment;
use crate::format::references::References;
use crate::index::{Index, Location};
use crate::problem::is_finding;
use crate::{Error, Result};

/// Marks on the chunks of an index.
#[derive(Debug)]
pub(crate) struct Live {
    reader: Arc<ChunkReader>,
    index: Arc<Index>,
    /// All chunks of the index, ascending.
    ids: Vec<ChunkId>,
    live: Bits,
    /// Which of the live ones are segments of trees and maps.
    meta: Bits,
}

/// One bit for each of many.
#[derive(Debug)]
struct Bits(Vec<u64>);

impl Live {
    /// Nothing is marked yet.
    pub(crate) fn new(reader: &Arc<ChunkReader>) -> Self {
        let index = reader.index();
        let mut ids: Vec<ChunkId> = index.ids().collect();
        ids.sort_unstable();
        let (live, meta) = (Bits::new(ids.len()), Bits::new(ids.len()));
        Self { reader: reader.clone(), index, ids, live, meta }
    }

    /// Marks all that a manifest refers to, to the last segment. Returns the first thing that it lacks: a chunk without a location in a
    /// pack that exists, or a segment that cannot be read.
    pub(crate) async fn mark(
        &mut self,
        references: &References,
        packs: &Packs,
        context: &Context,
    ) -> Result<Option<Error>> {
        let mut lack = None;
        let mut left = Vec::new();
        self.refer(references, packs, &mut left, &mut lack);
        while !left.is_empty() {
            context.check()?;
            let next = left.split_off(left.len().saturating_sub(SEGMENTS_AT_ONCE));
            for segment in self.read(&next).await? {
                let decoded = segment.and_then(|bytes| Ok(decode_segment(&bytes)?.references));
                match decoded {
                    Ok(references) => self.refer(&references, packs, &mut left, &mut lack),
                    Err(error) if is_finding(&error) => drop(lack.get_or_insert(error)),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(lack)
    }

    /// The live chunks, each with all its places in packs that exist.
    pub(super) fn chunks<'a>(
        &'a self,
        packs: &'a Packs,
    ) -> impl Iterator<Item = (ChunkId, impl Iterator<Item = Location> + 'a)> + 'a {
        let live = self.ids.iter().enumerate().filter(|(at, _)| self.live.has(*at));
        live.map(|(at, id)| {
            let kind = if self.meta.has(at) { ChunkKind::Meta } else { ChunkKind::Data };
            (*id, self.index.places(kind, id).filter(|place| packs.has(place.pack)))
        })
    }

    /// Marks chunks. Segments that were not marked before are left to be read.
    fn refer(
        &mut self,
        references: &References,
        packs: &Packs,
        left: &mut Vec<ChunkId>,
        lack: &mut Option<Error>,
    ) {
        for (kind, ids) in [(ChunkKind::Data, &references.data), (ChunkKind::Meta, &references.meta)] {
            for id in ids {
                let found = self.ids.binary_search(id).ok();
                let Some(at) = found.filter(|at| self.live.has(*at) || self.is_there(kind, id, packs)) else {
                    let error = || Error::damaged(format!("the chunk {id} is in no pack that exists"));
                    lack.get_or_insert_with(error);
                    continue;
                };
                if self.live.set(at) && kind == ChunkKind::Meta {
                    self.meta.set(at);
                    left.push(*id);
                }
            }
        }
    }

    fn is_there(&self, kind: ChunkKind, id: &ChunkId, packs: &Packs) -> bool {
        self.index.places(kind, id).any(|place| packs.has(place.pack))
    }

    /// Reads some segments together; one by one if one of them cannot be read.
    async fn read(&self, ids: &[ChunkId]) -> Result<Vec<Result<Bytes>>> {
        match self.reader.get_all(ChunkKind::Meta, ids).await {
            Ok(found) => return Ok(found.into_values().map(Ok).collect()),
            Err(error) if is_finding(&error) => {}
            Err(error) => return Err(error),
        }
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.push(self.reader.get(ChunkKind::Meta, *id).await);
        }
        Ok(all)
    }
}

impl Bits {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    /// Sets a bit, and tells whether it was not set before.
    fn set(&mut self, at: usize) -> bool {
        let before = self.has(at);
        self.0[at / 64] |= 1 << (at % 64);
        !before
    }
}

/// Segments, of at most a megabyte each and usually some kilobytes, read together.
const SEGMENTS_AT_ONCE: usize = 64;
