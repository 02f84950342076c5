//! What a repository remembers of its catalog, so that listing again costs only the names.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::format::manifest::Body;
use crate::format::names::{ManifestName, NoteName};
use crate::note::Note;

/// What manifests, notes and digests say, by their names. These never change, so nothing here grows old.
///
/// Bounded by [`MAX_ENTRIES`] and [`MAX_BYTES`]: what would exceed them makes it forget everything first.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    digests: HashMap<[u8; 32], Arc<Known>>,
    bodies: HashMap<ManifestName, Sized<Body>>,
    notes: HashMap<NoteName, Sized<Note>>,
    entries: usize,
    bytes: usize,
}

/// Something, with about the bytes that it takes in memory.
#[derive(Debug)]
struct Sized<T>(Arc<T>, usize);

/// What one digest says.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) replaces: HashSet<[u8; 32]>,
    pub(super) bodies: HashMap<ManifestName, Arc<Body>>,
    pub(super) notes: HashMap<NoteName, Arc<Note>>,
    /// About the bytes that it takes in memory.
    pub(super) bytes: usize,
}

impl Known {
    pub(super) fn len(&self) -> usize {
        self.bodies.len() + self.notes.len()
    }
}

impl Cache {
    pub(super) fn digest(&self, hash: &[u8; 32]) -> Option<Arc<Known>> {
        self.kept().digests.get(hash).cloned()
    }

    pub(super) fn body(&self, name: &ManifestName) -> Option<Arc<Body>> {
        self.kept().bodies.get(name).map(|Sized(body, _)| body.clone())
    }

    pub(super) fn note(&self, name: &NoteName) -> Option<Arc<Note>> {
        self.kept().notes.get(name).map(|Sized(note, _)| note.clone())
    }

    pub(super) fn keep_digest(&self, hash: [u8; 32], known: &Arc<Known>) {
        let mut kept = self.kept();
        if kept.digests.contains_key(&hash) {
            return;
        }
        // What was read by itself before is in the digest now.
        for name in known.bodies.keys() {
            kept.forget(|kept| &mut kept.bodies, name);
        }
        for name in known.notes.keys() {
            kept.forget(|kept| &mut kept.notes, name);
        }
        if kept.make_room(known.len(), known.bytes) {
            kept.digests.insert(hash, known.clone());
        }
    }

    /// `bytes` is about what it takes in memory.
    pub(super) fn keep_body(&self, name: ManifestName, body: &Arc<Body>, bytes: usize) {
        self.kept().keep(|kept| &mut kept.bodies, name, Sized(body.clone(), bytes));
    }

    /// `bytes` is about what it takes in memory.
    pub(super) fn keep_note(&self, name: NoteName, note: &Arc<Note>, bytes: usize) {
        self.kept().keep(|kept| &mut kept.notes, name, Sized(note.clone(), bytes));
    }

    /// Forgets all digests but these.
    pub(super) fn keep_only(&self, live: &HashSet<[u8; 32]>) {
        let mut kept = self.kept();
        let gone: Vec<_> = kept.digests.keys().filter(|hash| !live.contains(*hash)).copied().collect();
        for hash in gone {
            if let Some(known) = kept.digests.remove(&hash) {
                kept.entries = kept.entries.saturating_sub(known.len());
                kept.bytes = kept.bytes.saturating_sub(known.bytes);
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep<N: Eq + Hash, T>(
        &mut self,
        of: fn(&mut Self) -> &mut HashMap<N, Sized<T>>,
        name: N,
        what: Sized<T>,
    ) {
        if !of(self).contains_key(&name) && self.make_room(1, what.1) {
            of(self).insert(name, what);
        }
    }

    fn forget<N: Eq + Hash, T>(&mut self, of: fn(&mut Self) -> &mut HashMap<N, Sized<T>>, name: &N) {
        if let Some(Sized(_, bytes)) = of(self).remove(name) {
            self.entries = self.entries.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Whether there is room, which may take forgetting everything.
    fn make_room(&mut self, entries: usize, bytes: usize) -> bool {
        if entries > MAX_ENTRIES || bytes > MAX_BYTES {
            return false;
        }
        if self.entries + entries > MAX_ENTRIES || self.bytes + bytes > MAX_BYTES {
            *self = Self::default();
        }
        self.entries += entries;
        self.bytes += bytes;
        true
    }
}

/// Backups and notes that are remembered at most.
const MAX_ENTRIES: usize = 100_000;
/// Memory that they take at most, estimated by their encoded sizes.
const MAX_BYTES: usize = 64 << 20;
