//! Key slots: opened by the right passphrase only, and every kind of damage told apart from a wrong one.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

use std::sync::LazyLock;

use backup_crypto::{
    Capability, ErrorKind, KdfParameters, KeyRing, Keys, OsRandom, RepositoryId, SlotKind, slot,
};
use proptest::prelude::*;

const REPOSITORY: RepositoryId = RepositoryId([3; 16]);
const LABEL: &str = "main";
/// Where what unlocks the slot begins, for this label.
const UNLOCK: usize = 32 + LABEL.len();

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::generate(REPOSITORY, &OsRandom).unwrap());
static SLOT: LazyLock<Vec<u8>> = LazyLock::new(|| sealed("right"));

fn sealed(passphrase: &str) -> Vec<u8> {
    let cheap = KdfParameters::insecure_for_tests();
    slot::seal_passphrase(&KEYS, &passphrase.into(), &cheap, LABEL, -5, &OsRandom).unwrap()
}

fn open(passphrase: &str, slots: &[impl AsRef<[u8]>]) -> Result<Keys, ErrorKind> {
    KeyRing::passphrase(passphrase).open(REPOSITORY, slots).map_err(|error| error.kind())
}

/// The slot with `change` applied and the checksum made right again.
fn resealed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut slot = SLOT.clone();
    slot.truncate(slot.len() - 32);
    change(&mut slot);
    let checksum = blake3::hash(&slot);
    slot.extend_from_slice(checksum.as_bytes());
    slot
}

#[test]
fn the_right_passphrase_opens_everything() {
    let keys = open("right", &[&SLOT[..]]).unwrap();
    assert_eq!(keys.author(), KEYS.author());
    assert_eq!(keys.repository(), REPOSITORY);
    assert_eq!(keys.capability(), Capability::Full);
    assert_eq!(keys.gear_table(), KEYS.gear_table());
    assert_eq!(keys.sign_admin("p", b"m").unwrap(), KEYS.sign_admin("p", b"m").unwrap());
    let session = KEYS.begin_session(&OsRandom).unwrap();
    let opened = keys.open_session(session.encapsulation()).unwrap();
    assert_eq!(opened.pack_key(&[1; 16]), session.pack_key(&[1; 16]));
}

#[test]
fn a_slot_describes_itself_without_a_key() {
    let info = slot::describe(&SLOT).unwrap();
    assert_eq!(info.kind, SlotKind::Passphrase);
    assert_eq!(info.capability, Capability::Full);
    assert_eq!(info.label, LABEL);
    assert_eq!(info.created_unix_seconds, -5);
    assert_eq!(info.kdf, KdfParameters::insecure_for_tests());
}

#[test]
fn two_slots_of_the_same_keys_share_nothing_secret() {
    let other = sealed("right");
    assert_ne!(other[UNLOCK + 16..], SLOT[UNLOCK + 16..]);
}

#[test]
fn a_wrong_passphrase_is_told_as_such() {
    assert_eq!(open("wrong", &[&SLOT[..]]).unwrap_err(), ErrorKind::WrongKey);
    assert_eq!(open("right ", &[&SLOT[..]]).unwrap_err(), ErrorKind::WrongKey);
}

#[test]
fn any_slot_of_several_opens() {
    let slots: Vec<_> = ["one", "two", "three"].map(sealed).into();
    for passphrase in ["one", "two", "three"] {
        assert_eq!(open(passphrase, &slots).unwrap().author(), KEYS.author());
    }
    assert_eq!(open("four", &slots).unwrap_err(), ErrorKind::WrongKey);
}

#[test]
fn a_rewrapped_slot_has_the_same_keys() {
    let keys = open("right", &[&SLOT[..]]).unwrap();
    let cheap = KdfParameters::insecure_for_tests();
    let again = slot::seal_passphrase(&keys, &"new".into(), &cheap, "", 0, &OsRandom).unwrap();
    assert_eq!(open("new", &[again]).unwrap().gear_table(), KEYS.gear_table());
}

#[test]
fn a_key_ring_opens_the_slot_it_made() {
    let ring = KeyRing::passphrase("ring");
    let slot = ring.seal_slot(&KEYS, &KdfParameters::insecure_for_tests(), "l", 0, &OsRandom).unwrap();
    assert_eq!(ring.open(REPOSITORY, &[&slot]).unwrap().author(), KEYS.author());
    assert_eq!(open("right", &[slot]).unwrap_err(), ErrorKind::WrongKey);
}

#[test]
fn every_flipped_bit_is_damage_and_not_a_wrong_passphrase() {
    for at in 0..SLOT.len() {
        for bit in 0..8 {
            let mut slot = SLOT.clone();
            slot[at] ^= 1 << bit;
            assert_eq!(slot::describe(&slot).unwrap_err().kind(), ErrorKind::Damaged, "byte {at} bit {bit}");
            assert_eq!(open("right", &[slot]).unwrap_err(), ErrorKind::Damaged, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn every_truncation_and_extension_is_damage() {
    for len in 0..SLOT.len() {
        assert_eq!(slot::describe(&SLOT[..len]).unwrap_err().kind(), ErrorKind::Damaged, "{len} bytes");
    }
    let longer = [&SLOT[..], &[0]].concat();
    assert_eq!(slot::describe(&longer).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(slot::describe(&vec![0; 70_000]).unwrap_err().kind(), ErrorKind::Damaged);
}

/// Below the checksum: a forger who repairs it does not get past the seal. Salt and commitment cannot be told from a
/// wrong passphrase; the costs have a test of their own.
#[test]
fn no_forged_byte_opens() {
    let salt_and_commitment = UNLOCK + 16..UNLOCK + 48 + 32;
    let costs = UNLOCK + 4..UNLOCK + 16;
    for at in (0..SLOT.len() - 32).filter(|at| !costs.contains(at)) {
        let slot = resealed(|slot| slot[at] ^= 1);
        let kind = open("right", &[slot]).unwrap_err();
        if salt_and_commitment.contains(&at) {
            assert_eq!(kind, ErrorKind::WrongKey, "byte {at}");
        } else {
            assert!(matches!(kind, ErrorKind::Damaged | ErrorKind::Unsupported), "byte {at}: {kind:?}");
        }
    }
}

#[test]
fn extreme_lengths_are_refused_before_anything_is_allocated() {
    for (at, size) in [(14, 2), (24, 4), (28, 4)] {
        for value in [0, 1, 15, 16, 255, 65_535, u32::MAX / 2, u32::MAX] {
            let slot = resealed(|slot| slot[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]));
            if slot != *SLOT {
                assert_eq!(slot::describe(&slot).unwrap_err().kind(), ErrorKind::Damaged, "{value} at {at}");
            }
        }
    }
}

#[test]
fn costs_out_of_bounds_are_refused_before_anything_is_allocated() {
    for (offset, values) in
        [(4, [0, 1023, 1_048_577, u32::MAX]), (8, [0, 17, 255, u32::MAX]), (12, [0, 17, 255, u32::MAX])]
    {
        for value in values {
            let at = UNLOCK + offset;
            let slot = resealed(|slot| slot[at..at + 4].copy_from_slice(&value.to_le_bytes()));
            assert_eq!(slot::describe(&slot).unwrap_err().kind(), ErrorKind::Damaged, "{value} at {at}");
            assert_eq!(open("right", &[slot]).unwrap_err(), ErrorKind::Damaged, "{value} at {at}");
        }
    }
}

#[test]
fn costs_have_bounds_and_the_default_is_as_documented() {
    let default = KdfParameters::default();
    assert_eq!((default.memory_kib(), default.passes(), default.lanes()), (65_536, 3, 1));
    assert!(KdfParameters::new(1_048_576, 16, 16).is_ok());
    assert!(KdfParameters::new(1024, 1, 1).is_ok());
    for (memory_kib, passes, lanes) in
        [(1023, 1, 1), (1_048_577, 1, 1), (1024, 0, 1), (1024, 17, 1), (1024, 1, 0), (1024, 1, 17)]
    {
        let error = KdfParameters::new(memory_kib, passes, lanes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[test]
fn other_costs_work_too() {
    let kdf = KdfParameters::new(2048, 2, 4).unwrap();
    let slot = slot::seal_passphrase(&KEYS, &"p".into(), &kdf, "", 0, &OsRandom).unwrap();
    assert_eq!(slot::describe(&slot).unwrap().kdf, kdf);
    assert!(open("p", &[slot]).is_ok());
}

#[test]
fn what_is_unknown_is_named() {
    let named = |at: usize, value: u8, name: &str| {
        let slot = resealed(|slot| slot[at] = value);
        let error = slot::describe(&slot).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(open("right", &[slot]).unwrap_err(), ErrorKind::Unsupported);
    };
    named(8, 2, "version 2");
    named(10, 3, "kind 3 (recipient)");
    named(10, 200, "kind 200");
    named(11, 9, "capability 9");
    named(12, 7, "seal algorithm 7");
    named(UNLOCK, 2, "key derivation 2");
}

#[test]
fn a_slot_of_another_repository_is_not_called_a_wrong_passphrase() {
    let error = KeyRing::passphrase("right").open(RepositoryId([4; 16]), &[&SLOT[..]]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("another repository"), "{error}");
}

#[test]
fn unusable_slots_do_not_stand_in_the_way() {
    let unknown = resealed(|slot| slot[10] = 200);
    let garbage = b"garbage".to_vec();
    let forged = resealed(|slot| *slot.last_mut().unwrap() ^= 1);
    assert!(open("right", &[garbage.clone(), unknown.clone(), forged.clone(), SLOT.clone()]).is_ok());
    assert_eq!(open("wrong", &[garbage.clone(), SLOT.clone()]).unwrap_err(), ErrorKind::WrongKey);
    assert_eq!(open("right", &[sealed("other"), forged]).unwrap_err(), ErrorKind::Damaged);
    assert_eq!(open("right", &[unknown, garbage]).unwrap_err(), ErrorKind::Damaged);
}

#[test]
fn a_wrong_passphrase_mentions_slots_that_could_not_be_tried() {
    let error =
        KeyRing::passphrase("wrong").open(REPOSITORY, &[b"garbage".to_vec(), SLOT.clone()]).unwrap_err();
    assert!(error.to_string().contains("1 tried; 1 more cannot be used"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn no_slot_at_all_is_damage() {
    assert_eq!(open("right", &[] as &[&[u8]]).unwrap_err(), ErrorKind::Damaged);
}

#[test]
fn at_most_64_keys_are_derived() {
    let mut slots = vec![sealed("other"); 63];
    slots.push(SLOT.clone());
    assert!(open("right", &slots).is_ok());
    slots.insert(0, sealed("other"));
    assert_eq!(open("right", &slots).unwrap_err(), ErrorKind::WrongKey);
}

#[test]
fn an_empty_passphrase_is_refused() {
    let cheap = KdfParameters::insecure_for_tests();
    let error = slot::seal_passphrase(&KEYS, &"".into(), &cheap, "", 0, &OsRandom).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(open("", &[&SLOT[..]]).unwrap_err(), ErrorKind::Invalid);
}

#[test]
fn unfit_labels_are_refused() {
    let cheap = KdfParameters::insecure_for_tests();
    let seal = |label: &str| slot::seal_passphrase(&KEYS, &"p".into(), &cheap, label, 0, &OsRandom);
    assert_eq!(slot::describe(&seal(&"e".repeat(256)).unwrap()).unwrap().label.len(), 256);
    for label in ["e".repeat(257), "a\nb".to_owned(), "\u{1b}[2J".to_owned()] {
        assert_eq!(seal(&label).unwrap_err().kind(), ErrorKind::Invalid, "{label:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_handled(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(slot::describe(&bytes).is_err());
        let framed = resealed(|slot| { slot.truncate(10); slot.extend_from_slice(&bytes); });
        prop_assert!(slot::describe(&framed).is_err());
    }
}
