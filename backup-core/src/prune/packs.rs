//! What becomes of each pack.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use backup_crypto::ChunkId;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;

use super::PruneSettings;
use super::live::Live;
use crate::format::names::{self, PackName};
use crate::index::{Index, Location};
use crate::{Repository, Result};

/// The packs that exist.
#[derive(Debug)]
pub(crate) struct Packs {
    list: Vec<Pack>,
    /// Where in the list each pack of the index is; none if it does not exist as the index says.
    slots: Vec<Option<usize>>,
}

/// A pack that exists, and how much of it is needed.
#[derive(Debug, Clone)]
pub(super) struct Pack {
    pub(super) name: PackName,
    pub(super) size: u64,
    stamp: DateTime<Utc>,
    /// Whether an index segment names it.
    pub(super) indexed: bool,
    /// Bytes of all its chunks.
    chunk_bytes: u64,
    /// Bytes of its chunks that are live, those that other packs have too included.
    shared_bytes: u64,
    /// Bytes of its chunks that are live and have their home here.
    pub(super) live_bytes: u64,
    pub(super) fate: Fate,
}

/// What becomes of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays.
    Keep,
    /// Nothing needs all of it, and it stays because it is younger than the grace period.
    Young,
    /// Nothing needs it.
    Dead,
    /// What is needed of it is copied, and then it is not needed.
    Rewrite,
}

impl Packs {
    /// Lists the packs, after the index was read.
    pub(crate) async fn list(repository: &Repository, index: &Index) -> Result<Self> {
        let mut list: Vec<Pack> = Vec::new();
        let mut objects = repository.storage().list(names::PACKS);
        while let Some(object) = objects.try_next().await? {
            if let Some(name) = PackName::parse(object.name.as_str()) {
                list.push(Pack::new(name, object.size, object.stamp));
            }
        }
        list.sort_unstable_by_key(|pack| pack.name);
        let by_name: HashMap<PackName, usize> =
            list.iter().enumerate().map(|(slot, pack)| (pack.name, slot)).collect();
        let slot = |known: &crate::index::KnownPack| {
            by_name.get(&known.name).copied().filter(|slot| list[*slot].size == known.size)
        };
        let slots: Vec<Option<usize>> = index.packs().iter().map(slot).collect();
        for slot in slots.iter().flatten() {
            list[*slot].indexed = true;
        }
        Ok(Self { list, slots })
    }

    /// Whether a pack of the index exists.
    pub(super) fn has(&self, number: u32) -> bool {
        self.slot(number).is_some()
    }

    /// A pack of the index, if it exists.
    pub(super) fn get(&self, number: u32) -> Option<&Pack> {
        self.slot(number).and_then(|slot| self.list.get(slot))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pack> {
        self.list.iter()
    }

    pub(super) fn of(&self, fate: Fate) -> impl Iterator<Item = &Pack> {
        self.list.iter().filter(move |pack| pack.fate == fate)
    }

    /// Decides about all packs, now that it is marked what is live.
    pub(super) fn decide(
        &mut self,
        index: &Index,
        live: &Live,
        now: DateTime<Utc>,
        settings: &PruneSettings,
    ) {
        self.count(index, live);
        for pack in &mut self.list {
            pack.fate = match (pack.live_bytes, is_older(pack.stamp, now, settings.grace)) {
                (0, true) => Fate::Dead,
                (live, false) if live < pack.chunk_bytes || !pack.indexed => Fate::Young,
                _ => Fate::Keep,
            };
        }
        self.choose_rewritten(now, settings);
    }

    /// Keeps all packs that were to go and that hold one of these chunks.
    pub(super) fn keep(&mut self, live: &Live, doubtful: &HashSet<ChunkId>) {
        if doubtful.is_empty() {
            return;
        }
        let held = live.chunks(self).filter(|(id, _)| doubtful.contains(id));
        let slots: Vec<usize> =
            held.flat_map(|(_, places)| places).filter_map(|place| self.slot(place.pack)).collect();
        for slot in slots {
            if self.list[slot].goes() {
                self.list[slot].fate = Fate::Keep;
            }
        }
    }

    /// The homes of live chunks that have other places in packs that are to go: until somebody has read a home, it is but a claim. In the
    /// order in which they lie.
    pub(super) fn to_confirm(&self, live: &Live) -> Vec<Location> {
        let goes = |place: &Location| self.get(place.pack).is_some_and(Pack::goes);
        let mut homes = Vec::new();
        let mut all = Vec::new();
        for (_, places) in live.chunks(self) {
            all.clear();
            all.extend(places);
            let home = self.home(all.iter().copied()).filter(|home| !goes(home));
            homes.extend(home.filter(|_| all.iter().any(goes)));
        }
        homes.sort_unstable_by_key(|place| (place.pack, place.chunk.offset));
        homes
    }

    /// The place of a chunk that counts, of all that it has: in the pack of which the most is needed, so that the others can go.
    pub(super) fn home(&self, places: impl Iterator<Item = Location>) -> Option<Location> {
        let share = |place: &Location| {
            let pack = self.get(place.pack)?;
            // In thousandths of a thousandth: sizes are below 2^28.
            Some((pack.shared_bytes * 1_000_000 / pack.size.max(1), pack.stamp, pack.name))
        };
        places.max_by_key(|place| (share(place), Reverse(place.chunk.offset)))
    }

    /// The live chunks that have their home in packs that are to be rewritten, in the order in which they lie, by pack of the index.
    pub(super) fn to_copy(&self, live: &Live) -> Vec<(u32, Vec<Location>)> {
        let mut by_pack: HashMap<u32, Vec<Location>> = HashMap::new();
        for (_, places) in live.chunks(self) {
            let Some(home) = self.home(places) else { continue };
            if self.get(home.pack).is_some_and(|pack| pack.fate == Fate::Rewrite) {
                by_pack.entry(home.pack).or_default().push(home);
            }
        }
        let mut packs: Vec<_> = by_pack.into_iter().collect();
        packs.sort_unstable_by_key(|(pack, _)| *pack);
        for (_, places) in &mut packs {
            places.sort_unstable_by_key(|place| place.chunk.offset);
        }
        packs
    }

    fn slot(&self, number: u32) -> Option<usize> {
        self.slots.get(usize::try_from(number).ok()?).copied().flatten()
    }

    fn count(&mut self, index: &Index, live: &Live) {
        let mut sums = vec![(0, 0, 0); self.list.len()];
        let slots = &self.slots;
        let slot = |place: &Location| slots.get(place.pack as usize).copied().flatten();
        for id in index.ids() {
            for place in index.locations(&id) {
                if let Some(slot) = slot(&place) {
                    sums[slot].0 += u64::from(place.chunk.stored);
                }
            }
        }
        for (_, places) in live.chunks(self) {
            for place in places {
                if let Some(slot) = slot(&place) {
                    sums[slot].1 += u64::from(place.chunk.stored);
                }
            }
        }
        for (pack, sum) in self.list.iter_mut().zip(&sums) {
            (pack.chunk_bytes, pack.shared_bytes) = (sum.0, sum.1);
        }
        for (_, places) in live.chunks(self) {
            let home = self.home(places);
            if let Some((place, slot)) = home.and_then(|place| Some((place, slot(&place)?))) {
                sums[slot].2 += u64::from(place.chunk.stored);
            }
        }
        for (pack, sum) in self.list.iter_mut().zip(sums) {
            pack.live_bytes = sum.2;
        }
    }

    /// Chooses the packs of which the least is needed until what is unused is within what may be.
    fn choose_rewritten(&mut self, now: DateTime<Utc>, settings: &PruneSettings) {
        let stays = |pack: &&Pack| pack.fate != Fate::Dead;
        let mut total: u64 = self.list.iter().filter(stays).map(|pack| pack.size).sum();
        let sparse = |pack: &Pack| {
            pack.fate == Fate::Keep && pack.unused() > 0 && is_older(pack.stamp, now, settings.grace)
        };
        let mut order: Vec<usize> = (0..self.list.len()).filter(|slot| sparse(&self.list[*slot])).collect();
        let mut unused: u64 = order.iter().map(|slot| self.list[*slot].unused()).sum();
        order.sort_by_key(|slot| {
            let pack = &self.list[*slot];
            (Reverse(pack.unused() * 1_000_000 / pack.size.max(1)), pack.name)
        });
        let mut copied = 0_u64;
        for slot in order {
            let pack = &mut self.list[slot];
            if u128::from(unused) * 100 <= u128::from(total) * u128::from(settings.max_unused_percent) {
                break;
            }
            if copied.saturating_add(pack.live_bytes) > settings.max_rewrite_bytes.unwrap_or(u64::MAX) {
                continue;
            }
            copied += pack.live_bytes;
            unused -= pack.unused();
            total -= pack.unused();
            pack.fate = Fate::Rewrite;
        }
    }
}

impl Pack {
    fn new(name: PackName, size: u64, stamp: DateTime<Utc>) -> Self {
        let (chunk_bytes, shared_bytes, live_bytes) = (0, 0, 0);
        Self { name, size, stamp, indexed: false, chunk_bytes, shared_bytes, live_bytes, fate: Fate::Keep }
    }

    /// Whether it is to be deleted.
    pub(super) fn goes(&self) -> bool {
        matches!(self.fate, Fate::Dead | Fate::Rewrite)
    }

    /// Bytes of chunks that nothing needs here.
    pub(super) fn unused(&self) -> u64 {
        self.chunk_bytes.saturating_sub(self.live_bytes).min(self.size)
    }
}

/// Whether something with a stamp is at least so old.
pub(super) fn is_older(stamp: DateTime<Utc>, now: DateTime<Utc>, than: Duration) -> bool {
    (now - stamp).to_std().map_or(than.is_zero(), |age| age >= than)
}
