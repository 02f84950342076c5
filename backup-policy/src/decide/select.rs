//! What one rule keeps of the backups in its scope.

use chrono::{DateTime, Utc};

use super::{Cause, Cut, Group, Key, Mark};
use crate::{
    period::{CLOCK_CHANGES, Period},
    policy::Policy,
    rule::{Anchor, Bucket, Count, Keep, Pick, Ttl},
    zone::Transitions,
};

/// One rule, and what it sees of the group.
pub(super) struct Selector<'s> {
    pub(super) policy: &'s Policy,
    pub(super) rule: u32,
    pub(super) group: &'s Group<'s>,
    pub(super) transitions: &'s Transitions,
    pub(super) now: DateTime<Utc>,
    /// Positions, oldest first.
    pub(super) scope: &'s [u32],
    /// What earlier rules keep and a counting one passes over.
    pub(super) counted: &'s [bool],
}

impl Selector<'_> {
    pub(super) fn select(&self, marks: &mut Vec<Mark>) {
        match &self.policy.rules[self.rule as usize].keep {
            Keep::Last(n) => self.select_last(*n, marks),
            Keep::Bucket(bucket) => self.select_buckets(bucket, marks),
            Keep::Within { period, anchor } => {
                self.select_each(marks, |position| self.is_within(position, period, *anchor));
            }
            Keep::Ttl(Ttl::For(period)) => {
                self.select_each(marks, |position| self.is_within(position, period, Anchor::Now));
            }
            Keep::Ttl(Ttl::Forever) => self.select_each(marks, |_| true),
            Keep::Tags(any_of) => {
                self.select_each(marks, |position| {
                    any_of.iter().any(|all| all.is_subset(&self.group.at(position).tags))
                });
            }
        }
    }

    fn select_each(&self, marks: &mut Vec<Mark>, keeps: impl Fn(u32) -> bool) {
        let kept = self.scope.iter().filter(|&&position| keeps(position));
        marks.extend(kept.map(|&position| self.mark(position, 1)));
    }

    fn select_last(&self, n: Count, marks: &mut Vec<Mark>) {
        let fresh = self.scope.iter().rev().filter(|&&position| !self.counted[position as usize]);
        marks.extend((1..).zip(fresh.take(n.limit())).map(|(rank, &position)| self.mark(position, rank)));
    }

    fn select_buckets(&self, bucket: &Bucket, marks: &mut Vec<Mark>) {
        let mut picks = self.picks(bucket);
        picks.retain(|&position| !self.counted[position as usize]);
        let is_unmet = picks.len() < bucket.n.limit();
        picks.truncate(bucket.n.limit());

        let first_mark = marks.len();
        let young = (1..).zip(picks).filter(|&(_, position)| self.is_pick_within(bucket, position));
        marks.extend(young.map(|(rank, position)| self.mark(position, rank)));
        if let Some(&oldest) = self.scope.first()
            && bucket.keep_oldest
            && is_unmet
            && !self.counted[oldest as usize]
            && self.is_pick_within(bucket, oldest)
            && marks[first_mark..].iter().all(|mark| mark.position != oldest)
        {
            marks.push(Mark { position: oldest, cause: Cause::Oldest { rule: self.rule } });
        }
    }

    /// The pick of each bucket, ordered by the buckets' newest members, newest first. What comes after as
    /// many as the rule asks for may be left out.
    fn picks(&self, bucket: &Bucket) -> Vec<u32> {
        let cut = Cut::new(bucket, self.policy);
        let mut picks: Vec<u32> = Vec::new();
        let mut keys: Vec<Key> = Vec::new();
        let mut slot = 0;
        let mut uncounted = 0;
        for &position in self.scope.iter().rev() {
            let key = cut.key(self.group.time(position), self.transitions);
            // Neighbours mostly share a bucket.
            if keys.get(slot) != Some(&key) {
                slot = cut.find_recent(&keys, key).unwrap_or(keys.len());
            }
            if slot < picks.len() {
                if bucket.pick == Pick::First {
                    picks[slot] = position;
                }
                continue;
            }
            if bucket.pick == Pick::Last && uncounted >= bucket.n.limit() {
                break;
            }
            keys.push(key);
            picks.push(position);
            uncounted += usize::from(!self.counted[position as usize]);
        }
        picks
    }

    fn is_pick_within(&self, bucket: &Bucket, position: u32) -> bool {
        bucket.within.as_ref().is_none_or(|period| self.is_within(position, period, bucket.anchor))
    }

    /// Whether a backup is younger than `period` at the anchor. Nothing is ever subtracted from the anchor,
    /// so this is the same formula as the published expiry.
    fn is_within(&self, position: u32, period: &Period, anchor: Anchor) -> bool {
        let anchor = match anchor {
            Anchor::Newest => self.scope.last().map_or(self.now, |&newest| self.group.time(newest)),
            Anchor::Now => self.now,
        };
        let time = self.group.time(position);
        // The calendar is asked only where it matters: of a million backups, mostly of none.
        let age = anchor.timestamp() - time.timestamp();
        if age > period.most_seconds() + CLOCK_CHANGES {
            return false;
        }
        age < period.least_seconds() - CLOCK_CHANGES || self.transitions.add(time, period) > anchor
    }

    fn mark(&self, position: u32, rank: u32) -> Mark {
        Mark { position, cause: Cause::Rule { rule: self.rule, rank } }
    }
}
