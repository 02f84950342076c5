//! Reading packs whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use backup_crypto::{ChunkId, RandomExt as _};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::{CheckReport, Share};
use crate::catalog::StoredBackup;
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::format::limit;
use crate::format::names::{self, PackName};
use crate::format::pack::{FOOTER, PackHeader, PackedChunk, decode_directory, decode_footer};
use crate::index::{Index, run_blocking};
use crate::problem::{Problem, cannot_read, is_finding};
use crate::references::Search;
use crate::{BackupId, Error, ErrorKind, Repository, Result};

/// Reads a random share of the packs: each must be what its name says, and each of its chunks must open and be what its id says.
pub(super) async fn read(
    repository: &Repository,
    reader: &Arc<ChunkReader>,
    existing: &HashMap<PackName, u64>,
    share: Share,
    context: &Context,
    report: &mut CheckReport,
) -> Result<()> {
    let mut packs: Vec<(PackName, u64)> = existing.iter().map(|(name, size)| (*name, *size)).collect();
    // What is larger than any pack is reported by its name and not read.
    packs.retain(|(_, size)| *size <= limit::PACK);
    shuffle(&mut packs, repository)?;
    packs.truncate(share.of(packs.len()));
    context.expect(
        packs.len() as u64,
        packs.iter().map(|(_, size)| size).fold(0, |sum, size| sum.saturating_add(*size)),
    );
    let expected = Arc::new(indexed(reader));
    let mut gone = Vec::new();
    let mut reads = stream::iter(packs)
        .map(|(name, size)| {
            let expected = expected.clone();
            async move { (name, size, read_pack(repository, reader, name, expected.get(&name)).await) }
        })
        .buffer_unordered(PARALLEL);
    while let Some((name, size, result)) = reads.next().await {
        context.check()?;
        match result {
            Ok(()) => {}
            // Removed by a prune since it was listed, perhaps.
            Err(error) if error.kind() == ErrorKind::NotFound => gone.push((name, error)),
            Err(error) if is_finding(&error) => {
                report.problems.push(Problem::from_error(name.to_name().as_str(), &error));
            }
            Err(error) => return Err(error),
        }
        report.packs_read += 1;
        report.bytes_read = report.bytes_read.saturating_add(size);
        context.advance(1, size);
    }
    drop(reads);
    report_gone(repository, gone, report).await
}

/// Packs that were there and are not any more. Those that the index names still were not removed by a prune.
async fn report_gone(
    repository: &Repository,
    gone: Vec<(PackName, Error)>,
    report: &mut CheckReport,
) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let index = Index::load(repository.storage(), repository.keys()).await?;
    let indexed: HashSet<PackName> = index.packs().iter().map(|pack| pack.name).collect();
    for (name, error) in gone.into_iter().filter(|(name, _)| indexed.contains(name)) {
        report.problems.push(Problem::from_error(name.to_name().as_str(), &error));
    }
    Ok(())
}

async fn read_pack(
    repository: &Repository,
    reader: &Arc<ChunkReader>,
    name: PackName,
    expected: Option<&HashSet<ChunkPlace>>,
) -> Result<()> {
    let object = name.to_name();
    let bytes = repository.storage().get(&object).await.map_err(|error| cannot_read(&object, error))?;
    let (reader, expected) = (reader.clone(), expected.cloned());
    run_blocking(move || open_pack(&reader, name, &bytes, expected.as_ref())).await
}

fn open_pack(
    reader: &ChunkReader,
    name: PackName,
    bytes: &Bytes,
    expected: Option<&HashSet<ChunkPlace>>,
) -> Result<()> {
    names::expect_hash(name.to_name().as_str(), &name.hash, bytes)?;
    let too_short = || Error::damaged("a pack is too short");
    let (header, start) = PackHeader::decode(bytes)?;
    let (rest, footer) = bytes.split_last_chunk::<FOOTER>().ok_or_else(too_short)?;
    let directory = decode_footer(*footer, bytes.len() as u64)?;
    let end = usize::try_from(directory)
        .ok()
        .and_then(|length| rest.len().checked_sub(length))
        .ok_or_else(too_short)?;
    let chunks = decode_directory(reader.keys(), &rest[end..], start as u64, end as u64)?;
    let opener = reader.opener(&header)?;
    for chunk in &chunks {
        let from = chunk.offset as usize;
        let sealed = bytes.get(from..from + chunk.stored as usize).ok_or_else(too_short)?;
        opener.open(chunk, sealed)?;
    }
    let found: HashSet<ChunkPlace> = chunks.iter().map(place).collect();
    match expected.and_then(|expected| expected.difference(&found).next()) {
        None => Ok(()),
        Some((id, ..)) => {
            Err(Error::damaged(format!("the index names the chunk {id}, which it does not hold there")))
        }
    }
}

type ChunkPlace = (ChunkId, u32, u32, u32);

fn place(chunk: &PackedChunk) -> ChunkPlace {
    (chunk.id, chunk.offset, chunk.stored, chunk.plain)
}

fn indexed(reader: &ChunkReader) -> HashMap<PackName, HashSet<ChunkPlace>> {
    let index = reader.index();
    let mut places: HashMap<PackName, HashSet<ChunkPlace>> = HashMap::new();
    for (number, chunks) in index.chunks_by_pack() {
        if let Some(pack) = index.pack(number) {
            places.entry(pack.name).or_default().extend(chunks.iter().map(place));
        }
    }
    places
}

/// Which backups refer to which damaged packs, by the packs' names.
pub(super) async fn affected(
    reader: &ChunkReader,
    backups: &[StoredBackup],
    bad: &HashMap<ChunkId, String>,
    context: &Context,
) -> Result<HashMap<String, Vec<BackupId>>> {
    let mut affected: HashMap<String, Vec<BackupId>> = HashMap::new();
    let mut search = Search::new(reader, bad);
    for backup in backups {
        context.check()?;
        for pack in search.of_backup(backup).await? {
            affected.entry(pack.to_owned()).or_default().push(backup.name.id);
        }
    }
    Ok(affected)
}

fn shuffle(packs: &mut [(PackName, u64)], repository: &Repository) -> Result<()> {
    for last in (1..packs.len()).rev() {
        let random = u64::from_le_bytes(repository.random().array()?);
        let other = usize::try_from(random % (last as u64 + 1)).unwrap_or(last);
        packs.swap(last, other);
    }
    Ok(())
}

/// Packs read at once.
const PARALLEL: usize = 2;
