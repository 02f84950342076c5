//! What is sealed opens again under the same circumstances, and under no others.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

#[path = "fixture/seeded.rs"]
mod seeded;

use std::sync::LazyLock;

use backup_crypto::{
    ChunkId, ChunkKind, ContentHash, Encapsulation, ErrorKind, Keys, OsRandom, PackKey, RepositoryId,
    Session, verify_admin,
};
use proptest::prelude::*;
use proptest::sample::Index;
use seeded::Seeded;

static KEYS: LazyLock<Keys> =
    LazyLock::new(|| Keys::generate(RepositoryId([1; 16]), &Seeded::new("properties")).unwrap());
static OTHER: LazyLock<Keys> =
    LazyLock::new(|| Keys::generate(RepositoryId([1; 16]), &Seeded::new("others")).unwrap());
static SESSION: LazyLock<Session> = LazyLock::new(|| KEYS.begin_session(&OsRandom).unwrap());

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..3000)
}

fn short() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

fn flip(bytes: &mut [u8], at: &Index, bit: u8) {
    bytes[at.index(bytes.len())] ^= 1 << bit;
}

fn sealed_chunk(key: &PackKey, id: &ChunkId, position: u64, aad: &[u8], content: &[u8]) -> Vec<u8> {
    let mut buffer = content.to_vec();
    key.seal_chunk(id, position, aad, &mut buffer);
    buffer
}

/// Opening must fail as damaged, and leave the bytes alone.
fn refused(key: &PackKey, id: &ChunkId, position: u64, aad: &[u8], sealed: &[u8]) -> bool {
    let mut buffer = sealed.to_vec();
    let error = key.open_chunk(id, position, aad, &mut buffer).unwrap_err();
    error.kind() == ErrorKind::Damaged && !error.is_retryable() && buffer == sealed
}

proptest! {
    #[test]
    fn chunks_go_round(salt: [u8; 16], id: [u8; 32], position: u64, aad in short(), content in content()) {
        let id = ChunkId(id);
        for (write, read) in [
            (SESSION.pack_key(&salt), KEYS.open_session(SESSION.encapsulation()).unwrap().pack_key(&salt)),
            (KEYS.meta_pack_key(1, &salt).unwrap(), KEYS.clone().meta_pack_key(1, &salt).unwrap()),
        ] {
            let mut buffer = sealed_chunk(&write, &id, position, &aad, &content);
            prop_assert_eq!(buffer.len(), content.len() + PackKey::OVERHEAD);
            read.open_chunk(&id, position, &aad, &mut buffer).unwrap();
            prop_assert_eq!(&buffer, &content);
        }
    }

    #[test]
    fn chunks_open_nowhere_else(
        salt: [u8; 16], id: [u8; 32], position: u64, aad in short(), content in content(),
        at: Index, bit in 0..8_u8, other_position: u64, cut: Index,
    ) {
        prop_assume!(position != other_position);
        let id = ChunkId(id);
        let key = SESSION.pack_key(&salt);
        let sealed = sealed_chunk(&key, &id, position, &aad, &content);

        let mut flipped = sealed.clone();
        flip(&mut flipped, &at, bit);
        prop_assert!(refused(&key, &id, position, &aad, &flipped));
        prop_assert!(refused(&key, &id, position, &aad, &sealed[..cut.index(sealed.len())]));
        prop_assert!(refused(&key, &id, other_position, &aad, &sealed));
        prop_assert!(refused(&key, &id, position, &[&aad[..], &[0]].concat(), &sealed));

        let mut other_id = id;
        flip(&mut other_id.0, &at, bit);
        prop_assert!(refused(&key, &other_id, position, &aad, &sealed));
        let mut other_salt = salt;
        flip(&mut other_salt, &at, bit);
        prop_assert!(refused(&SESSION.pack_key(&other_salt), &id, position, &aad, &sealed));
        prop_assert!(refused(&KEYS.meta_pack_key(1, &salt).unwrap(), &id, position, &aad, &sealed));
        let other_session = KEYS.begin_session(&OsRandom).unwrap();
        prop_assert!(refused(&other_session.pack_key(&salt), &id, position, &aad, &sealed));
    }

    #[test]
    fn altered_encapsulations_give_other_keys_or_none(salt: [u8; 16], at: Index, bit in 0..8_u8) {
        let mut altered = SESSION.encapsulation().clone();
        flip(&mut altered.bytes, &at, bit);
        let sealed = sealed_chunk(&SESSION.pack_key(&salt), &ChunkId([0; 32]), 0, b"", b"content");
        match KEYS.open_session(&altered) {
            Ok(session) => prop_assert!(refused(&session.pack_key(&salt), &ChunkId([0; 32]), 0, b"", &sealed)),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Damaged),
        }
    }

    #[test]
    fn encapsulations_of_any_content_are_handled(suite: u8, epoch: u32, bytes in short()) {
        let result = KEYS.open_session(&Encapsulation { suite, epoch, bytes: bytes.clone() });
        match result {
            Ok(_) => prop_assert!(suite == 1 && epoch == 1 && bytes.len() == 32),
            Err(error) => prop_assert!(matches!(
                error.kind(), ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::NotPermitted
            )),
        }
    }

    #[test]
    fn records_go_round_and_open_nowhere_else(
        salt: [u8; 32], aad in short(), content in content(), at: Index, bit in 0..8_u8, epoch in 2..u32::MAX,
    ) {
        let sealed = KEYS.seal_meta(1, "manifest", &salt, &aad, content.clone()).unwrap();
        prop_assert_eq!(sealed.len(), content.len() + 16);
        let opened = KEYS.open_meta(1, "manifest", &salt, &aad, sealed.clone()).unwrap();
        prop_assert_eq!(opened, content);

        let refused = |keys: &Keys, purpose, salt: &[u8; 32], aad: &[u8], sealed: &[u8]| {
            keys.open_meta(1, purpose, salt, aad, sealed.to_vec()).unwrap_err().kind() == ErrorKind::Damaged
        };
        let mut flipped = sealed.clone();
        flip(&mut flipped, &at, bit);
        prop_assert!(refused(&KEYS, "manifest", &salt, &aad, &flipped));
        prop_assert!(refused(&KEYS, "index", &salt, &aad, &sealed));
        prop_assert!(refused(&KEYS, "manifest", &salt, &[&aad[..], &[0]].concat(), &sealed));
        prop_assert!(refused(&OTHER, "manifest", &salt, &aad, &sealed));
        prop_assert!(refused(&KEYS, "manifest", &salt, &aad, &sealed[..at.index(sealed.len())]));
        let mut other_salt = salt;
        flip(&mut other_salt, &at, bit);
        prop_assert!(refused(&KEYS, "manifest", &other_salt, &aad, &sealed));

        let error = KEYS.open_meta(epoch, "manifest", &salt, &aad, sealed).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::NotPermitted);
        let named = format!("epoch {epoch};");
        prop_assert!(error.to_string().contains(&named));
    }

    #[test]
    fn a_content_hash_depends_on_the_bytes_only(pieces in prop::collection::vec(content(), 0..5), zeros in 0..200_000_u64) {
        let mut hasher = KEYS.content_hasher();
        let mut whole = Vec::new();
        for piece in &pieces {
            hasher.update(piece);
            hasher.update_zeros(zeros);
            whole.extend_from_slice(piece);
            whole.resize(whole.len() + usize::try_from(zeros).unwrap(), 0);
        }
        prop_assert_eq!(hasher.clone().finalize(), KEYS.content_hash(&whole));
        hasher.update_zeros(1);
        prop_assert_ne!(hasher.finalize(), KEYS.content_hash(&whole));
    }

    #[test]
    fn names_are_separate_by_key_kind_and_purpose(content in content()) {
        let data = KEYS.chunk_id(ChunkKind::Data, &content);
        prop_assert_eq!(data, KEYS.clone().chunk_id(ChunkKind::Data, &content));
        prop_assert_ne!(data, KEYS.chunk_id(ChunkKind::Meta, &content));
        prop_assert_ne!(data, OTHER.chunk_id(ChunkKind::Data, &content));
        prop_assert_ne!(data.0, KEYS.content_hash(&content).0);
        prop_assert_ne!(KEYS.content_hash(&content), OTHER.content_hash(&content));
        prop_assert_eq!(KEYS.opaque_name("a", &content), KEYS.opaque_name("a", &content));
        prop_assert_ne!(KEYS.opaque_name("a", &content), KEYS.opaque_name("b", &content));
        prop_assert_ne!(KEYS.opaque_name("a", &content), OTHER.opaque_name("a", &content));
    }

    #[test]
    fn signatures_hold_for_one_message_purpose_repository_and_key(message in content(), at: Index, bit in 0..8_u8) {
        let repository = KEYS.repository();
        let public = KEYS.admin_public_key();
        let signature = KEYS.sign_admin("config", &message).unwrap();
        verify_admin(&public, repository, "config", &message, &signature).unwrap();

        let refused = |public: &[u8; 32], repository, purpose, message: &[u8], signature: &[u8; 64]| {
            verify_admin(public, repository, purpose, message, signature).unwrap_err().kind() == ErrorKind::Damaged
        };
        let mut flipped = signature;
        flip(&mut flipped, &at, bit);
        prop_assert!(refused(&public, repository, "config", &message, &flipped));
        prop_assert!(refused(&public, repository, "note", &message, &signature));
        prop_assert!(refused(&public, RepositoryId([2; 16]), "config", &message, &signature));
        prop_assert!(refused(&public, repository, "config", &[&message[..], &[0]].concat(), &signature));
        prop_assert!(refused(&OTHER.admin_public_key(), repository, "config", &message, &signature));
        let mut other_public = public;
        flip(&mut other_public, &at, bit);
        prop_assert!(refused(&other_public, repository, "config", &message, &signature));
    }

    #[test]
    fn ids_go_round_as_text_and_bytes(bytes: [u8; 32]) {
        let id = ChunkId(bytes);
        prop_assert_eq!(id.to_string().parse::<ChunkId>().unwrap(), id);
        prop_assert_eq!(format!("{id:?}"), format!("ChunkId({id})"));
        let packed = rmp_serde::to_vec(&id).unwrap();
        prop_assert_eq!(packed.len(), 34, "a byte string");
        prop_assert_eq!(rmp_serde::from_slice::<ChunkId>(&packed).unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(&json, &format!("\"{id}\""));
        prop_assert_eq!(serde_json::from_str::<ChunkId>(&json).unwrap(), id);
    }

    #[test]
    fn other_text_is_no_id(text in "[0-9a-fA-Fg]{0,70}") {
        let sound = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        prop_assert_eq!(text.parse::<ContentHash>().is_ok(), sound);
    }
}

/// The repository is part of every derived key, not only of what callers bind.
#[test]
fn equal_secrets_in_another_repository_are_other_keys() {
    let here = Keys::generate(RepositoryId([1; 16]), &Seeded::new("same")).unwrap();
    let there = Keys::generate(RepositoryId([2; 16]), &Seeded::new("same")).unwrap();
    assert_eq!(here.author(), there.author(), "the same secrets were drawn");
    assert_ne!(here.chunk_id(ChunkKind::Data, b"x"), there.chunk_id(ChunkKind::Data, b"x"));
    assert_ne!(here.content_hash(b"x"), there.content_hash(b"x"));
    assert_ne!(here.gear_table(), there.gear_table());
    assert_ne!(here.opaque_name("p", b"x"), there.opaque_name("p", b"x"));
    let sealed = here.seal_meta(1, "p", &[0; 32], b"", b"x".to_vec()).unwrap();
    assert!(there.open_meta(1, "p", &[0; 32], b"", sealed).is_err());
    assert_ne!(here.meta_pack_key(1, &[0; 16]).unwrap(), there.meta_pack_key(1, &[0; 16]).unwrap());
    let session = here.begin_session(&Seeded::new("run")).unwrap();
    let elsewhere = there.open_session(session.encapsulation()).unwrap();
    assert_ne!(session.pack_key(&[0; 16]), elsewhere.pack_key(&[0; 16]));
}

#[test]
fn each_session_has_an_encapsulation_of_its_own() {
    let first = KEYS.begin_session(&OsRandom).unwrap();
    let second = KEYS.begin_session(&OsRandom).unwrap();
    assert_ne!(first.encapsulation(), second.encapsulation());
    assert_ne!(first.pack_key(&[0; 16]), second.pack_key(&[0; 16]));
}
