//! Where deciding again, after what was removed is gone, is known to differ. The crate's documentation names
//! these.

use std::collections::BTreeSet;

use backup_policy::{Anchor, Bucket, Hold, Kind, Period, Rule, Unit};
use chrono::TimeDelta;

use crate::{NEVER, backups, keep, kept, series};

#[test]
fn with_an_age_limit_the_oldest_is_not_the_same_after_pruning() {
    // The documented exception: once the true oldest is gone, another is the oldest.
    let policy = keep(Bucket::new(Unit::Weekly, 2).within(Period::days(2), Anchor::Newest).keep_oldest());
    let set = backups(["2026-01-01T00:00:00Z", "2026-02-03T00:00:00Z", "2026-02-03T01:00:00Z"]);
    assert_eq!(kept(&policy, &set, NEVER), ["2026-02-03T01:00:00Z"]);
    assert_eq!(kept(&policy, &set[1..], NEVER).len(), 2);
}

#[test]
fn with_an_age_limit_the_first_is_not_the_same_after_pruning() {
    let policy = keep(Bucket::new(Unit::Yearly, 1).first().within(Period::days(9), Anchor::Newest));
    let set = backups(["2026-01-01T00:00:00Z", "2026-02-03T00:00:00Z"]);
    assert_eq!(kept(&policy, &set, NEVER).len(), 0);
    assert_eq!(kept(&policy, &set[1..], NEVER), ["2026-02-03T00:00:00Z"]);
}

#[test]
fn with_a_limit_a_protected_backup_may_take_the_place_of_another() {
    let mut set = series("2026-01-01T00:00:00Z", TimeDelta::hours(1), 4);
    for number in [1, 3] {
        set[number].kinds = BTreeSet::from([Kind::Manual]);
    }
    set[2].holds.push(Hold::open("audit"));
    let first = Bucket::new(Unit::Daily, 1).first().rule().of([Kind::Automatic]);
    let policy = keep(first).and(Rule::forever().of([Kind::Manual])).at_most(2);
    // The first of the day is beyond the limit.
    assert_eq!(kept(&policy, &set, NEVER), ["2026-01-01T01:00", "2026-01-01T02:00", "2026-01-01T03:00"]);
    // Without it, the held one is the first, and inside the limit.
    assert_eq!(kept(&policy, &set[1..], NEVER), ["2026-01-01T02:00", "2026-01-01T03:00"]);
}

#[test]
fn under_distinct_counting_rules_of_different_kinds_depend_on_when_pruning_happens() {
    let mut set = backups(["2026-01-01T00:00:00Z", "2026-02-03T00:00:00Z", "2026-02-03T01:00:00Z"]);
    set[2].kinds = BTreeSet::from([Kind::Manual]);
    let policy = keep(Rule::last(1).of([Kind::Manual])).and(Rule::daily(1)).counting_distinct();
    // The last of February 3 is kept by hand, so that day is passed over.
    assert_eq!(kept(&policy, &set, NEVER), ["2026-01-01T00:00:00Z", "2026-02-03T01:00:00Z"]);
    // Before it arrived, February 3 took the place of January 1.
    assert_eq!(kept(&policy, &set[..2], NEVER), ["2026-02-03T00:00:00Z"]);
    assert_eq!(kept(&policy, &set[1..], NEVER), ["2026-02-03T01:00:00Z"]);
}
