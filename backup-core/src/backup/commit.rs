//! Making a backup exist: [`store`] the manifest, look whether all it needs is there, then [`confirm`] it.
//!
//! This is the writer's half of the protocol by which any number of writers and prunes share a repository: whoever comes second sees the
//! first. Steps W3 to W6 of `docs/format.md`.

use std::collections::HashSet;

use backup_storage::StorageExt as _;
use bytes::Bytes;

use super::refuse_prune_records;
use crate::catalog::ENVIRONMENT;
use crate::engine::Context;
use crate::format::header::Kind;
use crate::format::manifest::Manifest;
use crate::format::names::{self, ManifestName, PackName};
use crate::format::record;
use crate::index::{Index, list_packs};
use crate::packer::Packed;
use crate::{BackupId, Error, ErrorKind, Repository, Result};

/// Puts the manifest and looks whether all it needs is there. Returns its name and the bytes stored.
pub(super) async fn store(
    repository: &Repository,
    id: BackupId,
    manifest: &Manifest,
    packed: &Packed,
    context: &Context,
) -> Result<(ManifestName, u64)> {
    let keys = repository.keys();
    let plain = manifest.encode()?;
    // What cannot be read must not be written, whatever the engines said.
    Manifest::decode(&plain).map_err(|error| error.context("the manifest could not be read back"))?;
    let sealed = record::seal(keys, &**repository.random(), Kind::Manifest, id.as_bytes(), plain)?;
    let size = sealed.len() as u64;
    let environment = keys.opaque_name(ENVIRONMENT, manifest.body.environment.as_bytes());
    let name = ManifestName { environment, id, hash: names::hash(&sealed) };
    let storage = repository.storage();
    context.check()?;
    storage
        .create(&name.to_name(), Bytes::from(sealed))
        .await
        .map_err(|error| Error::from(error).context("store the manifest"))?;
    expect_chunks(repository, packed).await?;
    // The last chance: what is confirmed exists.
    context.check()?;
    Ok((name, size))
}

/// Confirms a stored manifest: from now on the backup exists. Not to be interrupted, since whoever is told that there is no backup must be
/// able to rely on it.
pub(super) async fn confirm(repository: &Repository, name: &ManifestName) -> Result<()> {
    let confirmed = async {
        repository.storage().create(&name.to_confirmation(), Bytes::new()).await?;
        expect_not_deleted(repository, name).await
    };
    confirmed.await.map_err(|error: Error| {
        error
            .context(format!("the backup {} was stored, and whether it is confirmed is not known", name.id))
            .with_remedy("list the backups: if it is there, it is whole; otherwise run it again")
    })
}

/// W4, in this order: sweep records, index, packs. Everything the backup refers to must be indexed in a pack that exists and that no sweep record names.
/// Chunks of earlier runs were found in packs, which do not change, so it is enough that these are still there; new ones are looked up.
async fn expect_chunks(repository: &Repository, packed: &Packed) -> Result<()> {
    refuse_prune_records(repository).await?;
    let index = Index::load(repository.storage(), repository.keys()).await?;
    let existing = list_packs(repository.storage()).await?;
    let indexed: HashSet<PackName> = index.packs().iter().map(|pack| pack.name).collect();
    let gone = |what: String| {
        Err(Error::new(ErrorKind::Unavailable, format!("{what} went away while the backup was made"))
            .with_remedy("run the backup again; it stores again what is missing"))
    };
    if let Some(pack) =
        packed.packs.iter().find(|pack| !indexed.contains(*pack) || !existing.contains_key(*pack))
    {
        return gone(pack.to_name().to_string());
    }
    let exists = |number| index.pack(number).is_some_and(|pack| existing.contains_key(&pack.name));
    match packed.chunks.iter().find(|chunk| !index.locations(chunk).any(|place| exists(place.pack))) {
        None => Ok(()),
        Some(chunk) => gone(format!("the chunk {chunk}")),
    }
}

/// W6: a note that deletes this backup may have come first.
async fn expect_not_deleted(repository: &Repository, name: &ManifestName) -> Result<()> {
    let notes = repository.notes_about(name).await?;
    notes.expect_readable(name.id)?;
    match notes.about(name).state.is_deleted(repository.clock().now()) {
        false => Ok(()),
        true => Err(Error::new(ErrorKind::Unavailable, "it was deleted before it was confirmed")),
    }
}
