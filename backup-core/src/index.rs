//! The index in memory: chunk id to pack, offset, length.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use backup_crypto::{AuthorId, ChunkId, Keys};
use backup_storage::{Object, Storage, StorageExt as _};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::format::header::Kind;
use crate::format::index::IndexedPack;
use crate::format::names::{self, PackName};
use crate::format::pack::{PackHeader, PackedChunk};
use crate::format::{index as segment, limit, record};
use crate::{Error, ErrorKind, Result};

/// Where chunks are. Every location known is kept, so that a damaged pack need not be the end of a chunk.
#[derive(Debug, Default)]
pub(crate) struct Index {
    packs: Vec<KnownPack>,
    chunks: HashMap<ChunkId, Location>,
    /// Further locations of chunks that are stored more than once.
    spare: HashMap<ChunkId, Vec<Location>>,
    numbers: HashMap<PackName, u32>,
    /// Segments that could not be read, and why.
    pub(crate) unreadable: Vec<(String, Error)>,
    /// Number of segments read.
    pub(crate) segments: usize,
}

/// A pack as the index knows it.
#[derive(Debug)]
pub(crate) struct KnownPack {
    pub(crate) name: PackName,
    pub(crate) size: u64,
    pub(crate) header: PackHeader,
}

/// One place where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let mut seen = HashSet::new();
        loop {
            let listed = storage.list_all(names::INDEX).await?;
            let new: Vec<_> = listed.into_iter().filter(|object| seen.insert(object.name.clone())).collect();
            if new.is_empty() {
                return Ok(index);
            }
            let mut segments = stream::iter(new)
                .map(|object| async move {
                    let packs = read_segment(storage, keys, &object).await;
                    (object.name.to_string(), packs)
                })
                .buffer_unordered(PARALLEL);
            while let Some((name, packs)) = segments.next().await {
                match packs {
                    Ok(packs) => {
                        index.segments += 1;
                        packs.into_iter().for_each(|pack| index.insert(pack));
                    }
                    // Merged away by a prune since it was listed: the segment that replaces it is in the next listing.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) if error.is_retryable() || error.kind() == ErrorKind::Permission => {
                        return Err(error);
                    }
                    Err(error) => index.unreadable.push((name, error)),
                }
            }
        }
    }

    pub(crate) fn insert(&mut self, pack: IndexedPack) {
        let number = u32::try_from(self.packs.len()).unwrap_or(u32::MAX);
        if number == u32::MAX || self.numbers.contains_key(&pack.name) {
            return;
        }
        self.numbers.insert(pack.name, number);
        self.packs.push(KnownPack { name: pack.name, size: pack.size, header: pack.header });
        self.chunks.reserve(pack.chunks.len());
        for chunk in pack.chunks {
            let location = Location { pack: number, chunk };
            if let Some(first) = self.chunks.get(&chunk.id) {
                if *first != location {
                    self.spare.entry(chunk.id).or_default().push(location);
                }
            } else {
                self.chunks.insert(chunk.id, location);
            }
        }
    }

    /// All known places of a chunk.
    pub(crate) fn locations(&self, id: &ChunkId) -> impl Iterator<Item = Location> + '_ {
        let spare = self.spare.get(id).map_or(&[][..], Vec::as_slice);
        self.chunks.get(id).copied().into_iter().chain(spare.iter().copied())
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

    /// All chunks of the packs chosen, by pack.
    pub(crate) fn chunks_by_pack(&self) -> HashMap<u32, Vec<PackedChunk>> {
        let mut by_pack: HashMap<u32, Vec<PackedChunk>> = HashMap::new();
        for location in self.chunks.values().chain(self.spare.values().flatten()) {
            by_pack.entry(location.pack).or_default().push(location.chunk);
        }
        by_pack
    }

    pub(crate) fn author(&self, location: &Location) -> Option<AuthorId> {
        self.pack(location.pack).map(|pack| pack.header.author)
    }
}

async fn read_segment(storage: &Arc<dyn Storage>, keys: &Keys, object: &Object) -> Result<Vec<IndexedPack>> {
    let name = object.name.as_str();
    names::expect_size(object, limit::INDEX)?;
    let Some(hash) = names::parse_hashed(name, names::INDEX) else {
        return Err(Error::damaged(format!("{name} is not the name of an index segment")));
    };
    let bytes = storage.get(&names::hashed(names::INDEX, &hash)).await?;
    let keys = keys.clone();
    let name = name.to_owned();
    run_blocking(move || {
        names::expect_hash(&name, &hash, &bytes)?;
        let plain = record::open(&keys, Kind::Index, &[], &bytes, limit::INDEX);
        plain.and_then(|plain| segment::decode(&plain)).map_err(|error| error.context(format!("read {name}")))
    })
    .await
}

/// Writes one segment that names some packs.
pub(crate) async fn write_segment(
    storage: &Arc<dyn Storage>,
    keys: &Keys,
    random: &dyn backup_crypto::Random,
    packs: &[IndexedPack],
) -> Result<u64> {
    let sealed = record::seal(keys, random, Kind::Index, &[], segment::encode(packs)?)?;
    let size = sealed.len() as u64;
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
