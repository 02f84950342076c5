//! Platform.sh: a schedule of 2022, and the later ones by plan (P12 to P15).

use chrono::DateTime;

use crate::{
    error::Result,
    kind::Kind,
    period::Period,
    plan::{Plan, Routine},
    policy::Policy,
    rule::{Anchor, Bucket, Count, Rule, Unit},
    schedule::{Cron, Every, TimesPerDay},
};

/// P13, P15: each backup for 7 days (its text: purged between 7 days and 6 months), the last one of a deleted
/// environment too.
pub(super) fn grid_2022() -> Result<Plan> {
    let kinds = [Kind::Automatic, Kind::Manual, Kind::Final];
    let policy = Policy::keep(Rule::ttl(Period::days(7)).of(kinds)).at_least_verified(0);
    Ok(Plan::new(policy).by(Routine::new(Cron::new("0 5 * * *")?)).with_final_backup())
}

/// Two days, and the last 2 manual ones.
pub(super) fn essential() -> Result<Plan> {
    firsts(24, 2, [tier(Unit::Daily, Period::days(2))])
}

/// A week of days, four weeks, a year of months, and the last 4 manual ones.
pub(super) fn advanced() -> Result<Plan> {
    let tiers = [
        tier(Unit::Daily, Period::weeks(1)),
        tier(Unit::Weekly, Period::weeks(4)),
        tier(Unit::Monthly, Period::years(1)),
    ];
    firsts(24, 4, tiers)
}

/// A day of 6 hours each, a month of days, a year of months, and the last 4 manual ones.
pub(super) fn premium() -> Result<Plan> {
    let tiers = [
        tier(Unit::Hourly, Period::days(1)).every(6),
        tier(Unit::Daily, Period::months(1)),
        tier(Unit::Monthly, Period::years(1)),
    ];
    firsts(6, 4, tiers)
}

/// Three days of all, then ever wider apart.
pub(super) fn dedicated_gen2() -> Result<Plan> {
    let automatic = [Kind::Automatic];
    let tiers = [
        tier(Unit::Daily, Period::days(6)),
        tier(Unit::Weekly, Period::weeks(6)),
        tier(Unit::Weekly, Period::weeks(12)).every(2),
        tier(Unit::Monthly, Period::weeks(22)),
    ];
    let recent = Policy::keep(Rule::within(Period::days(3)).of(automatic.clone())).at_least_verified(0);
    let policy = tiers.into_iter().fold(recent, |policy, tier| policy.and(tier.rule().of(automatic.clone())));
    Ok(Plan::new(policy).by(Routine::new(TimesPerDay::new(4)?)))
}

fn tier(unit: Unit, period: Period) -> Bucket {
    Bucket::new(unit, Count::All).within(period, Anchor::Newest)
}

/// The first backup of each bucket, and the last manual ones: automatic ones do not replace them here.
fn firsts<const N: usize>(every_hours: u64, manual: u32, tiers: [Bucket; N]) -> Result<Plan> {
    let last_manual = Policy::keep(Rule::last(manual).of([Kind::Manual])).at_least_verified(0);
    let policy = tiers
        .into_iter()
        .fold(last_manual, |policy, tier| policy.and(tier.first().rule().of([Kind::Automatic])));
    Ok(Plan::new(policy).by(Routine::new(Every::new(every_hours * 3600, DateTime::UNIX_EPOCH)?)))
}
