//! Content-defined chunking: ours against the published crate.

use std::hint::black_box;

use backup_benches::Numbers;
use backup_core::chunker::{Chunker, Gear, Sizes};
use backup_core::engine::Layout;
use bytes::Bytes;
use criterion::{Criterion, Throughput};

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    chunking(&mut criterion);
    criterion.final_summary();
}

fn chunking(criterion: &mut Criterion) {
    let mut numbers = Numbers::new(1);
    let gear = Gear::new(&numbers.table(), Sizes::DEFAULT);
    let length = 64 << 20;
    for (name, content) in [("media", numbers.media(length)), ("json", numbers.json_rows(length))] {
        let content = Bytes::from(content);
        let mut group = criterion.benchmark_group(format!("chunking/{name}"));
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function("gear", |bencher| bencher.iter(|| whole(&gear, black_box(&content))));
        for (name, piece) in [("64 KiB", 64 << 10), ("1 MiB", 1 << 20)] {
            let pieces: Vec<Bytes> = content.chunks(piece).map(|piece| content.slice_ref(piece)).collect();
            group.bench_function(format!("gear, pieces of {name}"), |bencher| {
                bencher.iter(|| in_pieces(&gear, black_box(&pieces)));
            });
        }
        group.bench_function("fastcdc", |bencher| bencher.iter(|| published(black_box(&content))));
        group.finish();
    }
}

fn whole(gear: &Gear, content: &[u8]) -> usize {
    let mut rest = content;
    let mut count = 0;
    while let Some(length) = gear.next_cut(rest, true) {
        rest = &rest[length..];
        count += 1;
    }
    count
}

fn in_pieces(gear: &Gear, pieces: &[Bytes]) -> usize {
    let mut chunker = Chunker::for_layout(Layout::ContentDefined, gear);
    let mut count = 0;
    for piece in pieces {
        let mut piece = piece.clone();
        while let Some(chunk) = chunker.next_chunk(&mut piece) {
            count += usize::from(!black_box(chunk).is_empty());
        }
    }
    count + usize::from(chunker.finish().is_some())
}

fn published(content: &[u8]) -> usize {
    fastcdc::v2020::FastCDC::new(content, 256 << 10, 1 << 20, 4 << 20).count()
}
