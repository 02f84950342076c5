use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

/// Bytes without structure.
fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn text(length: usize) -> Vec<u8> {
    let rows = (0..).map(|row: u32| format!("row {row}: {}\n", row.wrapping_mul(2_654_435_769) >> 20));
    rows.flat_map(String::into_bytes).take(length).collect()
}

fn kind_of(record: &[u8], expected_len: usize) -> ErrorKind {
    decompress(record, expected_len).unwrap_err().kind()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_was_compressed_comes_back(level in -10..=13, symbols in 1..=255_u8, length in 0..200_000_usize) {
        let content: Vec<u8> = random(length).iter().map(|byte| byte % symbols).collect();
        let record = compress(&content, level);
        prop_assert!(record.len() <= content.len() + 1);
        prop_assert_eq!(decompress(&record, length).unwrap(), content);
    }

    #[test]
    fn garbage_is_an_error_or_has_the_length_asked_for(
        mut record in prop::collection::vec(any::<u8>(), 0..200),
        framed: bool,
        expected_len in prop_oneof![0..200_usize, any::<usize>()],
    ) {
        if framed {
            record.splice(0..0, [ZSTD, 0x28, 0xb5, 0x2f, 0xfd]);
        }
        if let Ok(content) = decompress(&record, expected_len) {
            prop_assert_eq!(content.len(), expected_len);
        }
    }

    #[test]
    fn altered_records_are_an_error_or_have_the_length_asked_for(at: prop::sample::Index, bit in 0..8_u32, cut: bool) {
        let content = text(5000);
        let mut record = compress(&content, 3);
        let at = at.index(record.len());
        if cut {
            record.truncate(at);
            let kind = kind_of(&record, content.len());
            prop_assert_eq!(kind, ErrorKind::Damaged);
        } else {
            record[at] ^= 1_u8 << bit;
            if let Ok(found) = decompress(&record, content.len()) {
                prop_assert_eq!(found.len(), content.len());
            }
        }
    }
}

#[test]
fn text_is_compressed_and_what_gains_nothing_is_not() {
    for level in [-5, 0, 1, 3, 9, 19, 22, i32::MAX] {
        let record = compress(&text(100_000), level);
        assert_eq!(record[0], ZSTD, "level {level}");
        assert!(record.len() < 60_000, "level {level}: {}", record.len());
        assert_eq!(decompress(&record, 100_000).unwrap(), text(100_000), "level {level}");

        let content = random(100_000);
        assert_eq!(compress(&content, level), [&[STORED][..], &content].concat(), "level {level}");
    }
    assert_eq!(compress(b"", 3), [STORED]);
    assert_eq!(compress(b"a", 3), [STORED, b'a']);
}

#[test]
fn content_is_a_frame_only_if_that_saves_two_percent() {
    for zeros in (0..10_000).step_by(100) {
        let content = [random(100_000 - zeros), vec![0; zeros]].concat();
        let record = compress(&content, 3);
        match record[0] {
            STORED => assert!(zeros < 3_000, "{zeros} zeros"),
            _ => assert!(record.len() <= 98_001, "{zeros} zeros: {}", record.len()),
        }
    }
}

#[test]
fn the_longest_chunk_goes_round_at_every_level() {
    for level in [i32::MIN, 1, 3, 9] {
        let mut content = text(Sizes::LIMIT);
        content[1 << 20..2 << 20].copy_from_slice(&random(1 << 20));
        let record = compress(&content, level);
        assert!(decompress(&record, Sizes::LIMIT).unwrap() == content);
    }
}

#[test]
fn the_record_has_room_for_the_tag() {
    for content in [text(5000), random(5000)] {
        let record = compress(&content, 3);
        assert!(record.capacity() >= record.len() + PackKey::OVERHEAD);
    }
}

#[test]
fn unknown_codecs_are_refused_by_number() {
    let error = decompress(&[7, 1, 2, 3], 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("codec 7"), "{error}");
}

#[test]
fn records_of_another_length_are_damaged() {
    for content in [text(1000), random(1000)] {
        let record = compress(&content, 3);
        for expected_len in [0, 999, 1001, Sizes::LIMIT, Sizes::LIMIT + 1, usize::MAX] {
            assert_eq!(kind_of(&record, expected_len), ErrorKind::Damaged);
        }
    }
    assert_eq!(kind_of(&[], 0), ErrorKind::Damaged);
}

#[test]
fn only_one_frame_with_its_length_is_accepted() {
    let content = text(1000);
    let frame = zstd::bulk::compress(&content, 3).unwrap();
    let damaged = |parts: &[&[u8]]| {
        let record = [&[&[ZSTD][..]], parts].concat().concat();
        assert_eq!(kind_of(&record, content.len()), ErrorKind::Damaged);
    };
    let empty_frame = zstd::bulk::compress(&[], 3).unwrap();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    assert_eq!(decompress(&[&[ZSTD], &frame[..]].concat(), content.len()).unwrap(), content);
    damaged(&[&frame, &[0]]);
    damaged(&[&frame, &frame]);
    damaged(&[&frame, &empty_frame]);
    damaged(&[&frame, &skippable]);
    damaged(&[&skippable, &frame]);
    damaged(&[]);

    let mut without_length = zstd::bulk::Compressor::new(3).unwrap();
    without_length.include_contentsize(false).unwrap();
    damaged(&[&without_length.compress(&content).unwrap()]);
}

#[test]
fn a_frame_that_lies_about_its_length_is_damaged() {
    // Magic, one segment with a length of 4 bytes, then one block of a repeated byte that is 2,000 bytes long.
    let frame = |stated: u32| {
        let block = (2000 << 3 | 1 << 1 | 1_u32).to_le_bytes();
        [&[ZSTD, 0x28, 0xb5, 0x2f, 0xfd, 0xa0], &stated.to_le_bytes()[..], &block[..3], b"x"].concat()
    };
    assert_eq!(decompress(&frame(2000), 2000).unwrap(), [b'x'; 2000]);
    assert_eq!(kind_of(&frame(1999), 1999), ErrorKind::Damaged);
    assert_eq!(kind_of(&frame(2001), 2001), ErrorKind::Damaged);
    assert_eq!(kind_of(&frame(u32::MAX), u32::MAX as usize), ErrorKind::Damaged);
}
