use bytes::Bytes;
use proptest::prelude::*;

use super::{Chunker, Gear, Sizes};
use crate::ErrorKind;
use crate::engine::Layout;

mod golden;

/// SplitMix64: a published generator, so that the vectors can be made again anywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn table(seed: u64) -> [u64; 256] {
        let mut numbers = Self(seed);
        std::array::from_fn(|_| numbers.next())
    }

    /// `length` bytes: the numbers, little-endian.
    fn bytes(seed: u64, length: usize) -> Vec<u8> {
        let mut numbers = Self(seed);
        let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| numbers.next().to_le_bytes()).collect();
        bytes.truncate(length);
        bytes
    }
}

fn gear(sizes: Sizes) -> Gear {
    Gear::new(&Numbers::table(1), sizes)
}

fn lengths(gear: &Gear, bytes: &[u8]) -> Vec<usize> {
    let mut rest = bytes;
    let mut lengths = Vec::new();
    while let Some(length) = gear.next_cut(rest, true) {
        lengths.push(length);
        rest = &rest[length..];
    }
    lengths
}

fn chunks(chunker: &mut Chunker, pieces: impl IntoIterator<Item = Bytes>) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    for mut piece in pieces {
        while let Some(chunk) = chunker.next_chunk(&mut piece) {
            chunks.push(chunk);
        }
        assert!(piece.is_empty());
    }
    chunks.extend(chunker.finish());
    chunks
}

/// The definition, word by word: every hash is computed from its 64 bytes.
fn defined_length(table: &[u64; 256], sizes: Sizes, bytes: &[u8]) -> usize {
    let n = sizes.average().ilog2();
    let normal = sizes.average() - (sizes.average() - sizes.min()) / 4;
    for length in sizes.min()..=bytes.len() {
        let window = &bytes[length - 64..length];
        let hash =
            (0..64).fold(0, |hash: u64, i| hash.wrapping_add(table[usize::from(window[i])] << (63 - i)));
        let highest = if length < normal { n + 2 } else { n - 2 };
        if hash >> (64 - highest) == 0 || length == sizes.max() {
            return length;
        }
    }
    bytes.len()
}

fn some_sizes() -> impl Strategy<Value = Sizes> {
    prop::sample::select(vec![
        (64, 128, 129),
        (64, 128, 512),
        (100, 1024, 4096),
        (300, 32 << 10, 70_000),
        (64, 64 << 10, 256 << 10),
        (20_000, 32 << 10, 128 << 10),
    ])
    .prop_map(|(min, average, max)| Sizes::new(min, average, max).unwrap())
}

/// Content without structure, of few symbols, of runs, or of one byte.
fn some_bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    (any::<u64>(), 0..=longest, 0..4).prop_map(|(seed, length, kind)| {
        let mut bytes = Numbers::bytes(seed, length);
        match kind {
            0 => {}
            1 => bytes.iter_mut().for_each(|byte| *byte &= 3),
            2 => bytes.chunks_mut(1000).for_each(|run| {
                let kept = usize::from(run[0]) % run.len();
                run[kept..].fill(7);
            }),
            _ => bytes.fill(seed.to_le_bytes()[0]),
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chunks_end_where_the_definition_says(seed: u64, sizes in some_sizes(), bytes in some_bytes(300_000)) {
        let table = Numbers::table(seed);
        let gear = Gear::new(&table, sizes);
        let mut rest = &bytes[..];
        for length in lengths(&gear, &bytes) {
            prop_assert_eq!(length, defined_length(&table, sizes, rest));
            rest = &rest[length..];
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn chunks_do_not_depend_on_the_pieces(
        sizes in some_sizes(),
        bytes in some_bytes(1 << 20),
        pieces in prop::collection::vec(prop_oneof![0..200_usize, 0..100_000_usize], 1..20),
    ) {
        let gear = gear(sizes);
        let mut rest = Bytes::from(bytes.clone());
        let pieces = pieces.iter().cycle().map_while(|&length| {
            let piece = rest.split_to((length + 1).min(rest.len()));
            (!piece.is_empty()).then_some(piece)
        });
        let chunks = chunks(&mut Chunker::for_layout(Layout::ContentDefined, &gear), pieces);
        prop_assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), lengths(&gear, &bytes));
        prop_assert_eq!(chunks.concat(), bytes);
    }

    #[test]
    fn fixed_chunks_do_not_depend_on_the_pieces(
        length in 0..5_000_000_usize,
        piece in 1..2_000_000_usize,
        layout in prop::sample::select(vec![Layout::Opaque, Layout::Paged { page_size: 8192 }]),
    ) {
        let bytes = Bytes::from(Numbers::bytes(7, length));
        let pieces = (0..length).step_by(piece).map(|at| bytes.slice(at..length.min(at + piece)));
        let chunks = chunks(&mut Chunker::for_layout(layout, &gear(Sizes::DEFAULT)), pieces);
        prop_assert!(chunks.iter().rev().skip(1).all(|chunk| chunk.len() == 1 << 20));
        prop_assert!(chunks.last().is_none_or(|chunk| (1..=1 << 20).contains(&chunk.len())));
        prop_assert_eq!(chunks.concat(), bytes);
    }
}

#[test]
fn without_its_end_a_chunk_has_no_length() {
    let gear = gear(Sizes::DEFAULT);
    let bytes = Numbers::bytes(2, 4 << 20);
    let length = gear.next_cut(&bytes, false).unwrap();
    assert_eq!(gear.next_cut(&bytes[..length], false), Some(length));
    assert_eq!(gear.next_cut(&bytes[..length - 1], false), None);
    assert_eq!(gear.next_cut(&bytes[..length - 1], true), Some(length - 1));
    assert_eq!(gear.next_cut(&bytes[..1], true), Some(1));
    assert_eq!(gear.next_cut(&[], true), None);
}

#[test]
fn content_that_never_ends_a_chunk_is_cut_at_the_longest() {
    // The hash of a run of one byte is the negative of its word, and this word is no end.
    let mut table = Numbers::table(1);
    table[0] = 1;
    let gear = Gear::new(&table, Sizes::DEFAULT);
    assert_eq!(lengths(&gear, &vec![0; 9 << 20]), [4 << 20, 4 << 20, 1 << 20]);
}

#[test]
fn content_that_always_ends_a_chunk_is_cut_at_the_shortest() {
    let mut table = Numbers::table(1);
    table[0] = 0;
    let gear = Gear::new(&table, Sizes::DEFAULT);
    assert_eq!(lengths(&gear, &vec![0; 600 << 10]), [256 << 10, 256 << 10, 88 << 10]);
}

#[test]
fn another_table_cuts_elsewhere() {
    let bytes = Numbers::bytes(2, 8 << 20);
    let other = Gear::new(&Numbers::table(2), Sizes::DEFAULT);
    assert_ne!(lengths(&gear(Sizes::DEFAULT), &bytes), lengths(&other, &bytes));
}

#[test]
fn a_chunk_within_a_piece_is_not_copied() {
    let piece = Bytes::from(Numbers::bytes(3, 8 << 20));
    let memory = piece.as_ptr_range();
    let mut chunker = Chunker::for_layout(Layout::ContentDefined, &gear(Sizes::DEFAULT));
    for chunk in chunks(&mut chunker, [piece]) {
        assert!(memory.contains(&chunk.as_ptr()));
    }
}

#[test]
fn a_chunker_begins_anew_after_the_end_of_a_stream() {
    let bytes = Bytes::from(Numbers::bytes(4, 3 << 20));
    for layout in [Layout::ContentDefined, Layout::Paged { page_size: 4096 }, Layout::Opaque] {
        let mut chunker = Chunker::for_layout(layout, &gear(Sizes::DEFAULT));
        assert_eq!(chunks(&mut chunker, [bytes.slice(..700_000)]).len(), 1);
        let again = chunks(&mut chunker, [bytes.clone()]);
        assert_eq!(again, chunks(&mut Chunker::for_layout(layout, &gear(Sizes::DEFAULT)), [bytes.clone()]));
        assert_eq!(chunks(&mut chunker, []), Vec::<Bytes>::new());
        assert_eq!(chunks(&mut chunker, [Bytes::new()]), Vec::<Bytes>::new());
    }
}

#[test]
fn no_page_is_cut() {
    let bytes = Bytes::from(vec![0; 5_000_000]);
    let expected = [
        (512, 1 << 20),
        (65_536, 1 << 20),
        (3000, 349 * 3000),
        (1 << 20, 1 << 20),
        (1, 1 << 20),
        (0, 1 << 20),
        (u32::MAX, 1 << 20),
    ];
    for (page_size, length) in expected {
        let mut chunker = Chunker::for_layout(Layout::Paged { page_size }, &gear(Sizes::DEFAULT));
        assert_eq!(chunks(&mut chunker, [bytes.clone()])[0].len(), length, "{page_size}");
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    for (min, average, max) in [
        (63, 1024, 4096),
        (1024, 1024, 4096),
        (256, 1024, 1024),
        (256, 1000, 4096),
        (256, 1024, (4 << 20) + 1),
        (0, 0, 0),
        (usize::MAX, usize::MAX, usize::MAX),
    ] {
        assert_eq!(Sizes::new(min, average, max).unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(Sizes::new(256 << 10, 1 << 20, 4 << 20).unwrap(), Sizes::DEFAULT);
}

#[test]
fn debug_shows_neither_the_table_nor_the_content() {
    let gear = Gear::new(&[0x1234_5678; 256], Sizes::DEFAULT);
    let mut chunker = Chunker::for_layout(Layout::ContentDefined, &gear);
    assert!(chunker.next_chunk(&mut Bytes::from(vec![b'a'; 100_000])).is_none());
    let shown = format!("{gear:?} {chunker:?}");
    assert!(!shown.contains(&0x1234_5678.to_string()) && !shown.contains("aaa"), "{shown}");
}

/// Mean, standard deviation, and the bytes that 100 inserted bytes make new.
fn statistics(cut: impl Fn(&[u8]) -> Vec<usize>) -> [f64; 3] {
    let content = Numbers::bytes(5, 64 << 20);
    let lengths = cut(&content);
    let of = |lengths: &[usize], power: i32| {
        lengths.iter().map(|&length| (length as f64).powi(power)).sum::<f64>() / lengths.len() as f64
    };
    let mean = of(&lengths, 1);

    let mut changed = content.clone();
    changed.splice(30_000_000..30_000_000, [0; 100]);
    let old = cut_into(&content, &lengths);
    let new = cut_into(&changed, &cut(&changed));
    let bytes: usize = new.iter().filter(|chunk| !old.contains(*chunk)).map(|chunk| chunk.len()).sum();
    [mean, (of(&lengths, 2) - mean * mean).sqrt(), bytes as f64]
}

fn cut_into<'a>(bytes: &'a [u8], lengths: &[usize]) -> std::collections::HashSet<&'a [u8]> {
    let mut rest = bytes;
    lengths.iter().map(|&length| rest.split_off(..length).unwrap()).collect()
}

#[test]
fn lengths_and_deduplication_are_those_of_the_published_algorithm() {
    let gear = gear(Sizes::DEFAULT);
    let ours = statistics(|bytes| lengths(&gear, bytes));
    let theirs = statistics(|bytes| {
        fastcdc::v2020::FastCDC::new(bytes, 256 << 10, 1 << 20, 4 << 20).map(|chunk| chunk.length).collect()
    });
    let mib = f64::from(1 << 20);
    assert!((ours[0] / mib - 0.992).abs() < 0.1, "mean {}", ours[0]);
    assert!((ours[1] / mib - 0.301).abs() < 0.1, "spread {}", ours[1]);
    assert!(ours[1] / ours[0] < 1.2 * theirs[1] / theirs[0], "spread {ours:?}, theirs {theirs:?}");
    assert!(ours[2] < 3.0 * mib, "new after an insertion {ours:?}, theirs {theirs:?}");
}
