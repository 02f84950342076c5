use backup_policy::{ColdTier, ErrorKind, Period, Rule, Scenario, Simulation, Sizes, Tariff};

use crate::{DAY_S, at, by_cron, keep};

const GB: u64 = 1_000_000_000;

/// One backup of one GB on the first of each month of 2026, each kept for so many days.
fn monthly(days: u32) -> Simulation {
    let sizes = Sizes { shared_bytes: 0, each_bytes: GB, growth_bytes_per_day: 0 };
    let plan = by_cron(keep(Rule::ttl(Period::days(days))), "0 0 1 * *");
    plan.simulate(&Scenario::new(at("2025-12-31T00:00:00Z"), 1).sized(sizes)).unwrap()
}

#[test]
fn bytes_are_paid_by_the_second_and_rounded_once() {
    let cost = monthly(10).cost(&Tariff::new(23_000)).unwrap();
    assert_eq!(cost.byte_seconds, u128::from(12 * 10 * DAY_S * GB));
    assert_eq!(cost.cold_byte_seconds, 0);
    // 2880 GB hours of 730 a month at 0.023 each: 90739.726...
    assert_eq!(cost.micros, 90_740);
    assert_eq!(monthly(10).cost(&Tariff::new(0)).unwrap().micros, 0);
}

#[test]
fn what_goes_early_is_paid_for_the_minimum() {
    let cost = monthly(10).cost(&Tariff::new(1).at_least_days(30)).unwrap();
    assert_eq!(cost.byte_seconds, u128::from(12 * 30 * DAY_S * GB));
    // What is still there at the end is not yet paid for.
    let cost = monthly(90).cost(&Tariff::new(1).at_least_days(30)).unwrap();
    let (whole, rest) = (9 * 90, 90 + 60 + 30 - 1);
    assert!(cost.byte_seconds < u128::from((whole + rest + 3) * DAY_S * GB));
}

#[test]
fn old_backups_go_where_it_is_cheap() {
    let cold = ColdTier { after_days: 30, gb_month_micros: 1000, minimum_days: 90 };
    let tariff = Tariff::new(50_000).with_cold(cold);
    let cost = monthly(120).cost(&tariff).unwrap();
    let all = monthly(120).cost(&Tariff::new(50_000)).unwrap();
    assert_eq!(cost.byte_seconds + cost.cold_byte_seconds, all.byte_seconds);
    assert_eq!(cost.byte_seconds, u128::from((11 * 30 + 30) * DAY_S * GB));
    assert!(cost.micros < all.micros);
    // A day less, and they would leave too early.
    let error = monthly(119).cost(&tariff).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidPolicy);
    assert!(error.to_string().contains("keep such backups longer, or move them later"), "{error}");
    // Those that never go there are no matter.
    assert!(monthly(30).cost(&tariff).is_ok());
}

#[test]
fn what_backups_share_is_paid_once_and_only_while_there_are_any() {
    let sizes = Sizes { shared_bytes: GB, each_bytes: 0, growth_bytes_per_day: 0 };
    let scenario = Scenario::new(at("2025-12-31T00:00:00Z"), 1).sized(sizes);
    let cost = |days| {
        let plan = by_cron(keep(Rule::ttl(Period::days(days))), "0 0 1 * *");
        plan.simulate(&scenario).unwrap().cost(&Tariff::new(1)).unwrap()
    };
    assert_eq!(cost(10).byte_seconds, u128::from(12 * 10 * DAY_S * GB));
    assert_eq!(cost(60).byte_seconds, u128::from(364 * DAY_S * GB));
}

#[test]
fn absurd_sums_are_errors() {
    let sizes = Sizes { shared_bytes: u64::MAX, each_bytes: u64::MAX, growth_bytes_per_day: 0 };
    let plan = by_cron(keep(Rule::last(1)), "0 0 1 * *");
    let simulation = plan.simulate(&Scenario::new(at("2026-01-01T00:00:00Z"), 100).sized(sizes)).unwrap();
    assert!(simulation.cost(&Tariff::new(1)).is_ok());
    assert_eq!(simulation.cost(&Tariff::new(u64::MAX)).unwrap_err().kind(), ErrorKind::OutOfRange);
    let far = ColdTier { after_days: u32::MAX, gb_month_micros: 1, minimum_days: u32::MAX };
    assert!(simulation.cost(&Tariff::new(1).with_cold(far)).is_ok());
}
