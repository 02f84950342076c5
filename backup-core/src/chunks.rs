//! Reading chunks: from id to plaintext, each fetched and opened once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use backup_crypto::{ChunkId, ChunkKind, Encapsulation, Keys, PackKey, Session};
use backup_storage::Storage;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use crate::compress;
use crate::format::names::PackName;
use crate::format::pack::{self, PackHeader, PackedChunk};
use crate::index::{Index, Location, run_blocking};
use crate::{Error, Result};

/// Opens chunks of a repository. Shared by all that read.
#[derive(Debug)]
pub(crate) struct ChunkReader {
    storage: Arc<dyn Storage>,
    keys: Keys,
    index: RwLock<Arc<Index>>,
    openers: Mutex<HashMap<PackHeaderKey, Arc<Opener>>>,
    sessions: Mutex<HashMap<Encapsulation, Session>>,
    cache: Mutex<Cache>,
    /// Packs that were found missing, so that the index is read again once for each.
    gone: Mutex<HashSet<PackName>>,
}

type PackHeaderKey = [u8; 16];

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
            index: RwLock::new(index),
            openers: Mutex::default(),
            sessions: Mutex::default(),
            cache: Mutex::new(Cache::new(cache_bytes)),
            gone: Mutex::default(),
        }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn index(&self) -> Arc<Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_index(&self, index: Arc<Index>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
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
        let index = self.index_that_has(&wanted).await?;
        let mut fetched = Vec::with_capacity(wanted.len());
        let mut failed: Vec<(ChunkId, Error)> = Vec::new();
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
                            Err(error) => failed.push((id, error)),
                        }
                    }
                }
                Err(error) => {
                    let message = error.chain();
                    let again = |chunk: &PackedChunk| (chunk.id, Error::new(error.kind(), message.clone()));
                    failed.extend(range.chunks.iter().map(again));
                }
            }
        }
        drop(reads);
        for (id, error) in failed {
            fetched.push((id, self.fetch_elsewhere(&index, kind, id, error).await?));
        }
        Ok(fetched)
    }

    /// The first place failed: tries the others one by one.
    async fn fetch_elsewhere(
        &self,
        index: &Index,
        kind: ChunkKind,
        id: ChunkId,
        error: Error,
    ) -> Result<Bytes> {
        let failed = index.locations(&id).find(|location| location.chunk.kind == kind);
        if let Some(bytes) = self.fetch_from_any(index, kind, id, failed).await {
            return Ok(bytes);
        }
        if error.kind() == crate::ErrorKind::NotFound
            && failed.is_some_and(|place| self.is_news(index, &place))
        {
            // The pack has gone: somebody may have moved what it held.
            let index = Arc::new(Index::load(&self.storage, &self.keys).await?);
            self.set_index(index.clone());
            if let Some(bytes) = self.fetch_from_any(&index, kind, id, None).await {
                return Ok(bytes);
            }
        }
        if error.kind() == crate::ErrorKind::NotFound {
            let text = format!("the chunk {id} cannot be read: the pack that holds it is missing");
            return Err(Error::damaged(text).with_source(error));
        }
        Err(error.context(format!("the chunk {id} cannot be read")))
    }

    /// Whether nobody has noticed yet that the pack of a place has gone.
    fn is_news(&self, index: &Index, place: &Location) -> bool {
        let pack = index.pack(place.pack);
        pack.is_some_and(|pack| self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(pack.name))
    }

    /// Tries all places of a chunk but one.
    async fn fetch_from_any(
        &self,
        index: &Index,
        kind: ChunkKind,
        id: ChunkId,
        except: Option<Location>,
    ) -> Option<Bytes> {
        let places =
            index.locations(&id).filter(|location| location.chunk.kind == kind && Some(*location) != except);
        for location in places {
            let range = PackRange { pack: location.pack, chunks: vec![location.chunk] };
            if let Ok(mut chunks) = self.read_range(index, &range).await
                && let Some((_, Ok(bytes))) = chunks.pop()
            {
                return Some(bytes);
            }
        }
        None
    }

    /// The index, read again if it lacks a chunk: somebody may have written or moved it since.
    async fn index_that_has(&self, wanted: &[ChunkId]) -> Result<Arc<Index>> {
        let index = self.index();
        if wanted.iter().all(|id| index.locations(id).next().is_some()) {
            return Ok(index);
        }
        let index = Arc::new(Index::load(&self.storage, &self.keys).await?);
        self.set_index(index.clone());
        match wanted.iter().find(|id| index.locations(id).next().is_none()) {
            None => Ok(index),
            Some(id) => Err(match index.unreadable.first() {
                None => missing(id),
                Some((name, error)) => Error::damaged(format!(
                    "the chunk {id} is in no index segment that can be read, and {name} cannot"
                ))
                .with_source(Error::damaged(error.chain())),
            }),
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
            _ => error.into(),
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
        if let Some(opener) = self.openers.lock().unwrap_or_else(PoisonError::into_inner).get(&header.salt) {
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
        openers.insert(header.salt, opener.clone());
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
        let place = index.locations(id).find(|location| location.chunk.kind == kind);
        places.push(place.ok_or_else(|| missing(id))?);
    }
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
    Ok(ranges)
}

fn missing(id: &ChunkId) -> Error {
    Error::damaged(format!("the chunk {id} is not in the repository"))
}

/// Recently opened chunks, bounded in bytes; what was not used for longest goes first.
#[derive(Debug)]
struct Cache {
    limit: usize,
    held: usize,
    tick: u64,
    chunks: HashMap<ChunkId, (Bytes, u64)>,
    ages: BTreeMap<u64, ChunkId>,
}

impl Cache {
    fn new(limit: usize) -> Self {
        Self { limit, held: 0, tick: 0, chunks: HashMap::new(), ages: BTreeMap::new() }
    }

    fn get(&mut self, id: &ChunkId) -> Option<Bytes> {
        let (bytes, age) = self.chunks.get_mut(id)?;
        self.tick += 1;
        self.ages.remove(age);
        *age = self.tick;
        self.ages.insert(self.tick, *id);
        Some(bytes.clone())
    }

    fn put(&mut self, id: ChunkId, bytes: Bytes) {
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

/// Requests at once.
const PARALLEL: usize = 8;
/// Bytes that are read and thrown away rather than asked for in a second request.
const MAX_GAP: u64 = 128 * 1024;
/// The longest range read at once.
const MAX_RANGE: u64 = 8 * 1024 * 1024;
/// Packs whose keys are kept.
const MAX_OPENERS: usize = 4096;
