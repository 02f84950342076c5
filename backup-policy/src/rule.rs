mod form;
mod strength;

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    backup::Backup,
    error::{Error, ErrorKind, Quoted, Result},
    kind::Kind,
    period::Period,
};

/// One reason to keep backups. What no rule of a [`Policy`](crate::Policy) keeps is removed.
///
/// ```
/// use backup_policy::{Bucket, Kind, Period, Rule, Unit};
///
/// let monthly = Rule::monthly(12);
/// let manual = Rule::ttl(Period::months(3)).of([Kind::Manual]);
/// let first_of_every_second_week = Bucket::new(Unit::Weekly, 26).every(2).first().rule().named("fortnight");
/// # let _ = (monthly, manual, first_of_every_second_week);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "form::RuleForm", into = "form::RuleForm")]
#[non_exhaustive]
pub struct Rule {
    /// What it keeps.
    pub keep: Keep,
    /// The rule looks only at backups of at least one of these kinds. Absent: at all.
    pub kinds: Option<BTreeSet<Kind>>,
    /// What explanations call it instead of the name of its sort.
    pub name: Option<String>,
}

/// The sorts of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// The newest so many.
    Last(Count),
    /// One of each calendar period.
    Bucket(Bucket),
    /// All whose age is under `period`.
    Within {
        /// The age.
        period: Period,
        /// The instant it is measured from.
        anchor: Anchor,
    },
    /// All for so long after they were made, measured from now.
    Ttl(Ttl),
    /// All that carry every tag of at least one of the lists.
    Tags(Vec<BTreeSet<String>>),
}

/// One backup of each hour, day, month or other calendar period that has any, for the newest `n` of them.
///
/// Periods are those of the policy's zone. They are sets: a backup that was imported late still belongs to the day of
/// its time. Hours that occur twice when clocks go back are two hours (D3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bucket {
    /// The calendar period.
    pub unit: Unit,
    /// So many units make one bucket: 2 with [`Unit::Weekly`] is a fortnight. Default 1; minutes are always single.
    pub every: u32,
    /// The number of buckets, counted from the newest.
    pub n: Count,
    /// Which backup stands for its bucket. Default: the last.
    pub pick: Pick,
    /// A pick must also be younger than this.
    pub within: Option<Period>,
    /// The instant from which `within` is measured.
    pub anchor: Anchor,
    /// While there are fewer than `n` buckets, keep the oldest backup too (D4). Default: no.
    pub keep_oldest: bool,
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Count {
    /// At most so many.
    AtMost(u32),
    /// No limit; `-1` in JSON.
    All,
}

/// A calendar period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// A minute of the clock.
    Minutely,
    /// An hour of the clock.
    Hourly,
    /// A date.
    Daily,
    /// Seven dates from the policy's first day of the week.
    Weekly,
    /// A month of the calendar.
    Monthly,
    /// Three months from January, April, July or October.
    Quarterly,
    /// A year of the calendar.
    Yearly,
}

/// Which backup of a bucket is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The newest.
    #[default]
    Last,
    /// The earliest.
    First,
}

/// Where ages are measured from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// From the newest backup that the rule looks at, so nothing is lost while no new backups arrive (D6).
    #[default]
    Newest,
    /// From now.
    Now,
}

/// A time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// Until this long after the backup began; at that very instant it is expired.
    For(Period),
    /// Until somebody removes it.
    Forever,
}

impl Rule {
    fn new(keep: Keep) -> Self {
        Self { keep, kinds: None, name: None }
    }

    /// Keeps the newest `n`.
    pub fn last(n: impl Into<Count>) -> Self {
        Self::new(Keep::Last(n.into()))
    }

    /// Keeps the last backup of each of the newest `n` hours that have one.
    pub fn hourly(n: impl Into<Count>) -> Self {
        Bucket::new(Unit::Hourly, n).rule()
    }

    /// Keeps the last backup of each of the newest `n` days that have one.
    pub fn daily(n: impl Into<Count>) -> Self {
        Bucket::new(Unit::Daily, n).rule()
    }

    /// Keeps the last backup of each of the newest `n` weeks that have one.
    pub fn weekly(n: impl Into<Count>) -> Self {
        Bucket::new(Unit::Weekly, n).rule()
    }

    /// Keeps the last backup of each of the newest `n` months that have one.
    pub fn monthly(n: impl Into<Count>) -> Self {
        Bucket::new(Unit::Monthly, n).rule()
    }

    /// Keeps the last backup of each of the newest `n` years that have one.
    pub fn yearly(n: impl Into<Count>) -> Self {
        Bucket::new(Unit::Yearly, n).rule()
    }

    /// Keeps what is younger than `period`, measured from the newest backup (nothing is lost while none arrive).
    pub fn within(period: Period) -> Self {
        Self::new(Keep::Within { period, anchor: Anchor::Newest })
    }

    /// Keeps what is younger than `period`, measured from now.
    pub fn within_of_now(period: Period) -> Self {
        Self::new(Keep::Within { period, anchor: Anchor::Now })
    }

    /// Keeps each backup for exactly `period` after it began.
    pub fn ttl(period: Period) -> Self {
        Self::new(Keep::Ttl(Ttl::For(period)))
    }

    /// Keeps everything until somebody removes it. Restrict it with [`Rule::of`].
    pub fn forever() -> Self {
        Self::new(Keep::Ttl(Ttl::Forever))
    }

    /// Keeps backups that carry all of these tags.
    pub fn tagged<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self::new(Keep::Tags(vec![tags.into_iter().map(Into::into).collect()]))
    }

    /// Looks only at backups of at least one of these kinds.
    #[must_use]
    pub fn of(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.kinds = Some(kinds.into_iter().collect());
        self
    }

    /// Gives it a name for explanations.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What reasons call it: its name, or `last`, `daily`, `weekly/2`, `within`, `ttl`, `ttl:manual`, `tag`.
    pub fn reason(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.sort())
    }

    /// The same without its own name.
    pub(crate) fn sort(&self) -> String {
        match &self.keep {
            Keep::Last(_) => "last".into(),
            Keep::Bucket(bucket) if bucket.every == 1 => bucket.unit.to_string(),
            Keep::Bucket(bucket) => format!("{}/{}", bucket.unit, bucket.every),
            Keep::Within { .. } => "within".into(),
            Keep::Ttl(_) => match self.kinds.as_ref().map(|kinds| (kinds.len(), kinds.first())) {
                Some((1, Some(kind))) => format!("ttl:{kind}"),
                _ => "ttl".into(),
            },
            Keep::Tags(_) => "tag".into(),
        }
    }

    /// Whether the rule looks at this backup at all.
    pub(crate) fn covers(&self, backup: &Backup) -> bool {
        covers(self.kinds.as_ref(), backup)
    }

    /// The longest period in the rule.
    pub(crate) fn period(&self) -> Option<&Period> {
        match &self.keep {
            Keep::Bucket(bucket) => bucket.within.as_ref(),
            Keep::Within { period, .. } | Keep::Ttl(Ttl::For(period)) => Some(period),
            Keep::Last(_) | Keep::Ttl(Ttl::Forever) | Keep::Tags(_) => None,
        }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let invalid = |reason: &str| {
            let rule = self.reason();
            Err(Error::new(ErrorKind::InvalidPolicy, format!("the rule {} {reason}", Quoted(&rule))))
        };
        if let Some(period) = self.period() {
            period.check_length()?;
        }
        if self.name.as_ref().is_some_and(String::is_empty) {
            return Err(Error::new(
                ErrorKind::InvalidPolicy,
                "a rule has an empty name: give it one or leave it out",
            ));
        }
        match &self.keep {
            Keep::Bucket(bucket) if bucket.every == 0 => {
                invalid("makes buckets of 0 units: set \"every\" to 1 or more")
            }
            Keep::Ttl(Ttl::For(period)) if period.is_zero() => {
                invalid("has a time to live of zero: say how long, \"forever\", or keep the last 0")
            }
            _ => Ok(()),
        }
    }
}

/// Whether a set of kinds (absent = all) takes a backup in.
pub(crate) fn covers(kinds: Option<&BTreeSet<Kind>>, backup: &Backup) -> bool {
    kinds_meet(kinds, &backup.kinds)
}

/// Whether a set of kinds (absent = all) has one of these.
pub(crate) fn kinds_meet(kinds: Option<&BTreeSet<Kind>>, others: &BTreeSet<Kind>) -> bool {
    kinds.is_none_or(|kinds| kinds.iter().any(|kind| others.contains(kind)))
}

impl Bucket {
    /// Keeps the last backup of each of the newest `n` calendar periods that have one.
    pub fn new(unit: Unit, n: impl Into<Count>) -> Self {
        Self {
            unit,
            every: 1,
            n: n.into(),
            pick: Pick::Last,
            within: None,
            anchor: Anchor::Newest,
            keep_oldest: false,
        }
    }

    /// Makes a bucket of so many units.
    #[must_use]
    pub fn every(mut self, units: u32) -> Self {
        self.every = units;
        self
    }

    /// Keeps the earliest backup of a bucket instead of the newest.
    #[must_use]
    pub fn first(mut self) -> Self {
        self.pick = Pick::First;
        self
    }

    /// Keeps a pick only if it is also younger than `period`.
    #[must_use]
    pub fn within(mut self, period: Period, anchor: Anchor) -> Self {
        (self.within, self.anchor) = (Some(period), anchor);
        self
    }

    /// Keeps the oldest backup too while there are fewer buckets than asked for.
    #[must_use]
    pub fn keep_oldest(mut self) -> Self {
        self.keep_oldest = true;
        self
    }

    /// The rule that keeps these.
    #[must_use]
    pub fn rule(self) -> Rule {
        Rule::new(Keep::Bucket(self))
    }
}

impl From<Bucket> for Rule {
    fn from(bucket: Bucket) -> Self {
        bucket.rule()
    }
}

impl Count {
    /// The limit, if there is one, as a number of things in memory.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::AtMost(n) => usize::try_from(n).unwrap_or(usize::MAX),
            Self::All => usize::MAX,
        }
    }
}

impl From<u32> for Count {
    fn from(n: u32) -> Self {
        Self::AtMost(n)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(n) => n.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

impl Unit {
    /// The name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minutely => "minutely",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
