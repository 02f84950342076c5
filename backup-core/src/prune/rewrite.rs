//! Copying what is needed out of packs of which little is needed, and making sure of what is to be relied on instead of a copy.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use backup_crypto::ChunkId;

use super::live::Live;
use super::packs::Packs;
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::index::{Index, Location};
use crate::packer::{Packer, Parts, Totals};
use crate::problem::{Problem, is_finding};
use crate::{Error, Repository, Result};

/// Copies the live chunks of all packs that are to be rewritten into new packs, and indexes them; and reads each live chunk of a pack that
/// stays if another place of that chunk is to go. Where that fails, all packs stay that hold a place of what is in doubt, and the problem
/// is told: of two copies the sound one may be the one that was to go.
pub(super) async fn rewrite(
    repository: &Repository,
    reader: &Arc<ChunkReader>,
    index: &Index,
    packs: &mut Packs,
    live: &Live,
    context: &Context,
) -> Result<(Totals, Vec<Problem>)> {
    let mut doubt = Doubt::default();
    let totals = copy_all(repository, reader, packs, live, &mut doubt, context).await?;
    confirm(reader, index, packs, live, &mut doubt, context).await?;
    packs.keep(live, &doubt.chunks);
    Ok((totals, doubt.problems))
}

/// What could not be read.
#[derive(Debug, Default)]
struct Doubt {
    /// The chunks that lie in packs with a problem.
    chunks: HashSet<ChunkId>,
    problems: Vec<Problem>,
}

async fn copy_all(
    repository: &Repository,
    reader: &Arc<ChunkReader>,
    packs: &Packs,
    live: &Live,
    doubt: &mut Doubt,
    context: &Context,
) -> Result<Totals> {
    let to_copy = packs.to_copy(live);
    let chunks: usize = to_copy.iter().map(|(_, places)| places.len()).sum();
    if chunks == 0 {
        return Ok(Totals::default());
    }
    let bytes = to_copy.iter().flat_map(|(_, places)| places).map(|place| u64::from(place.chunk.plain)).sum();
    context.expect(chunks as u64, bytes);
    let packer = packer(repository, context)?;
    for (number, places) in to_copy {
        match copy(reader, &packer, &places, context).await {
            Ok(()) => {}
            Err(error) if is_finding(&error) => {
                doubt.problems.push(Problem::from_error(name_of(packs, number), &error));
                doubt.chunks.extend(places.iter().map(|place| place.chunk.id));
            }
            Err(error) => return Err(error.context("copy what is needed of packs that are mostly unused")),
        }
    }
    Ok(packer.finish().await?.totals)
}

/// Reads and opens what is to be relied on when other places of the same chunks are gone.
async fn confirm(
    reader: &Arc<ChunkReader>,
    index: &Index,
    packs: &Packs,
    live: &Live,
    doubt: &mut Doubt,
    context: &Context,
) -> Result<()> {
    let homes = packs.to_confirm(live);
    context.expect(homes.len() as u64, homes.iter().map(|place| u64::from(place.chunk.plain)).sum());
    let mut failed: BTreeMap<u32, (u64, Error)> = BTreeMap::new();
    let mut left = homes.as_slice();
    while let Some(first) = left.first() {
        context.check()?;
        let next;
        (next, left) = left.split_at(together(left, |place| place.pack == first.pack));
        let failing = reader.failing(index, next.to_vec()).await;
        for (id, error) in failing.map_err(|error| error.context("read what another pack holds too"))? {
            doubt.chunks.insert(id);
            failed.entry(first.pack).or_insert((0, error)).0 += 1;
        }
        context.advance(next.len() as u64, next.iter().map(|place| u64::from(place.chunk.plain)).sum());
    }
    for (number, (chunks, error)) in failed {
        let text = format!(
            "{chunks} of its chunks cannot be read, so all other packs that hold them stay: {}",
            error.chain()
        );
        doubt.problems.push(Problem::new(name_of(packs, number), text));
    }
    Ok(())
}

/// How many of these, but at least one, are read together.
fn together(places: &[Location], belongs: impl Fn(&Location) -> bool) -> usize {
    let mut bytes = 0_u64;
    let together = places.iter().take_while(|place| {
        bytes += u64::from(place.chunk.plain);
        belongs(place) && bytes <= AT_ONCE
    });
    together.count().max(1)
}

fn name_of(packs: &Packs, number: u32) -> String {
    packs.get(number).map_or_else(String::new, |pack| pack.name.to_name().to_string())
}

/// Copies chunks, each opened and compared with its id on the way.
async fn copy(
    reader: &Arc<ChunkReader>,
    packer: &Packer,
    mut places: &[Location],
    context: &Context,
) -> Result<()> {
    while let Some(first) = places.first() {
        context.check()?;
        let kind = first.chunk.kind;
        let next;
        (next, places) = places.split_at(together(places, |place| place.chunk.kind == kind));
        let ids: Vec<_> = next.iter().map(|place| place.chunk.id).collect();
        let found: HashMap<_, _> = reader.get_all(kind, &ids).await?;
        for (id, plain) in ids.iter().filter_map(|id| Some((*id, found.get(id)?.clone()))) {
            let length = plain.len() as u64;
            packer.put_identified(kind, id, plain).await?;
            context.advance(1, length);
        }
    }
    Ok(())
}

/// What copies are put into. Whatever is there already is what is to be replaced, so it relies on none of it.
fn packer(repository: &Repository, context: &Context) -> Result<Packer> {
    Packer::new(Parts {
        storage: repository.storage().clone(),
        keys: repository.keys().clone(),
        random: repository.random().clone(),
        context: context.clone(),
        index: Arc::new(Index::default()),
        existing: HashMap::new(),
        shared_trust: false,
        memory: repository.memory(),
    })
}

/// Bytes of plaintext read together.
const AT_ONCE: u64 = 16 * 1024 * 1024;
