use backup_policy::{Anchor, Bucket, Count, Period, Rule, Unit};
use chrono::TimeDelta;

use crate::{NEVER, backups, keep, kept, reasons, series};

#[test]
fn d1_a_month_back_from_march_31_keeps_march_1() {
    let set = backups(["2026-02-28T12:00:00Z", "2026-03-01T12:00:00Z", "2026-03-31T12:00:00Z"]);
    let policy = keep(Rule::within(Period::months(1)));
    assert_eq!(kept(&policy, &set, NEVER), ["2026-03-01T12:00:00Z", "2026-03-31T12:00:00Z"]);
}

#[test]
fn d2_a_backup_from_the_future_is_kept_and_does_not_count() {
    let set = backups(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2031-01-01T00:00:00Z"]);
    let now = "2026-01-02T00:00:00Z";
    let expected = ["2026-01-02T00:00:00Z", "2031-01-01T00:00:00Z"];
    assert_eq!(kept(&keep(Rule::last(1)), &set, now), expected);
    assert_eq!(reasons(&keep(Rule::last(1)), &set, now, expected[1]), ["future"]);
    // Nor is it an anchor: both real ones are within two days of the newest.
    assert_eq!(kept(&keep(Rule::within(Period::days(2))), &set, now).len(), 3);
    assert_eq!(kept(&keep(Rule::last(0)).at_least(1), &set, now), expected);
}

#[test]
fn d4_the_oldest_is_kept_only_on_request_and_while_buckets_are_missing() {
    let set = series("2026-01-01T00:00:00Z", TimeDelta::days(10), 10);
    let bucket = |n: Count| Bucket::new(Unit::Monthly, n);
    assert_eq!(kept(&keep(bucket(12.into())), &set, NEVER).len(), 4);
    let oldest = "2026-01-01T00:00";
    for n in [12.into(), 5.into(), Count::All] {
        let policy = keep(bucket(n).keep_oldest());
        assert_eq!(kept(&policy, &set, NEVER).len(), 5);
        assert_eq!(reasons(&policy, &set, NEVER, oldest), ["oldest:monthly"]);
    }
    for n in [4, 3, 0] {
        assert_eq!(kept(&keep(bucket(n.into()).keep_oldest()), &set, NEVER).len(), n as usize);
    }
    let limited = bucket(12.into()).keep_oldest().within(Period::days(40), Anchor::Newest);
    assert_eq!(reasons(&keep(limited), &set, NEVER, oldest), ["-superseded"]);
}

#[test]
fn d5_rules_count_alone_or_pass_over_what_others_keep() {
    let set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 10);
    let shared = keep(Rule::last(2)).and(Rule::daily(3));
    assert_eq!(kept(&shared, &set, NEVER).len(), 3);
    assert_eq!(reasons(&shared, &set, NEVER, "2026-01-10T00:00"), ["daily", "last"]);
    let distinct = shared.counting_distinct();
    assert_eq!(kept(&distinct, &set, NEVER).len(), 5);
    assert_eq!(reasons(&distinct, &set, NEVER, "2026-01-10T00:00"), ["last"]);
    // Rules by age do not count, so nothing passes over them.
    let by_age = keep(Rule::forever()).and(Rule::daily(3)).counting_distinct();
    assert_eq!(reasons(&by_age, &set, NEVER, "2026-01-10T00:00"), ["daily", "ttl"]);
}

#[test]
fn d6_nothing_erodes_while_backups_stop_unless_measured_from_now() {
    let set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 10);
    assert_eq!(kept(&keep(Rule::within(Period::days(3))), &set, NEVER).len(), 3);
    assert_eq!(kept(&keep(Rule::within_of_now(Period::days(3))), &set, "2026-01-11T00:00:00Z").len(), 2);
    assert_eq!(kept(&keep(Rule::within_of_now(Period::days(3))), &set, NEVER).len(), 0);
}
