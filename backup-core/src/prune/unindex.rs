//! Taking packs out of the index, before they are removed.
//!
//! Segments that name such a pack are replaced by new ones without it, and on that occasion small segments become large ones. Others stay.
//! Segments may differ in what they say of a pack: what replaces them says all that any of them does.

use std::collections::{HashMap, HashSet};

use backup_storage::Name;

use super::packs::Packs;
use crate::engine::Context;
use crate::format::index::IndexedPack;
use crate::format::pack::PackedChunk;
use crate::index::{Index, SegmentInfo, write_segment};
use crate::{Repository, Result};

/// The segments to be replaced.
#[derive(Debug, Default)]
pub(super) struct Unindexing {
    replaced: Vec<SegmentInfo>,
    /// The packs that stay in the index and of which no other segment says all that is known, as numbers of the index.
    moved: HashSet<u32>,
}

impl Unindexing {
    /// Finds the segments to be replaced.
    pub(super) fn plan(index: &Index, packs: &Packs) -> Self {
        let stays = |number: u32| packs.get(number).is_some_and(|pack| !pack.goes());
        let names_others = |segment: &&SegmentInfo| !segment.packs.iter().all(|(number, _)| stays(*number));
        let is_small = |segment: &&SegmentInfo| segment.records < SMALL;
        let small = index.contents.iter().filter(is_small).count();
        let is_replaced =
            |segment: &&SegmentInfo| names_others(segment) || (small >= MANY && is_small(segment));
        let replaced: Vec<SegmentInfo> = index.contents.iter().filter(is_replaced).cloned().collect();
        let all = replaced.iter().flat_map(|segment| segment.packs.iter().map(|(number, _)| *number));
        let mut moved: HashSet<u32> = all.filter(|number| stays(*number)).collect();
        let mut known: HashMap<u32, usize> = HashMap::new();
        for place in index.all_locations().filter(|place| moved.contains(&place.pack)) {
            *known.entry(place.pack).or_default() += 1;
        }
        let others = index.contents.iter().filter(|segment| !is_replaced(segment));
        for (number, chunks) in others.flat_map(|segment| &segment.packs) {
            if *chunks == known.get(number).copied().unwrap_or(0) {
                moved.remove(number);
            }
        }
        Self { replaced, moved }
    }

    pub(super) fn count(&self) -> u64 {
        self.replaced.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.replaced.iter().map(|segment| segment.object.size).sum()
    }

    /// The segments to be deleted once their replacements are there.
    pub(super) fn names(&self) -> Vec<Name> {
        self.replaced.iter().map(|segment| segment.object.name.clone()).collect()
    }

    /// Puts the new segments, each with as much as is good for one. Returns how many, and their bytes.
    pub(super) async fn write(
        &self,
        repository: &Repository,
        index: &Index,
        context: &Context,
    ) -> Result<(u64, u64)> {
        let mut writer = Writer { repository, packs: Vec::new(), records: 0, written: (0, 0) };
        let mut chunks = self.chunks(index);
        let mut numbers: Vec<u32> = self.moved.iter().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            context.check()?;
            let Some(known) = index.pack(number) else { continue };
            for chunks in distinct(chunks.remove(&number).unwrap_or_default()) {
                let (name, size, header) = (known.name, known.size, known.header.clone());
                writer.add(IndexedPack { name, size, header, chunks }).await?;
            }
        }
        writer.flush().await?;
        Ok(writer.written)
    }

    /// All that is known of the packs that stay.
    fn chunks(&self, index: &Index) -> HashMap<u32, Vec<PackedChunk>> {
        let mut chunks: HashMap<u32, Vec<PackedChunk>> = HashMap::new();
        for place in index.all_locations().filter(|place| self.moved.contains(&place.pack)) {
            chunks.entry(place.pack).or_default().push(place.chunk);
        }
        chunks
    }
}

/// Lists in which no chunk is twice; one, unless segments contradict each other about where in the pack a chunk is.
fn distinct(mut chunks: Vec<PackedChunk>) -> Vec<Vec<PackedChunk>> {
    chunks.sort_unstable_by_key(|chunk| (chunk.id, chunk.offset));
    let mut lists = vec![Vec::with_capacity(chunks.len())];
    let mut nth = 0;
    let mut previous = None;
    for chunk in chunks {
        nth = if previous.replace(chunk.id) == Some(chunk.id) { nth + 1 } else { 0 };
        if nth == lists.len() {
            lists.push(Vec::new());
        }
        lists[nth].push(chunk);
    }
    lists
}

struct Writer<'a> {
    repository: &'a Repository,
    packs: Vec<IndexedPack>,
    records: usize,
    written: (u64, u64),
}

impl Writer<'_> {
    async fn add(&mut self, pack: IndexedPack) -> Result<()> {
        if self.records + pack.chunks.len() > RECORDS {
            self.flush().await?;
        }
        self.records += pack.chunks.len();
        self.packs.push(pack);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        if self.packs.is_empty() {
            return Ok(());
        }
        let packs = std::mem::take(&mut self.packs);
        self.records = 0;
        let (storage, keys) = (self.repository.storage(), self.repository.keys());
        let size = write_segment(storage, keys, &**self.repository.random(), &packs)
            .await
            .map_err(|error| error.context("store an index segment"))?;
        self.written = (self.written.0 + 1, self.written.1 + size);
        Ok(())
    }
}

/// Records of a segment, of 48 bytes each.
const RECORDS: usize = 200_000;
/// A segment with fewer records is small.
const SMALL: usize = 20_000;
/// So many small segments are worth being made into large ones.
const MANY: usize = 16;

#[cfg(test)]
mod tests {
    use backup_crypto::{AuthorId, ChunkId, ChunkKind, KdfParameters, Passphrase};
    use backup_storage::{Location as StorageLocation, StorageExt as _};
    use bytes::Bytes;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::format::names::PackName;
    use crate::format::pack::PackHeader;

    fn pack(number: u8, chunks: &[(u8, u32)]) -> IndexedPack {
        let header = PackHeader { meta_epoch: 1, author: AuthorId([1; 16]), salt: [2; 16], session: None };
        let chunk = |&(id, offset): &(u8, u32)| PackedChunk {
            id: ChunkId([id; 32]),
            kind: ChunkKind::Meta,
            offset,
            stored: 20,
            plain: 3,
        };
        let name = PackName { hash: [number; 32], incarnation: [0; 4] };
        IndexedPack { name, size: 1000, header, chunks: chunks.iter().map(chunk).collect() }
    }

    #[tokio::test]
    async fn what_segments_say_differently_of_a_pack_is_all_kept() {
        let storage = StorageLocation::parse("memory:").unwrap().open().unwrap();
        let builder = Repository::builder(storage.clone())
            .keys(Passphrase::from("test"))
            .kdf(KdfParameters::insecure_for_tests());
        let repository = builder.create().await.unwrap();
        storage.create(&pack(1, &[]).name.to_name(), Bytes::from(vec![0; 1000])).await.unwrap();
        // The second pack does not exist, so what names it is replaced; the other segment stays.
        let replaced = [pack(1, &[(7, 0), (8, 20)]), pack(2, &[(9, 0)])];
        for packs in [&replaced[..], &[pack(1, &[(7, 40)])]] {
            write_segment(&storage, repository.keys(), &**repository.random(), packs).await.unwrap();
        }
        for round in 0..2 {
            let index = Index::load(&storage, repository.keys()).await.unwrap();
            let packs = Packs::list(&repository, &index).await.unwrap();
            let unindexing = Unindexing::plan(&index, &packs);
            assert_eq!(unindexing.count(), 1 - round, "once it is done there is nothing to do");
            let context = repository.context(&CancellationToken::new());
            unindexing.write(&repository, &index, &context).await.unwrap();
            for name in unindexing.names() {
                storage.delete(&name).await.unwrap();
            }
        }
        let index = Index::load(&storage, repository.keys()).await.unwrap();
        assert!(index.unreadable.is_empty(), "{:?}", index.unreadable);
        let mut places: Vec<_> =
            index.all_locations().map(|place| (place.chunk.id.0[0], place.chunk.offset)).collect();
        places.sort_unstable();
        assert_eq!(places, [(7, 0), (7, 40), (8, 20)]);
        assert_eq!(index.packs().len(), 1);
    }
}
