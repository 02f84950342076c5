use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::Scenario;
use crate::{
    error::Result,
    kind::Kind,
    plan::{Plan, Routine},
    retry::{Attempt, Retry},
    schedule::Merged,
};

/// The backups that a plan makes, in their order.
pub(super) struct Arrivals<'a> {
    routines: &'a [Routine],
    slots: Merged<'a>,
    end: DateTime<Utc>,
    /// When the last run ended.
    busy_until: DateTime<Utc>,
    attempts: u64,
    /// Slots without an attempt.
    pub(super) missed: u64,
    /// Slots whose attempts all failed.
    pub(super) failed: u64,
}

/// A slot with more attempts than this counts as failed: a retry without any delay would go on for ever.
const MOST_ATTEMPTS: usize = 100;

/// A backup that was completed.
pub(super) struct Arrival {
    pub(super) time: DateTime<Utc>,
    pub(super) completed_at: DateTime<Utc>,
    pub(super) kinds: BTreeSet<Kind>,
}

impl<'a> Arrivals<'a> {
    pub(super) fn of(plan: &'a Plan, scenario: &Scenario, end: DateTime<Utc>) -> Result<Self> {
        let slots = Merged::after(plan.routines.iter().map(|routine| &routine.schedule), scenario.start)?;
        Ok(Self {
            routines: &plan.routines,
            slots,
            end,
            busy_until: scenario.start,
            attempts: 0,
            missed: 0,
            failed: 0,
        })
    }

    /// The next completed backup before the end.
    pub(super) fn next(&mut self, plan: &Plan, scenario: &Scenario) -> Result<Option<Arrival>> {
        while let Some((slot, kinds)) = self.next_slot()? {
            if slot < self.busy_until || scenario.is_out(slot) {
                self.missed += 1;
                continue;
            }
            match self.attempt(slot, plan.retry.as_ref(), scenario)? {
                Some((time, completed_at)) if completed_at < self.end => {
                    return Ok(Some(Arrival { time, completed_at, kinds }));
                }
                Some(_) => {}
                None => self.failed += 1,
            }
        }
        Ok(None)
    }

    /// The next slot of any routine. Where several coincide, one backup is of all their kinds.
    fn next_slot(&mut self) -> Result<Option<(DateTime<Utc>, BTreeSet<Kind>)>> {
        if self.slots.peek().is_none_or(|first| first >= self.end) {
            return Ok(None);
        }
        let Some((first, slots)) = self.slots.next() else { return Ok(None) };
        let mut kinds = BTreeSet::new();
        for (routine, slot) in slots {
            kinds.append(&mut self.routines[routine].kinds_of(&slot)?);
        }
        Ok(Some((first, kinds)))
    }

    /// Start and end of the attempt that succeeds, if one does.
    fn attempt(
        &mut self,
        slot: DateTime<Utc>,
        retry: Option<&Retry>,
        scenario: &Scenario,
    ) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
        let next_slot = self.slots.peek();
        let mut failed_at = Vec::new();
        let mut time = slot;
        loop {
            let completed_at = time + TimeDelta::seconds(i64::from(scenario.run_s));
            self.attempts += 1;
            self.busy_until = completed_at;
            if !scenario.failures.fails(self.attempts) && !scenario.is_out(time) {
                return Ok(Some((time, completed_at)));
            }
            failed_at.push(completed_at);
            if failed_at.len() >= MOST_ATTEMPTS {
                return Ok(None);
            }
            match retry.map(|retry| retry.after(&failed_at, next_slot)).transpose()? {
                Some(Attempt::At(at)) if at < self.end => time = at,
                _ => return Ok(None),
            }
        }
    }
}
