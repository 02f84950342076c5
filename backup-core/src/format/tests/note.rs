//! Notes: a golden example, round trips, and what is refused.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::{example, golden};
use crate::ErrorKind;
use crate::format::header::Kind;
use crate::format::manifest::Bytes32;
use crate::format::note::{Note, Statement};
use crate::format::{limit, record};

/// A hold until a time, by somebody.
pub(super) fn note() -> Note {
    saying(Statement::Hold { id: "case-17".into(), until_ms: Some(1_900_000_000_000) })
}

fn saying(statement: Statement) -> Note {
    Note {
        manifest: Bytes32([0x61; 32]),
        number: 3,
        at_ms: 1_795_000_100_000,
        by: Some("alice".into()),
        program: "backup 0.1.0".into(),
        statement,
    }
}

/// The note as the object that is stored.
pub(super) fn sealed() -> crate::Result<Vec<u8>> {
    let random = example::Repeated(0x58);
    record::seal(example::keys(), &random, Kind::Note, example::backup().as_bytes(), note().encode()?)
}

#[test]
fn the_note_says_what_was_meant_and_about_which_backup() {
    let (keys, id, bytes) = (example::keys(), example::backup(), golden::committed("note.bin"));
    let plain = record::open(keys, Kind::Note, id.as_bytes(), &bytes, limit::NOTE).unwrap();
    assert_eq!(plain, golden::committed("note.plain.bin"));
    assert_eq!(Note::decode(&plain).unwrap(), note());
    assert!(
        record::open(keys, Kind::Note, &[0; 16], &bytes, limit::NOTE).is_err(),
        "opened as about another"
    );
    assert!(record::open(keys, Kind::Manifest, id.as_bytes(), &bytes, limit::NOTE).is_err());
}

#[test]
fn the_statement_stands_among_the_other_fields() {
    let json = |note: &Note| serde_json::to_value(note).unwrap();
    let held = json(&note());
    let keys: Vec<_> = held.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["at_ms", "by", "id", "manifest", "number", "program", "statement", "until_ms"]);
    for (statement, word) in [
        (Statement::Release { id: "a".into(), ends: vec![] }, "release"),
        (Statement::Tag { add: ["a".into()].into(), remove: [].into() }, "tag"),
        (Statement::Comment { text: String::new() }, "comment"),
        (Statement::Kinds { kinds: [backup_policy::Kind::Final].into() }, "kinds"),
        (Statement::Verified { sound: true }, "verified"),
        (Statement::Pinned { id: "a".into(), until_ms: 0 }, "pinned"),
        (Statement::Deleted { reason: None, unconfirmed: false }, "deleted"),
        (Statement::Undeleted, "undeleted"),
    ] {
        assert_eq!(json(&saying(statement))["statement"], word);
    }
}

/// A note as a later version may write it.
#[derive(serde::Serialize)]
struct Later {
    manifest: Bytes32,
    number: u64,
    at_ms: i64,
    program: &'static str,
    statement: &'static str,
    mood: [u8; 3],
    id: u8,
}

#[test]
fn statements_and_fields_of_later_versions_are_passed_over() {
    let later = |statement| {
        let (manifest, program) = (Bytes32([1; 32]), "backup 9");
        let later = Later { manifest, number: 7, at_ms: 5, program, statement, mood: [1, 2, 3], id: 4 };
        Note::decode(&rmp_serde::to_vec_named(&later).unwrap())
    };
    let note = later("praised").unwrap();
    assert_eq!((note.statement, note.number, note.by), (Statement::Unknown, 7, None));
    assert_eq!(later("undeleted").unwrap().statement, Statement::Undeleted);
    // A known one whose fields are of another type is none.
    assert_eq!(later("hold").unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn what_cannot_be_said_is_neither_written_nor_read() {
    let long = "x".repeat(201);
    let hold = |id: &str| Statement::Hold { id: id.into(), until_ms: None };
    let tag = |add: &str| Statement::Tag { add: [add.to_owned()].into(), remove: [].into() };
    for statement in [
        hold(""),
        hold(&long),
        hold("a\nb"),
        hold("\u{1b}[2J"),
        Statement::Hold { id: "a".into(), until_ms: Some(i64::MAX) },
        Statement::Release { id: String::new(), ends: vec![] },
        tag(""),
        tag("\u{7f}"),
        Statement::Tag { add: [].into(), remove: [long].into() },
        Statement::Comment { text: "x".repeat(16_385) },
        Statement::Comment { text: "a\0".into() },
        Statement::Deleted { reason: Some("\u{1b}".into()), unconfirmed: false },
        Statement::Kinds { kinds: [].into() },
        Statement::Pinned { id: "a".into(), until_ms: i64::MIN },
    ] {
        let note = saying(statement);
        let error = note.encode().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{note:?}");
        assert!(error.to_string().len() < 300, "{error}");
        let error = Note::decode(&rmp_serde::to_vec_named(&note).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{note:?}");
    }
    saying(Statement::Comment { text: "two\n\tlines".into() }).encode().unwrap();
    let much = (0..400).map(|number| format!("{number:0>200}")).collect();
    let error = saying(Statement::Tag { add: much, remove: [].into() }).encode().unwrap_err();
    assert!(error.to_string().contains("too many"), "{error}");
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let word = || "[a-z\u{e9}]{1,20}";
    let time = || -8_000_000_000_000_i64..8_000_000_000_000;
    prop_oneof![
        (word(), option::of(time())).prop_map(|(id, until_ms)| Statement::Hold { id, until_ms }),
        (word(), vec(any::<[u8; 32]>(), 0..4)).prop_map(|(id, ends)| {
            Statement::Release { id, ends: ends.into_iter().map(Bytes32).collect() }
        }),
        (btree_set(word(), 0..4), btree_set(word(), 0..4))
            .prop_map(|(add, remove)| Statement::Tag { add, remove }),
        "[a-z \n\t]{0,40}".prop_map(|text| Statement::Comment { text }),
        btree_set(word(), 1..3).prop_map(|kinds| {
            Statement::Kinds { kinds: kinds.iter().map(|kind| kind.parse().unwrap()).collect() }
        }),
        any::<bool>().prop_map(|sound| Statement::Verified { sound }),
        (word(), time()).prop_map(|(id, until_ms)| Statement::Pinned { id, until_ms }),
        (option::of("[a-z ]{0,20}"), any::<bool>())
            .prop_map(|(reason, unconfirmed)| Statement::Deleted { reason, unconfirmed }),
        Just(Statement::Undeleted),
    ]
}

proptest! {
    #[test]
    fn notes_are_read_back(statement in any_statement(), number: u64, manifest: [u8; 32], by in option::of("[a-z]{1,9}")) {
        let note = Note { number, manifest: Bytes32(manifest), by, ..saying(statement) };
        prop_assert_eq!(Note::decode(&note.encode().unwrap()).unwrap(), note);
    }

    #[test]
    fn nothing_else_is_read_as_a_note(statement in any_statement(), cut in 1..50_usize, place: prop::sample::Index, byte: u8, more in vec(any::<u8>(), 1..9)) {
        let bytes = saying(statement).encode().unwrap();
        prop_assert!(Note::decode(&bytes[..bytes.len() - cut.min(bytes.len())]).is_err());
        prop_assert!(Note::decode(&[&bytes[..], &more].concat()).is_err());
        let mut changed = bytes;
        let place = place.index(changed.len());
        changed[place] = byte;
        if let Err(error) = Note::decode(&changed) {
            prop_assert_eq!(error.kind(), ErrorKind::Damaged);
        }
    }
}
