//! The format is frozen: keys opened from a committed slot give the committed values.
//!
//! `fixture/slot.bin` was written once by version 0.1.0 with the default costs. It is never written again; a format
//! that needs another one is another version.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

use std::sync::LazyLock;

use backup_crypto::{
    AuthorId, Capability, ChunkId, ChunkKind, Encapsulation, KdfParameters, KeyRing, Keys, RepositoryId,
    Session, SlotKind, slot, verify_admin,
};

const SLOT: &[u8] = include_bytes!("fixture/slot.bin");
const PASSPHRASE: &str = "correct horse battery staple";
const REPOSITORY: RepositoryId =
    RepositoryId(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");
const CONTENT: &[u8] = b"a chunk of content";
const PACK_SALT: [u8; 16] = [0x5A; 16];
const RECORD_SALT: [u8; 32] = [0xA5; 32];

static KEYS: LazyLock<Keys> =
    LazyLock::new(|| KeyRing::passphrase(PASSPHRASE).open(REPOSITORY, &[SLOT]).unwrap());

fn session() -> Session {
    let bytes = hex::decode(ENCAPSULATION).unwrap();
    KEYS.open_session(&Encapsulation { suite: 1, epoch: 1, bytes }).unwrap()
}

#[test]
fn slot_description() {
    let info = slot::describe(SLOT).unwrap();
    assert_eq!(info.kind, SlotKind::Passphrase);
    assert_eq!(info.capability, Capability::Full);
    assert_eq!(info.label, "golden");
    assert_eq!(info.created_unix_seconds, 1_795_000_000);
    assert_eq!(info.kdf, KdfParameters::default());
    assert_eq!(blake3::hash(SLOT).to_hex().as_str(), SLOT_HASH);
}

#[test]
fn what_the_slot_opens() {
    assert_eq!(KEYS.author().to_string(), AUTHOR);
    assert_eq!(KEYS.author(), AUTHOR.parse::<AuthorId>().unwrap());
    assert_eq!(KEYS.meta_epoch(), 1);
    assert_eq!(hex::encode(KEYS.admin_public_key()), ADMIN_PUBLIC);
}

#[test]
fn chunk_ids() {
    assert_eq!(KEYS.chunk_id(ChunkKind::Data, CONTENT).to_string(), DATA_ID);
    assert_eq!(KEYS.chunk_id(ChunkKind::Meta, CONTENT).to_string(), META_ID);
    assert_eq!(KEYS.chunk_id(ChunkKind::Data, b"").to_string(), EMPTY_ID);
}

#[test]
fn content_hashes() {
    assert_eq!(KEYS.content_hash(CONTENT).to_string(), CONTENT_HASH);
    let mut hasher = KEYS.content_hasher();
    hasher.update(CONTENT);
    hasher.update_zeros(1 << 20);
    assert_eq!(hasher.finalize().to_string(), CONTENT_HASH_WITH_HOLE);
}

#[test]
fn gear_table() {
    let table = KEYS.gear_table();
    assert_eq!(table[..4], GEAR_FIRST);
    let bytes: Vec<u8> = table.iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(blake3::hash(&bytes).to_hex().as_str(), GEAR_HASH);
}

#[test]
fn opaque_names() {
    assert_eq!(hex::encode(KEYS.opaque_name("environment", b"shop/production")), OPAQUE_NAME);
}

#[test]
fn meta_record() {
    let sealed = KEYS.seal_meta(1, "manifest", &RECORD_SALT, b"bound", CONTENT.to_vec()).unwrap();
    assert_eq!(hex::encode(&sealed), RECORD);
    assert_eq!(KEYS.open_meta(1, "manifest", &RECORD_SALT, b"bound", sealed).unwrap(), CONTENT);
}

#[test]
fn meta_pack() {
    let id: ChunkId = META_ID.parse().unwrap();
    let mut buffer = CONTENT.to_vec();
    KEYS.meta_pack_key(1, &PACK_SALT).unwrap().seal_chunk(&id, 3, b"bound", &mut buffer);
    assert_eq!(hex::encode(&buffer), META_CHUNK);
}

#[test]
fn data_pack_from_a_committed_encapsulation() {
    let id: ChunkId = DATA_ID.parse().unwrap();
    let key = session().pack_key(&PACK_SALT);
    let mut buffer = hex::decode(DATA_CHUNK).unwrap();
    key.open_chunk(&id, 258, b"bound", &mut buffer).unwrap();
    assert_eq!(buffer, CONTENT);
    key.seal_chunk(&id, 258, b"bound", &mut buffer);
    assert_eq!(hex::encode(&buffer), DATA_CHUNK);
}

#[test]
fn admin_signature() {
    let signature = KEYS.sign_admin("config", CONTENT).unwrap();
    assert_eq!(hex::encode(signature), SIGNATURE);
    verify_admin(&KEYS.admin_public_key(), REPOSITORY, "config", CONTENT, &signature).unwrap();
}

const SLOT_HASH: &str = "bb47301c35ef5736ad6db102b091e1dbfd678330f5ec89cb57b4298ee0575459";
const AUTHOR: &str = "fc71916082294c40556412a16789bda3";
const ADMIN_PUBLIC: &str = "980a03c545294239ce3db871f869c81b6248f03fa58c7c26126a4040f9be24f7";
const DATA_ID: &str = "5e727615e3df0a390a392519bd4f124b1e90881dd5ef479c71d1af713b1ad014";
const META_ID: &str = "1a4fe01a202421c0e6bd8ac5922ae9712e3612f20b28875068007c921823d2f9";
const EMPTY_ID: &str = "22cbc41feec4a65fd3c57dd2f8bb267d0dcc2b80c21b6098948bf16066733f6e";
const CONTENT_HASH: &str = "fc2e22c9631e5e59e3d3d0d06ae54b34d492a7fb17d873d604eb4de8c1fe627f";
const CONTENT_HASH_WITH_HOLE: &str = "07482859ad55bc21a4fa6724e662fa1292d1fe4d66f73e1f230545ecfc53989f";
const GEAR_FIRST: [u64; 4] = [0x8aa1a449b8233a46, 0x289a787fa191892c, 0xed17f56651321408, 0xa3d8139f9339e9f7];
const GEAR_HASH: &str = "bbe91e1304d348bb35f84c105324ebe980f0819fe9f65006fe401f88444aa856";
const OPAQUE_NAME: &str = "00a39bdbcf0c6f9f";
const RECORD: &str = "e95c7bdf759bccbd30fda0079fa69e52c1032439cd8f74511a7d0c18dbc56fd3383e";
const META_CHUNK: &str = "55080b52b5a28d9fc61d4102e26d27ddcab3cd99afd2a80bbe758ee15ef4ccbf0cd2";
const ENCAPSULATION: &str = "eab6c090fa5f48a65c70451913c9c56147f41e69f38d88d02cf7d74998ed182e";
const DATA_CHUNK: &str = "1f73c45eeb786f7c95e5cf2dfbf335a87b9785164343627051e34142139160fa3582";
const SIGNATURE: &str = "c9f388f3bad519627b7132fd45bce859b39011eb407bf1dd159c44c9e54221a5ce49544f1ab81f5f2d1938efac1433d5052dd9dff5723d1a20a7a9bb3e0cc50b";
