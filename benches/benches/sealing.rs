//! What a chunk goes through on its way into a pack: id, compression, sealing.

use std::hint::black_box;

use backup_benches::Numbers;
use backup_core::chunker::{Gear, Sizes};
use backup_core::compress::compress;
use backup_core::crypto::{ChunkKind, Keys, OsRandom, PackKey, RepositoryId, Result};
use criterion::{BatchSize, Criterion, Throughput};

fn main() -> Result<()> {
    let keys = Keys::generate(RepositoryId::generate(&OsRandom)?, &OsRandom)?;
    let pack = keys.begin_session(&OsRandom)?.pack_key(&[1; 16]);
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    steps(&mut criterion, &keys, &pack);
    whole_path(&mut criterion, &keys, &pack);
    criterion.final_summary();
    Ok(())
}

fn steps(criterion: &mut Criterion, keys: &Keys, pack: &PackKey) {
    let content = Numbers::new(1).media(1 << 20);
    let id = keys.chunk_id(ChunkKind::Data, &content);
    let mut group = criterion.benchmark_group("chunk");
    group.throughput(Throughput::Bytes(content.len() as u64));
    group.bench_function("id", |bencher| {
        bencher.iter(|| keys.chunk_id(ChunkKind::Data, black_box(&content)));
    });
    group.bench_function("seal", |bencher| {
        let with_room = || [&content[..], &[0; PackKey::OVERHEAD]].concat();
        let seal = |mut buffer: Vec<u8>| {
            buffer.truncate(content.len());
            pack.seal_chunk(&id, 0, b"header", &mut buffer);
            buffer
        };
        bencher.iter_batched(with_room, seal, BatchSize::LargeInput);
    });
    group.finish();
}

fn whole_path(criterion: &mut Criterion, keys: &Keys, pack: &PackKey) {
    let mut numbers = Numbers::new(2);
    let gear = Gear::new(&keys.gear_table(), Sizes::DEFAULT);
    let contents = [
        ("source", numbers.source_files(4000).concat()),
        ("database", numbers.database(16 << 20)),
        ("media", numbers.media(16 << 20)),
    ];
    for (name, content) in &contents {
        let mut group = criterion.benchmark_group(format!("chunk, id, compress, seal/{name}"));
        group.throughput(Throughput::Bytes(content.len() as u64));
        group.bench_function("one thread", |bencher| {
            bencher.iter(|| stored(keys, pack, &gear, black_box(content)));
        });
        group.finish();
    }
}

/// Bytes of the sealed chunks of a content.
fn stored(keys: &Keys, pack: &PackKey, gear: &Gear, content: &[u8]) -> usize {
    let mut rest = content;
    let mut bytes = 0;
    while let Some(length) = gear.next_cut(rest, true) {
        let (chunk, after) = rest.split_at(length);
        let id = keys.chunk_id(ChunkKind::Data, chunk);
        let mut buffer = compress(chunk, 3);
        pack.seal_chunk(&id, 0, b"header", &mut buffer);
        bytes += buffer.len();
        rest = after;
    }
    bytes
}
