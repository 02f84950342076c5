//! What notes come to, in whatever order they are found.

use std::collections::BTreeSet;

use backup_policy::{Hold, Kind};
use chrono::{DateTime, Utc};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{State, held_by};
use crate::BackupId;
use crate::catalog::to_time;
use crate::format::manifest::Bytes32;
use crate::format::names::NoteName;
use crate::note::{BackupNotes, Note, Statement, StoredNote};

fn stored(number: u64, at_ms: i64, hash: u8, statement: Statement) -> StoredNote {
    let name = NoteName { environment: [1; 8], id: BackupId::from_bytes([2; 16]), hash: [hash; 32] };
    let manifest = Bytes32([3; 32]);
    let note = Note { manifest, number, at_ms, by: None, program: "test".into(), statement };
    StoredNote { name, stamp: to_time(at_ms), note }
}

fn hold(name: &str, until_ms: Option<i64>) -> Statement {
    Statement::Hold { id: name.into(), until_ms }
}

fn release(name: &str, ends: &[u8]) -> Statement {
    Statement::Release { id: name.into(), ends: ends.iter().map(|hash| Bytes32([*hash; 32])).collect() }
}

fn fold(notes: Vec<StoredNote>) -> State {
    BackupNotes::of(notes).state
}

fn now() -> DateTime<Utc> {
    to_time(1_000)
}

#[test]
fn a_release_ends_the_holds_that_it_saw_and_no_other() {
    let state = fold(vec![stored(1, 0, 1, hold("case", None)), stored(2, 0, 2, release("case", &[1]))]);
    assert_eq!(state.holds, []);
    // At the same moment: neither saw the other, whatever their numbers and clocks say.
    for (number, at_ms) in [(2, 0), (2, 9_999), (3, 0), (1, -5)] {
        let state = fold(vec![
            stored(1, 0, 1, hold("case", None)),
            stored(2, 10, 2, release("case", &[1])),
            stored(number, at_ms, 3, hold("case", Some(5_000))),
        ]);
        assert_eq!(state.holds, [Hold::until("case", to_time(5_000))]);
    }
    let other_name = fold(vec![stored(1, 0, 1, hold("case", None)), stored(2, 0, 2, release("other", &[1]))]);
    assert_eq!(other_name.holds, [Hold::open("case")]);
}

#[test]
fn of_several_holds_of_one_name_the_longest_counts() {
    let notes = |last| {
        vec![stored(1, 0, 1, hold("case", Some(500))), stored(2, 0, 2, hold("case", Some(2_000))), last]
    };
    let state = fold(notes(stored(3, 0, 3, hold("case", Some(300)))));
    assert_eq!(state.holds, [Hold::until("case", to_time(2_000))]);
    assert!(state.is_protected(now()) && !state.is_protected(to_time(2_000)));
    let state = fold(notes(stored(3, 0, 3, hold("case", None))));
    assert_eq!(state.holds, [Hold::open("case")]);
    assert_eq!(held_by(&notes(stored(3, 0, 3, hold("x", None))), "case").len(), 2);
}

#[test]
fn a_deleted_backup_is_to_be_removed_since_nothing_keeps_it_any_more() {
    let deleted = stored(1, 100, 1, Statement::Deleted { reason: None, unconfirmed: false });
    let since = |keeping: Vec<StoredNote>| {
        fold([vec![deleted.clone()], keeping].concat()).deleted_since().map(|at| at.timestamp_millis())
    };
    let pin = |at_ms, until_ms| stored(1, at_ms, 5, Statement::Pinned { id: "restore".into(), until_ms });
    assert_eq!(fold(vec![pin(7, 8)]).deleted_since(), None);
    assert_eq!(since(vec![]), Some(100));
    assert_eq!(since(vec![stored(1, 90, 2, hold("case", Some(95)))]), Some(100));
    assert_eq!(since(vec![stored(1, 90, 2, hold("case", Some(300)))]), Some(300));
    assert_eq!(since(vec![pin(90, 400)]), Some(400));
    // Ended ahead of time, which was said later than it would have ended.
    assert_eq!(since(vec![pin(150, 0)]), Some(150));
    let released = stored(2, 500, 3, release("case", &[2]));
    assert_eq!(since(vec![stored(1, 90, 2, hold("case", None)), released]), Some(500));
}

#[test]
fn a_deleted_backup_that_is_held_or_pinned_counts_as_not_deleted() {
    let deleted = || stored(1, 7, 1, Statement::Deleted { reason: Some("old".into()), unconfirmed: false });
    let state = fold(vec![deleted()]);
    assert!(state.is_deleted(now()));
    let deletion = state.deletion.unwrap();
    assert_eq!(
        (deletion.at, deletion.stamp, deletion.reason.as_deref()),
        (to_time(7), to_time(7), Some("old"))
    );
    let pin = |until_ms| Statement::Pinned { id: "reader".into(), until_ms };
    for (statement, is_deleted) in [
        (hold("case", None), false),
        (hold("case", Some(1_001)), false),
        (hold("case", Some(1_000)), true),
        (pin(1_001), false),
        (pin(1_000), true),
        (Statement::Undeleted, false),
        (Statement::Unknown, true),
    ] {
        let state = fold(vec![deleted(), stored(2, 0, 2, statement.clone())]);
        assert_eq!(state.is_deleted(now()), is_deleted, "{statement:?}");
    }
    // Deleted again, and brought back by somebody who saw only the first.
    let state = fold(vec![
        deleted(),
        stored(2, 0, 2, Statement::Undeleted),
        stored(3, 0, 3, Statement::Deleted { reason: None, unconfirmed: false }),
    ]);
    assert!(state.is_deleted(now()));
}

#[test]
fn a_pin_is_renewed_or_ended_under_its_name() {
    let pin = |name: &str, until_ms| Statement::Pinned { id: name.into(), until_ms };
    let notes = vec![stored(1, 0, 1, pin("a", 5_000)), stored(2, 0, 2, pin("b", 3_000))];
    assert_eq!(fold(notes.clone()).pinned_until, Some(to_time(5_000)));
    let ended = [notes, vec![stored(3, 0, 3, pin("a", 0))]].concat();
    assert_eq!(fold(ended).pinned_until, Some(to_time(3_000)));
}

#[test]
fn no_clock_decides_what_a_writer_saw() {
    let comment = |text: &str| Statement::Comment { text: text.into() };
    // The second writer's clock is years behind.
    let state = fold(vec![stored(1, 9_000_000, 9, comment("first")), stored(2, 1, 1, comment("second"))]);
    assert_eq!(state.comment.as_deref(), Some("second"));
    // They did not see each other: the clock, then the hash.
    let state = fold(vec![stored(1, 2, 1, comment("later")), stored(1, 1, 9, comment("earlier"))]);
    assert_eq!(state.comment.as_deref(), Some("later"));
    let state = fold(vec![stored(1, 2, 9, comment("high")), stored(1, 2, 1, comment("low"))]);
    assert_eq!(state.comment.as_deref(), Some("high"));
}

#[test]
fn the_next_number_is_higher_than_all_and_never_overflows() {
    let notes = |number| BackupNotes::of(vec![stored(number, 0, 1, Statement::Undeleted)]);
    assert_eq!(BackupNotes::default().next_number(), 1);
    assert_eq!(notes(41).next_number(), 42);
    assert_eq!(notes(u64::MAX).next_number(), u64::MAX);
}

fn statement() -> impl Strategy<Value = Statement> {
    let name = || select(vec!["a".to_owned(), "b".to_owned()]);
    let tags = || btree_set(select(vec!["x".to_owned(), "y".to_owned(), "z".to_owned()]), 0..3);
    prop_oneof![
        (name(), proptest::option::of(0..3_000_i64))
            .prop_map(|(id, until_ms)| Statement::Hold { id, until_ms }),
        (name(), vec(0..20_u8, 0..4)).prop_map(|(id, ends)| release(&id, &ends)),
        (tags(), tags()).prop_map(|(add, remove)| {
            let remove = remove.difference(&add).cloned().collect();
            Statement::Tag { add, remove }
        }),
        name().prop_map(|text| Statement::Comment { text }),
        select(vec![Kind::Manual, Kind::Nightly]).prop_map(|kind| Statement::Kinds { kinds: [kind].into() }),
        any::<bool>().prop_map(|sound| Statement::Verified { sound }),
        (name(), 0..3_000_i64).prop_map(|(id, until_ms)| Statement::Pinned { id, until_ms }),
        Just(Statement::Deleted { reason: None, unconfirmed: false }),
        Just(Statement::Undeleted),
        Just(Statement::Unknown),
    ]
}

/// Notes of which several may have the same number and time, but none the same hash.
fn notes() -> impl Strategy<Value = Vec<StoredNote>> {
    vec((1..6_u64, 0..3_i64, statement()), 0..20).prop_map(|notes| {
        let numbered = (0..).zip(notes);
        numbered.map(|(hash, (number, at_ms, said))| stored(number, at_ms, hash, said)).collect()
    })
}

/// The tags as one person who hears the notes in order keeps them.
fn tags_by_hand(notes: &[StoredNote]) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    for stored in notes {
        if let Statement::Tag { add, remove } = &stored.note.statement {
            tags.retain(|tag| !remove.contains(tag));
            tags.extend(add.iter().cloned());
        }
    }
    tags
}

proptest! {
    #[test]
    fn the_order_in_which_notes_are_found_does_not_matter(notes in notes(), swaps in vec(any::<(Index, Index)>(), 0..30)) {
        let expected = BackupNotes::of(notes.clone());
        let mut shuffled = notes;
        for (left, right) in swaps {
            if !shuffled.is_empty() {
                let (left, right) = (left.index(shuffled.len()), right.index(shuffled.len()));
                shuffled.swap(left, right);
            }
        }
        prop_assert_eq!(BackupNotes::of(shuffled), expected);
    }

    #[test]
    fn folding_agrees_with_keeping_books_by_hand(notes in notes()) {
        let said = BackupNotes::of(notes);
        let added: BTreeSet<String> =
            said.state.tags.iter().filter(|(_, added)| **added).map(|(tag, _)| tag.clone()).collect();
        prop_assert_eq!(added, tags_by_hand(&said.notes));
        let last = said.notes.iter().rev().find_map(|stored| match stored.note.statement {
            Statement::Deleted { .. } => Some(true),
            Statement::Undeleted => Some(false),
            _ => None,
        });
        prop_assert_eq!(said.state.deletion.is_some(), last.unwrap_or(false));
        // A hold counts exactly if its name is one of which not every note was released.
        for name in ["a", "b"] {
            let unreleased = said.notes.iter().any(|held| {
                let is_hold = matches!(&held.note.statement, Statement::Hold { id, .. } if id == name);
                is_hold && !said.notes.iter().any(|other| matches!(&other.note.statement,
                    Statement::Release { id, ends } if id == name && ends.contains(&Bytes32(held.name.hash))))
            });
            prop_assert_eq!(said.state.holds.iter().any(|hold| hold.id == name), unreleased);
        }
    }

    #[test]
    fn a_note_of_somebody_who_saw_less_never_ends_a_hold(notes in notes(), late in statement()) {
        let before = fold(notes.clone());
        let is_release = matches!(late, Statement::Release { .. });
        let mut more = notes;
        more.push(stored(1, 0, 200, late));
        let after = fold(more);
        for hold in before.holds.iter().filter(|_| !is_release) {
            let kept = after.holds.iter().find(|kept| kept.id == hold.id).unwrap();
            prop_assert!(kept.until.is_none() || kept.until >= hold.until);
        }
    }
}
