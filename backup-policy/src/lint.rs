//! What a plan says that its author cannot have meant.

mod exposure;
mod finding;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::finding::Finding;
use crate::{
    error::Result,
    kind::Kind,
    period::Period,
    plan::Plan,
    rule::{Bucket, Count, Keep, Pick, Rule, Unit},
    schedule::Schedule,
};

impl Plan {
    /// What in this plan cannot be meant, each with the smallest change that mends it. An empty list is no
    /// proof of sense, but none of the known traps is in it.
    ///
    /// Schedules are looked at from `now` on. `measured` is how long a backup has taken, as far as that is
    /// known.
    ///
    /// ```
    /// use backup_policy::Preset;
    ///
    /// let mut staging = Preset::XanoPolicyStaging.plan()?;
    /// let now = "2026-11-20T12:00:00Z".parse()?;
    /// assert!(staging.lint(now, None)?.is_empty());
    ///
    /// staging.policy.min_keep = 0;
    /// let findings = staging.lint(now, None)?;
    /// assert_eq!(
    ///     findings[0].to_string(),
    ///     "weekly, kept 3 days: up to 4 of 7 days without a backup; keep P8D or min_keep 1",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Plan::validate`]; [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if `now` is
    /// outside the years 1 to 8000.
    pub fn lint(&self, now: DateTime<Utc>, measured: Option<TimeDelta>) -> Result<Vec<Finding>> {
        self.validate()?;
        let mut found = Vec::new();
        for routine in &self.routines {
            match routine.schedule.after(now)?.next() {
                None => found.push(Finding::NeverRuns { schedule: routine.schedule.clone() }),
                Some(_) => {
                    found.extend(measured.and_then(|measured| short_window(&routine.schedule, measured)));
                    found.extend(exposure::skipped_day(&routine.schedule, now)?);
                }
            }
        }
        found.extend(exposure::exposed(self, now)?);
        found.extend(self.policy.rules.iter().filter_map(unreachable_first));
        if self.routines.iter().any(|routine| routine.is_promoted) {
            found.extend(self.policy.rules.iter().filter_map(|rule| self.missable_month(rule)));
        }
        Ok(found)
    }

    /// A rule that keeps the month's backup only if it was made on the one day that makes it the month's
    /// (M15).
    fn missable_month(&self, rule: &Rule) -> Option<Finding> {
        let is_only_monthly = rule.kinds.as_ref().is_some_and(|kinds| kinds.iter().eq([&Kind::Monthly]));
        let has_substitute =
            self.policy.rules.iter().any(|other| is_monthly_bucket_of(other, &Kind::Nightly));
        if !is_only_monthly || rule.keeps_nothing() || has_substitute {
            return None;
        }
        Some(Finding::MissableMonth { rule: rule.reason(), fix: Box::new(substitute(rule)) })
    }
}

/// Instead of one day's backup the last of each month, for as long.
fn substitute(rule: &Rule) -> Rule {
    let n = match &rule.keep {
        Keep::Last(n) => *n,
        Keep::Bucket(bucket) => bucket.n,
        _ => Count::All,
    };
    let mut bucket = Bucket::new(Unit::Monthly, n);
    if let Some((Some(period), anchor)) = rule.age() {
        bucket = bucket.within(period, anchor);
    }
    bucket.rule().of([Kind::Nightly])
}

fn is_monthly_bucket_of(rule: &Rule, kind: &Kind) -> bool {
    let is_monthly = matches!(&rule.keep, Keep::Bucket(bucket) if bucket.unit == Unit::Monthly);
    is_monthly && !rule.keeps_nothing() && rule.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind))
}

fn short_window(schedule: &Schedule, measured: TimeDelta) -> Option<Finding> {
    let Schedule::Window(window) = schedule else { return None };
    let open_min = i64::from(window.duration_min());
    let measured_min = measured.num_minutes() + i64::from(measured.num_seconds() % 60 > 0);
    (measured_min > open_min).then_some(Finding::ShortWindow { open_min, measured_min })
}

/// Picking the first of a bucket, for less than the bucket lasts.
fn unreachable_first(rule: &Rule) -> Option<Finding> {
    let Keep::Bucket(Bucket { pick: Pick::First, within: Some(within), unit, every, .. }) = &rule.keep else {
        return None;
    };
    let fix = match unit {
        Unit::Minutely => Period::minutes(1),
        Unit::Hourly => Period::hours(*every),
        Unit::Daily => Period::days(*every),
        Unit::Weekly => Period::weeks(*every),
        Unit::Monthly => Period::months(*every),
        Unit::Quarterly => Period::months(every.saturating_mul(3)),
        Unit::Yearly => Period::years(*every),
    };
    // A day may have a clock change, but nobody means that.
    let is_long = within.is_never_shorter_than(&fix) || within.least_seconds() >= fix.most_seconds();
    (!is_long).then(|| Finding::ShortFirst { rule: rule.reason(), within: *within, fix })
}
