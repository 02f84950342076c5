use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Objective, seconds, slots,
    words::{Often, Words},
};
use crate::{error::Result, plan::Plan};

/// What a plan can keep at best, and what is asked of it. `Display` says it in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reach {
    /// What may be lost, in seconds.
    pub rpo_s: u64,
    /// The longest time between two slots, in seconds; none if the plan makes fewer than two backups.
    pub interval_s: Option<u64>,
    /// How long one backup takes, if that is known.
    pub run_s: Option<u64>,
    /// Whether the plan also keeps a log, so that what is lost does not depend on backups but on how fast the log arrives.
    pub has_log: bool,
    /// How many slots there are in a day, in a week, in a year.
    counts: [u64; 3],
}

const YEAR: TimeDelta = TimeDelta::days(366);

impl Reach {
    pub(super) fn of(
        objective: Objective,
        plan: &Plan,
        now: DateTime<Utc>,
        measured: Option<TimeDelta>,
    ) -> Result<Self> {
        let mut longest = None;
        let mut last = None;
        let mut counts = [0; 3];
        for (slot, _) in slots(plan, now, now + YEAR)? {
            longest = longest.max(last.map(|last| slot - last));
            last = Some(slot);
            if slot > now + YEAR && longest.is_some() {
                break;
            }
            for (count, days) in counts.iter_mut().zip([1, 7, 366]) {
                *count += u64::from(slot <= now + TimeDelta::days(days));
            }
        }
        Ok(Self {
            rpo_s: objective.rpo_s,
            interval_s: longest.map(seconds),
            run_s: measured.map(seconds),
            has_log: plan.policy.pitr.is_some(),
            counts,
        })
    }

    /// The work that is lost if everything fails just before a backup is complete: that since the start of the one before.
    /// Without what one backup takes, if that is not known. None if the plan makes fewer than two backups.
    pub fn worst_loss_s(&self) -> Option<u64> {
        Some(self.interval_s?.saturating_add(self.run_s.unwrap_or(0)))
    }

    /// The longest that a backup may take for the objective to be kept; none if no backup is fast enough.
    pub fn longest_run_s(&self) -> Option<u64> {
        self.rpo_s.checked_sub(self.interval_s?)
    }

    /// Whether the objective can be kept.
    ///
    /// If it is not known how long a backup takes, that it takes no longer than [`Reach::longest_run_s`] is assumed. With a
    /// log, that the log arrives in time.
    pub fn is_possible(&self) -> bool {
        let is_fast = match (self.longest_run_s(), self.run_s) {
            (Some(longest), Some(run)) => run <= longest,
            (Some(longest), None) => longest > 0,
            (None, _) => false,
        };
        is_fast || self.is_by_log()
    }

    /// A log begins with a backup.
    fn is_by_log(&self) -> bool {
        self.has_log && self.interval_s.is_some()
    }

    fn often(&self) -> Often {
        let [day, week, year] = self.counts;
        match (day, week) {
            (0, 0) => Often { count: year, per: "year" },
            (day, week) if day * 7 == week => Often { count: day, per: "day" },
            _ => Often { count: week, per: "week" },
        }
    }

    fn fmt_remedy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rpo = Words(self.rpo_s);
        match self.run_s {
            Some(run) if run >= self.rpo_s => {
                write!(f, "needs backups of less than {rpo}, or point-in-time recovery")
            }
            Some(run) => {
                let interval = Words(self.rpo_s - run);
                write!(f, "needs an interval of at most {interval}, or point-in-time recovery")
            }
            None => {
                write!(f, "needs an interval of at most {rpo} less the duration, or point-in-time recovery")
            }
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rpo = Words(self.rpo_s);
        match self.worst_loss_s().map(Words) {
            None => write!(f, "worst loss everything, objective {rpo}: ")?,
            Some(loss) if self.run_s.is_some() => write!(f, "worst loss {loss}, objective {rpo}: ")?,
            Some(loss) => write!(f, "worst loss {loss} plus duration, objective {rpo}: ")?,
        }
        if self.is_by_log() {
            return write!(f, "reachable by point-in-time recovery, if the log arrives within {rpo}");
        }
        match (self.is_possible(), self.run_s, self.longest_run_s()) {
            (true, None, Some(longest)) => {
                write!(f, "reachable while a backup takes no longer than {}", Words(longest))
            }
            (true, ..) => write!(f, "reachable with {}", self.often()),
            (false, ..) => {
                write!(f, "not reachable with {}; ", self.often())?;
                self.fmt_remedy(f)
            }
        }
    }
}
