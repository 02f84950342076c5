use std::collections::BTreeSet;

use backup_policy::{Anchor, Backup, Bucket, Count, Kind, Period, Rule, Unit};
use chrono::{Datelike, TimeDelta, Weekday};

use crate::{NEVER, at, keep, kept, reasons, series};

#[test]
fn a8_a9_a10_daily_monthly_and_yearly_keep_the_last_of_each() {
    // Ten years of daily backups, and the default of 30, 12 and 6.
    let set = series("2017-01-01T03:00:00Z", TimeDelta::days(1), 3_530);
    let policy = keep(Rule::daily(30)).and(Rule::monthly(12)).and(Rule::yearly(6));
    let kept = kept(&policy, &set, NEVER);
    let expected_years = ["2021-12-31T03:00", "2022-12-31T03:00", "2023-12-31T03:00", "2024-12-31T03:00"];
    assert_eq!(kept[..4], expected_years);
    assert_eq!(kept[4], "2025-09-30T03:00");
    assert_eq!(kept.last().map(String::as_str), Some("2026-08-31T03:00"));
    // Thirty days (the newest is its month's and year's last, too), 11 more months, 4 more years.
    assert_eq!(kept.len(), 30 + 11 + 4);
}

/// Nightly at 03:18; a Sunday's is the weekly, the first Sunday's also the monthly one.
fn mendix_nights(first: &str, nights: i32) -> Vec<Backup> {
    let mut set = series(first, TimeDelta::days(1), nights);
    for backup in &mut set {
        backup.kinds = BTreeSet::from([Kind::Nightly]);
        if backup.time.weekday() == Weekday::Sun {
            backup.kinds.insert(Kind::Weekly);
            if backup.time.day() <= 7 {
                backup.kinds.insert(Kind::Monthly);
            }
        }
    }
    set
}

#[test]
fn m4_m5_m6_m7_m9_nights_weeks_months_and_manual_ones() {
    let policy = keep(Rule::ttl(Period::weeks(2)).of([Kind::Nightly]))
        .and(Rule::ttl(Period::months(3)).of([Kind::Weekly]))
        .and(Rule::ttl(Period::years(1)).of([Kind::Monthly]))
        .and(Rule::ttl(Period::months(3)).of([Kind::Manual]));
    let mut set = mendix_nights("2023-06-01T03:18:00Z", 278);
    set.push(Backup::new("by hand", at("2023-12-03T03:18:01Z")).with_kinds([Kind::Manual]));
    // The weekly one of Sunday, December 3 is the month's too, so look at that of December 10.
    let weekly = "2023-12-10T03:18";
    let expired = "2024-03-10T03:18:00Z";
    assert_eq!(reasons(&policy, &set, "2024-03-10T03:17:59Z", weekly), ["ttl:weekly"]);
    assert_eq!(reasons(&policy, &set, expired, weekly), ["-expired"]);
    assert_eq!(reasons(&policy, &set, expired, "2023-12-03T03:18"), ["ttl:monthly"]);
    assert_eq!(reasons(&policy, &set, "2024-03-03T03:18:00Z", "by hand"), ["ttl:manual"]);
    assert_eq!(reasons(&policy, &set, "2024-03-03T03:18:01Z", "by hand"), ["-expired"]);
    let now = "2024-03-04T12:00:00Z";
    let nightly = |id: &String| set.iter().any(|b| &b.id == id && b.kinds.len() == 1);
    // Of the fourteen nights since February 20, two are Sundays.
    assert_eq!(kept(&policy, &set, now).iter().filter(|id| nightly(id)).count(), 12);
}

#[test]
fn x2_three_rolling_days_without_a_minimum_leave_a_weekly_schedule_bare() {
    let set = series("2026-01-04T02:00:00Z", TimeDelta::weeks(1), 4);
    let strict = keep(Rule::ttl(Period::days(3)));
    assert_eq!(kept(&strict, &set, "2026-01-28T01:59:59Z").len(), 1);
    assert_eq!(kept(&strict, &set, "2026-01-28T02:00:00Z").len(), 0);
    assert_eq!(kept(&strict.at_least(1), &set, "2026-01-28T02:00:00Z"), ["2026-01-25T02:00"]);
}

#[test]
fn x25_tiers_by_age() {
    let tier = |unit, period| Bucket::new(unit, Count::All).within(period, Anchor::Now);
    let policy = keep(tier(Unit::Daily, Period::days(7)))
        .and(tier(Unit::Weekly, Period::weeks(4)))
        .and(tier(Unit::Monthly, Period::months(12)))
        .and(Rule::yearly(Count::All));
    let set = series("2023-01-01T02:00:00Z", TimeDelta::days(1), 3 * 365 + 1);
    let kept = kept(&policy, &set, "2025-12-31T02:00:00Z");
    // Seven days; three more Sundays (December 7 to 21, the 28th is a daily one); eleven more ends of months
    // (from January 31 on); two more ends of years.
    assert_eq!(kept.len(), 7 + 3 + 11 + 2, "{kept:?}");
    assert_eq!(kept[..2], ["2023-12-31T02:00", "2024-12-31T02:00"]);
}
