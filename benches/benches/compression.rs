//! Compressing chunks of 1 MiB, and what recognising incompressible ones costs.

use std::hint::black_box;

use backup_benches::Numbers;
use backup_core::compress::{compress, decompress};
use criterion::{Criterion, Throughput};

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    compression(&mut criterion);
    criterion.final_summary();
}

fn compression(criterion: &mut Criterion) {
    let mut numbers = Numbers::new(1);
    let length = 1 << 20;
    let mut source = numbers.source_files(400).concat();
    source.truncate(length);
    let contents = [
        ("source", source),
        ("json", numbers.json_rows(length)),
        ("database", numbers.database(length)),
        ("media", numbers.media(length)),
    ];
    for (name, content) in &contents {
        let mut group = criterion.benchmark_group(format!("compression/{name}"));
        group.throughput(Throughput::Bytes(content.len() as u64));
        for level in [1, 3, 9, 13] {
            group.bench_function(format!("level {level}"), |bencher| {
                bencher.iter(|| compress(black_box(content), level));
            });
        }
        let record = compress(content, 3);
        group.bench_function("decompress", |bencher| {
            bencher.iter(|| decompress(black_box(&record), content.len()));
        });
        group.finish();
    }
}
