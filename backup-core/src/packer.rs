//! From chunks to packs: known or new, compressed, sealed, uploaded, indexed.
//!
//! A chunk that is put is compressed on the blocking pool and joins the pack that is being filled. A full pack is sealed, hashed and
//! uploaded while the next one fills; what was uploaded is indexed soon, so that an interrupted run is continued by the next.
//! Bytes on their way are bounded: plaintext waits for a budget, and no new chunk enters while too many packs are on their way.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backup_crypto::{ChunkId, ChunkKind, Keys, Random, RandomExt as _, Session};
use backup_storage::{Storage, StorageExt as _};
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::compress;
use crate::engine::Context;
use crate::format::index::IndexedPack;
use crate::format::names::{self, PackName};
use crate::format::pack::{self, PackHeader, PackedChunk};
use crate::index::{Index, run_blocking, write_segment};
use crate::{Error, Result};

/// Takes the chunks of one run. Cheap to clone; dropping the last clone stops what is on its way.
#[derive(Debug, Clone)]
pub(crate) struct Packer {
    shared: Arc<Shared>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

/// What a packer works with.
pub(crate) struct Parts {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) keys: Keys,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) context: Context,
    /// The index as it was when the run began.
    pub(crate) index: Arc<Index>,
    /// Packs that exist, by the listing at the beginning of the run.
    pub(crate) existing: HashMap<PackName, u64>,
    /// Whether chunks of other authors are reused.
    pub(crate) shared_trust: bool,
    /// Bytes that may be in memory in all.
    pub(crate) memory: usize,
}

#[derive(Debug)]
pub(crate) struct Shared {
    storage: Arc<dyn Storage>,
    keys: Keys,
    random: Arc<dyn Random>,
    context: Context,
    index: Arc<Index>,
    existing: HashMap<PackName, u64>,
    shared_trust: bool,
    session: Session,
    budget: Arc<Semaphore>,
    budget_units: u32,
    /// Compressions at once.
    processors: Semaphore,
    on_their_way: Arc<Semaphore>,
    /// Bytes at which a pack is full at the latest.
    largest_pack: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// New chunks of this run.
    known: HashSet<ChunkId>,
    /// Packs of earlier runs that this one relies on.
    used: BTreeSet<u32>,
    data: Filling,
    meta: Filling,
    /// Uploaded, not yet indexed.
    unindexed: Vec<IndexedPack>,
    own_packs: Vec<PackName>,
    failure: Option<Error>,
    totals: Totals,
}

/// What a run added.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) chunks: u64,
    /// Bytes of packs and index segments.
    pub(crate) stored_bytes: u64,
    pub(crate) packs: u64,
}

/// What [`Packer::finish`] knows in the end.
pub(crate) struct Packed {
    pub(crate) totals: Totals,
    /// All packs that the run relies on, new and old.
    pub(crate) packs: HashSet<PackName>,
    /// The chunks that it added.
    pub(crate) chunks: HashSet<ChunkId>,
}

/// A pack being filled with compressed chunks.
#[derive(Debug, Default)]
struct Filling {
    chunks: Vec<Compressed>,
    bytes: usize,
}

#[derive(Debug)]
struct Compressed {
    id: ChunkId,
    kind: ChunkKind,
    plain: u32,
    bytes: Vec<u8>,
}

impl Packer {
    pub(crate) fn new(parts: Parts) -> Result<Self> {
        let units = u32::try_from((parts.memory / 8).max(2 * MIB) / UNIT).unwrap_or(u32::MAX >> 4);
        let session = parts.keys.begin_session(&*parts.random)?;
        let shared = Shared {
            storage: parts.storage,
            keys: parts.keys,
            random: parts.random,
            context: parts.context,
            index: parts.index,
            existing: parts.existing,
            shared_trust: parts.shared_trust,
            session,
            budget: Arc::new(Semaphore::new(units as usize)),
            budget_units: units,
            processors: Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)),
            on_their_way: Arc::new(Semaphore::new(PACKS_ON_THEIR_WAY)),
            largest_pack: (parts.memory / 8).clamp(MIN_PACK / 2, MAX_PACK),
            state: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), tasks: Arc::default() })
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.shared.storage
    }

    /// Stores a chunk unless it is stored already, and returns its id. Waits while too much is on its way.
    pub(crate) async fn put(&self, kind: ChunkKind, plaintext: Bytes) -> Result<ChunkId> {
        let id = self.shared.keys.chunk_id(kind, &plaintext);
        self.put_identified(kind, id, plaintext).await?;
        Ok(id)
    }

    pub(crate) async fn put_identified(&self, kind: ChunkKind, id: ChunkId, plaintext: Bytes) -> Result<()> {
        self.shared.context.check()?;
        self.check()?;
        if self.rely_on(kind, &id) {
            return Ok(());
        }
        let units =
            u32::try_from(plaintext.len() / UNIT + 1).unwrap_or(u32::MAX).min(self.shared.budget_units);
        let permit =
            self.shared.budget.clone().acquire_many_owned(units).await.map_err(|_| Error::cancelled())?;
        drop(self.shared.on_their_way.acquire().await.map_err(|_| Error::cancelled())?);
        // From here on nothing waits: a chunk that is known is on its way.
        if !self.shared.state().known.insert(id) {
            return Ok(());
        }
        let shared = self.shared.clone();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            if ended.is_err() {
                self.shared.fail(lost());
            }
        }
        tasks.spawn(async move {
            if let Err(error) = shared.take(kind, id, plaintext).await {
                shared.fail(error);
            }
            drop(permit);
        });
        Ok(())
    }

    /// Counts on a chunk of an earlier run, or of this one. False if there is none that this run may rely on.
    pub(crate) fn rely_on(&self, kind: ChunkKind, id: &ChunkId) -> bool {
        match self.shared.place(kind, id) {
            Place::Old(pack) => {
                self.shared.state().used.insert(pack);
                true
            }
            Place::New => true,
            Place::Nowhere => false,
        }
    }

    /// Whether a chunk is there to be relied on.
    pub(crate) fn has(&self, kind: ChunkKind, id: &ChunkId) -> bool {
        !matches!(self.shared.place(kind, id), Place::Nowhere)
    }

    /// Uploads and indexes all that was put.
    pub(crate) async fn flush(&self) -> Result<()> {
        self.join().await?;
        let (mut data, meta) = {
            let mut state = self.shared.state();
            (std::mem::take(&mut state.data), std::mem::take(&mut state.meta))
        };
        if data.bytes + meta.bytes <= MAX_PACK {
            data.bytes += meta.bytes;
            data.chunks.extend(meta.chunks);
        } else {
            self.shared.upload(meta).await?;
        }
        self.shared.upload(data).await?;
        let unindexed = std::mem::take(&mut self.shared.state().unindexed);
        self.shared.write_index(unindexed).await
    }

    /// Uploads all that is left and tells what the run relies on.
    pub(crate) async fn finish(&self) -> Result<Packed> {
        self.flush().await?;
        let state = self.shared.state();
        let old =
            state.used.iter().filter_map(|number| self.shared.index.pack(*number)).map(|pack| pack.name);
        let packs = old.chain(state.own_packs.iter().copied()).collect();
        if state.known.len() as u64 != state.totals.chunks {
            return Err(lost());
        }
        Ok(Packed { totals: state.totals, packs, chunks: state.known.clone() })
    }

    async fn join(&self) -> Result<()> {
        // The set is taken out so that no lock is held while waiting; if this future is dropped, so are the tasks.
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(result) = tasks.join_next().await {
            match result {
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => self.shared.fail(lost()),
                Ok(()) => self.check()?,
            }
        }
        self.check()
    }

    /// Fails if anything of the run has failed.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.shared.state().failure {
            None => Ok(()),
            Some(failure) => {
                Err(Error::new(failure.kind(), failure.chain()).with_remedy(failure.remedy().to_owned()))
            }
        }
    }
}

fn lost() -> Error {
    Error::new(crate::ErrorKind::Unavailable, "a task that stores chunks was lost")
}

enum Place {
    Old(u32),
    New,
    Nowhere,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, kind: ChunkKind, id: &ChunkId) -> Place {
        let usable = |location: &crate::index::Location| {
            let trusted = self.shared_trust || self.index.author(location) == Some(self.keys.author());
            let pack = self.index.pack(location.pack);
            trusted
                && location.chunk.kind == kind
                && pack.is_some_and(|pack| self.existing.get(&pack.name) == Some(&pack.size))
        };
        if let Some(location) = self.index.locations(id).find(usable) {
            return Place::Old(location.pack);
        }
        if self.state().known.contains(id) { Place::New } else { Place::Nowhere }
    }

    fn fail(&self, error: Error) {
        self.state().failure.get_or_insert(error);
    }

    /// Compresses a chunk, adds it to the pack being filled, and uploads that when it is full.
    async fn take(&self, kind: ChunkKind, id: ChunkId, plaintext: Bytes) -> Result<()> {
        let plain = u32::try_from(plaintext.len()).map_err(|_| Error::invalid("a chunk is too large"))?;
        let processor = self.processors.acquire().await.map_err(|_| Error::cancelled())?;
        let bytes = run_blocking(move || Ok(compress::compress(&plaintext, LEVEL))).await?;
        drop(processor);
        let full = {
            let mut state = self.state();
            let target = pack_target(state.totals.stored_bytes, self.largest_pack);
            let filling = if kind == ChunkKind::Data { &mut state.data } else { &mut state.meta };
            filling.bytes += bytes.len() + PER_CHUNK;
            filling.chunks.push(Compressed { id, kind, plain, bytes });
            (filling.bytes >= target).then(|| std::mem::take(filling))
        };
        match full {
            Some(full) => self.upload(full).await,
            None => Ok(()),
        }
    }

    async fn upload(&self, filling: Filling) -> Result<()> {
        if filling.chunks.is_empty() {
            return Ok(());
        }
        let _permit = self.on_their_way.acquire().await.map_err(|_| Error::cancelled())?;
        let (keys, random, session) = (self.keys.clone(), self.random.clone(), self.session.clone());
        let (pack, bytes) = run_blocking(move || seal(&keys, &*random, &session, filling)).await?;
        let name = pack.name.to_name();
        self.storage
            .create(&name, bytes)
            .await
            .map_err(|error| Error::from(error).context(format!("store {name}")))?;
        self.context.add_stored(pack.size);
        let due = {
            let mut state = self.state();
            state.own_packs.push(pack.name);
            state.totals.packs += 1;
            state.totals.chunks += pack.chunks.len() as u64;
            state.totals.stored_bytes += pack.size;
            state.unindexed.push(pack);
            let records: usize = state.unindexed.iter().map(|pack| pack.chunks.len()).sum();
            let enough =
                state.unindexed.len() as u64 > state.totals.packs / SEGMENT_SHARE || records > MAX_RECORDS;
            if enough { std::mem::take(&mut state.unindexed) } else { Vec::new() }
        };
        self.write_index(due).await
    }

    async fn write_index(&self, packs: Vec<IndexedPack>) -> Result<()> {
        if packs.is_empty() {
            return Ok(());
        }
        let size = write_segment(&self.storage, &self.keys, &*self.random, &packs)
            .await
            .map_err(|error| error.context("store an index segment"))?;
        self.context.add_stored(size);
        self.state().totals.stored_bytes += size;
        Ok(())
    }
}

fn seal(
    keys: &Keys,
    random: &dyn Random,
    session: &Session,
    filling: Filling,
) -> Result<(IndexedPack, Bytes)> {
    let has_data = filling.chunks.iter().any(|chunk| chunk.kind == ChunkKind::Data);
    let header = PackHeader {
        meta_epoch: keys.meta_epoch(),
        author: keys.author(),
        salt: random.array()?,
        session: has_data.then(|| Arc::new(session.encapsulation().clone())),
    };
    let data_key = session.pack_key(&header.salt);
    let meta_key = keys.meta_pack_key(header.meta_epoch, &header.salt)?;
    let data_epoch = session.encapsulation().epoch;
    let mut out = header.encode()?;
    out.reserve(filling.bytes + filling.chunks.len() * 64 + 4096);
    let mut chunks = Vec::with_capacity(filling.chunks.len());
    for Compressed { id, kind, plain, bytes: mut sealed } in filling.chunks {
        let offset = u32::try_from(out.len()).map_err(|_| Error::invalid("a pack is too large"))?;
        let (key, epoch) =
            if kind == ChunkKind::Data { (&data_key, data_epoch) } else { (&meta_key, header.meta_epoch) };
        let binding = pack::chunk_binding(keys, epoch, kind, &id);
        key.seal_chunk(&id, u64::from(offset), &binding, &mut sealed);
        let stored = u32::try_from(sealed.len()).map_err(|_| Error::invalid("a chunk is too large"))?;
        chunks.push(PackedChunk { id, kind, offset, stored, plain });
        out.extend_from_slice(&sealed);
    }
    out.extend_from_slice(&pack::encode_end(keys, random, &chunks)?);
    let name = PackName { hash: names::hash(&out), incarnation: random.array()? };
    Ok((IndexedPack { name, size: out.len() as u64, header, chunks }, Bytes::from(out)))
}

/// Packs grow with what the run has stored, so that a run killed early loses little.
fn pack_target(stored: u64, largest: usize) -> usize {
    usize::try_from(stored / 16).unwrap_or(MAX_PACK).max(MIN_PACK).min(largest)
}

const MIB: usize = 1024 * 1024;
const MIN_PACK: usize = 4 * MIB;
const MAX_PACK: usize = 16 * MIB;
/// Packs that may be sealed and uploaded at the same time.
const PACKS_ON_THEIR_WAY: usize = 2;
/// An index segment is written when more than this share of the run's packs are not indexed.
const SEGMENT_SHARE: u64 = 16;
/// An index segment is written when it would have more records.
const MAX_RECORDS: usize = 200_000;
/// What a chunk counts for in a pack besides its bytes, so that many small ones do not make a directory that is too large.
const PER_CHUNK: usize = 128;
/// Bytes that one permit of the budget stands for.
const UNIT: usize = 4096;
/// Compression level of zstd.
const LEVEL: i32 = 3;
