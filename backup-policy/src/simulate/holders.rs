use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, VecDeque},
};

use chrono::{DateTime, Utc};

use super::decider::transitions;
use crate::{
    backup::Backup,
    decide::{Cut, Key},
    kind::Kind,
    period::Period,
    policy::{Counting, Policy},
    rule::{Anchor, Count, Keep, Pick, Rule, Ttl, covers},
    zone::Transitions,
};

/// Follows each rule by itself. A backup goes when no rule holds it any more.
///
/// That is only the same as [`Policy::decide`] at each event while backups arrive in the order of time and no rule looks at
/// what others keep.
pub(super) struct Holders {
    transitions: Transitions,
    holders: Vec<Scoped>,
    /// By how many each backup is held.
    counts: Vec<u32>,
    /// What was let go since the last look, perhaps still held by others.
    released: Vec<u32>,
    /// What no rule looks at is kept.
    rules: usize,
}

struct Scoped {
    kinds: Option<BTreeSet<Kind>>,
    holder: Holder,
}

enum Holder {
    Always,
    Never,
    /// The newest so many.
    Newest {
        n: usize,
        held: VecDeque<u32>,
    },
    /// The last of each of the newest so many buckets.
    Buckets {
        cut: Cut,
        n: usize,
        held: VecDeque<(Key, u32)>,
    },
    /// Each until its end.
    Until {
        period: Period,
        anchor: Anchor,
        ends: Ends,
    },
    /// The newest whose window has ended, and all after it.
    Window {
        period: Period,
        ends: Ends,
        held: VecDeque<u32>,
    },
}

type Ends = BinaryHeap<Reverse<(DateTime<Utc>, u32)>>;

impl Holders {
    /// None for a policy that has to be asked as a whole.
    pub(super) fn of(policy: &Policy, start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        if policy.counting == Counting::Distinct || policy.max_count.is_some() {
            return None;
        }
        let mut holders = Vec::new();
        for rule in &policy.rules {
            holders.push(Scoped { kinds: rule.kinds.clone(), holder: Holder::of_rule(rule, policy)? });
        }
        // All simulated backups are verified, so both minimums count the same ones.
        let least = Count::AtMost(policy.min_keep.max(policy.min_keep_verified));
        holders.push(Scoped { kinds: None, holder: Holder::newest(least) });
        if let Some(pitr) = &policy.pitr {
            let holder = Holder::Window { period: pitr.window, ends: Ends::new(), held: VecDeque::new() };
            holders.push(Scoped { kinds: pitr.kinds.clone(), holder });
        }
        Some(Self {
            transitions: transitions(policy, start, end),
            holders,
            counts: Vec::new(),
            released: Vec::new(),
            rules: policy.rules.len(),
        })
    }

    pub(super) fn arrive(&mut self, index: u32, backup: &Backup) {
        let (mut count, mut is_covered) = (0, false);
        for (number, Scoped { kinds, holder }) in self.holders.iter_mut().enumerate() {
            if covers(kinds.as_ref(), backup) {
                is_covered |= number < self.rules;
                count += u32::from(holder.arrive(index, backup, &self.transitions, &mut self.released));
            }
        }
        self.counts.push(count + u32::from(!is_covered));
        if count == 0 && is_covered {
            // It was never held, so nobody will let it go.
            self.counts[index as usize] = 1;
            self.released.push(index);
        }
    }

    pub(super) fn next_end(&self) -> Option<DateTime<Utc>> {
        self.holders.iter().filter_map(|scoped| scoped.holder.next_end()).min()
    }

    pub(super) fn settle(&mut self, now: DateTime<Utc>) -> Vec<u32> {
        for Scoped { holder, .. } in &mut self.holders {
            holder.settle(now, &mut self.released);
        }
        let mut removed = Vec::new();
        for index in self.released.drain(..) {
            let count = &mut self.counts[index as usize];
            *count -= 1;
            if *count == 0 {
                removed.push(index);
            }
        }
        removed
    }
}

impl Holder {
    fn of_rule(rule: &Rule, policy: &Policy) -> Option<Self> {
        match &rule.keep {
            Keep::Last(n) => Some(Self::newest(*n)),
            Keep::Bucket(bucket)
                if bucket.pick == Pick::Last && bucket.within.is_none() && !bucket.keep_oldest =>
            {
                let n = bucket.n.limit();
                Some(Self::Buckets { cut: Cut::new(bucket, policy), n, held: VecDeque::new() })
            }
            Keep::Bucket(_) => None,
            Keep::Within { period, anchor } => {
                Some(Self::Until { period: *period, anchor: *anchor, ends: Ends::new() })
            }
            Keep::Ttl(Ttl::For(period)) => {
                Some(Self::Until { period: *period, anchor: Anchor::Now, ends: Ends::new() })
            }
            Keep::Ttl(Ttl::Forever) => Some(Self::Always),
            // Simulated backups carry no tags.
            Keep::Tags(any_of) => {
                Some(if any_of.iter().any(BTreeSet::is_empty) { Self::Always } else { Self::Never })
            }
        }
    }

    fn newest(n: Count) -> Self {
        Self::Newest { n: n.limit(), held: VecDeque::new() }
    }

    /// Whether it holds the new backup. What it lets go for it is added to `released`.
    fn arrive(
        &mut self,
        index: u32,
        backup: &Backup,
        transitions: &Transitions,
        released: &mut Vec<u32>,
    ) -> bool {
        match self {
            Self::Always => return true,
            Self::Never => return false,
            Self::Newest { n, held } => {
                held.push_back(index);
                if held.len() > *n {
                    let oldest = held.pop_front().filter(|&oldest| oldest != index);
                    released.extend(oldest);
                }
                return *n > 0;
            }
            Self::Buckets { cut, n, held } => {
                let key = cut.key(backup.time, transitions);
                // Mostly the newest bucket, but clocks can bring an earlier date back.
                if let Some(known) = held.iter().rposition(|(known, _)| *known == key) {
                    released.extend(held.remove(known).map(|(_, superseded)| superseded));
                }
                held.push_back((key, index));
                if held.len() > *n {
                    let oldest = held.pop_front().filter(|&(_, oldest)| oldest != index);
                    released.extend(oldest.map(|(_, oldest)| oldest));
                }
                return *n > 0;
            }
            Self::Until { period, anchor, ends } => {
                if *anchor == Anchor::Newest {
                    release_until(ends, backup.time, released);
                }
                ends.push(Reverse((transitions.add(backup.time, period), index)));
            }
            Self::Window { period, ends, held } => {
                ends.push(Reverse((transitions.add(backup.completed(), period), index)));
                held.push_back(index);
            }
        }
        true
    }

    fn next_end(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Until { anchor: Anchor::Now, ends, .. } | Self::Window { ends, .. } => {
                ends.peek().map(|Reverse((end, _))| *end)
            }
            _ => None,
        }
    }

    /// Lets go what ends by itself.
    fn settle(&mut self, now: DateTime<Utc>, released: &mut Vec<u32>) {
        match self {
            Self::Until { anchor: Anchor::Now, ends, .. } => release_until(ends, now, released),
            Self::Window { ends, held, .. } => {
                let mut ended = Vec::new();
                release_until(ends, now, &mut ended);
                if let Some(newest) = ended.into_iter().max() {
                    while let Some(superseded) = held.pop_front_if(|index| *index < newest) {
                        released.push(superseded);
                    }
                }
            }
            _ => {}
        }
    }
}

fn release_until(ends: &mut Ends, now: DateTime<Utc>, released: &mut Vec<u32>) {
    while let Some(&Reverse((end, index))) = ends.peek()
        && end <= now
    {
        ends.pop();
        released.push(index);
    }
}
