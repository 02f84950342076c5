mod form;
mod label;
mod reason;
mod recovery;
mod removal;
mod timeline;

use std::{fmt, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};

pub(crate) use self::removal::Removals;
pub use self::{
    reason::Reason,
    removal::Removal,
    timeline::{Bar, Lane, Timeline},
};
use crate::{
    backup::Backup,
    decide::{Bases, Cause, Group, Mark},
    policy::Policy,
    rule::{Anchor, Keep, Ttl},
    zone::Transitions,
};

/// What a [`Policy`] says about each backup of one group at one instant.
///
/// Every backup is either kept or removed.
#[derive(Debug)]
pub struct Decisions<'a> {
    policy: &'a Policy,
    now: DateTime<Utc>,
    group: Arc<Group<'a>>,
    transitions: Transitions,
    bases: Bases,
    /// Why backups are kept, in the order of the group.
    causes: Vec<Cause>,
    /// Where in `causes` each backup's begin; one entry more than backups.
    starts: Vec<usize>,
    removals: Vec<Removals>,
}

impl<'a> Decisions<'a> {
    pub(crate) fn new(
        policy: &'a Policy,
        now: DateTime<Utc>,
        group: Arc<Group<'a>>,
        transitions: Transitions,
        bases: Bases,
        marks: Vec<Mark>,
        removals: Vec<Removals>,
    ) -> Self {
        let mut starts = vec![0; group.len() + 1];
        marks.iter().for_each(|mark| starts[mark.position as usize + 1] += 1);
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut causes = vec![Cause::Unmatched; marks.len()];
        for Mark { position, cause } in marks {
            let place = &mut next[position as usize];
            causes[*place] = cause;
            *place += 1;
        }
        Self { policy, now, group, transitions, bases, causes, starts, removals }
    }

    /// All decisions, oldest backup first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Decision<'_>> {
        self.group.positions().map(|position| Decision { decisions: self, position })
    }

    /// What stays, oldest first.
    pub fn kept(&self) -> impl DoubleEndedIterator<Item = Decision<'_>> {
        self.iter().filter(Decision::is_kept)
    }

    /// What may be deleted, oldest first.
    pub fn removed(&self) -> impl DoubleEndedIterator<Item = Decision<'_>> {
        self.iter().filter(|decision| !decision.is_kept())
    }

    /// The decision about one backup, if it is one of the group.
    pub fn get(&self, id: &str) -> Option<Decision<'_>> {
        self.group.position(id).map(|position| Decision { decisions: self, position })
    }

    /// The decision about one backup in words, if it is one of the group. The same as [`Decision`]'s `Display`.
    pub fn explain(&self, id: &str) -> Option<String> {
        self.get(id).map(|decision| decision.to_string())
    }

    /// The instant that was decided for.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    fn is_kept(&self, position: u32) -> bool {
        self.starts[position as usize] < self.starts[position as usize + 1]
    }
}

/// What a [`Policy`] says about one backup. `Display` explains it in one line.
#[derive(Clone, Copy)]
pub struct Decision<'d> {
    decisions: &'d Decisions<'d>,
    position: u32,
}

/// The two answers, with their grounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'d> {
    /// The backup stays.
    Kept {
        /// Why: at least one reason, sorted by name.
        reasons: Vec<Reason<'d>>,
        /// For how long.
        expiry: Expiry,
    },
    /// The backup may be deleted.
    Removed {
        /// Why: sorted by name. Each rule that looked at the backup and did not choose it adds its own.
        reasons: Vec<Removal>,
    },
}

/// For how long a backup is kept if nothing is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Until somebody removes it, or releases what keeps it.
    Never,
    /// It depends on what else there is, such as newer backups.
    Conditional,
    /// At this instant it is no longer kept.
    At(DateTime<Utc>),
}

impl<'d> Decision<'d> {
    /// The backup decided about.
    pub fn backup(&self) -> &'d Backup {
        self.decisions.group.at(self.position)
    }

    /// Its id.
    pub fn id(&self) -> &'d str {
        &self.backup().id
    }

    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        self.decisions.is_kept(self.position)
    }

    /// The answer with its grounds.
    pub fn verdict(&self) -> Verdict<'d> {
        if !self.is_kept() {
            return Verdict::Removed { reasons: self.removals().iter().collect() };
        }
        let mut reasons: Vec<Reason<'d>> = self.causes().iter().map(|&cause| self.reason(cause)).collect();
        reasons.sort_by_cached_key(Reason::name);
        Verdict::Kept {
            expiry: reasons.iter().map(Reason::expiry).fold(Expiry::NEAREST, Expiry::or),
            reasons,
        }
    }

    fn causes(&self) -> &'d [Cause] {
        let position = self.position as usize;
        &self.decisions.causes[self.decisions.starts[position]..self.decisions.starts[position + 1]]
    }

    fn removals(&self) -> Removals {
        self.decisions.removals[self.position as usize]
    }

    fn reason(&self, cause: Cause) -> Reason<'d> {
        let policy = self.decisions.policy;
        match cause {
            Cause::Rule { rule, rank } => self.rule_reason(rule, rank),
            Cause::Oldest { rule } => Reason::Oldest { rule: &policy.rules[rule as usize] },
            Cause::Unmatched => Reason::Unmatched,
            Cause::Hold { hold } => Reason::Hold { hold: &self.backup().holds[hold as usize] },
            Cause::MinKeep { rank } => Reason::MinKeep { rank, of: policy.min_keep },
            Cause::MinKeepVerified { rank } => Reason::MinKeepVerified { rank, of: policy.min_keep_verified },
            Cause::Dependency { child } => Reason::Dependency { child: &self.decisions.group.at(child).id },
            Cause::InProgress => Reason::InProgress,
            Cause::FailedTtl => Reason::FailedTtl {
                until: policy.failed_ttl.map_or(self.backup().time, |ttl| self.end_of(&ttl)),
            },
            Cause::Future => Reason::Future,
            Cause::PitrAnchor => Reason::PitrAnchor,
            Cause::PitrWindow => Reason::PitrWindow,
        }
    }

    fn rule_reason(&self, index: u32, rank: u32) -> Reason<'d> {
        let rule = &self.decisions.policy.rules[index as usize];
        match &rule.keep {
            Keep::Last(of) => Reason::Last { rule, rank, of: *of },
            Keep::Bucket(bucket) => {
                let label = label::label(
                    self.backup().time,
                    bucket,
                    self.decisions.policy,
                    &self.decisions.transitions,
                );
                Reason::Bucket { rule, bucket, rank, label }
            }
            Keep::Within { period, anchor } => {
                let until = (*anchor == Anchor::Now).then(|| self.end_of(period));
                Reason::Within { rule, period: *period, until }
            }
            Keep::Ttl(Ttl::Forever) => Reason::Ttl { rule, until: None },
            Keep::Ttl(Ttl::For(period)) => Reason::Ttl { rule, until: Some(self.end_of(period)) },
            Keep::Tags(_) => Reason::Tags { rule },
        }
    }

    fn end_of(&self, period: &crate::period::Period) -> DateTime<Utc> {
        self.decisions.transitions.add(self.backup().time, period)
    }

    /// The names of the rules that looked at the backup and would have removed it so.
    fn rules_against(&self, removal: Removal) -> Vec<String> {
        let rules = self.decisions.policy.rules.iter();
        rules
            .filter(|rule| Removal::by(&rule.keep) == removal && rule.covers(self.backup()))
            .map(|rule| rule.reason())
            .collect()
    }
}

impl Expiry {
    /// Where the search for the latest begins.
    const NEAREST: Self = Self::At(DateTime::<Utc>::MIN_UTC);

    /// The expiry of what is kept for either of two reasons.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Conditional, _) | (_, Self::Conditional) => Self::Conditional,
            (Self::At(a), Self::At(b)) => Self::At(a.max(b)),
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never expires"),
            Self::Conditional => f.write_str("no fixed expiry, it depends on the other backups"),
            Self::At(instant) => write!(f, "expires {}", format_time(*instant)),
        }
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict() {
            Verdict::Kept { reasons, expiry } => {
                let reasons: Vec<String> = reasons.iter().map(Reason::to_string).collect();
                write!(f, "kept: {}; {expiry}", reasons.join("; "))
            }
            Verdict::Removed { reasons } => {
                // Where the limit took a backup, it is not recorded which rules had kept it.
                let capped = reasons.contains(&Removal::MaxCount);
                let explain = |removal: &Removal| match self.rules_against(*removal) {
                    rules if rules.is_empty() || capped => removal.to_string(),
                    rules => format!("{removal} ({})", rules.join(", ")),
                };
                let reasons: Vec<String> = reasons.iter().map(explain).collect();
                write!(f, "removed: {}", reasons.join("; "))
            }
        }
    }
}

impl fmt::Debug for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision").field("id", &self.id()).field("verdict", &self.verdict()).finish()
    }
}

/// RFC 3339 with `Z` and only as many decimals as there are.
pub(crate) fn format_time(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
