//! The index in memory: chunk id to pack, offset, length.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use backup_crypto::{AuthorId, ChunkId, ChunkKind, Keys};
use backup_storage::{Name, Object, Storage, StorageExt as _};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::format::header::Kind;
use crate::format::index::IndexedPack;
use crate::format::names::{self, PackName};
use crate::format::pack::{PackHeader, PackedChunk};
use crate::format::{index as segment, limit, record};
use crate::problem::cannot_read;
use crate::{Error, ErrorKind, Result};

/// Where chunks are. Every location known is kept, so that a damaged pack need not be the end of a chunk.
#[derive(Debug, Default)]
pub(crate) struct Index {
    packs: Vec<KnownPack>,
    chunks: HashMap<ChunkId, Location>,
    /// Further locations of chunks that are stored more than once.
    spare: HashMap<ChunkId, BTreeSet<Location>>,
    /// Positions among the packs. A pack is all that is said of it: what one segment claims of a name hides nothing that another one knows.
    numbers: HashMap<KnownPack, u32>,
    /// The names of all segments that were listed.
    listed: HashSet<Name>,
    /// Segments that could not be read, and why.
    pub(crate) unreadable: Vec<(String, Error)>,
    /// Number of segments read.
    pub(crate) segments: usize,
    /// The segments read, with what each says.
    pub(crate) contents: Vec<SegmentInfo>,
}

/// What one segment names.
#[derive(Debug, Clone)]
pub(crate) struct SegmentInfo {
    pub(crate) object: Object,
    /// Positions among [`Index::packs`], each with the number of chunks that this segment knows of it.
    pub(crate) packs: Vec<(u32, usize)>,
    pub(crate) records: usize,
}

/// A pack as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KnownPack {
    pub(crate) name: PackName,
    pub(crate) size: u64,
    pub(crate) header: PackHeader,
}

/// One place where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    /// Position of the pack among [`Index::packs`].
    pub(crate) pack: u32,
    pub(crate) chunk: PackedChunk,
}

impl Index {
    /// Reads all segments. Lists, reads, and lists again until nothing new appears, since a listing of many pages is not a moment.
    /// Segments that cannot be read are remembered, not fatal: what they alone knew counts as unknown.
    pub(crate) async fn load(storage: &Arc<dyn Storage>, keys: &Keys) -> Result<Self> {
        let mut index = Self::default();
        loop {
            let objects = storage.list_all(names::INDEX).await?;
            let new: Vec<_> =
                objects.into_iter().filter(|object| index.listed.insert(object.name.clone())).collect();
            if new.is_empty() {
                return Ok(index);
            }
            let mut segments = stream::iter(new)
                .map(|object| async move {
                    let packs = read_segment(storage, keys, &object).await;
                    (object, packs)
                })
                .buffer_unordered(PARALLEL);
            while let Some((object, packs)) = segments.next().await {
                match packs {
                    Ok(packs) => {
                        index.segments += 1;
                        let records = packs.iter().map(|pack| pack.chunks.len()).sum();
                        let counts: Vec<usize> = packs.iter().map(|pack| pack.chunks.len()).collect();
                        let numbers = packs.into_iter().map(|pack| index.insert(pack));
                        let packs = numbers
                            .zip(counts)
                            .filter_map(|(number, count)| Some((number?, count)))
                            .collect();
                        index.contents.push(SegmentInfo { object, packs, records });
                    }
                    // Merged away by a prune since it was listed: the segment that replaces it is in the next listing.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) if error.is_retryable() || error.kind() == ErrorKind::Permission => {
                        return Err(error);
                    }
                    Err(error) => index.unreadable.push((object.name.to_string(), error)),
                }
            }
        }
    }

    /// Whether there are segments that were not there when this was read.
    pub(crate) async fn is_outdated(&self, storage: &Arc<dyn Storage>) -> Result<bool> {
        let objects = storage.list_all(names::INDEX).await?;
        Ok(objects.iter().any(|object| !self.listed.contains(&object.name)))
    }

    /// Adds a pack and its chunks, and returns its position among the packs.
    pub(crate) fn insert(&mut self, pack: IndexedPack) -> Option<u32> {
        let known = KnownPack { name: pack.name, size: pack.size, header: pack.header };
        let number = self.number(known)?;
        self.chunks.reserve(pack.chunks.len());
        for chunk in pack.chunks {
            let location = Location { pack: number, chunk };
            match self.chunks.get(&chunk.id) {
                None => drop(self.chunks.insert(chunk.id, location)),
                Some(first) if *first == location => {}
                Some(_) => drop(self.spare.entry(chunk.id).or_default().insert(location)),
            }
        }
        Some(number)
    }

    /// The position of a pack, which joins the others if it is not among them.
    fn number(&mut self, pack: KnownPack) -> Option<u32> {
        if let Some(number) = self.numbers.get(&pack) {
            return Some(*number);
        }
        let number = u32::try_from(self.packs.len()).ok()?;
        self.packs.push(pack.clone());
        self.numbers.insert(pack, number);
        Some(number)
    }

    /// All known places of a chunk.
    pub(crate) fn locations(&self, id: &ChunkId) -> impl Iterator<Item = Location> + '_ {
        let spare = self.spare.get(id).into_iter().flatten();
        self.chunks.get(id).copied().into_iter().chain(spare.copied())
    }

    /// The known places of a chunk of a kind.
    pub(crate) fn places(&self, kind: ChunkKind, id: &ChunkId) -> impl Iterator<Item = Location> + '_ {
        self.locations(id).filter(move |location| location.chunk.kind == kind)
    }

    pub(crate) fn pack(&self, number: u32) -> Option<&KnownPack> {
        self.packs.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn packs(&self) -> &[KnownPack] {
        &self.packs
    }

    pub(crate) fn chunk_count(&self) -> u64 {
        self.chunks.len() as u64
    }

    /// The ids of all chunks, in no order.
    pub(crate) fn ids(&self) -> impl ExactSizeIterator<Item = ChunkId> + '_ {
        self.chunks.keys().copied()
    }

    /// Every known place of every chunk.
    pub(crate) fn all_locations(&self) -> impl Iterator<Item = &Location> {
        self.chunks.values().chain(self.spare.values().flatten())
    }

    /// All chunks of the packs chosen, by pack.
    pub(crate) fn chunks_by_pack(&self) -> HashMap<u32, Vec<PackedChunk>> {
        let mut by_pack: HashMap<u32, Vec<PackedChunk>> = HashMap::new();
        for location in self.all_locations() {
            by_pack.entry(location.pack).or_default().push(location.chunk);
        }
        by_pack
    }

    pub(crate) fn author(&self, location: &Location) -> Option<AuthorId> {
        self.pack(location.pack).map(|pack| pack.header.author)
    }
}

/// Reads one segment.
pub(crate) async fn read_segment(
    storage: &Arc<dyn Storage>,
    keys: &Keys,
    object: &Object,
) -> Result<Vec<IndexedPack>> {
    let name = object.name.as_str();
    names::expect_size(object, limit::INDEX)?;
    let Some(hash) = names::parse_hashed(name, names::INDEX) else {
        return Err(Error::damaged(format!("{name} is not the name of an index segment")));
    };
    let bytes = storage.get(&object.name).await.map_err(|error| cannot_read(&object.name, error))?;
    let keys = keys.clone();
    let name = name.to_owned();
    run_blocking(move || {
        names::expect_hash(&name, &hash, &bytes)?;
        let plain = record::open(&keys, Kind::Index, &[], &bytes, limit::INDEX);
        plain.and_then(|plain| segment::decode(&plain)).map_err(|error| error.context(format!("read {name}")))
    })
    .await
}

/// Writes one segment that names some packs: no more of them than fit into one.
pub(crate) async fn write_segment(
    storage: &Arc<dyn Storage>,
    keys: &Keys,
    random: &dyn backup_crypto::Random,
    packs: &[IndexedPack],
) -> Result<u64> {
    let sealed = record::seal(keys, random, Kind::Index, &[], segment::encode(packs)?)?;
    let size = sealed.len() as u64;
    if size > limit::INDEX {
        return Err(Error::invalid(format!(
            "an index segment would have {size} bytes, more than the {} that it may have",
            limit::INDEX
        )));
    }
    let name = names::hashed(names::INDEX, &names::hash(&sealed));
    storage.create(&name, Bytes::from(sealed)).await?;
    Ok(size)
}

/// The packs that exist, with their sizes.
pub(crate) async fn list_packs(storage: &Arc<dyn Storage>) -> Result<HashMap<PackName, u64>> {
    let objects = storage.list(names::PACKS);
    let packs: Vec<_> = objects
        .map_ok(|object| PackName::parse(object.name.as_str()).map(|name| (name, object.size)))
        .try_collect()
        .await?;
    Ok(packs.into_iter().flatten().collect())
}

/// Runs CPU work off the asynchronous threads.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Error::cancelled()),
    }
}

/// Objects read at once.
const PARALLEL: usize = 8;

#[cfg(test)]
mod tests;
