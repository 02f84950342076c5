//! Aptible: one policy per environment (A7 to A16).

use chrono::DateTime;

use super::within;
use crate::{
    error::Result,
    kind::Kind,
    period::Period,
    pitr::Pitr,
    plan::{Plan, Routine},
    policy::Policy,
    rule::Rule,
    schedule::Every,
};

/// A7 to A14: the defaults.
pub(super) fn default() -> Result<Plan> {
    keeping_finals([30, 12, 6])
}

/// A13 to A15, and A16 where it differs: the wider of both ranges is allowed.
pub(super) fn production(daily: u32, monthly: u32, yearly: u32) -> Result<Plan> {
    within("daily", daily, 14..=60)?;
    within("monthly", monthly, 3..=12)?;
    within("yearly", yearly, 0..=6)?;
    keeping_finals([daily, monthly, yearly])
}

/// A15 and A16: no copies and no final backup, and what final backups there are go.
pub(super) fn non_production(daily: u32, monthly: u32) -> Result<Plan> {
    within("daily", daily, 1..=14)?;
    within("monthly", monthly, 0..=1)?;
    let policy = automatic([daily, monthly, 0]);
    plan(policy.and(Rule::forever().of([Kind::Manual])).and(Rule::last(0).of([Kind::Final])))
}

/// Manual and final ones until somebody deletes them (A25, A28).
fn keeping_finals(counts: [u32; 3]) -> Result<Plan> {
    let policy = automatic(counts).and(Rule::forever().of([Kind::Manual, Kind::Final]));
    Ok(plan(policy)?.with_final_backup())
}

/// The last of each day, month and year (A8 to A10).
fn automatic([daily, monthly, yearly]: [u32; 3]) -> Policy {
    Policy::keep(Rule::daily(daily).of([Kind::Automatic]))
        .and(Rule::monthly(monthly).of([Kind::Automatic]))
        .and(Rule::yearly(yearly).of([Kind::Automatic]))
}

/// Automatic ones go with their database (A29); a day of log (A13, A14); one backup in 24 hours (A7).
fn plan(policy: Policy) -> Result<Plan> {
    let mut policy = policy.at_least_verified(0).failed_for(Period::days(7)).purging([Kind::Automatic]);
    // The window goes with the database: it must not hold on to final backups.
    policy.pitr = Some(Pitr::window(Period::days(1)).of([Kind::Automatic]));
    let every_24_hours = Every::new(24 * 3600, DateTime::UNIX_EPOCH)?;
    Ok(Plan::new(policy).by(Routine::new(every_24_hours)))
}
