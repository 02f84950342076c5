//! Reading chunks: from id to plaintext, each fetched and opened once.

mod cache;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use backup_crypto::{ChunkId, ChunkKind, Encapsulation, Keys, PackKey, Session};
use backup_storage::Storage;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use self::cache::Cache;
use crate::compress;
use crate::format::names::PackName;
use crate::format::pack::{self, PackHeader, PackedChunk};
use crate::index::{Index, Location, run_blocking};
use crate::problem::{cannot_read, is_finding};
use crate::{Error, Result};

/// Opens chunks of a repository. Shared by all that read.
#[derive(Debug)]
pub(crate) struct ChunkReader {
    storage: Arc<dyn Storage>,
    keys: Keys,
    known: RwLock<Known>,
    /// Held while the index is read again: whoever needs that too waits and uses what came of it.
    renewal: tokio::sync::Mutex<()>,
    openers: Mutex<HashMap<PackHeader, Arc<Opener>>>,
    sessions: Mutex<HashMap<Encapsulation, Session>>,
    cache: Mutex<Cache>,
}

/// The index, and what was lost by it while there was no newer one: that is not looked for again.
#[derive(Debug)]
struct Known {
    index: Arc<Index>,
    lost: HashSet<Lost>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lost {
    /// A chunk that no segment names.
    Chunk(ChunkId),
    /// A pack that does not give what segments say it holds.
    Pack(PackName),
}

/// Opens the chunks of one pack.
#[derive(Debug)]
pub(crate) struct Opener {
    keys: Keys,
    meta: PackKey,
    meta_epoch: u32,
    data: Option<(PackKey, u32)>,
}

impl ChunkReader {
    pub(crate) fn new(storage: Arc<dyn Storage>, keys: Keys, index: Arc<Index>, cache_bytes: usize) -> Self {
        Self {
            storage,
            keys,
            known: RwLock::new(Known { index, lost: HashSet::new() }),
            renewal: tokio::sync::Mutex::default(),
            openers: Mutex::default(),
            sessions: Mutex::default(),
            cache: Mutex::new(Cache::new(cache_bytes)),
        }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn index(&self) -> Arc<Index> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).index.clone()
    }

    pub(crate) fn set_index(&self, index: Arc<Index>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { index, lost: HashSet::new() };
    }

    /// Reads one chunk.
    pub(crate) async fn get(&self, kind: ChunkKind, id: ChunkId) -> Result<Bytes> {
        let found = self.get_all(kind, &[id]).await?;
        found.get(&id).cloned().ok_or_else(|| missing(&id))
    }

    /// Reads several chunks, neighbours in a pack with one request.
    pub(crate) async fn get_all(&self, kind: ChunkKind, ids: &[ChunkId]) -> Result<HashMap<ChunkId, Bytes>> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut wanted = Vec::new();
        {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            let mut seen = HashSet::new();
            for id in ids.iter().filter(|id| seen.insert(**id)) {
                match cache.get(id) {
                    Some(bytes) => drop(found.insert(*id, bytes)),
                    None => wanted.push(*id),
                }
            }
        }
        if !wanted.is_empty() {
            let fetched = self.fetch(kind, wanted).await?;
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, bytes) in fetched {
                cache.put(id, bytes.clone());
                found.insert(id, bytes);
            }
        }
        Ok(found)
    }

    async fn fetch(&self, kind: ChunkKind, wanted: Vec<ChunkId>) -> Result<Vec<(ChunkId, Bytes)>> {
        let index = self.index_that_has(kind, &wanted).await?;
        let mut fetched = Vec::with_capacity(wanted.len());
        let mut failed: Vec<(Vec<ChunkId>, Error)> = Vec::new();
        let ranges = plan(&index, kind, &wanted)?;
        let index_ref = &index;
        let mut reads = stream::iter(ranges)
            .map(|range| async move { (self.read_range(index_ref, &range).await, range) })
            .buffer_unordered(PARALLEL);
        while let Some((result, range)) = reads.next().await {
            match result {
                Ok(chunks) => {
                    for (id, chunk) in chunks {
                        match chunk {
                            Ok(bytes) => fetched.push((id, bytes)),
                            Err(error) => failed.push((vec![id], error)),
                        }
                    }
                }
                Err(error) => failed.push((range.chunks.iter().map(|chunk| chunk.id).collect(), error)),
            }
        }
        drop(reads);
        for (ids, error) in failed {
            for id in ids {
                match self.fetch_elsewhere(&index, kind, id, &error).await? {
                    Some(bytes) => fetched.push((id, bytes)),
                    None => return Err(unreadable(&id, error)),
                }
            }
        }
        Ok(fetched)
    }

    /// The first place failed: tries the others one by one, and then those of a newer index, as somebody may have moved what was there.
    async fn fetch_elsewhere(
        &self,
        index: &Arc<Index>,
        kind: ChunkKind,
        id: ChunkId,
        error: &Error,
    ) -> Result<Option<Bytes>> {
        let mut index = index.clone();
        let mut failed = index.places(kind, &id).next();
        loop {
            if let Some(bytes) = self.fetch_from_any(&index, kind, id, failed.take()).await? {
                return Ok(Some(bytes));
            }
            if !is_finding(error) {
                return Ok(None);
            }
            let first = index.places(kind, &id).next().and_then(|place| index.pack(place.pack));
            let lost = first.map_or(Lost::Chunk(id), |pack| Lost::Pack(pack.name));
            match self.newer_index(&index, lost).await? {
                Some(newer) => index = newer,
                None => return Ok(None),
            }
        }
    }

    /// The places that do not give their chunks, and why. Looks at these places of an index and nowhere else.
    pub(crate) async fn failing(
        &self,
        index: &Index,
        places: Vec<Location>,
    ) -> Result<Vec<(ChunkId, Error)>> {
        let mut failing = Vec::new();
        let mut reads = stream::iter(join(places))
            .map(|range| async move { (self.read_range(index, &range).await, range) })
            .buffer_unordered(PARALLEL);
        while let Some((result, range)) = reads.next().await {
            match result {
                Ok(chunks) => {
                    failing.extend(chunks.into_iter().filter_map(|(id, chunk)| Some((id, chunk.err()?))));
                }
                // Who may not read it cannot tell that it is sound.
                Err(error) if is_finding(&error) || error.kind() == crate::ErrorKind::Permission => {
                    let text = error.chain();
                    failing.extend(range.chunks.iter().map(|chunk| (chunk.id, Error::damaged(text.clone()))));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(failing)
    }

    /// Tries all places of a chunk but one. Fails if none has it and one of them may have it later.
    async fn fetch_from_any(
        &self,
        index: &Index,
        kind: ChunkKind,
        id: ChunkId,
        except: Option<Location>,
    ) -> Result<Option<Bytes>> {
        let mut doubt = None;
        for place in index.places(kind, &id).filter(|place| Some(*place) != except) {
            let range = PackRange { pack: place.pack, chunks: vec![place.chunk] };
            let read = self.read_range(index, &range).await;
            match read.map(|mut chunks| chunks.pop().map(|(_, chunk)| chunk)) {
                Ok(Some(Ok(bytes))) => return Ok(Some(bytes)),
                Ok(Some(Err(error))) | Err(error) if !is_finding(&error) => doubt = Some(error),
                Ok(_) | Err(_) => {}
            }
        }
        doubt.map_or(Ok(None), |error| Err(unreadable(&id, error)))
    }

    /// The index, read again if it lacks a chunk: somebody may have written or moved it since.
    async fn index_that_has(&self, kind: ChunkKind, wanted: &[ChunkId]) -> Result<Arc<Index>> {
        let mut index = self.index();
        while let Some(id) = wanted.iter().find(|id| index.places(kind, id).next().is_none()) {
            match self.newer_index(&index, Lost::Chunk(*id)).await? {
                Some(newer) => index = newer,
                None => return Err(unknown(&index, id)),
            }
        }
        Ok(index)
    }

    /// An index that may know more than this one of what was lost; `None` if there is none. Nothing is read again unless there are new segments.
    async fn newer_index(&self, than: &Arc<Index>, lost: Lost) -> Result<Option<Arc<Index>>> {
        if let Some(settled) = self.settled(than, lost) {
            return Ok(settled);
        }
        let _renewal = self.renewal.lock().await;
        if let Some(settled) = self.settled(than, lost) {
            return Ok(settled);
        }
        if than.is_outdated(&self.storage).await? {
            let index = Arc::new(Index::load(&self.storage, &self.keys).await?);
            self.set_index(index.clone());
            return Ok(Some(index));
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&known.index, than) {
            known.lost.insert(lost);
        }
        Ok(None)
    }

    /// What is known without asking the storage: that there is a newer index, or that there was none when the same was lost before.
    fn settled(&self, than: &Arc<Index>, lost: Lost) -> Option<Option<Arc<Index>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&known.index, than) {
            known.lost.contains(&lost).then_some(None)
        } else {
            Some(Some(known.index.clone()))
        }
    }

    async fn read_range(&self, index: &Index, range: &PackRange) -> Result<Vec<(ChunkId, Result<Bytes>)>> {
        let Some(pack) = index.pack(range.pack) else {
            return Err(Error::damaged("the index names no such pack"));
        };
        let name = pack.name.to_name();
        let (start, end) = range.bounds();
        let too_short = || Error::damaged(format!("{name} is shorter than the index says"));
        let bytes = self.storage.get_range(&name, start..end).await.map_err(|error| match error.kind() {
            backup_storage::ErrorKind::Invalid => too_short().with_source(error),
            _ => cannot_read(&name, error),
        })?;
        if bytes.len() as u64 != end - start {
            return Err(too_short());
        }
        let opener = self.opener(&pack.header)?;
        let chunks = range.chunks.clone();
        run_blocking(move || {
            let open = |chunk: &PackedChunk| {
                let from = usize::try_from(u64::from(chunk.offset) - start).unwrap_or(usize::MAX);
                let sealed = bytes.get(from..).and_then(|rest| rest.get(..chunk.stored as usize));
                let opened =
                    sealed.ok_or_else(|| missing(&chunk.id)).and_then(|sealed| opener.open(chunk, sealed));
                (chunk.id, opened.map_err(|error| error.context(format!("open a chunk of {name}"))))
            };
            Ok(chunks.iter().map(open).collect())
        })
        .await
    }

    /// The keys of one pack, derived once.
    pub(crate) fn opener(&self, header: &PackHeader) -> Result<Arc<Opener>> {
        if let Some(opener) = self.openers.lock().unwrap_or_else(PoisonError::into_inner).get(header) {
            return Ok(opener.clone());
        }
        let data = match &header.session {
            None => None,
            Some(encapsulation) => {
                Some((self.session(encapsulation)?.pack_key(&header.salt), encapsulation.epoch))
            }
        };
        let meta = self.keys.meta_pack_key(header.meta_epoch, &header.salt)?;
        let opener = Arc::new(Opener { keys: self.keys.clone(), meta, meta_epoch: header.meta_epoch, data });
        let mut openers = self.openers.lock().unwrap_or_else(PoisonError::into_inner);
        if openers.len() >= MAX_OPENERS {
            openers.clear();
        }
        openers.insert(header.clone(), opener.clone());
        Ok(opener)
    }

    fn session(&self, encapsulation: &Encapsulation) -> Result<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(encapsulation) {
            return Ok(session.clone());
        }
        let session = self.keys.open_session(encapsulation)?;
        sessions.insert(encapsulation.clone(), session.clone());
        Ok(session)
    }
}

impl Opener {
    /// Opens one sealed chunk and checks that it is the one asked for.
    pub(crate) fn open(&self, chunk: &PackedChunk, sealed: &[u8]) -> Result<Bytes> {
        let (key, epoch) = match (chunk.kind, &self.data) {
            (ChunkKind::Meta, _) => (&self.meta, self.meta_epoch),
            (ChunkKind::Data, Some((key, epoch))) => (key, *epoch),
            (ChunkKind::Data, None) => {
                return Err(Error::damaged("a pack without data keys claims to hold data"));
            }
        };
        let binding = pack::chunk_binding(&self.keys, epoch, chunk.kind, &chunk.id);
        let mut buffer = sealed.to_vec();
        key.open_chunk(&chunk.id, u64::from(chunk.offset), &binding, &mut buffer)?;
        let plain = compress::decompress(&buffer, chunk.plain as usize)?;
        if self.keys.chunk_id(chunk.kind, &plain) != chunk.id {
            return Err(Error::damaged(format!("the chunk {} does not hold what its id says", chunk.id)));
        }
        Ok(Bytes::from(plain))
    }
}

/// Neighbouring chunks of one pack that are read with one request.
#[derive(Debug)]
struct PackRange {
    pack: u32,
    chunks: Vec<PackedChunk>,
}

impl PackRange {
    fn bounds(&self) -> (u64, u64) {
        let start = self.chunks.first().map_or(0, |chunk| u64::from(chunk.offset));
        let end = self.chunks.last().map_or(0, |chunk| u64::from(chunk.offset) + u64::from(chunk.stored));
        (start, end)
    }
}

fn plan(index: &Index, kind: ChunkKind, wanted: &[ChunkId]) -> Result<Vec<PackRange>> {
    let mut places: Vec<Location> = Vec::with_capacity(wanted.len());
    for id in wanted {
        places.push(index.places(kind, id).next().ok_or_else(|| missing(id))?);
    }
    Ok(join(places))
}

/// Makes ranges of neighbours.
fn join(mut places: Vec<Location>) -> Vec<PackRange> {
    places.sort_unstable_by_key(|location| (location.pack, location.chunk.offset));
    let mut ranges: Vec<PackRange> = Vec::new();
    for place in places {
        let end = u64::from(place.chunk.offset) + u64::from(place.chunk.stored);
        let joins = |range: &&mut PackRange| {
            let (start, last) = range.bounds();
            range.pack == place.pack
                && u64::from(place.chunk.offset) <= last + MAX_GAP
                && end - start <= MAX_RANGE
        };
        match ranges.last_mut().filter(joins) {
            Some(range) => range.chunks.push(place.chunk),
            None => ranges.push(PackRange { pack: place.pack, chunks: vec![place.chunk] }),
        }
    }
    ranges
}

fn missing(id: &ChunkId) -> Error {
    Error::damaged(format!("the chunk {id} is not in the repository"))
}

/// The error of a chunk that no segment names, which is also said of those that could not be read.
fn unknown(index: &Index, id: &ChunkId) -> Error {
    match index.unreadable.first() {
        None => missing(id),
        Some((name, error)) => Error::damaged(format!(
            "the chunk {id} is in no index segment that can be read, and {name} cannot"
        ))
        .with_source(Error::damaged(error.chain())),
    }
}

/// The error of a chunk of which all places failed, the first one with this error.
fn unreadable(id: &ChunkId, error: Error) -> Error {
    if error.kind() == crate::ErrorKind::NotFound {
        let text = format!("the chunk {id} cannot be read: the pack that holds it is missing");
        return Error::damaged(text).with_source(error);
    }
    error.context(format!("the chunk {id} cannot be read"))
}

/// Requests at once.
const PARALLEL: usize = 8;
/// Bytes that are read and thrown away rather than asked for in a second request.
const MAX_GAP: u64 = 128 * 1024;
/// The longest range read at once.
const MAX_RANGE: u64 = 8 * 1024 * 1024;
/// Packs whose keys are kept.
const MAX_OPENERS: usize = 4096;

#[cfg(test)]
mod tests;
