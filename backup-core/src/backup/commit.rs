//! Making a backup exist: the manifest first, then the check that all it needs is there, then the confirmation.
//!
//! This is the writer's half of the protocol by which any number of writers and prunes share a repository: whoever comes second sees the
//! first. Steps W3 to W6 of `docs/format.md`.

use std::collections::HashSet;

use backup_storage::StorageExt as _;
use bytes::Bytes;

use super::refuse_prune_records;
use crate::engine::Context;
use crate::format::header::Kind;
use crate::format::manifest::Manifest;
use crate::format::names::{self, ManifestName, PackName};
use crate::format::record;
use crate::index::{Index, list_packs};
use crate::list::ENVIRONMENT;
use crate::packer::Packed;
use crate::{BackupId, Error, ErrorKind, Repository, Result};

/// Puts the manifest, checks, and confirms. Returns the bytes stored.
pub(super) async fn commit(
    repository: &Repository,
    id: BackupId,
    manifest: &Manifest,
    packed: &Packed,
    context: &Context,
) -> Result<u64> {
    let keys = repository.keys();
    let sealed =
        record::seal(keys, &**repository.random(), Kind::Manifest, id.as_bytes(), manifest.encode()?)?;
    let size = sealed.len() as u64;
    let environment = keys.opaque_name(ENVIRONMENT, manifest.body.environment.as_bytes());
    let name = ManifestName { environment, id, hash: names::hash(&sealed) };
    let storage = repository.storage();
    context.check()?;
    storage
        .create(&name.to_name(), Bytes::from(sealed))
        .await
        .map_err(|error| Error::from(error).context("store the manifest"))?;
    expect_packs(repository, &packed.packs).await?;
    // The last chance: what is confirmed exists.
    context.check()?;
    storage
        .create(&name.to_confirmation(), Bytes::new())
        .await
        .map_err(|error| Error::from(error).context("confirm the backup"))?;
    expect_not_deleted(repository, &name).await?;
    Ok(size)
}

/// W4, in this order: sweep records, index, packs. Everything the backup refers to must be indexed in a pack that exists and that no sweep record names.
/// Its chunks were looked up when they were put, so it is enough that the packs they were found in are still there.
async fn expect_packs(repository: &Repository, packs: &HashSet<PackName>) -> Result<()> {
    refuse_prune_records(repository).await?;
    let index = Index::load(repository.storage(), repository.keys()).await?;
    let existing = list_packs(repository.storage()).await?;
    let indexed: HashSet<PackName> = index.packs().iter().map(|pack| pack.name).collect();
    match packs.iter().find(|pack| !indexed.contains(*pack) || !existing.contains_key(*pack)) {
        None => Ok(()),
        Some(pack) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("{} went away while the backup was made", pack.to_name()),
        )
        .with_remedy("run the backup again; it stores again what is missing")),
    }
}

/// W6: a note that deletes this backup may have come first. This version cannot read notes, so any about it counts.
async fn expect_not_deleted(repository: &Repository, name: &ManifestName) -> Result<()> {
    let folder = format!("{}/{}", names::NOTES, hex::encode(name.environment));
    let notes = repository.storage().list_all(&folder).await?;
    let about = format!("/{}-", name.id);
    match notes.iter().find(|note| note.name.as_str().contains(&about)) {
        None => Ok(()),
        Some(note) => Err(Error::new(
            ErrorKind::Unavailable,
            format!("a newer version has said something about this backup already ({})", note.name),
        )),
    }
}
