//! What all notes about a backup come to.

use std::collections::{BTreeMap, BTreeSet};

use backup_policy::{Hold, Kind};
use chrono::{DateTime, Utc};

use super::{Statement, StoredNote};
use crate::catalog::{Verification, to_time};
use crate::format::manifest::Bytes32;

/// What all notes about a backup come to. The same notes give the same state, in whatever order they are found.
///
/// | about | rule |
/// |---|---|
/// | holds | each note that holds counts until a release names that very note, so a hold wins over a release that did not see it; of several under one name the longest counts |
/// | pins | the last note of each name, and of these the longest |
/// | tags | the last note about each tag |
/// | comment, kinds, verified, deleted | the last note |
///
/// The last is the one with the highest number, and so one that saw the others. Only among notes that did not see each other the clock
/// of their writers decides, and then the hash.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// Holds that nobody released, by name, ended ones included.
    pub(crate) holds: Vec<Hold>,
    /// The last that is not over, or was the last to end.
    pub(crate) pinned_until: Option<DateTime<Utc>>,
    /// Tags spoken of, and whether they were added.
    pub(crate) tags: BTreeMap<String, bool>,
    pub(crate) comment: Option<String>,
    pub(crate) kinds: Option<BTreeSet<Kind>>,
    pub(crate) verified: Option<Verification>,
    /// That it was deleted and not brought back.
    pub(crate) deletion: Option<Deletion>,
    /// When the last that is known to have kept it ended, or will: a hold, a pin, or a release. At the earliest when it was put.
    freed_at: Option<DateTime<Utc>>,
}

/// That a backup was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// By the clock of whoever did it.
    pub(crate) at: DateTime<Utc>,
    /// By the storage's clock.
    pub(crate) stamp: DateTime<Utc>,
    pub(crate) reason: Option<String>,
    /// Whether a prune gave it up because nobody had confirmed it.
    pub(crate) unconfirmed: bool,
}

impl State {
    /// Folds notes that are in order.
    pub(super) fn fold(notes: &[StoredNote]) -> Self {
        let mut state = Self { holds: holds(notes), ..Self::default() };
        let mut pins = BTreeMap::new();
        for stored in notes {
            if stored.note.statement.is_about_keeping() {
                state.freed_at = state.freed_at.max(Some(stored.stamp));
            }
            match &stored.note.statement {
                Statement::Tag { add, remove } => {
                    state.tags.extend(remove.iter().map(|tag| (tag.clone(), false)));
                    state.tags.extend(add.iter().map(|tag| (tag.clone(), true)));
                }
                Statement::Comment { text } => state.comment = Some(text.clone()),
                Statement::Kinds { kinds } => state.kinds = Some(kinds.clone()),
                Statement::Verified { sound } => {
                    state.verified = Some(Verification { at: to_time(stored.note.at_ms), sound: *sound });
                }
                Statement::Pinned { id, until_ms } => drop(pins.insert(id, *until_ms)),
                Statement::Deleted { reason, unconfirmed } => {
                    state.deletion = Some(Deletion::of(stored, reason, *unconfirmed));
                }
                Statement::Undeleted => state.deletion = None,
                Statement::Hold { .. } | Statement::Release { .. } | Statement::Unknown => {}
            }
        }
        state.pinned_until = pins.into_values().max().map(to_time);
        let last_hold = state.holds.iter().filter_map(|hold| hold.until).max();
        state.freed_at = state.freed_at.max(last_hold).max(state.pinned_until);
        state
    }

    /// From when on it is to be removed, by the storage's clock: since it was deleted, or since nothing keeps it any more if that is later.
    /// `None` if it is not deleted.
    pub(crate) fn deleted_since(&self) -> Option<DateTime<Utc>> {
        self.deletion
            .as_ref()
            .map(|deletion| self.freed_at.map_or(deletion.stamp, |at| at.max(deletion.stamp)))
    }

    /// Whether it is to be removed: it was deleted, and nothing forbids its removal.
    pub(crate) fn is_deleted(&self, now: DateTime<Utc>) -> bool {
        self.deletion.is_some() && !self.is_protected(now)
    }

    /// Whether a hold or a pin forbids its removal.
    pub(crate) fn is_protected(&self, now: DateTime<Utc>) -> bool {
        self.is_pinned(now) || self.active_holds(now).next().is_some()
    }

    /// Whether somebody uses it.
    pub(crate) fn is_pinned(&self, now: DateTime<Utc>) -> bool {
        self.pinned_until.is_some_and(|until| until > now)
    }

    /// The holds that forbid its removal.
    pub(crate) fn active_holds(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(move |hold| hold.is_active(now))
    }
}

impl Deletion {
    fn of(stored: &StoredNote, reason: &Option<String>, unconfirmed: bool) -> Self {
        let at = to_time(stored.note.at_ms);
        Self { at, stamp: stored.stamp, reason: reason.clone(), unconfirmed }
    }
}

impl Statement {
    fn is_about_keeping(&self) -> bool {
        matches!(self, Self::Hold { .. } | Self::Release { .. } | Self::Pinned { .. })
    }
}

fn holds(notes: &[StoredNote]) -> Vec<Hold> {
    let mut released = BTreeSet::new();
    for stored in notes {
        if let Statement::Release { id, ends } = &stored.note.statement {
            released.extend(ends.iter().map(|hash| (id, hash.0)));
        }
    }
    let mut longest: BTreeMap<&String, Option<i64>> = BTreeMap::new();
    for stored in notes {
        let Statement::Hold { id, until_ms } = &stored.note.statement else { continue };
        if !released.contains(&(id, stored.name.hash)) {
            let longer = |known: &mut Option<i64>| *known = known.zip(*until_ms).map(|(a, b)| a.max(b));
            longest.entry(id).and_modify(longer).or_insert(*until_ms);
        }
    }
    let hold = |(id, until): (&String, Option<i64>)| match until {
        None => Hold::open(id),
        Some(until) => Hold::until(id, to_time(until)),
    };
    longest.into_iter().map(hold).collect()
}

/// The notes that hold under a name and that no release named yet.
pub(super) fn held_by(notes: &[StoredNote], name: &str) -> Vec<Bytes32> {
    let holds =
        |stored: &&StoredNote| matches!(&stored.note.statement, Statement::Hold { id, .. } if id == name);
    notes.iter().filter(holds).map(|stored| Bytes32(stored.name.hash)).collect()
}

#[cfg(test)]
mod tests;
