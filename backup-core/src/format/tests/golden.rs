//! The format is frozen: what is encoded is what is committed, and what is committed is what was meant.
//!
//! A difference here means that repositories of others cannot be read any more, or that others cannot read ours. The examples are
//! added to, never edited: what needs other bytes is another version of the format.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use backup_crypto::{ChunkKind, KdfParameters, KeyRing, Keys, OsRandom, slot};

use super::example;
use crate::chunks::ChunkReader;
use crate::engine::EntryKind;
use crate::format::config::Config;
use crate::format::header::Kind;
use crate::format::manifest::Manifest;
use crate::format::node::{decode_children, decode_segment};
use crate::format::pack::{FOOTER, PackHeader, decode_directory, decode_footer};
use crate::format::repository::RepositoryFile;
use crate::format::tree::decode_entries;
use crate::format::{index, limit, map, record};
use crate::index::Index;

/// The examples as they are encoded now.
fn examples() -> Vec<(&'static str, Vec<u8>)> {
    let index = index::encode(&example::indexed_packs().unwrap()).unwrap();
    let seal_index = record::seal(example::keys(), &example::Repeated(0x57), Kind::Index, &[], index.clone());
    vec![
        ("repository.json", example::repository().encode().unwrap()),
        ("config.bin", example::config().encode(example::keys()).unwrap()),
        ("key-slot.bin", example::key_slot()),
        ("pack.bin", example::pack().unwrap().0),
        ("index-segment.bin", seal_index.unwrap()),
        ("index-segment.plain.bin", index),
        ("manifest.bin", example::sealed_manifest().unwrap()),
        ("manifest.plain.bin", example::manifest().encode().unwrap()),
        ("note.bin", super::note::sealed().unwrap()),
        ("note.plain.bin", super::note::note().encode().unwrap()),
        ("digest.bin", super::digest::sealed().unwrap()),
        ("digest.plain.bin", super::digest::digest().unfolded().unwrap()),
        ("run.bin", super::run::sealed().unwrap()),
        ("tree-leaf.bin", example::tree_leaf()),
        ("tree-node.bin", example::tree_node()),
        ("map-leaf.bin", example::map_leaf()),
        ("map-node.bin", example::map_node()),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixture/golden")
}

pub(super) fn committed(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn encoding_gives_the_committed_bytes() {
    for (name, bytes) in examples() {
        assert_eq!(hex::encode(committed(name)), hex::encode(bytes), "{name}");
    }
}

#[test]
fn the_repository_file_says_what_was_meant() {
    let file = RepositoryFile::decode(&committed("repository.json")).unwrap();
    assert_eq!(file, example::repository());
    assert_eq!(file.id().unwrap(), example::REPOSITORY);
    file.expect_admin(&example::keys().admin_public_key()).unwrap();
    assert!(file.expect_admin(&[0; 32]).is_err());
}

#[test]
fn the_configuration_says_what_was_meant() {
    let (config, author) = Config::decode(&committed("config.bin"), &example::repository()).unwrap();
    assert_eq!(config, example::config());
    assert_eq!(author, example::keys().author());
}

#[test]
fn the_key_slot_says_what_was_meant() {
    let info = slot::describe(&committed("key-slot.bin")).unwrap();
    assert_eq!((info.label.as_str(), info.created_unix_seconds), (example::LABEL, 1_795_000_000));
    assert_eq!(info.kdf, KdfParameters::insecure_for_tests());
}

#[test]
fn the_pack_says_what_was_meant() {
    let (bytes, expected) = (committed("pack.bin"), example::pack().unwrap().1);
    let (header, start) = PackHeader::decode(&bytes).unwrap();
    assert_eq!(header, example::pack_header());
    let (rest, footer) = bytes.split_last_chunk::<FOOTER>().unwrap();
    let directory = usize::try_from(decode_footer(*footer, bytes.len() as u64).unwrap()).unwrap();
    let end = rest.len() - directory;
    let chunks = decode_directory(example::keys(), &rest[end..], start as u64, end as u64).unwrap();
    assert_eq!(chunks, expected);
    let storage = backup_storage::Location::parse("memory:").unwrap().open().unwrap();
    let reader = ChunkReader::new(storage, example::keys().clone(), Arc::new(Index::default()), 0);
    let opener = reader.opener(&header).unwrap();
    for (chunk, (kind, plain, _)) in chunks.iter().zip(example::packed_contents()) {
        let sealed = &bytes[chunk.offset as usize..][..chunk.stored as usize];
        assert_eq!((chunk.kind, &opener.open(chunk, sealed).unwrap()[..]), (kind, &plain[..]));
        let mut other = *chunk;
        other.kind = if kind == ChunkKind::Data { ChunkKind::Meta } else { ChunkKind::Data };
        assert!(opener.open(&other, sealed).is_err(), "a chunk opened as one of another kind");
    }
}

#[test]
fn the_index_segment_says_what_was_meant() {
    let keys = example::keys();
    let plain = record::open(keys, Kind::Index, &[], &committed("index-segment.bin"), limit::INDEX).unwrap();
    assert_eq!(plain, committed("index-segment.plain.bin"));
    assert_eq!(index::decode(&plain).unwrap(), example::indexed_packs().unwrap());
}

#[test]
fn the_manifest_says_what_was_meant() {
    let (keys, id) = (example::keys(), example::backup());
    let bytes = committed("manifest.bin");
    let plain = record::open(keys, Kind::Manifest, id.as_bytes(), &bytes, limit::MANIFEST).unwrap();
    assert_eq!(plain, committed("manifest.plain.bin"));
    let manifest = Manifest::decode(&plain).unwrap();
    assert_eq!(manifest, example::manifest());
    let streams = &manifest.body.services[0].artifacts;
    assert_eq!(manifest.content(&streams[0]).unwrap(), Some(example::sparse()));
    assert_eq!(manifest.content(&streams[1]).unwrap(), None);
    assert_eq!(manifest.content(&streams[2]).unwrap(), Some(example::mapped()));
    assert_eq!(manifest.layers(&manifest.body.services[1].artifacts[0]).unwrap(), [example::chunk(50)]);
    let mut other = *id.as_bytes();
    other[15] ^= 1;
    assert!(
        record::open(keys, Kind::Manifest, &other, &bytes, limit::MANIFEST).is_err(),
        "opened under another id"
    );
    assert!(
        record::open(keys, Kind::Index, id.as_bytes(), &bytes, limit::MANIFEST).is_err(),
        "opened as an index"
    );
}

#[test]
fn the_segments_say_what_was_meant() {
    let leaf = committed("tree-leaf.bin");
    let entries = decode_entries(decode_segment(&leaf).unwrap()).unwrap();
    let expected = example::entries();
    assert_eq!(entries.len(), expected.len());
    for (found, expected) in entries.iter().zip(expected.iter()) {
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
    assert_eq!(entries.iter().filter(|entry| entry.metadata.kind == EntryKind::File).count(), 4);

    let node = committed("tree-node.bin");
    let children = decode_children(decode_segment(&node).unwrap()).unwrap();
    let found: Vec<_> = children.iter().map(|child| (&child.key[..], child.chunk)).collect();
    assert_eq!(
        found,
        [(&b""[..], example::chunk(60)), (b"a/m", example::chunk(61)), (b"a\xff", example::chunk(62))]
    );

    let leaf = committed("map-leaf.bin");
    let extents = map::decode_extents(decode_segment(&leaf).unwrap()).unwrap();
    let full = example::data(1, 0, 1 << 20);
    assert_eq!(extents, [full, example::hole(1 << 33), full, example::data(2, 4096, 8192)]);

    let node = committed("map-node.bin");
    let children = decode_children(decode_segment(&node).unwrap()).unwrap();
    let found: Vec<_> = children.iter().map(|child| (&child.key[..], child.chunk)).collect();
    assert_eq!(found, [(&map::key(0)[..], example::chunk(70)), (&map::key(1 << 33), example::chunk(71))]);
}

/// Writes examples that are missing, for a kind of object that is new: `cargo test -p backup-core write_missing_examples --
/// --ignored`. What exists is left as it is.
#[test]
#[ignore = "writes into the source tree"]
fn write_missing_examples() {
    let write = |name: &str, bytes: &dyn Fn() -> Vec<u8>| {
        let path = folder().join(name);
        if fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
            fs::write(path, bytes()).unwrap();
        }
    };
    let new_keys = || Keys::generate(example::REPOSITORY, &OsRandom).unwrap();
    write("key-slot.bin", &|| {
        let kdf = KdfParameters::insecure_for_tests();
        let ring = KeyRing::passphrase(example::PASSPHRASE);
        let seconds = example::created().timestamp();
        ring.seal_slot(&new_keys(), &kdf, example::LABEL, seconds, &example::Repeated(0x51)).unwrap()
    });
    let slot = committed("key-slot.bin");
    let keys = KeyRing::passphrase(example::PASSPHRASE).open(example::REPOSITORY, &[slot]).unwrap();
    write("encapsulation.hex", &|| {
        let session = keys.begin_session(&OsRandom).unwrap();
        format!("{}\n", hex::encode(&session.encapsulation().bytes)).into_bytes()
    });
    if example::ENCAPSULATION.is_empty() {
        // The others are made with what was just written, once it is compiled in.
        return;
    }
    for (name, bytes) in examples() {
        write(name, &|| bytes.clone());
    }
}
