use std::fmt;

use chrono::{DateTime, Utc};

use super::{Expiry, format_time};
use crate::{
    backup::Hold,
    period::Period,
    rule::{Bucket, Count, Pick, Rule},
};

/// Why a backup is kept. `Display` says it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason<'d> {
    /// It is one of the newest.
    Last {
        /// The rule that says so.
        rule: &'d Rule,
        /// 1 is the newest that the rule counts.
        rank: u32,
        /// How many the rule keeps.
        of: Count,
    },
    /// It stands for its calendar period.
    Bucket {
        /// The rule that says so.
        rule: &'d Rule,
        /// What the rule keeps.
        bucket: &'d Bucket,
        /// The rank of the calendar period; 1 is the newest that the rule counts.
        rank: u32,
        /// The calendar period: `2026-08`, `week of 2026-08-03`, `3 days from 2026-08-04`.
        label: String,
    },
    /// It is the oldest, and the rule has not yet as many calendar periods as it keeps.
    Oldest {
        /// The rule that says so.
        rule: &'d Rule,
    },
    /// It is young enough.
    Within {
        /// The rule that says so.
        rule: &'d Rule,
        /// Younger than this.
        period: Period,
        /// When it no longer is. Absent if ages are measured from the newest backup.
        until: Option<DateTime<Utc>>,
    },
    /// Its time to live has not ended.
    Ttl {
        /// The rule that says so.
        rule: &'d Rule,
        /// When it ends. Absent means never.
        until: Option<DateTime<Utc>>,
    },
    /// It carries the tags.
    Tags {
        /// The rule that says so.
        rule: &'d Rule,
    },
    /// No rule looks at backups of its kinds.
    Unmatched,
    /// Somebody holds it.
    Hold {
        /// The hold.
        hold: &'d Hold,
    },
    /// It is one of the newest sound ones, which are never removed.
    MinKeep {
        /// 1 is the newest.
        rank: u32,
        /// How many are protected.
        of: u32,
    },
    /// It is one of the newest verified ones, which are never removed.
    MinKeepVerified {
        /// 1 is the newest.
        rank: u32,
        /// How many are protected.
        of: u32,
    },
    /// A kept backup cannot be restored without it.
    Dependency {
        /// The id of that backup; of the newest, if there are several.
        child: &'d str,
    },
    /// Its run has not ended.
    InProgress,
    /// It cannot be restored, but is kept for inspection.
    FailedTtl {
        /// When that ends.
        until: DateTime<Utc>,
    },
    /// Its time has not come: a clock was wrong.
    Future,
    /// Recovery of the oldest instant of the window begins with it.
    PitrAnchor,
    /// Recovery of later instants of the window begins with it.
    PitrWindow,
}

impl Reason<'_> {
    /// A short, stable name: that of the rule if it has one, else such as `last`, `daily`, `monthly/2`,
    /// `oldest:daily`, `within`, `ttl`, `ttl:manual`, `tag`, `unmatched`, `hold`, `min-keep`, `min-keep-verified`,
    /// `dependency`, `in-progress`, `failed-ttl`, `future`, `pitr-anchor`, `pitr-window`.
    pub fn name(&self) -> String {
        match self {
            Self::Last { rule, .. }
            | Self::Bucket { rule, .. }
            | Self::Within { rule, .. }
            | Self::Ttl { rule, .. }
            | Self::Tags { rule } => rule.reason(),
            Self::Oldest { rule } => format!("oldest:{}", rule.reason()),
            Self::Unmatched => "unmatched".into(),
            Self::Hold { .. } => "hold".into(),
            Self::MinKeep { .. } => "min-keep".into(),
            Self::MinKeepVerified { .. } => "min-keep-verified".into(),
            Self::Dependency { .. } => "dependency".into(),
            Self::InProgress => "in-progress".into(),
            Self::FailedTtl { .. } => "failed-ttl".into(),
            Self::Future => "future".into(),
            Self::PitrAnchor => "pitr-anchor".into(),
            Self::PitrWindow => "pitr-window".into(),
        }
    }

    /// For how long this reason alone keeps the backup.
    pub fn expiry(&self) -> Expiry {
        match self {
            Self::Ttl { until: None, .. } | Self::Tags { .. } | Self::Unmatched => Expiry::Never,
            Self::Hold { hold } => hold.until.map_or(Expiry::Never, Expiry::At),
            Self::Within { until: Some(until), .. }
            | Self::Ttl { until: Some(until), .. }
            | Self::FailedTtl { until } => Expiry::At(*until),
            Self::Last { .. }
            | Self::Bucket { .. }
            | Self::Oldest { .. }
            | Self::Within { until: None, .. }
            | Self::MinKeep { .. }
            | Self::MinKeepVerified { .. }
            | Self::Dependency { .. }
            | Self::InProgress
            | Self::Future
            | Self::PitrAnchor
            | Self::PitrWindow => Expiry::Conditional,
        }
    }

    /// The rule that gives the reason, if one does.
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Last { rule, .. }
            | Self::Bucket { rule, .. }
            | Self::Oldest { rule }
            | Self::Within { rule, .. }
            | Self::Ttl { rule, .. }
            | Self::Tags { rule } => Some(rule),
            _ => None,
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.rule().and_then(|rule| rule.name.as_deref()) {
            write!(f, "{name}: ")?;
        }
        match self {
            Self::Last { rank, of, .. } => write!(f, "{} of the last {of}", Ordinal(*rank)),
            Self::Bucket { rule, bucket, rank, label } => {
                let pick = match bucket.pick {
                    Pick::Last => "last",
                    Pick::First => "first",
                };
                let n = bucket.n;
                write!(f, "{} of {n} {}, {pick} backup of {label}", Ordinal(*rank), rule.sort())
            }
            Self::Oldest { rule } => {
                write!(f, "the oldest while there are fewer than asked for ({})", rule.sort())
            }
            Self::Within { period, until: None, .. } => write!(f, "within {period} of the newest"),
            Self::Within { period, until: Some(_), .. } => write!(f, "within {period} of now"),
            Self::Ttl { until: Some(until), .. } => write!(f, "time to live until {}", format_time(*until)),
            Self::Ttl { until: None, .. } => f.write_str("kept forever"),
            Self::Tags { .. } => f.write_str("carries the tags asked for"),
            Self::Unmatched => f.write_str("no rule covers its kinds"),
            Self::Hold { hold } => match hold.until {
                None => write!(f, "held by {:?}", hold.id),
                Some(until) => write!(f, "held by {:?} until {}", hold.id, format_time(until)),
            },
            Self::MinKeep { rank, of } => write!(f, "{} of the {of} newest, always kept", Ordinal(*rank)),
            Self::MinKeepVerified { rank, of } => {
                write!(f, "{} of the {of} newest verified, always kept", Ordinal(*rank))
            }
            Self::Dependency { child } => write!(f, "needed by {child}"),
            Self::InProgress => f.write_str("still running"),
            Self::FailedTtl { until } => {
                write!(f, "cannot be restored, kept for inspection until {}", format_time(*until))
            }
            Self::Future => f.write_str("dated in the future"),
            Self::PitrAnchor => f.write_str("begins the window of point-in-time recovery"),
            Self::PitrWindow => f.write_str("within the window of point-in-time recovery"),
        }
    }
}

/// 1st, 2nd, 3rd, 4th, 11th, 21st.
struct Ordinal(u32);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match (self.0 % 10, self.0 % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        write!(f, "{}{suffix}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Ordinal;

    #[test]
    fn ordinals_are_english() {
        let cases =
            [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st")];
        for (number, text) in cases.into_iter().chain([(113, "113th"), (122, "122nd"), (1_003, "1003rd")]) {
            assert_eq!(Ordinal(number).to_string(), text);
        }
    }
}
