//! Contents of key slots that this version reads, but does not make itself.

use zeroize::Zeroizing;

use super::{Stored, StoredBytes, StoredData, StoredMeta, StoredPayload, encode};
use crate::session::{X25519, generate_x25519};
use crate::{
    Capability, Encapsulation, ErrorKind, KdfParameters, KeyRing, Keys, OsRandom, RepositoryId, Result,
    Secret, slot, verify_admin,
};

const REPOSITORY: RepositoryId = RepositoryId([5; 16]);

fn keys(capability: Capability, change: impl FnOnce(&mut StoredPayload)) -> Result<Keys> {
    let mut payload = StoredPayload::generate(&OsRandom)?;
    change(&mut payload);
    Keys::from_payload(REPOSITORY, capability, encode(&payload)?)
}

fn data_key(epoch: u32, suite: u8) -> StoredData {
    let (private, public) = generate_x25519(&OsRandom).unwrap();
    let bytes = |bytes: &[u8]| StoredBytes(Zeroizing::new(bytes.to_vec()));
    StoredData { epoch, suite, public: bytes(&public), private: Some(bytes(private.expose())) }
}

fn refused(capability: Capability, change: impl FnOnce(&mut StoredPayload)) -> String {
    let error = keys(capability, change).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    error.to_string()
}

#[test]
fn without_private_keys_one_can_write_but_not_read_or_sign() {
    let append = keys(Capability::Append, |payload| {
        payload.data[0].private = None;
        payload.admin.private = None;
    })
    .unwrap();
    assert_eq!(append.capability(), Capability::Append);
    let session = append.begin_session(&OsRandom).unwrap();
    let mut buffer = b"content".to_vec();
    session.pack_key(&[0; 16]).seal_chunk(&crate::ChunkId([0; 32]), 0, b"", &mut buffer);

    let error = append.open_session(session.encapsulation()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    assert!(error.to_string().contains("epoch 1"), "{error}");
    let error = append.sign_admin("config", b"").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    assert!(error.to_string().contains("append"), "{error}");
}

#[test]
fn a_writer_without_private_keys_is_read_with_full_capability() {
    let payload = StoredPayload::generate(&OsRandom).unwrap();
    let full = Keys::from_payload(REPOSITORY, Capability::Full, encode(&payload).unwrap()).unwrap();
    let mut payload = payload;
    payload.data[0].private = None;
    payload.admin.private = None;
    let append = Keys::from_payload(REPOSITORY, Capability::Append, encode(&payload).unwrap()).unwrap();
    let session = append.begin_session(&OsRandom).unwrap();
    let opened = full.open_session(session.encapsulation()).unwrap();
    assert_eq!(opened.pack_key(&[7; 16]), session.pack_key(&[7; 16]));
    let signature = full.sign_admin("config", b"settings").unwrap();
    verify_admin(&append.admin_public_key(), REPOSITORY, "config", b"settings", &signature).unwrap();
}

#[test]
fn full_capability_needs_the_private_keys() {
    assert!(refused(Capability::Full, |payload| payload.data[0].private = None).contains("private keys"));
    assert!(refused(Capability::Full, |payload| payload.admin.private = None).contains("private keys"));
}

#[test]
fn an_admin_key_of_two_halves_that_do_not_match_is_refused() {
    let other = Stored(Secret::generate(&OsRandom).unwrap());
    assert!(refused(Capability::Full, |payload| payload.admin.public = other).contains("admin key"));
}

#[test]
fn missing_and_unordered_epochs_are_refused() {
    let meta = |epoch| StoredMeta { epoch, key: Stored(Secret::generate(&OsRandom).unwrap()) };
    assert!(refused(Capability::Full, |payload| payload.meta.clear()).contains("meta keys"));
    assert!(refused(Capability::Full, |payload| payload.data.clear()).contains("data keys"));
    assert!(refused(Capability::Full, |payload| payload.meta.push(meta(1))).contains("meta keys"));
    assert!(
        refused(Capability::Full, |payload| payload.data.push(data_key(0, X25519))).contains("data keys")
    );
}

#[test]
fn the_last_epoch_is_current_and_former_ones_open() {
    let mut payload = StoredPayload::generate(&OsRandom).unwrap();
    let full = Capability::Full;
    let former = Keys::from_payload(REPOSITORY, full, encode(&payload).unwrap()).unwrap();
    payload.meta.push(StoredMeta { epoch: 7, key: Stored(Secret::generate(&OsRandom).unwrap()) });
    payload.data.push(data_key(9, X25519));
    let rotated = Keys::from_payload(REPOSITORY, full, encode(&payload).unwrap()).unwrap();
    assert_eq!(rotated.meta_epoch(), 7);
    assert_eq!(rotated.begin_session(&OsRandom).unwrap().encapsulation().epoch, 9);

    let sealed = former.seal_meta(1, "note", &[0; 32], b"", b"old".to_vec()).unwrap();
    assert_eq!(rotated.open_meta(1, "note", &[0; 32], b"", sealed.clone()).unwrap(), b"old");
    assert_eq!(
        rotated.open_meta(7, "note", &[0; 32], b"", sealed).unwrap_err().kind(),
        ErrorKind::Damaged,
        "epochs are named, never tried"
    );
    let session = former.begin_session(&OsRandom).unwrap();
    let opened = rotated.open_session(session.encapsulation()).unwrap();
    assert_eq!(opened.pack_key(&[0; 16]), session.pack_key(&[0; 16]));
}

#[test]
fn a_data_key_of_an_unknown_suite_is_named_and_locks_out_no_other() {
    let keys = keys(Capability::Full, |payload| payload.data.push(data_key(2, 2))).unwrap();
    let error = keys.begin_session(&OsRandom).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("cipher suite 2 (X-Wing"), "{error}");

    let encapsulation = |epoch, suite| Encapsulation { suite, epoch, bytes: vec![9; 32] };
    assert!(keys.open_session(&encapsulation(1, X25519)).is_ok());
    for (epoch, suite, kind) in [
        (2, 2, ErrorKind::Unsupported),
        (1, 77, ErrorKind::Unsupported),
        (2, X25519, ErrorKind::Damaged),
        (3, X25519, ErrorKind::NotPermitted),
    ] {
        assert_eq!(keys.open_session(&encapsulation(epoch, suite)).unwrap_err().kind(), kind);
    }
}

#[test]
fn a_data_key_of_a_wrong_size_is_damage() {
    let empty = || StoredBytes(Zeroizing::new(Vec::new()));
    let keys = keys(Capability::Full, |payload| {
        payload.data[0].public = empty();
        payload.data[0].private = Some(empty());
    })
    .unwrap();
    assert_eq!(keys.begin_session(&OsRandom).unwrap_err().kind(), ErrorKind::Damaged);
    let encapsulation = Encapsulation { suite: X25519, epoch: 1, bytes: vec![9; 32] };
    assert_eq!(keys.open_session(&encapsulation).unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn what_a_newer_version_added_is_skipped_and_survives_a_new_passphrase() {
    let encoded = encode(&StoredPayload::generate(&OsRandom).unwrap()).unwrap();
    assert_eq!(encoded[0], 0x86, "a map of six names");
    let mut newer = Zeroizing::new(encoded.to_vec());
    newer[0] = 0x87;
    newer.extend_from_slice(b"\xA6future\x93\x01\x02\xC0");
    let keys = Keys::from_payload(REPOSITORY, Capability::Full, newer.clone()).unwrap();

    let cheap = KdfParameters::insecure_for_tests();
    let slot = slot::seal_passphrase(&keys, &"p".into(), &cheap, "", 0, &OsRandom).unwrap();
    let again = KeyRing::passphrase("p").open(REPOSITORY, &[slot]).unwrap();
    assert_eq!(again.payload(), newer.as_slice());
}

#[test]
fn truncated_and_altered_contents_never_panic() {
    let encoded = encode(&StoredPayload::generate(&OsRandom).unwrap()).unwrap();
    for len in 0..encoded.len() {
        let cut = Zeroizing::new(encoded[..len].to_vec());
        assert!(Keys::from_payload(REPOSITORY, Capability::Full, cut).is_err(), "{len} bytes");
    }
    for at in 0..encoded.len() {
        for value in [0x00, 0x7F, 0x90, 0xC1, 0xC6, 0xDB, 0xDD, 0xDF, 0xFF] {
            let mut altered = Zeroizing::new(encoded.to_vec());
            altered[at] = value;
            if let Err(error) = Keys::from_payload(REPOSITORY, Capability::Full, altered) {
                assert_eq!(error.kind(), ErrorKind::Damaged);
            }
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    let encoded = encode(&StoredPayload::generate(&OsRandom).unwrap()).unwrap();
    let mut deep = Zeroizing::new(encoded.to_vec());
    deep[0] = 0x87;
    deep.extend_from_slice(b"\xA1x");
    deep.extend_from_slice(&[0x91; 2000]);
    deep.push(0xC0);
    assert_eq!(
        Keys::from_payload(REPOSITORY, Capability::Full, deep).unwrap_err().kind(),
        ErrorKind::Damaged
    );
}
