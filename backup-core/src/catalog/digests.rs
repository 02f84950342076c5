//! Reading digests: few objects that say what many manifests and notes say.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use backup_crypto::Keys;
use backup_storage::{Object, StorageExt as _};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::cache::Known;
use super::{ENVIRONMENT, PARALLEL, is_passing};
use crate::format::digest::{Digest, decode_summary};
use crate::format::header::Kind;
use crate::format::manifest::Body;
use crate::format::names::{self, ManifestName, NoteName};
use crate::format::{limit, record};
use crate::index::run_blocking;
use crate::note::Note;
use crate::problem::cannot_read;
use crate::{Error, ErrorKind, Repository, Result};

/// The digests of a repository: which there are, and what those say that no other one replaces.
#[derive(Debug, Default)]
pub(super) struct Digests {
    /// All that are there.
    pub(super) listed: HashMap<[u8; 32], Object>,
    /// Those that are needed and could be read.
    pub(super) live: HashMap<[u8; 32], Arc<Known>>,
    /// Those that may be needed by a newer version.
    pub(super) unsupported: HashSet<[u8; 32]>,
}

impl Digests {
    pub(super) fn body(&self, name: &ManifestName) -> Option<&Arc<Body>> {
        self.live.values().find_map(|known| known.bodies.get(name))
    }

    pub(super) fn note(&self, name: &NoteName) -> Option<&Arc<Note>> {
        self.live.values().find_map(|known| known.notes.get(name))
    }

    /// Whether some digest that was read replaces this one.
    fn is_replaced(&self, hash: &[u8; 32]) -> bool {
        self.live.values().any(|known| known.replaces.contains(hash))
    }
}

impl Repository {
    /// Reads the digests that no other one replaces. One that cannot be read is passed over with a warning: what it says is read where it
    /// comes from.
    pub(super) async fn digests(&self) -> Result<Digests> {
        let mut digests = Digests::default();
        for object in self.storage().list_all(names::CATALOG).await? {
            if let Some(hash) = names::parse_hashed(object.name.as_str(), names::CATALOG) {
                digests.listed.insert(hash, object);
            }
        }
        let mut left = digests.listed.clone();
        for hash in digests.listed.keys() {
            if let Some(known) = self.catalog_cache().digest(hash) {
                left.remove(hash);
                digests.live.insert(*hash, known);
            }
        }
        let mut first = true;
        loop {
            left.retain(|hash, _| !digests.is_replaced(hash));
            let next = choose(&left, std::mem::take(&mut first));
            if next.is_empty() {
                break;
            }
            next.iter().for_each(|(hash, _)| drop(left.remove(hash)));
            self.read_digests(next, &mut digests).await?;
        }
        let replaced: HashSet<_> =
            digests.live.keys().filter(|hash| digests.is_replaced(hash)).copied().collect();
        digests.live.retain(|hash, _| !replaced.contains(hash));
        self.catalog_cache().keep_only(&digests.live.keys().copied().collect());
        Ok(digests)
    }

    /// The digests that nobody needs: those that others replace, and those that are damaged.
    pub(crate) async fn superseded_digests(&self) -> Result<Vec<Object>> {
        let Digests { listed, live, unsupported, .. } = self.digests().await?;
        let is_needed = |hash: &[u8; 32]| live.contains_key(hash) || unsupported.contains(hash);
        Ok(listed.into_iter().filter(|(hash, _)| !is_needed(hash)).map(|(_, object)| object).collect())
    }

    async fn read_digests(&self, next: Vec<([u8; 32], Object)>, digests: &mut Digests) -> Result<()> {
        let mut reads = stream::iter(next)
            .map(|(hash, object)| async move { (self.read_digest(hash, &object).await, hash, object) })
            .buffer_unordered(PARALLEL);
        while let Some((result, hash, object)) = reads.next().await {
            match result {
                Ok(known) => {
                    self.catalog_cache().keep_digest(hash, &known);
                    digests.live.insert(hash, known);
                }
                Err(error) if is_passing(&error) => return Err(error),
                // Removed since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    if error.kind() == ErrorKind::Unsupported {
                        digests.unsupported.insert(hash);
                    }
                    let text = format!(
                        "a digest of the catalog cannot be read, so listing takes longer: {}",
                        error.chain()
                    );
                    self.warn(&object.name, text);
                }
            }
        }
        Ok(())
    }

    async fn read_digest(&self, hash: [u8; 32], object: &Object) -> Result<Arc<Known>> {
        let bytes = self.digest_bytes(object).await?;
        let (keys, title) = (self.keys().clone(), object.name.to_string());
        run_blocking(move || {
            let digest = open(&keys, &title, &hash, &bytes)?;
            Ok(Arc::new(Known::of(&keys, &digest)))
        })
        .await
    }

    /// What a digest says, not taken apart.
    pub(crate) async fn raw_digest(&self, hash: [u8; 32], object: &Object) -> Result<Digest> {
        let bytes = self.digest_bytes(object).await?;
        let (keys, title) = (self.keys().clone(), object.name.to_string());
        run_blocking(move || open(&keys, &title, &hash, &bytes)).await
    }

    async fn digest_bytes(&self, object: &Object) -> Result<Bytes> {
        names::expect_size(object, limit::DIGEST)?;
        self.storage().get(&object.name).await.map_err(|error| cannot_read(&object.name, error))
    }
}

fn open(keys: &Keys, title: &str, hash: &[u8; 32], bytes: &[u8]) -> Result<Digest> {
    names::expect_hash(title, hash, bytes)?;
    record::open(keys, Kind::Catalog, &[], bytes, limit::DIGEST)
        .and_then(|frame| Digest::decode(&frame))
        .map_err(|error: Error| error.context(format!("read {title}")))
}

impl Known {
    /// Takes a digest apart. What makes no sense counts as not there.
    pub(super) fn of(keys: &Keys, digest: &Digest) -> Self {
        let mut known =
            Self { replaces: digest.replaces.iter().map(|hash| hash.0).collect(), ..Self::default() };
        for item in &digest.manifests {
            let name = item.manifest();
            let Ok(body) = decode_summary(&item.content) else { continue };
            if keys.opaque_name(ENVIRONMENT, body.environment.as_bytes()) == name.environment {
                known.bytes += in_memory(item.content.len());
                known.bodies.insert(name, Arc::new(body));
            }
        }
        for item in &digest.notes {
            let Ok(note) = Note::decode(&item.content) else { continue };
            known.bytes += in_memory(item.content.len());
            known.notes.insert(item.note(), Arc::new(note));
        }
        known
    }
}

/// About the bytes that something takes in memory that takes so many encoded.
pub(super) fn in_memory(encoded: usize) -> usize {
    512 + 2 * encoded
}

/// Which digests to read next. The newest knows which were replaced before it was written, and the largest does where stamps say nothing, as
/// in a copy; once few are left, all of them at once.
fn choose(left: &HashMap<[u8; 32], Object>, first: bool) -> Vec<([u8; 32], Object)> {
    if !first && left.len() <= FEW {
        return left.iter().map(|(hash, object)| (*hash, object.clone())).collect();
    }
    let newest = left.iter().max_by_key(|(hash, object)| (object.stamp, object.size, **hash));
    let largest = left.iter().max_by_key(|(hash, object)| (object.size, object.stamp, **hash));
    let both: HashMap<_, _> = newest.into_iter().chain(largest).collect();
    both.into_iter().map(|(hash, object)| (*hash, object.clone())).collect()
}

/// As many digests as a repository of some hundred thousand backups needs.
const FEW: usize = 16;
