//! With a maximum count three properties do not hold that hold without. The crate's documentation says so.

use backup_policy::{Count, Kind, Period, Policy, Rule};
use chrono::TimeDelta;

use crate::{NEVER, at, backup, keep, kept, series};

#[test]
fn with_a_limit_a_larger_count_may_keep_less_of_the_old() {
    // Ten days; the last of each month, and of the newest days as many as asked for.
    let set = series("2026-01-25T00:00:00Z", TimeDelta::days(1), 10);
    let days = |n: u32| keep(Rule::monthly(2)).and(Rule::last(n)).at_most(3);
    assert_eq!(kept(&days(2), &set, NEVER), ["2026-01-31T00:00", "2026-02-02T00:00", "2026-02-03T00:00"]);
    assert_eq!(kept(&days(3), &set, NEVER), ["2026-02-01T00:00", "2026-02-02T00:00", "2026-02-03T00:00"]);
    let unlimited = |n: u32| keep(Rule::monthly(2)).and(Rule::last(n));
    assert!(kept(&unlimited(3), &set, NEVER).contains(&"2026-01-31T00:00".to_owned()));
}

#[test]
fn with_a_limit_waiting_may_bring_a_backup_back() {
    let set = [
        backup("2026-01-01T00:00:00Z").with_kinds([Kind::Manual]),
        backup("2026-01-02T00:00:00Z").with_kinds([Kind::Nightly]),
    ];
    let policy = keep(Rule::forever().of([Kind::Manual]))
        .and(Rule::ttl(Period::days(3)).of([Kind::Nightly]))
        .at_most(1);
    assert_eq!(kept(&policy, &set, "2026-01-04T23:59:59Z"), ["2026-01-02T00:00:00Z"]);
    // The nightly one has expired, and leaves its place.
    assert_eq!(kept(&policy, &set, "2026-01-05T00:00:00Z"), ["2026-01-01T00:00:00Z"]);
}

#[test]
fn with_a_limit_pruning_often_ends_differently() {
    let set = [
        backup("2026-01-01T00:00:00Z").with_kinds([Kind::Manual]),
        backup("2026-01-02T00:00:00Z").with_kinds([Kind::Nightly]),
    ];
    let policy = keep(Rule::forever().of([Kind::Manual]))
        .and(Rule::ttl(Period::days(3)).of([Kind::Nightly]))
        .at_most(1);
    let later = "2026-01-05T00:00:00Z";
    let at_once = kept(&policy, &set, later);
    let survivors: Vec<_> = {
        let decisions = policy.decide(&set, at("2026-01-02T00:00:00Z")).unwrap();
        decisions.kept().map(|decision| decision.backup().clone()).collect()
    };
    assert_ne!(kept(&policy, &survivors, later), at_once);
    assert!(kept(&policy, &survivors, later).is_empty());
}

#[test]
fn without_any_rule_a_limit_is_one() {
    let set = series("2026-01-25T00:00:00Z", TimeDelta::days(1), 10);
    let policy = Policy::keep(Rule::last(Count::All)).at_least(0).at_most(3);
    assert_eq!(kept(&policy, &set, NEVER).len(), 3);
}
