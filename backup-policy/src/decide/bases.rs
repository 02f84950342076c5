use chrono::{DateTime, Utc};

use super::{Cause, Group, Mark};
use crate::{pitr::Pitr, rule::covers, zone::Transitions};

/// The sound backups from which point-in-time recovery may begin, by the end of their runs.
#[derive(Debug, Default)]
pub(crate) struct Bases {
    /// Positions, in the order of (end of the run, id).
    ordered: Vec<u32>,
    /// How many of them are older than the window needs.
    superseded: usize,
    /// Whether one of them ended at the window's beginning or before.
    is_window_covered: bool,
}

impl Bases {
    pub(super) fn new(
        pitr: &Pitr,
        group: &Group<'_>,
        eligible: &[u32],
        now: DateTime<Utc>,
        transitions: &Transitions,
    ) -> Self {
        let completed = |position: u32| group.at(position).completed();
        let is_base =
            |&position: &u32| covers(pitr.kinds.as_ref(), group.at(position)) && completed(position) <= now;
        let mut ordered: Vec<u32> = eligible.iter().copied().filter(is_base).collect();
        ordered.sort_by(|&a, &b| {
            completed(a).cmp(&completed(b)).then_with(|| group.at(a).id.cmp(&group.at(b).id))
        });
        let anchor = ordered.iter().rposition(|&base| transitions.add(completed(base), &pitr.window) <= now);
        Self { ordered, superseded: anchor.unwrap_or(0), is_window_covered: anchor.is_some() }
    }

    pub(super) fn marks(&self) -> impl Iterator<Item = Mark> {
        let needed = self.ordered[self.superseded..].iter();
        needed.enumerate().map(|(index, &position)| {
            let is_anchor = index == 0 && self.is_window_covered;
            Mark { position, cause: if is_anchor { Cause::PitrAnchor } else { Cause::PitrWindow } }
        })
    }

    /// The base with which recovery of the oldest instant begins.
    pub(crate) fn first_needed(&self) -> Option<u32> {
        self.ordered.get(self.superseded).copied()
    }

    /// All positions, in the order of the ends of their runs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.ordered.iter().copied()
    }
}
