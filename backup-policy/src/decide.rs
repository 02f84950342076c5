//! Evaluation: classify, apply the rules, cap, protect, close over parents.

mod bases;
mod class;
mod cut;
mod group;
mod ids;
mod select;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub(crate) use self::{
    bases::Bases,
    cut::{Cut, Key},
    group::Group,
};
use self::{class::Class, select::Selector};
use crate::{
    backup::Backup,
    decision::{Decisions, Removal, Removals},
    error::Result,
    policy::{Counting, Policy},
    rule::{Keep, covers},
    zone::{Transitions, check_range},
};

/// One reason to keep one backup, small enough to have millions of. Numbers are indices: of rules in the
/// policy, of holds in the backup, of backups in the [`Group`]; ranks count from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    Rule { rule: u32, rank: u32 },
    Oldest { rule: u32 },
    Unmatched,
    Hold { hold: u32 },
    MinKeep { rank: u32 },
    MinKeepVerified { rank: u32 },
    Dependency { child: u32 },
    InProgress,
    FailedTtl,
    Future,
    PitrAnchor,
    PitrWindow,
}

/// That `cause` keeps the backup at this position of the group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) position: u32,
    pub(crate) cause: Cause,
}

/// What else an answer depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Circumstances {
    /// The source is gone for good.
    pub(crate) is_deprovisioned: bool,
    /// As if nobody held anything, to see what holds prevent.
    pub(crate) ignores_holds: bool,
}

pub(crate) fn decide<'a>(
    policy: &'a Policy,
    backups: &'a [Backup],
    now: DateTime<Utc>,
    circumstances: Circumstances,
) -> Result<Decisions<'a>> {
    decide_group(policy, Arc::new(Group::new(backups)?), now, circumstances)
}

/// The same for a group that several policies decide about.
pub(crate) fn decide_group<'a>(
    policy: &'a Policy,
    group: Arc<Group<'a>>,
    now: DateTime<Utc>,
    circumstances: Circumstances,
) -> Result<Decisions<'a>> {
    policy.validate()?;
    check_range(now)?;
    let (from, until) = group.span(now);
    let transitions = Transitions::covering(&policy.tz, from, until + policy.longest_period());

    let mut evaluation = Evaluation {
        policy,
        circumstances,
        now,
        transitions: &transitions,
        marks: Vec::new(),
        removals: vec![Removals::default(); group.len()],
        eligible: Vec::new(),
        bases: Bases::default(),
        group: &group,
    };
    evaluation.classify();
    evaluation.apply_rules();
    evaluation.cap();
    evaluation.protect();
    evaluation.keep_recoverable();
    evaluation.close();

    let Evaluation { marks, removals, bases, .. } = evaluation;
    Ok(Decisions::new(policy, now, group, transitions, bases, marks, removals))
}

struct Evaluation<'e> {
    policy: &'e Policy,
    circumstances: Circumstances,
    group: &'e Group<'e>,
    now: DateTime<Utc>,
    transitions: &'e Transitions,
    marks: Vec<Mark>,
    removals: Vec<Removals>,
    /// Positions of what rules may count, oldest first.
    eligible: Vec<u32>,
    /// What point-in-time recovery may begin with.
    bases: Bases,
}

impl Evaluation<'_> {
    fn mark(&mut self, position: u32, cause: Cause) {
        self.marks.push(Mark { position, cause });
    }

    fn remove(&mut self, position: u32, removal: Removal) {
        self.removals[position as usize].insert(removal);
    }

    fn classify(&mut self) {
        for (position, class) in class::classes(self.group, self.now) {
            match class {
                Class::Running => self.mark(position, Cause::InProgress),
                Class::Unsound => {
                    let began = self.group.time(position);
                    match &self.policy.failed_ttl {
                        Some(ttl) if self.now < self.transitions.add(began, ttl) => {
                            self.mark(position, Cause::FailedTtl);
                        }
                        _ => self.remove(position, Removal::FailedExpired),
                    }
                }
                Class::Future => self.mark(position, Cause::Future),
                Class::Eligible if self.is_purged(position) => self.remove(position, Removal::Deprovisioned),
                Class::Eligible => self.eligible.push(position),
            }
        }
    }

    fn is_purged(&self, position: u32) -> bool {
        let purge = &self.policy.purge_on_deprovision;
        self.circumstances.is_deprovisioned
            && !purge.is_empty()
            && self.group.at(position).kinds.is_subset(purge)
    }

    fn apply_rules(&mut self) {
        let mut covered = vec![false; self.group.len()];
        let mut counted = vec![false; self.group.len()];
        // Taken out while rules see it, as they mark and remove.
        let eligible = std::mem::take(&mut self.eligible);
        for (index, rule) in (0..).zip(&self.policy.rules) {
            if rule.kinds.is_none() {
                covered.fill(true);
                self.apply_rule(index, &eligible, &mut counted);
                continue;
            }
            let in_scope = |&&position: &&u32| rule.covers(self.group.at(position));
            let scope: Vec<u32> = eligible.iter().filter(in_scope).copied().collect();
            scope.iter().for_each(|&position| covered[position as usize] = true);
            self.apply_rule(index, &scope, &mut counted);
        }
        let unmatched = eligible.iter().filter(|&&position| !covered[position as usize]);
        self.marks.extend(unmatched.map(|&position| Mark { position, cause: Cause::Unmatched }));
        self.eligible = eligible;
    }

    /// `counted` holds what earlier counting rules keep, if later ones are to pass over it.
    fn apply_rule(&mut self, index: u32, scope: &[u32], counted: &mut [bool]) {
        let Self { policy, group, transitions, now, .. } = *self;
        let first_mark = self.marks.len();
        let selector = Selector { policy, rule: index, group, transitions, now, scope, counted };
        selector.select(&mut self.marks);

        let keep = &policy.rules[index as usize].keep;
        let counts = policy.counting == Counting::Distinct && matches!(keep, Keep::Last(_) | Keep::Bucket(_));
        let mut chosen = vec![false; group.len()];
        for mark in &self.marks[first_mark..] {
            chosen[mark.position as usize] = true;
            counted[mark.position as usize] |= counts;
        }
        let removal = Removal::by(keep);
        for &position in scope.iter().filter(|&&position| !chosen[position as usize]) {
            self.remove(position, removal);
        }
    }

    /// Takes back what rules keep beyond the policy's limit.
    fn cap(&mut self) {
        let Some(max_count) = &self.policy.max_count else { return };
        let mut kept = vec![false; self.group.len()];
        self.marks.iter().for_each(|mark| kept[mark.position as usize] = true);
        let counts = |&&position: &&u32| {
            kept[position as usize] && covers(max_count.kinds.as_ref(), self.group.at(position))
        };
        let limit = usize::try_from(max_count.n).unwrap_or(usize::MAX);
        let capped: Vec<u32> = self.eligible.iter().rev().filter(counts).skip(limit).copied().collect();
        for position in capped {
            self.remove(position, Removal::MaxCount);
        }
        let removals = &self.removals;
        self.marks.retain(|mark| !removals[mark.position as usize].contains(Removal::MaxCount));
    }

    /// Keeps what no rule may take.
    fn protect(&mut self) {
        if !self.circumstances.ignores_holds {
            self.keep_held();
        }
        // Whoever gives up a source has decided that nothing must remain.
        if !self.circumstances.is_deprovisioned {
            self.keep_minimums();
        }
    }

    fn keep_held(&mut self) {
        for position in self.group.positions().filter(|&position| self.group.is_held(position)) {
            for (hold, held) in (0..).zip(&self.group.at(position).holds) {
                if held.is_active(self.now) {
                    self.mark(position, Cause::Hold { hold });
                }
            }
        }
    }

    fn keep_minimums(&mut self) {
        let newest = self.eligible.iter().rev().copied();
        let verified = newest.clone().filter(|&position| self.group.is_verified(position));
        let minimum = (1..=self.policy.min_keep)
            .zip(newest)
            .map(|(rank, position)| Mark { position, cause: Cause::MinKeep { rank } });
        let minimum_verified = (1..=self.policy.min_keep_verified)
            .zip(verified)
            .map(|(rank, position)| Mark { position, cause: Cause::MinKeepVerified { rank } });
        self.marks.extend(minimum.chain(minimum_verified));
    }

    /// Keeps what recovery within the window may begin with.
    fn keep_recoverable(&mut self) {
        let Some(pitr) = &self.policy.pitr else { return };
        self.bases = Bases::new(pitr, self.group, &self.eligible, self.now, self.transitions);
        self.marks.extend(self.bases.marks());
    }

    /// Keeps every ancestor of what is kept.
    fn close(&mut self) {
        if !self.group.has_chains() {
            return;
        }
        let mut kept = vec![false; self.group.len()];
        self.marks.iter().for_each(|mark| kept[mark.position as usize] = true);
        let mut open: Vec<u32> = self.group.positions().filter(|&position| kept[position as usize]).collect();
        while let Some(position) = open.pop() {
            if let Some(parent) = self.group.parent(position).found()
                && !std::mem::replace(&mut kept[parent as usize], true)
            {
                open.push(parent);
            }
        }
        // One reason per ancestor, naming its newest child, however many keep it.
        let mut newest_child = vec![None; self.group.len()];
        for child in self.group.positions().filter(|&position| kept[position as usize]) {
            if let Some(parent) = self.group.parent(child).found() {
                newest_child[parent as usize] = Some(child);
            }
        }
        for (position, child) in self.group.positions().zip(newest_child) {
            if let Some(child) = child {
                self.mark(position, Cause::Dependency { child });
            }
        }
    }
}
