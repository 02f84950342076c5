use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    backup::Backup,
    decide::{self, Circumstances},
    decision::Decisions,
    error::Result,
    kind::Kind,
    period::Period,
    pitr::Pitr,
    preview::{Preview, Weakening, preview, weakenings},
    rule::{Bucket, Keep, Rule},
    zone::Zone,
};

/// Which backups to keep, as plain data.
///
/// A backup is kept if any rule keeps it, if something protects it (a hold, the minimums, a kept backup that
/// needs it), or if no rule looks at its kind: deleting takes an explicit rule, so the empty policy keeps
/// everything.
///
/// ```
/// use backup_policy::{Kind, Period, Policy, Rule};
///
/// let policy = Policy::keep(Rule::daily(30))
///     .and(Rule::monthly(12))
///     .and(Rule::forever().of([Kind::Manual]))
///     .and(Rule::ttl(Period::days(7)).of([Kind::PreRestore]))
///     .in_zone("Europe/Berlin".parse()?)
///     .at_least(3);
/// # let _ = policy;
/// # Ok::<(), backup_policy::Error>(())
/// ```
///
/// In JSON, omitted fields have the defaults given below, but the two minimums are 0, so that a file says all
/// it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Policy {
    /// Whose calendar and clock all rules go by. Default: UTC.
    #[serde(default)]
    pub tz: Zone,
    /// Where [`Unit::Weekly`](crate::Unit::Weekly) cuts. Default: Monday.
    #[serde(default)]
    pub week_start: WeekStart,
    /// Whether rules share backups. Default: they do.
    #[serde(default)]
    pub counting: Counting,
    /// What to keep; the order matters only under [`Counting::Distinct`].
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Keep at most so many of what the rules keep. For limits of space: with it, keeping more in a rule, or
    /// waiting, may remove what was kept before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_count: Option<MaxCount>,
    /// Always keep so many of the newest sound backups. Default: 1; in JSON 0.
    #[serde(default)]
    pub min_keep: u32,
    /// Always keep so many of the newest sound backups that were verified. Default: 1; in JSON 0.
    #[serde(default)]
    pub min_keep_verified: u32,
    /// How long to keep what cannot be restored (failed, or needing a backup that is missing or failed).
    /// Default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_ttl: Option<Period>,
    /// For how long into the past every instant shall be recoverable. Default: none but the instants of
    /// backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pitr: Option<Pitr>,
    /// What goes when the source is deprovisioned: backups all of whose kinds are among these. Default:
    /// nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub purge_on_deprovision: BTreeSet<Kind>,
}

/// Where weeks begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeekStart {
    /// As in ISO 8601.
    #[default]
    Monday,
    /// As in North America.
    Sunday,
}

/// Whether a backup that one rule keeps counts for the others (D5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// Every rule counts on its own: one backup may be the last of its day and of its month.
    #[default]
    Shared,
    /// [`Keep::Last`](crate::Keep::Last) and [`Keep::Bucket`](crate::Keep::Bucket) pass over, without
    /// counting it, what an earlier one of them keeps.
    Distinct,
}

/// A limit on what the rules keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MaxCount {
    /// The newest so many stay.
    pub n: u32,
    /// Counts only backups of at least one of these kinds, and removes no others. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeSet<Kind>>,
}

impl Policy {
    /// Keeps everything; the minimums are 1.
    pub fn keep_everything() -> Self {
        Self {
            tz: Zone::utc(),
            week_start: WeekStart::default(),
            counting: Counting::default(),
            rules: Vec::new(),
            max_count: None,
            min_keep: 1,
            min_keep_verified: 1,
            failed_ttl: None,
            pitr: None,
            purge_on_deprovision: BTreeSet::new(),
        }
    }

    /// Keeps what this rule says, and never less than the newest backup and the newest verified one.
    pub fn keep(rule: impl Into<Rule>) -> Self {
        Self::keep_everything().and(rule)
    }

    /// Keeps what this rule says too.
    #[must_use]
    pub fn and(mut self, rule: impl Into<Rule>) -> Self {
        self.rules.push(rule.into());
        self
    }

    /// Goes by the calendar and clock of this zone.
    #[must_use]
    pub fn in_zone(mut self, zone: Zone) -> Self {
        self.tz = zone;
        self
    }

    /// Lets weeks begin on Sunday.
    #[must_use]
    pub fn weeks_from_sunday(mut self) -> Self {
        self.week_start = WeekStart::Sunday;
        self
    }

    /// Lets counting rules pass over what an earlier one keeps.
    #[must_use]
    pub fn counting_distinct(mut self) -> Self {
        self.counting = Counting::Distinct;
        self
    }

    /// Always keeps so many of the newest sound backups; 0 switches that off.
    #[must_use]
    pub fn at_least(mut self, newest: u32) -> Self {
        self.min_keep = newest;
        self
    }

    /// Always keeps so many of the newest sound and verified backups; 0 switches that off.
    #[must_use]
    pub fn at_least_verified(mut self, newest: u32) -> Self {
        self.min_keep_verified = newest;
        self
    }

    /// Keeps at most so many of what the rules keep.
    #[must_use]
    pub fn at_most(mut self, n: u32) -> Self {
        self.max_count = Some(MaxCount { n, kinds: None });
        self
    }

    /// Keeps at most so many of what the rules keep of these kinds.
    #[must_use]
    pub fn at_most_of(mut self, n: u32, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.max_count = Some(MaxCount { n, kinds: Some(kinds.into_iter().collect()) });
        self
    }

    /// Keeps what cannot be restored for so long.
    #[must_use]
    pub fn failed_for(mut self, period: Period) -> Self {
        self.failed_ttl = Some(period);
        self
    }

    /// Keeps what it takes to recover any instant of the last `window`, with the log that goes with it.
    #[must_use]
    pub fn recoverable_for(mut self, window: Period) -> Self {
        self.pitr = Some(Pitr { window, kinds: None });
        self
    }

    /// Gives up backups of these kinds alone when the source is deprovisioned.
    #[must_use]
    pub fn purging(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.purge_on_deprovision = kinds.into_iter().collect();
        self
    }

    /// Checks what types alone cannot. Rules from JSON have passed already.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPolicy`](crate::ErrorKind::InvalidPolicy) for a zero time to live, a bucket of
    /// zero units or an empty name, [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) for a period of
    /// more than 1000 years.
    pub fn validate(&self) -> Result<()> {
        self.failed_ttl.as_ref().map_or(Ok(()), Period::check_length)?;
        self.pitr.as_ref().map_or(Ok(()), Pitr::validate)?;
        self.rules.iter().try_for_each(Rule::validate)
    }

    /// Decides for each backup of one group whether it is kept at `now`, and why.
    ///
    /// Pure: the same arguments, in any order of the backups, give the same answer. Nothing is deleted by
    /// this.
    ///
    /// # Errors
    /// Those of [`Policy::validate`]; [`ErrorKind::DuplicateId`](crate::ErrorKind::DuplicateId) if two
    /// backups have the same id; [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if a time is outside
    /// the years 1 to 8000.
    pub fn decide<'a>(&'a self, backups: &'a [Backup], now: DateTime<Utc>) -> Result<Decisions<'a>> {
        decide::decide(self, backups, now, Circumstances::default())
    }

    /// Decides like [`Policy::decide`] after the source of the backups was deprovisioned.
    ///
    /// That is an explicit, destructive act: [`Policy::purge_on_deprovision`] applies, and the two minimums
    /// do not. Holds do, and so do the rules, so a final backup stays if a rule keeps its kind.
    ///
    /// # Errors
    /// Those of [`Policy::decide`].
    pub fn decide_deprovisioned<'a>(
        &'a self,
        backups: &'a [Backup],
        now: DateTime<Utc>,
    ) -> Result<Decisions<'a>> {
        decide::decide(
            self,
            backups,
            now,
            Circumstances { is_deprovisioned: true, ..Circumstances::default() },
        )
    }

    /// What changing to `new` would lose of these backups.
    ///
    /// # Errors
    /// Those of [`Policy::decide`], for either policy;
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if sizes add up beyond a `u64`.
    pub fn preview(&self, new: &Self, backups: &[Backup], now: DateTime<Utc>) -> Result<Preview> {
        let no_copies = BTreeMap::new();
        preview((self, &no_copies), (new, &no_copies), backups, now)
    }

    /// In which ways `new` may keep less, whatever backups there are. Empty means: nothing that this policy
    /// keeps will ever be lost by the change.
    ///
    /// It judges by the rules alone and errs on the side of warning; [`Policy::preview`] says what would
    /// really be lost at a moment.
    pub fn weakens(&self, new: &Self) -> Vec<Weakening> {
        weakenings(self, new)
    }

    pub(crate) fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.rules.iter().filter_map(|rule| match &rule.keep {
            Keep::Bucket(bucket) => Some(bucket),
            _ => None,
        })
    }

    /// Whether any answer depends on the zone.
    pub(crate) fn uses_calendar(&self) -> bool {
        self.buckets().next().is_some() || self.longest_period() > 0
    }

    pub(crate) fn longest_period(&self) -> i64 {
        let rules = self.rules.iter().filter_map(Rule::period);
        let window = self.pitr.as_ref().map(|pitr| &pitr.window);
        rules.chain(&self.failed_ttl).chain(window).map(Period::most_seconds).max().unwrap_or(0)
    }
}
