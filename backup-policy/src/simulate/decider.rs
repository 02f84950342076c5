use std::{cmp::Reverse, collections::BinaryHeap};

use chrono::{DateTime, Utc};

use crate::{
    backup::Backup,
    error::Result,
    period::Period,
    policy::Policy,
    rule::{Anchor, Keep, Ttl},
    zone::Transitions,
};

/// Asks the policy anew at each event.
pub(super) struct Decider<'p> {
    policy: &'p Policy,
    transitions: Transitions,
    indices: Vec<u32>,
    /// In step with `indices`, oldest first.
    present: Vec<Backup>,
    /// The periods that end by themselves, measured from a backup's time.
    periods: Vec<Period>,
    ends: BinaryHeap<Reverse<DateTime<Utc>>>,
}

impl<'p> Decider<'p> {
    pub(super) fn new(policy: &'p Policy, start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        let from_now = policy.rules.iter().filter_map(|rule| match &rule.keep {
            Keep::Bucket(bucket) if bucket.anchor == Anchor::Now => bucket.within,
            Keep::Within { period, anchor: Anchor::Now } | Keep::Ttl(Ttl::For(period)) => Some(*period),
            _ => None,
        });
        Self {
            policy,
            transitions: transitions(policy, start, end),
            indices: Vec::new(),
            present: Vec::new(),
            periods: from_now.collect(),
            ends: BinaryHeap::new(),
        }
    }

    pub(super) fn arrive(&mut self, index: u32, backup: Backup) {
        let ends = self.periods.iter().map(|period| self.transitions.add(backup.time, period));
        let window = self.policy.pitr.as_ref();
        let window = window.map(|pitr| self.transitions.add(backup.completed(), &pitr.window));
        self.ends.extend(ends.chain(window).map(Reverse));
        self.indices.push(index);
        self.present.push(backup);
    }

    pub(super) fn next_end(&self) -> Option<DateTime<Utc>> {
        self.ends.peek().map(|Reverse(end)| *end)
    }

    pub(super) fn settle(&mut self, now: DateTime<Utc>) -> Result<Vec<u32>> {
        while self.next_end().is_some_and(|end| end <= now) {
            self.ends.pop();
        }
        let decisions = self.policy.decide(&self.present, now)?;
        // Both are in the order of time, then id.
        let keeps: Vec<bool> = decisions.iter().map(|decision| decision.is_kept()).collect();
        drop(decisions);
        let removed = self.indices.iter().zip(&keeps).filter(|&(_, is_kept)| !is_kept);
        let removed = removed.map(|(&index, _)| index).collect();
        let mut keep = keeps.iter().copied();
        self.indices.retain(|_| keep.next().unwrap_or(true));
        let mut keep = keeps.iter().copied();
        self.present.retain(|_| keep.next().unwrap_or(true));
        Ok(removed)
    }
}

/// The clock changes that a simulation needs.
pub(super) fn transitions(policy: &Policy, start: DateTime<Utc>, end: DateTime<Utc>) -> Transitions {
    Transitions::covering(&policy.tz, start.timestamp(), end.timestamp() + policy.longest_period())
}
