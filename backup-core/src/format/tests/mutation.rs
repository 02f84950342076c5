//! Bytes that no writer of ours wrote, below the seal: never a panic, never memory out of proportion, always an error that says
//! damaged or unsupported.
//!
//! Whoever holds the key of one author can seal anything, and memory can fail before sealing: a seal does not vouch for what is in it.

use proptest::collection::vec;
use proptest::prelude::*;

use super::example;
use crate::engine::{Content, Entries, ExtentList};
use crate::format::config::Config;
use crate::format::cursor::put_varint;
use crate::format::header::{HEADER, Header, Kind};
use crate::format::manifest::Manifest;
use crate::format::node::{SegmentKind, decode_children, decode_segment};
use crate::format::pack::{FOOTER, PackHeader, decode_directory, decode_footer};
use crate::format::repository::RepositoryFile;
use crate::format::tree::decode_entries;
use crate::format::{index, limit, map, record};
use crate::{ErrorKind, Result};

/// What can be decoded once it is unsealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    Repository,
    Config,
    Header,
    PackHeader,
    Directory,
    Footer,
    Index,
    Manifest,
    Segment,
}

/// Valid plaintexts of all kinds.
pub(super) fn records() -> Vec<(Record, Vec<u8>)> {
    let keys = example::keys();
    let pack = example::pack().unwrap().0;
    let (_, start) = PackHeader::decode(&pack).unwrap();
    let (rest, footer) = pack.split_last_chunk::<FOOTER>().unwrap();
    let length = usize::try_from(decode_footer(*footer, pack.len() as u64).unwrap()).unwrap();
    let directory = record::open(keys, Kind::Directory, &[], &rest[rest.len() - length..], limit::DIRECTORY);
    let config = example::config().encode(keys).unwrap();
    let header = example::sealed_manifest().unwrap()[..HEADER].to_vec();
    vec![
        (Record::Repository, example::repository().encode().unwrap()),
        (Record::Config, config[HEADER..config.len() - 64].to_vec()),
        (Record::Header, header),
        (Record::PackHeader, pack[..start].to_vec()),
        (Record::Directory, directory.unwrap()),
        (Record::Footer, footer.to_vec()),
        (Record::Index, index::encode(&example::indexed_packs().unwrap()).unwrap()),
        (Record::Manifest, example::manifest().encode().unwrap()),
        (Record::Segment, example::tree_leaf()),
        (Record::Segment, example::tree_node()),
        (Record::Segment, example::map_leaf()),
        (Record::Segment, example::map_node()),
    ]
}

/// Decodes a plaintext as far as a reader does, and looks at every part of what comes out.
pub(super) fn decode(record: Record, plain: &[u8]) -> Result<()> {
    match record {
        Record::Repository => RepositoryFile::decode(plain).and_then(|file| file.id()).map(drop),
        Record::Config => Config::decode(&signed(plain), &example::repository()).map(drop),
        Record::Header => Header::decode(plain, Kind::Manifest).map(drop),
        Record::PackHeader => PackHeader::decode(plain).map(|(_, length)| assert!(length <= plain.len())),
        Record::Directory => decode_sealed_directory(plain),
        Record::Footer => match plain.first_chunk() {
            Some(footer) => decode_footer(*footer, 10_000).map(|length| assert!(length <= 10_000)),
            None => Ok(()),
        },
        Record::Index => index::decode(plain).map(|packs| {
            let chunks: usize = packs.iter().map(|pack| pack.chunks.len()).sum();
            assert!(packs.len() * 96 + chunks * 48 <= plain.len());
        }),
        Record::Manifest => Manifest::decode(plain).and_then(|manifest| look_at_manifest(&manifest)),
        Record::Segment => decode_any_segment(plain),
    }
}

/// A configuration as the admin would have signed it.
fn signed(body: &[u8]) -> Vec<u8> {
    let keys = example::keys();
    let length = body.len() as u64;
    let (author, salt, signature) = (keys.author(), [0; 32], 64);
    let header = Header { kind: Kind::Config, epoch: 0, author, salt, length, signature };
    let mut out = [&header.encode()[..], body].concat();
    let signature = keys.sign_admin("config", &out).unwrap();
    out.extend_from_slice(&signature);
    out
}

fn decode_sealed_directory(plain: &[u8]) -> Result<()> {
    let (keys, random) = (example::keys(), example::Repeated(1));
    let sealed = record::seal(keys, &random, Kind::Directory, &[], plain.to_vec())?;
    let (bytes, chunks) = example::pack()?;
    let start = u64::from(chunks[0].offset);
    let last = chunks[chunks.len() - 1];
    let end = u64::from(last.offset) + u64::from(last.stored);
    let found = decode_directory(keys, &sealed, start, end)?;
    assert!(
        found.iter().all(|chunk| u64::from(chunk.offset) + u64::from(chunk.stored) <= bytes.len() as u64)
    );
    Ok(())
}

fn look_at_manifest(manifest: &Manifest) -> Result<()> {
    for artifact in manifest.body.services.iter().flat_map(|service| &service.artifacts) {
        manifest.layers(artifact)?;
        manifest.content(artifact)?;
    }
    // It can be written again and stays what it is.
    assert_eq!(Manifest::decode(&manifest.encode()?)?.body, manifest.body);
    Ok(())
}

fn decode_any_segment(plain: &[u8]) -> Result<()> {
    let segment = decode_segment(plain)?;
    match segment.kind {
        SegmentKind::TreeLeaf => look_at_entries(&decode_entries(segment)?),
        SegmentKind::MapLeaf => assert!(map::decode_extents(segment)?.len() <= plain.len()),
        SegmentKind::TreeNode | SegmentKind::MapNode => {
            let children = decode_children(segment)?;
            assert!(children.len() <= plain.len());
            assert!(children.iter().map(|child| child.key.len()).sum::<usize>() <= limit::SEGMENT_KEYS);
        }
    }
    Ok(())
}

fn look_at_entries(entries: &Entries) {
    assert!(entries.bytes() <= limit::SEGMENT_KEYS + limit::SEGMENT);
    for entry in entries.iter() {
        assert!(entry.path.len() <= limit::PATH && entry.target.len() <= limit::PATH);
        for content in [entry.content, entry.xattrs] {
            if let Content::Stored(content) = content
                && let ExtentList::Inline(extents) = content.extents
            {
                assert!(extents.len() <= limit::INLINE_EXTENTS);
                assert_eq!(extents.iter().map(|extent| extent.length).sum::<u64>(), content.size);
            }
        }
    }
}

/// Fails unless the plaintext is refused as damaged or unsupported, or harmless.
fn expect_harmless(record: Record, plain: &[u8], what: &dyn Fn() -> String) {
    if let Err(error) = decode(record, plain) {
        let kind = error.kind();
        let known = matches!(kind, ErrorKind::Damaged | ErrorKind::Unsupported);
        assert!(known, "{record:?}, {}: {}", what(), error.chain());
    }
}

fn expect_refused(record: Record, plain: &[u8], what: &str) {
    assert!(decode(record, plain).is_err(), "{record:?}, {what}, was accepted");
    expect_harmless(record, plain, &|| what.to_owned());
}

#[test]
fn valid_records_are_accepted() {
    for (record, plain) in records() {
        decode(record, &plain).unwrap_or_else(|error| panic!("{record:?}: {}", error.chain()));
    }
}

#[test]
fn every_flipped_bit_is_harmless() {
    for (record, plain) in records() {
        for position in 0..plain.len() {
            for bit in 0..8 {
                let mut altered = plain.clone();
                altered[position] ^= 1 << bit;
                expect_harmless(record, &altered, &|| format!("bit {bit} of byte {position}"));
            }
        }
    }
}

#[test]
fn every_cut_and_every_extension_is_refused() {
    for (record, plain) in records() {
        for length in 0..plain.len() {
            // White space at the end of a JSON text means nothing.
            let same = plain[length..].iter().all(u8::is_ascii_whitespace);
            if !same && record != Record::Footer {
                expect_refused(record, &plain[..length], &format!("cut to {length} bytes"));
            }
        }
        let reads_a_prefix = matches!(record, Record::Header | Record::PackHeader | Record::Footer);
        for more in [&[0][..], &[0xff; 7], &plain] {
            let extended = [&plain, more].concat();
            if !reads_a_prefix {
                expect_refused(record, &extended, &format!("{} bytes longer", more.len()));
            }
        }
    }
}

#[test]
fn every_number_at_its_extremes_is_harmless() {
    for (record, plain) in records() {
        for position in 0..plain.len() {
            for value in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
                let mut altered = plain.clone();
                let end = plain.len().min(position + 4);
                altered[position..end].copy_from_slice(&u32::to_le_bytes(value)[..end - position]);
                expect_harmless(record, &altered, &|| format!("{value:#x} at {position}"));
                altered[position..end].copy_from_slice(&u32::to_be_bytes(value)[..end - position]);
                expect_harmless(record, &altered, &|| format!("{value:#x} big-endian at {position}"));
            }
            for value in [0, 0x7f, 0x80, u64::from(u32::MAX), 1 << 32, 1 << 63, u64::MAX] {
                let mut altered = plain[..position].to_vec();
                put_varint(&mut altered, value);
                altered.extend_from_slice(&plain[position + 1..]);
                expect_harmless(record, &altered, &|| format!("varint {value:#x} at {position}"));
            }
        }
    }
}

/// Sorted tables in another order, and with an entry twice.
#[test]
fn shuffled_and_repeated_entries_are_refused() {
    let index = index::encode(&example::indexed_packs().unwrap()).unwrap();
    let start = index.len() - 4 * 48;
    let (one, two) = (start..start + 48, start + 48..start + 96);
    let mut swapped = index.clone();
    swapped.copy_within(one.clone(), two.start);
    swapped[one.clone()].copy_from_slice(&index[two.clone()]);
    expect_refused(Record::Index, &swapped, "two records swapped");
    let mut twice = index;
    twice.copy_within(one, two.start);
    expect_refused(Record::Index, &twice, "one record twice");

    let swapped =
        example::node_of(SegmentKind::TreeNode, &[(b"b", example::chunk(1)), (b"a", example::chunk(2))]);
    expect_refused(Record::Segment, &swapped, "two children swapped");
    let twice =
        example::node_of(SegmentKind::MapNode, &[(b"a", example::chunk(1)), (b"a", example::chunk(1))]);
    expect_refused(Record::Segment, &twice, "one child twice");

    let mut entries = Entries::new();
    let all = example::entries();
    all.iter().collect::<Vec<_>>().into_iter().rev().for_each(|entry| entries.push(&entry));
    expect_refused(Record::Segment, &example::leaf_of(&entries), "entries in reverse order");
    let mut entries = Entries::new();
    all.iter().take(1).for_each(|entry| entries.push(&entry));
    all.iter().for_each(|entry| entries.push(&entry));
    expect_refused(Record::Segment, &example::leaf_of(&entries), "one entry twice");

    let mut manifest = example::manifest();
    manifest.body.services[0].artifacts.swap(0, 1);
    expect_refused(Record::Manifest, &manifest.encode().unwrap(), "artifacts swapped");
    let mut manifest = example::manifest();
    let again = manifest.body.services[0].clone();
    manifest.body.services.push(again);
    expect_refused(Record::Manifest, &manifest.encode().unwrap(), "one service twice");
}

/// Prefix compression must not unfold a small segment into gigabytes.
#[test]
fn long_keys_do_not_unfold_out_of_proportion() {
    let folder = vec![vec![b'd'; 255]; 255].join(&b'/');
    let names: Vec<Vec<u8>> = (0..400_u16)
        .map(|number| [&folder[..], b"/", &number.to_be_bytes().map(|byte| byte | 0x30)].concat())
        .collect();
    let mut sorted: Vec<Vec<u8>> =
        names.into_iter().filter(|name| !name[folder.len() + 1..].contains(&b'/')).collect();
    sorted.sort();
    sorted.dedup();
    assert!(sorted.iter().map(Vec::len).sum::<usize>() > limit::SEGMENT_KEYS);
    let mut entries = Entries::new();
    sorted.iter().for_each(|path| entries.push(&example::entry(path, crate::engine::EntryKind::Directory)));
    expect_refused(Record::Segment, &example::leaf_of(&entries), "a leaf of long paths");
    let children: Vec<_> = sorted.iter().map(|path| (&path[..], example::chunk(1))).collect();
    expect_refused(
        Record::Segment,
        &example::node_of(SegmentKind::TreeNode, &children),
        "a node of long paths",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_mutations_together_are_harmless(
        which: prop::sample::Index,
        edits in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), vec(any::<u8>(), 0..12)), 1..5),
    ) {
        let all = records();
        let (record, mut plain) = all[which.index(all.len())].clone();
        for (from, to, bytes) in edits {
            let (from, to) = (from.index(plain.len() + 1), to.index(plain.len() + 1));
            plain.splice(from.min(to)..from.max(to).min(from.min(to) + 16), bytes);
        }
        expect_harmless(record, &plain, &|| hex::encode(&plain));
    }

    #[test]
    fn garbage_is_harmless(bytes in vec(any::<u8>(), 0..300), start in 0..12_usize) {
        for (record, plain) in records() {
            let bytes = [&plain[..start.min(plain.len())], &bytes].concat();
            expect_harmless(record, &bytes, &|| hex::encode(&bytes));
        }
    }
}
