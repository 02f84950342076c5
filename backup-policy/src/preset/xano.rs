//! Xano: rolling days, policies per environment, and tiers (X2, X16 to X20, X25, X26, X30).

use super::XanoEnvironment;
use crate::{
    error::Result,
    kind::Kind,
    period::Period,
    plan::{Plan, Routine},
    policy::Policy,
    rule::{Anchor, Bucket, Count, Rule, Unit},
    schedule::{Cron, Days, Schedule, TimesPerDay, Window},
};

/// X2, X16: three rolling days; "early-morning PST hours" are taken to be 02:00 to 05:00 in Los Angeles.
pub(super) fn rolling() -> Result<Plan> {
    let window = Window::new("02:00".parse()?, 180)?.in_zone("America/Los_Angeles".parse()?);
    Ok(Plan::new(rolling_days(3)).by(Routine::new(window)))
}

/// X18, X19: production daily, kept 7 days.
pub(super) fn policy_prod() -> Result<Plan> {
    Ok(Plan::new(rolling_days(7)).by(Routine::new(window()?)))
}

/// X18, X19: staging weekly, kept 3 days: without a minimum of one there would be none for four days of each
/// week.
pub(super) fn policy_staging() -> Result<Plan> {
    Ok(Plan::new(rolling_days(3)).by(Routine::new(window()?.on(Days::weekly(0))?)))
}

/// X20: production four times daily, kept 30 days, verified.
pub(super) fn enterprise_prod() -> Result<Plan> {
    let policy = rolling_days(30).at_least_verified(1);
    Ok(Plan::new(policy).by(Routine::new(TimesPerDay::new(4)?)))
}

/// X20: staging daily, kept 7 days.
pub(super) fn enterprise_staging() -> Result<Plan> {
    policy_prod()
}

/// X20: development weekly, kept 3 days.
pub(super) fn enterprise_dev() -> Result<Plan> {
    policy_staging()
}

/// X25: daily for 7 days, weekly for 4 weeks, monthly for 12 months, yearly for good; X26 and X30: when, by
/// environment.
pub(super) fn strategy(environment: XanoEnvironment) -> Result<Plan> {
    let automatic = [Kind::Automatic];
    let tier =
        |unit, period| Bucket::new(unit, Count::All).within(period, Anchor::Now).rule().of(automatic.clone());
    let policy = Policy::keep(tier(Unit::Daily, Period::days(7)))
        .and(tier(Unit::Weekly, Period::weeks(4)))
        .and(tier(Unit::Monthly, Period::months(12)))
        .and(Rule::yearly(Count::All).of(automatic.clone()))
        .and(Rule::forever().of([Kind::Manual]))
        .at_least_verified(0);
    Ok(Plan::new(policy).by(Routine::new(Schedule::from(Cron::new(environment.cron())?))))
}

/// X18: from 02:00 UTC for two hours.
fn window() -> Result<Window> {
    Window::new("02:00".parse()?, 120)
}

/// Automatic ones for so many days, manual ones for good.
fn rolling_days(days: u32) -> Policy {
    Policy::keep(Rule::ttl(Period::days(days)).of([Kind::Automatic]))
        .and(Rule::forever().of([Kind::Manual]))
        .at_least_verified(0)
}
