//! Digests: a golden example, round trips, and what is refused.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{example, golden, note};
use crate::ErrorKind;
use crate::format::digest::{Digest, Item, decode_summary, encode_summary, summary};
use crate::format::header::Kind;
use crate::format::manifest::Bytes32;
use crate::format::names::{ManifestName, NoteName};
use crate::format::{limit, record};

/// A digest of the example manifest and the example note, which takes the place of another one.
pub(super) fn digest() -> Digest {
    let (environment, id) = ([0x62; 8], example::backup());
    let body = encode_summary(&summary(example::manifest().body)).expect("the example can be encoded");
    let plain = note::note().encode().expect("the example can be encoded");
    Digest {
        replaces: vec![Bytes32([0x63; 32])],
        manifests: vec![Item::of_manifest(&ManifestName { environment, id, hash: [0x61; 32] }, body)],
        notes: vec![Item::of_note(&NoteName { environment, id, hash: [0x64; 32] }, plain)],
    }
}

/// The digest as the object that is stored. What a compressor makes may differ: the frame is written by hand, with one block as it is.
pub(super) fn sealed() -> crate::Result<Vec<u8>> {
    let frame = frame(&digest().unfolded()?);
    record::seal(example::keys(), &example::Repeated(0x59), Kind::Catalog, &[], frame)
}

fn frame(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("examples are small");
    let block = (length << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0], &length.to_le_bytes()[..], &block[..3], content].concat()
}

#[test]
fn the_digest_says_what_was_meant() {
    let bytes = golden::committed("digest.bin");
    let frame = record::open(example::keys(), Kind::Catalog, &[], &bytes, limit::DIGEST).unwrap();
    let found = Digest::decode(&frame).unwrap();
    assert_eq!(found, digest());
    assert_eq!(found.unfolded().unwrap(), golden::committed("digest.plain.bin"));
    let body = decode_summary(&found.manifests[0].content).unwrap();
    assert_eq!(body, summary(example::manifest().body));
    assert_eq!(crate::note::Note::decode(&found.notes[0].content).unwrap(), note::note());
    assert!(record::open(example::keys(), Kind::Index, &[], &bytes, limit::DIGEST).is_err());
}

#[test]
fn a_summary_says_all_but_where_contents_are() {
    let (whole, short) = (example::manifest().body, summary(example::manifest().body));
    assert!(encode_summary(&short).unwrap().len() < encode_summary(&whole).unwrap().len());
    let artifacts = |body: &crate::format::manifest::Body| -> Vec<_> {
        let all = body.services.iter().flat_map(|service| &service.artifacts);
        all.map(|artifact| (artifact.name.clone(), artifact.kind, artifact.bytes, artifact.entries)).collect()
    };
    assert_eq!(artifacts(&whole), artifacts(&short));
    let rest = |mut body: crate::format::manifest::Body| {
        body.services.iter_mut().for_each(|service| service.artifacts.clear());
        body
    };
    assert_eq!(rest(whole.clone()), rest(short));
    // One that says more is shortened, so that nobody relies on it.
    assert_eq!(decode_summary(&encode_summary(&whole).unwrap()).unwrap(), summary(whole));
}

#[test]
fn a_frame_that_promises_too_much_is_refused_before_it_is_unfolded() {
    let plain = digest().unfolded().unwrap();
    let mut giant = frame(&plain);
    giant[5..9].copy_from_slice(&(u32::try_from(limit::DIGEST).unwrap() + 1).to_le_bytes());
    let bomb = zstd::bulk::compress(&vec![0; usize::try_from(limit::DIGEST).unwrap() + 1], 3).unwrap();
    let mut shorter = frame(&plain);
    shorter[5] ^= 1;
    let twice = [frame(&plain), frame(&plain)].concat();
    let silent = {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        std::io::Write::write_all(&mut encoder, &plain).unwrap();
        encoder.finish().unwrap()
    };
    for (harm, frame) in [
        ("giant", giant),
        ("bomb", bomb),
        ("shorter", shorter),
        ("twice", twice),
        ("silent", silent),
        ("empty", Vec::new()),
    ] {
        assert_eq!(Digest::decode(&frame).unwrap_err().kind(), ErrorKind::Damaged, "{harm}");
    }
}

#[test]
fn unsorted_items_are_refused() {
    let mut twice = digest();
    twice.manifests.push(twice.manifests[0].clone());
    assert_eq!(Digest::decode(&frame(&twice.unfolded().unwrap())).unwrap_err().kind(), ErrorKind::Damaged);
    // A writer sorts.
    assert_eq!(Digest::decode(&twice.encode().unwrap()).unwrap(), digest());
}

fn item() -> impl Strategy<Value = Item> {
    (any::<[u8; 8]>(), any::<[u8; 16]>(), any::<[u8; 32]>(), vec(any::<u8>(), 0..200))
        .prop_map(|(environment, id, hash, content)| Item { environment, id, hash, content })
}

proptest! {
    #[test]
    fn digests_are_read_back(replaces in vec(any::<[u8; 32]>(), 0..5), manifests in vec(item(), 0..20), notes in vec(item(), 0..20)) {
        let mut digest = Digest { replaces: replaces.into_iter().map(Bytes32).collect(), manifests, notes };
        let frame = digest.encode().unwrap();
        let items: u64 = digest.manifests.iter().chain(&digest.notes).map(Item::encoded_len).sum();
        let rest = 100 + 40 * digest.replaces.len() as u64;
        prop_assert!(digest.unfolded().unwrap().len() as u64 <= items + rest);
        prop_assert_eq!(Digest::decode(&frame).unwrap(), digest);
    }

    #[test]
    fn nothing_else_is_read_as_a_digest(place: prop::sample::Index, byte: u8, cut in 1..500_usize) {
        let plain = digest().unfolded().unwrap();
        prop_assert!(Digest::decode(&frame(&plain[..plain.len() - cut.min(plain.len())])).is_err());
        let mut changed = plain;
        let place = place.index(changed.len());
        changed[place] = byte;
        match Digest::decode(&frame(&changed)) {
            Ok(found) => found.manifests.iter().for_each(|item| drop(decode_summary(&item.content))),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Damaged),
        }
    }
}
