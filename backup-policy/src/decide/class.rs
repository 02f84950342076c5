use chrono::{DateTime, Utc};

use super::group::{Group, Parent};
use crate::backup::Status;

/// What the rules see of a backup; the first that fits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Running,
    /// Failed, or with an ancestor that is missing, failed or its own descendant.
    Unsound,
    /// From a clock that is ahead: never counted and never an anchor (D2).
    Future,
    Eligible,
}

/// The class of each position, oldest first.
pub(super) fn classes(group: &Group<'_>, now: DateTime<Utc>) -> impl Iterator<Item = (u32, Class)> {
    let broken = broken_chains(group);
    group.positions().map(move |position| {
        let status = group.status(position);
        let class = if status == Status::Running {
            Class::Running
        } else if status == Status::Failed || broken[position as usize] {
            Class::Unsound
        } else if group.time(position) > now {
            Class::Future
        } else {
            Class::Eligible
        };
        (position, class)
    })
}

/// Whether the ancestors of a backup are such that it cannot be restored.
fn broken_chains(group: &Group<'_>) -> Vec<bool> {
    if !group.has_chains() {
        return vec![false; group.len()];
    }
    // Every chain counts as broken until its end is found, so that one without an end stays so.
    let mut known = vec![false; group.len()];
    let mut broken = vec![true; group.len()];
    let mut path = Vec::new();
    for start in group.positions() {
        let mut position = start;
        let mut verdict = loop {
            if std::mem::replace(&mut known[position as usize], true) {
                break broken[position as usize];
            }
            path.push(position);
            match group.parent(position) {
                Parent::None => break false,
                Parent::Missing => break true,
                Parent::At(parent) => position = parent,
            }
        };
        while let Some(position) = path.pop() {
            verdict |= has_failed_parent(group, position);
            broken[position as usize] = verdict;
        }
    }
    broken
}

fn has_failed_parent(group: &Group<'_>, position: u32) -> bool {
    group.parent(position).found().is_some_and(|parent| group.status(parent) == Status::Failed)
}
