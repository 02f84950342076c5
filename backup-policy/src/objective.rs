//! How much may be lost, and whether that is kept.

mod assessment;
mod reach;
mod words;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    assessment::{Assessment, History, Overdue, Standing},
    reach::Reach,
};
use crate::{
    error::{Error, ErrorKind, Result},
    plan::Plan,
    schedule::Merged,
};

/// How much work an environment may lose: the recovery point objective.
///
/// Before anything has happened, [`Objective::reach`] says whether a plan can keep it; afterwards,
/// [`Objective::assess`] says whether it is kept, so that a schedule that silently stopped is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Objective {
    /// The work of so many seconds.
    pub rpo_s: u64,
}

/// More slots than are looked at, one by one.
const MOST_SLOTS: u64 = 2_000_000;

impl Objective {
    /// At most the work of so many seconds may be lost.
    pub fn new(rpo_s: u64) -> Self {
        Self { rpo_s }
    }

    /// Whether a plan can keep this if every backup succeeds, looking at its slots of the year from `now` on, clock changes
    /// included. `measured` is how long a backup takes, as far as that is known.
    ///
    /// ```
    /// use backup_policy::{Objective, Plan, Policy, Routine, Rule, TimesPerDay};
    ///
    /// let plan = Plan::new(Policy::keep(Rule::daily(30))).by(Routine::new(TimesPerDay::new(4)?));
    /// let reach = Objective::new(3600).reach(&plan, "2026-11-20T12:00:00Z".parse()?, None)?;
    /// assert!(!reach.is_possible());
    /// assert_eq!(
    ///     reach.to_string(),
    ///     "worst loss 6 h plus duration, objective 1 h: not reachable with four backups a day; \
    ///      needs an interval of at most 1 h less the duration, or point-in-time recovery",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if `now` is outside the years 1 to 8000, or there are more than 2 million slots a year.
    pub fn reach(&self, plan: &Plan, now: DateTime<Utc>, measured: Option<TimeDelta>) -> Result<Reach> {
        Reach::of(*self, plan, now, measured)
    }

    /// Whether this is kept now, was kept, and will be until the next backup.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if an instant is outside the years 1 to 8000, or there are more than 2 million slots in
    /// the history.
    pub fn assess(&self, plan: &Plan, history: &History<'_>, now: DateTime<Utc>) -> Result<Assessment> {
        Assessment::of(*self, plan, history, now)
    }
}

/// All slots of a plan after `from`, if there are not too many of them up to `until`.
fn slots(plan: &Plan, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Merged<'_>> {
    let schedules = plan.routines.iter().map(|routine| &routine.schedule);
    let mut count = 0_u64;
    for schedule in schedules.clone() {
        count = count.saturating_add(schedule.count(from, until)?);
    }
    if count > MOST_SLOTS {
        let message =
            format!("there are {count} slots in that time, more than {MOST_SLOTS}: look at less of it");
        return Err(Error::new(ErrorKind::OutOfRange, message));
    }
    Merged::after(schedules, from)
}

/// Whole seconds; none for what is negative.
fn seconds(time: TimeDelta) -> u64 {
    u64::try_from(time.num_seconds()).unwrap_or(0)
}
