//! Years of virtual time: what a plan will have kept.

mod arrivals;
mod decider;
mod holders;
mod pruner;
mod scenario;
mod tariff;
mod timeline;

use chrono::{DateTime, TimeDelta, Utc};

use self::{
    arrivals::{Arrival, Arrivals},
    pruner::Pruner,
};
pub use self::{
    scenario::{Failures, Scenario, Sizes},
    tariff::{ColdTier, Cost, Tariff},
    timeline::{Day, Life, Simulation, Summary},
};
use crate::{
    error::{Error, ErrorKind, Result},
    plan::Plan,
};

/// More backups than a simulation makes.
const MOST_RUNS: u64 = 2_000_000;

impl Plan {
    /// Plays this plan over years of virtual time: makes each scheduled backup, and removes backups the moment the policy
    /// no longer keeps them.
    ///
    /// It is a forecast for one location, by the assumptions of the scenario: every backup is verified, none is held, none is made
    /// by hand, failed attempts leave nothing behind, and a slot that falls into a run is missed.
    ///
    /// ```
    /// use backup_policy::{Cron, Period, Plan, Policy, Routine, Rule, Scenario};
    ///
    /// // Weekly backups that are kept for three days.
    /// let policy = Policy::keep(Rule::ttl(Period::days(3))).at_least(0).at_least_verified(0);
    /// let plan = Plan::new(policy).by(Routine::new(Cron::new("0 2 * * 0")?));
    /// let simulation = plan.simulate(&Scenario::new("2026-01-01T00:00:00Z".parse()?, 1))?;
    /// assert_eq!(simulation.summary()?.longest_bare_s, 4 * 86_400);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Policy::validate`](crate::Policy::validate); [`ErrorKind::OutOfRange`] for more than 100 years, more than
    /// 2 million backups, or sizes that add up beyond what a number holds.
    pub fn simulate(&self, scenario: &Scenario) -> Result<Simulation> {
        self.validate()?;
        let end = scenario.end()?;
        self.check_runs(scenario.start, end)?;
        let mut pruner = Pruner::of(&self.policy, scenario.start, end);
        let mut timeline = Simulation::new(scenario, end);
        let mut arrivals = Arrivals::of(self, scenario, end)?;
        while let Some(arrival) = arrivals.next(self, scenario)? {
            pass(&mut pruner, &mut timeline, arrival.completed_at)?;
            arrive(&mut pruner, &mut timeline, arrival, scenario)?;
        }
        pass(&mut pruner, &mut timeline, end + TimeDelta::nanoseconds(1))?;
        timeline.count_losses(arrivals.missed, arrivals.failed);
        Ok(timeline)
    }

    fn check_runs(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> Result<()> {
        let mut runs = 0_u64;
        for routine in &self.routines {
            runs = runs.saturating_add(routine.schedule.count(start, end)?);
        }
        if runs <= MOST_RUNS {
            return Ok(());
        }
        let message = format!(
            "the plan makes {runs} backups in that time, more than {MOST_RUNS}: simulate fewer years"
        );
        Err(Error::new(ErrorKind::OutOfRange, message))
    }
}

/// Lets time pass until just before something happens at `until`: removes what expires before.
fn pass(pruner: &mut Pruner<'_>, timeline: &mut Simulation, until: DateTime<Utc>) -> Result<()> {
    while let Some(now) = pruner.next_end().filter(|&now| now < until) {
        let removed = pruner.settle(now)?;
        timeline.remove(removed, now);
    }
    Ok(())
}

fn arrive(
    pruner: &mut Pruner<'_>,
    timeline: &mut Simulation,
    arrival: Arrival,
    scenario: &Scenario,
) -> Result<()> {
    let Arrival { time, completed_at, kinds } = arrival;
    let size_bytes = scenario.sizes.at(time - scenario.start)?;
    pruner.arrive(timeline.next_index()?, time, completed_at, kinds);
    timeline.push(Life { time, completed_at, size_bytes, removed_at: None });
    let removed = pruner.settle(completed_at)?;
    timeline.remove(removed, completed_at);
    Ok(())
}
