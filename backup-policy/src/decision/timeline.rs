use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Decisions, Expiry, Verdict};

/// What is kept for which reason, from when until when: to be drawn.
///
/// ```
/// use backup_policy::{Backup, Expiry, Period, Policy, Rule};
///
/// let policy = Policy::keep(Rule::ttl(Period::weeks(2))).and(Rule::daily(7)).at_least(0).at_least_verified(0);
/// let backups = [Backup::new("a", "2026-11-19T02:00:00Z".parse()?)];
/// let timeline = policy.decide(&backups, "2026-11-20T12:00:00Z".parse()?)?.timeline();
///
/// let reasons: Vec<&str> = timeline.lanes.iter().map(|lane| lane.reason.as_str()).collect();
/// assert_eq!(reasons, ["ttl", "daily"]);
/// assert_eq!(timeline.lanes[0].bars[0].expiry, Expiry::At("2026-12-03T02:00:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Timeline {
    /// The instant that was decided for.
    pub now: DateTime<Utc>,
    /// One for each reason that keeps anything: those of rules in the policy's order, then the others by
    /// name.
    pub lanes: Vec<Lane>,
}

/// What is kept for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lane {
    /// The name of the reason.
    pub reason: String,
    /// One for each backup, oldest first.
    pub bars: Vec<Bar>,
}

/// For how long one reason keeps one backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bar {
    /// The backup's id.
    pub id: String,
    /// When it was made.
    pub from: DateTime<Utc>,
    /// For how long this reason keeps it; another may keep it longer.
    pub expiry: Expiry,
    /// The reason in words.
    pub text: String,
}

impl Decisions<'_> {
    /// What is kept for which reason, from when until when.
    pub fn timeline(&self) -> Timeline {
        let mut lanes: BTreeMap<(usize, String), Vec<Bar>> = BTreeMap::new();
        for decision in self.kept() {
            let Verdict::Kept { reasons, .. } = decision.verdict() else { continue };
            for reason in reasons {
                let rules = &self.policy.rules;
                let index =
                    reason.rule().and_then(|rule| rules.iter().position(|known| std::ptr::eq(known, rule)));
                let bar = Bar {
                    id: decision.id().to_owned(),
                    from: decision.backup().time,
                    expiry: reason.expiry(),
                    text: reason.to_string(),
                };
                lanes.entry((index.unwrap_or(rules.len()), reason.name())).or_default().push(bar);
            }
        }
        let lanes = lanes.into_iter().map(|((_, reason), bars)| Lane { reason, bars }).collect();
        Timeline { now: self.now, lanes }
    }
}
