use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::{Objective, seconds, slots, words::Words};
use crate::{
    backup::{Backup, Status},
    due::Grace,
    error::Result,
    kind::Kind,
    plan::Plan,
};

/// What is known of the past of one environment.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct History<'a> {
    /// Its backups, in any order, failed ones included.
    pub backups: &'a [Backup],
    /// Since when slots count: when the plan was made, or the environment last began to run.
    pub since: DateTime<Utc>,
    /// The end of the log for point-in-time recovery, if there is one that reaches back to a backup without a gap.
    pub log_until: Option<DateTime<Utc>>,
}

/// What an [`Objective`] says about a [`History`]. `Display` says it in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assessment {
    /// Whether the objective is kept.
    pub standing: Standing,
    /// The newest instant that can be restored; none if there is none.
    pub restorable: Option<DateTime<Utc>>,
    /// What would be lost now, in seconds: everything since `restorable`, or since the history began.
    pub loss_s: u64,
    /// The most that would have been lost at any moment of the history, going by backups alone, in seconds.
    pub worst_loss_s: u64,
    /// How many slots were followed by another without a completed backup between them. Backups made by hand do not count.
    pub missed: u64,
    /// The latest slot, if it is late ([`Grace::Usual`]) and its backup neither complete nor running.
    pub overdue: Option<Overdue>,
    /// When the next backup is due.
    pub next: Option<DateTime<Utc>>,
    rpo_s: u64,
}

/// A slot that nobody attended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Overdue {
    /// When it was to run.
    pub slot: DateTime<Utc>,
    /// For how many seconds now.
    pub late_s: u64,
}

/// Whether an objective is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// No more would be lost than allowed, now and until the next backup is complete.
    Kept,
    /// Not yet more than allowed, but before the next backup is complete it will be.
    AtRisk,
    /// More would be lost than allowed.
    Broken,
}

impl<'a> History<'a> {
    /// Of these backups, with slots counting since then, and without a log.
    pub fn new(backups: &'a [Backup], since: DateTime<Utc>) -> Self {
        Self { backups, since, log_until: None }
    }

    /// With a log for point-in-time recovery that ends here.
    #[must_use]
    pub fn with_log_until(mut self, end: DateTime<Utc>) -> Self {
        self.log_until = Some(end);
        self
    }
}

impl Assessment {
    pub(super) fn of(
        objective: Objective,
        plan: &Plan,
        history: &History<'_>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let good = Good::of(history, now);
        let slots = Slots::of(plan, history, now)?;
        let log = history.log_until.filter(|_| good.newest.is_some()).map(|end| end.min(now));
        let restorable = good.newest.max(log);
        let loss = now - restorable.unwrap_or(history.since);
        let complete = slots.next.map(|next| next + good.run);
        let loss_then = complete.map(|then| then - restorable.unwrap_or(history.since));
        let is_broken = |loss: TimeDelta| seconds(loss) > objective.rpo_s;
        let standing = match loss_then {
            _ if is_broken(loss) => Standing::Broken,
            // The log goes on between backups.
            Some(loss) if log.is_none() && is_broken(loss) => Standing::AtRisk,
            None if log.is_none() => Standing::AtRisk,
            _ => Standing::Kept,
        };
        Ok(Self {
            standing,
            restorable,
            loss_s: seconds(loss),
            worst_loss_s: seconds(good.worst),
            missed: slots.missed,
            overdue: slots.overdue,
            next: slots.next,
            rpo_s: objective.rpo_s,
        })
    }
}

/// What completed backups say.
struct Good {
    newest: Option<DateTime<Utc>>,
    /// What would have been lost at the worst moment.
    worst: TimeDelta,
    /// How long the newest took.
    run: TimeDelta,
}

impl Good {
    fn of(history: &History<'_>, now: DateTime<Utc>) -> Self {
        let is_good = |backup: &&Backup| {
            backup.status == Status::Completed && backup.time <= now && backup.completed() <= now
        };
        let mut backups: Vec<&Backup> = history.backups.iter().filter(is_good).collect();
        backups.sort_by_key(|backup| (backup.completed(), backup.time));
        let mut good = Self { newest: None, worst: TimeDelta::zero(), run: TimeDelta::zero() };
        for backup in backups {
            let completed = backup.completed();
            if completed > history.since {
                good.age(completed, history);
            }
            if good.newest.is_none_or(|newest| newest <= backup.time) {
                good.newest = Some(backup.time);
                good.run = completed - backup.time;
            }
        }
        good.age(now, history);
        good
    }

    fn age(&mut self, at: DateTime<Utc>, history: &History<'_>) {
        self.worst = self.worst.max(at - self.newest.unwrap_or(history.since));
    }
}

/// What slots say.
struct Slots {
    missed: u64,
    overdue: Option<Overdue>,
    next: Option<DateTime<Utc>>,
}

impl Slots {
    fn of(plan: &Plan, history: &History<'_>, now: DateTime<Utc>) -> Result<Self> {
        let scheduled = || history.backups.iter().filter(|backup| is_scheduled(backup));
        let completed: BTreeSet<DateTime<Utc>> = scheduled()
            .filter(|backup| backup.status == Status::Completed)
            .map(|backup| backup.time)
            .collect();
        let mut merged = slots(plan, history.since, now)?;
        let mut found = Self { missed: 0, overdue: None, next: None };
        while let Some(slot) = merged.peek().filter(|&slot| slot <= now) {
            let together = merged.next();
            found.next = merged.peek();
            let filler = completed.range(slot..).next();
            if filler.is_some_and(|filler| found.next.is_none_or(|next| *filler < next)) {
                continue;
            }
            if found.next.is_some_and(|next| next <= now) {
                found.missed += 1;
                continue;
            }
            let is_running =
                || scheduled().any(|backup| backup.time >= slot && backup.status == Status::Running);
            let is_on_time =
                together.iter().flat_map(|(_, slots)| slots).any(|(_, slot)| Grace::Usual.covers(slot, now));
            if !is_on_time && !is_running() {
                found.overdue = Some(Overdue { slot, late_s: seconds(now - slot) });
            }
        }
        found.next = merged.peek();
        Ok(found)
    }
}

/// Whether a backup may be a slot's, not one that somebody made for a reason of their own.
fn is_scheduled(backup: &Backup) -> bool {
    let other = [Kind::Manual, Kind::Final, Kind::PreRestore];
    backup.kinds.iter().any(|kind| !other.contains(kind))
}

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Standing::Kept => "kept",
            Standing::AtRisk => "at risk",
            Standing::Broken => "broken",
        };
        let (rpo, loss) = (Words(self.rpo_s), Words(self.loss_s));
        write!(f, "objective {rpo} {standing}: ")?;
        match self.restorable {
            Some(instant) => write!(f, "{loss} would be lost, restorable up to {}", text(instant))?,
            None => write!(f, "everything would be lost, there is no backup after {loss}")?,
        }
        if let Some(Overdue { slot, late_s }) = self.overdue {
            write!(f, "; the backup of {} is overdue by {}", text(slot), Words(late_s))?;
        }
        match self.missed {
            0 => Ok(()),
            1 => f.write_str("; 1 slot missed"),
            missed => write!(f, "; {missed} slots missed"),
        }
    }
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
