use backup_policy::{Bucket, Count, Rule, Unit};
use chrono::TimeDelta;

use crate::{NEVER, backups, keep, kept, series};

#[test]
fn d3_both_passes_of_a_repeated_hour_are_hours() {
    // Berlin, 2026-10-25: 02:30 comes twice, as 00:30Z and 01:30Z.
    let set = backups(["2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]);
    let berlin = |rule: Rule| keep(rule).in_zone("Europe/Berlin".parse().unwrap());
    let two = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"];
    assert_eq!(kept(&berlin(Rule::hourly(9)), &set, NEVER), two);
    assert_eq!(kept(&berlin(Bucket::new(Unit::Hourly, 9).every(2).rule()), &set, NEVER), two[1..]);
    assert_eq!(kept(&berlin(Rule::daily(9)), &set, NEVER), two[1..]);
}

#[test]
fn d3_lord_howe_repeats_half_an_hour() {
    // 2026-04-05 01:45 comes twice, as 14:45Z (+11) and 15:15Z (+10:30); 02:15 once.
    let set = backups(["2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T15:45:00Z"]);
    let policy = keep(Rule::hourly(9)).in_zone("Australia/Lord_Howe".parse().unwrap());
    assert_eq!(kept(&policy, &set, NEVER).len(), 3);
    let minutes = keep(Bucket::new(Unit::Minutely, 9)).in_zone("Australia/Lord_Howe".parse().unwrap());
    assert_eq!(kept(&minutes, &set, NEVER).len(), 3);
}

#[test]
fn a_date_that_clocks_return_to_is_one_bucket() {
    // St. John's, 2010-11-07: at 00:01 clocks went back to 23:01 of the 6th, so its days alternate.
    let set = backups(["2010-11-07T02:20:00Z", "2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z"]);
    let policy = keep(Rule::daily(9)).in_zone("America/St_Johns".parse().unwrap());
    assert_eq!(kept(&policy, &set, NEVER), ["2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z"]);
    let first = keep(Bucket::new(Unit::Daily, 9).first()).in_zone("America/St_Johns".parse().unwrap());
    assert_eq!(kept(&first, &set, NEVER), ["2010-11-07T02:20:00Z", "2010-11-07T02:30:30Z"]);
}

#[test]
fn days_are_those_of_the_policys_zone() {
    let set = backups(["2026-08-31T21:30:00Z", "2026-08-31T22:30:00Z"]);
    assert_eq!(kept(&keep(Rule::daily(9)), &set, NEVER).len(), 1);
    let berlin = |rule| keep(rule).in_zone("Europe/Berlin".parse().unwrap());
    assert_eq!(kept(&berlin(Rule::daily(9)), &set, NEVER).len(), 2);
    assert_eq!(kept(&berlin(Rule::monthly(9)), &set, NEVER).len(), 2);
}

#[test]
fn weeks_cross_years_whole() {
    // From Sunday 2024-12-29 to Monday 2025-01-06: ISO weeks 52, 1 and 2.
    let set = series("2024-12-29T12:00:00Z", TimeDelta::days(1), 9);
    let mondays = kept(&keep(Rule::weekly(9)), &set, NEVER);
    assert_eq!(mondays, ["2024-12-29T12:00", "2025-01-05T12:00", "2025-01-06T12:00"]);
    let sundays = kept(&keep(Rule::weekly(9)).weeks_from_sunday(), &set, NEVER);
    assert_eq!(sundays, ["2025-01-04T12:00", "2025-01-06T12:00"]);
    // The same week of another year is another week.
    let sparse = backups(["2025-01-02T00:00:00Z", "2026-01-01T00:00:00Z"]);
    assert_eq!(kept(&keep(Rule::weekly(9)), &sparse, NEVER).len(), 2);
}

#[test]
fn several_units_make_one_bucket() {
    let count = |unit, every, step, number| {
        let set = series("1969-12-01T00:00:00Z", step, number);
        kept(&keep(Bucket::new(unit, Count::All).every(every)), &set, NEVER).len()
    };
    assert_eq!(count(Unit::Daily, 3, TimeDelta::days(1), 31 + 30), 21);
    assert_eq!(count(Unit::Weekly, 2, TimeDelta::weeks(1), 12), 7);
    assert_eq!(count(Unit::Monthly, 6, TimeDelta::days(10), 100), 7);
    assert_eq!(count(Unit::Quarterly, 1, TimeDelta::days(10), 100), 12);
    assert_eq!(count(Unit::Yearly, 10, TimeDelta::days(365), 30), 4);
    assert_eq!(count(Unit::Hourly, 6, TimeDelta::hours(1), 48), 8);
}

#[test]
fn a_date_that_came_twice_is_one_bucket() {
    // Juneau became American on 1867-10-18 and moved to the other side of the date line: after 15:33 of the 19th
    // came 15:33 of the 18th.
    let juneau = |rule: Rule| keep(rule).in_zone("America/Juneau".parse().unwrap());
    let set = backups([
        "1867-10-18T00:00:00Z",
        "1867-10-18T20:00:00Z",
        "1867-10-19T04:00:00Z",
        "1867-10-19T20:00:00Z",
    ]);
    assert_eq!(kept(&juneau(Rule::daily(9)), &set, NEVER), ["1867-10-19T04:00:00Z", "1867-10-19T20:00:00Z"]);
    // Two hours each, many of them visited twice: of the 17th from 16:00 on, of the 18th, of the 19th up to 16:00.
    let hours = series("1867-10-17T01:30:00Z", TimeDelta::minutes(30), 142);
    let dates = kept(&juneau(Bucket::new(Unit::Hourly, Count::All).every(2).rule()), &hours, NEVER);
    assert_eq!(dates.len(), 4 + 12 + 8);
}
