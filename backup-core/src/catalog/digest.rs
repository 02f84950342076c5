//! Writing digests.
//!
//! Once eight or more manifests and notes are in no digest, one is written over them. It takes in every digest that is not larger than it
//! has become, as a binary counter carries, so that `n` backups need about `log2(n / 8)` digests. What was taken in stays until a prune
//! removes it; the new digest names it, so nobody reads it any more.

use std::collections::HashSet;
use std::sync::Arc;

use backup_storage::{Object, StorageExt as _};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::cache::Known;
use super::digests::Digests;
use super::{PARALLEL, is_passing};
use crate::engine::Context;
use crate::format::digest::{Digest, Item, encode_summary, summary};
use crate::format::header::Kind;
use crate::format::manifest::{Body, Bytes32};
use crate::format::names::{self, ManifestName, NoteName};
use crate::format::{limit, record};
use crate::index::run_blocking;
use crate::{BackupId, Repository, Result};

/// What exists, by its names.
struct Existing {
    manifests: Vec<(ManifestName, Object)>,
    /// Notes about backups whose manifests exist.
    notes: Vec<(NoteName, Object)>,
}

/// A digest that grows as long as there is room in it.
#[derive(Debug, Default)]
struct Draft {
    digest: Digest,
    bytes: u64,
}

impl Repository {
    /// Brings the digests up to date, if that is worth it: after every operation that adds or removes manifests. That it cannot be done is no
    /// failure, since lists are right without it.
    pub(crate) async fn write_digest(&self, context: &Context) {
        if let Err(error) = context.until_cancelled(Box::pin(self.try_write_digest())).await {
            let text =
                format!("no digest of the catalog was written, so listing takes longer: {}", error.chain());
            context.inform(names::CATALOG.as_bytes(), text);
        }
    }

    async fn try_write_digest(&self) -> Result<()> {
        let existing = Existing::list(self).await?;
        if existing.manifests.len() + existing.notes.len() < WORTH_IT {
            return Ok(());
        }
        let digests = self.digests().await?;
        let mut draft = Draft::default();
        existing.without_those_in(&digests).read_into(self, &mut draft).await?;
        if draft.len() < WORTH_IT {
            return Ok(());
        }
        let merged = self.merge(&mut draft, &existing, &digests).await?;
        let remains = |hash: &[u8; 32]| {
            digests.unsupported.contains(hash) || (digests.live.contains_key(hash) && !merged.contains(hash))
        };
        let mut replaced: Vec<_> = digests.listed.into_keys().filter(|hash| !remains(hash)).collect();
        replaced.sort_unstable();
        draft.digest.replaces = replaced.into_iter().map(Bytes32).collect();
        self.put_digest(draft.digest).await
    }

    /// Takes in the digests that are not larger than what they are taken into, the smallest first. Returns which.
    async fn merge(
        &self,
        draft: &mut Draft,
        existing: &Existing,
        digests: &Digests,
    ) -> Result<HashSet<[u8; 32]>> {
        let (manifests, ids) = existing.sets();
        let mut live: Vec<_> = digests.live.iter().collect();
        live.sort_by_key(|(hash, known)| (known.len(), **hash));
        let mut merged = HashSet::new();
        for (hash, known) in live {
            let Some(object) = digests.listed.get(hash).filter(|_| known.len() <= draft.len()) else { break };
            let mut more = match self.raw_digest(*hash, object).await {
                Ok(digest) => digest,
                Err(error) if is_passing(&error) => return Err(error),
                // Removed or damaged since it was read.
                Err(_) => break,
            };
            more.manifests.retain(|item| manifests.contains(&item.manifest()));
            more.notes.retain(|item| ids.contains(&item.note().id));
            if !draft.take_in(more) {
                break;
            }
            merged.insert(*hash);
        }
        Ok(merged)
    }

    async fn put_digest(&self, mut digest: Digest) -> Result<()> {
        let (keys, random) = (self.keys().clone(), self.random().clone());
        let (hash, known, sealed) = run_blocking(move || {
            let sealed = record::seal(&keys, &*random, Kind::Catalog, &[], digest.encode()?)?;
            Ok((names::hash(&sealed), Arc::new(Known::of(&keys, &digest)), sealed))
        })
        .await?;
        self.storage().create(&names::hashed(names::CATALOG, &hash), Bytes::from(sealed)).await?;
        self.catalog_cache().keep_digest(hash, &known);
        Ok(())
    }

    /// A manifest in short, from memory if it was read before. `None` if it cannot be read.
    async fn summary_item(&self, name: ManifestName, object: &Object) -> Result<Option<Item>> {
        let body: Arc<Body> = match self.catalog_cache().body(&name) {
            Some(body) => body,
            None => match self.read_backup(name, object).await {
                Ok(backup) => Arc::new(summary(backup.manifest.body)),
                Err(error) if is_passing(&error) => return Err(error),
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(Item::of_manifest(&name, encode_summary(&body)?)))
    }

    async fn note_item(&self, name: NoteName, object: &Object) -> Result<Option<Item>> {
        match self.read_note_bytes(name, object).await {
            Ok(plain) => Ok(Some(Item::of_note(&name, plain))),
            Err(error) if is_passing(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

impl Existing {
    async fn list(repository: &Repository) -> Result<Self> {
        let names = repository.manifest_names(None).await?;
        let ids: HashSet<_> =
            names.confirmed.iter().chain(&names.unconfirmed).map(|(name, _)| name.id).collect();
        let mut notes = repository.note_names(names::NOTES).await?;
        notes.retain(|(name, _)| ids.contains(&name.id));
        Ok(Self { manifests: names.confirmed, notes })
    }

    /// Manifests by name, and the ids of the backups that notes are about.
    fn sets(&self) -> (HashSet<ManifestName>, HashSet<BackupId>) {
        let manifests = self.manifests.iter().map(|(name, _)| *name).collect();
        (manifests, self.notes.iter().map(|(name, _)| name.id).collect())
    }

    /// What no digest says; nothing if that is not worth one.
    fn without_those_in(&self, digests: &Digests) -> Self {
        let manifests = self.manifests.iter().filter(|(name, _)| digests.body(name).is_none());
        let mut manifests: Vec<_> = manifests.take(MOST).cloned().collect();
        let notes = self.notes.iter().filter(|(name, _)| digests.note(name).is_none());
        let mut notes: Vec<_> = notes.take(MOST).cloned().collect();
        if manifests.len() + notes.len() < WORTH_IT {
            manifests.clear();
            notes.clear();
        }
        Self { manifests, notes }
    }

    async fn read_into(self, repository: &Repository, draft: &mut Draft) -> Result<()> {
        let mut manifests = stream::iter(self.manifests)
            .map(|(name, object)| async move { repository.summary_item(name, &object).await })
            .buffer_unordered(PARALLEL);
        while let Some(item) = manifests.next().await {
            draft.add(item?, |digest| &mut digest.manifests);
        }
        let mut notes = stream::iter(self.notes)
            .map(|(name, object)| async move { repository.note_item(name, &object).await })
            .buffer_unordered(PARALLEL);
        while let Some(item) = notes.next().await {
            draft.add(item?, |digest| &mut digest.notes);
        }
        Ok(())
    }
}

impl Draft {
    fn len(&self) -> usize {
        self.digest.manifests.len() + self.digest.notes.len()
    }

    /// Adds one item, if there is one and room for it.
    fn add(&mut self, item: Option<Item>, to: fn(&mut Digest) -> &mut Vec<Item>) {
        if let Some(item) = item.filter(|item| self.bytes + item.encoded_len() <= ROOM) {
            self.bytes += item.encoded_len();
            to(&mut self.digest).push(item);
        }
    }

    /// Takes in all of another digest, if there is room for it.
    fn take_in(&mut self, mut more: Digest) -> bool {
        let bytes: u64 = more.manifests.iter().chain(&more.notes).map(Item::encoded_len).sum();
        if self.bytes + bytes > ROOM {
            return false;
        }
        self.bytes += bytes;
        self.digest.manifests.append(&mut more.manifests);
        self.digest.notes.append(&mut more.notes);
        true
    }
}

/// Manifests and notes that are worth a digest.
const WORTH_IT: usize = 8;
/// Manifests, and notes, that are read for one digest; further ones wait for the next.
const MOST: usize = 1024;
/// Bytes of items in a digest: the limit, less room for what it replaces and for what does not compress.
const ROOM: u64 = limit::DIGEST / 8 * 7;
