//! Pruning after every backup ends like pruning once, unless history is changed behind its back. Each test
//! names one such change, and what becomes different.

use backup_policy::{Anchor, Backup, Bucket, Kind, Period, Policy, Rule, Status, Unit};
use chrono::TimeDelta;

use crate::{NEVER, at, backup, backups, keep, kept, series};

/// What is left when each backup is followed by a prune.
fn pruned(policy: &Policy, arrivals: &[Backup]) -> Vec<Backup> {
    let mut present: Vec<Backup> = Vec::new();
    for backup in arrivals {
        present.push(backup.clone());
        let now = present.iter().map(|backup| backup.time).max().unwrap();
        let decisions = policy.decide(&present, now).unwrap();
        present = decisions.kept().map(|decision| decision.backup().clone()).collect();
    }
    present
}

fn ids(backups: &[Backup]) -> Vec<&str> {
    backups.iter().map(|backup| backup.id.as_str()).collect()
}

#[test]
fn in_the_order_of_time_it_does_not_matter() {
    let policy = keep(Rule::daily(3)).and(Rule::monthly(2));
    let set = series("2026-01-01T00:00:00Z", TimeDelta::hours(7), 300);
    assert_eq!(ids(&pruned(&policy, &set)), kept(&policy, &set, NEVER));
}

#[test]
fn an_import_of_old_backups_comes_too_late() {
    // The child is imported first, is worth nothing alone, and goes before its parent arrives.
    let policy = keep(Rule::daily(9));
    let full = Backup::new("full", at("2026-01-01T00:00:00Z"));
    let child = Backup::new("child", at("2026-01-02T00:00:00Z")).with_parent("full");
    assert_eq!(ids(&pruned(&policy, &[child.clone(), full.clone()])), ["full"]);
    assert_eq!(kept(&policy, &[child, full], NEVER), ["full", "child"]);
}

#[test]
fn a_failure_found_later_has_already_displaced_a_sound_backup() {
    let policy = keep(Rule::last(1));
    let set = backups(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]);
    let mut left = pruned(&policy, &set);
    assert_eq!(ids(&left), ["2026-01-02T00:00:00Z"]);
    left[0].status = Status::Failed;
    assert!(kept(&policy, &left, NEVER).is_empty());
    let known = [set[0].clone(), set[1].clone().with_status(Status::Failed)];
    assert_eq!(kept(&policy, &known, NEVER), ["2026-01-01T00:00:00Z"]);
}

#[test]
fn a_longer_policy_cannot_bring_back_what_the_shorter_removed() {
    let (short, long) = (keep(Rule::daily(2)), keep(Rule::daily(5)));
    let set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 10);
    assert_eq!(kept(&long, &set, NEVER).len(), 5);
    assert_eq!(kept(&long, &pruned(&short, &set), NEVER).len(), 2);
}

#[test]
fn another_zone_wants_other_last_ones() {
    let (utc, kolkata) =
        (keep(Rule::daily(2)), keep(Rule::daily(2)).in_zone("Asia/Kolkata".parse().unwrap()));
    let set = backups(["2026-01-01T18:00:00Z", "2026-01-01T23:00:00Z", "2026-01-02T18:00:00Z"]);
    assert_eq!(kept(&utc, &set, NEVER), ["2026-01-01T23:00:00Z", "2026-01-02T18:00:00Z"]);
    // At 23:00Z it is already January 2 in Kolkata, so 18:00Z is the last of January 1.
    assert_eq!(kept(&kolkata, &set, NEVER), ["2026-01-01T18:00:00Z", "2026-01-02T18:00:00Z"]);
    assert_eq!(kept(&kolkata, &pruned(&utc, &set), NEVER), ["2026-01-02T18:00:00Z"]);
}

#[test]
fn a_first_with_an_age_limit_is_followed_by_another_first() {
    let policy = keep(Bucket::new(Unit::Yearly, 1).first().within(Period::months(1), Anchor::Now));
    let set = backups(["2026-01-01T00:00:00Z", "2026-02-15T00:00:00Z"]);
    let now = "2026-02-15T00:00:00Z";
    assert!(kept(&policy, &set, now).is_empty());
    // Once the year's first has gone, a later one is the first.
    assert_eq!(kept(&policy, &set[1..], now), ["2026-02-15T00:00:00Z"]);
    let weekly = series("2026-01-01T00:00:00Z", TimeDelta::weeks(1), 7);
    assert_eq!(ids(&pruned(&policy, &weekly)), ["2026-02-12T00:00"]);
    assert!(kept(&policy, &weekly, "2026-02-12T00:00:00Z").is_empty());
}

#[test]
fn distinct_counting_with_a_first_depends_on_when_pruning_happens() {
    let set = backups([
        "2026-01-01T00:00:00Z",
        "2026-01-09T08:00:00Z",
        "2026-01-09T20:00:00Z",
        "2026-01-10T08:00:00Z",
    ]);
    let first = keep(Bucket::new(Unit::Daily, 1).first()).and(Rule::weekly(1)).counting_distinct();
    // On January 10 the week's last is the day's first too, so the week before takes its place,
    assert_eq!(kept(&first, &set, NEVER), ["2026-01-01T00:00:00Z", "2026-01-10T08:00:00Z"]);
    // unless it went on January 9, when the week's last was not the day's first.
    assert_eq!(ids(&pruned(&first, &set)), ["2026-01-10T08:00:00Z"]);
    let last = keep(Rule::daily(1)).and(Rule::weekly(1)).counting_distinct();
    assert_eq!(ids(&pruned(&last, &set)), kept(&last, &set, NEVER));
}

#[test]
fn a_rule_on_a_kind_that_none_covered_ends_its_being_kept() {
    let set = [backup("2026-01-01T00:00:00Z").with_kinds([Kind::Manual]), backup("2026-01-02T00:00:00Z")];
    let before = keep(Rule::last(1).of([Kind::Automatic]));
    assert_eq!(kept(&before, &set, NEVER).len(), 2);
    let after = before.and(Rule::ttl(Period::days(3)).of([Kind::Manual]));
    assert_eq!(kept(&after, &set, NEVER), ["2026-01-02T00:00:00Z"]);
}

#[test]
fn one_arrival_may_displace_any_number_from_within_a_time_of_the_newest() {
    let mut set = series("2026-01-01T00:00:00Z", TimeDelta::hours(1), 24);
    let policy = keep(Rule::within(Period::days(2)));
    assert_eq!(kept(&policy, &set, NEVER).len(), 24);
    set.push(Backup::new("new", at("2026-01-09T00:00:00Z")));
    assert_eq!(kept(&policy, &set, NEVER), ["new"]);
}

#[test]
fn four_centuries_shift_only_units_that_divide_them() {
    // 400 years are 146,097 days and 20,871 weeks: divisible by 3, not by 2.
    let shift = TimeDelta::days(146_097);
    let same = |unit: Unit, every: u32, step: TimeDelta| {
        let early = series("2026-01-01T00:00:00Z", step, 40);
        let late: Vec<Backup> =
            early.iter().map(|backup| Backup::new(backup.id.clone(), backup.time + shift)).collect();
        let policy = keep(Bucket::new(unit, 6).every(every));
        kept(&policy, &early, NEVER) == kept(&policy, &late, "2500-01-01T00:00:00Z")
    };
    let (day, week) = (TimeDelta::days(1), TimeDelta::weeks(1));
    assert!(same(Unit::Daily, 1, day) && same(Unit::Daily, 3, day) && !same(Unit::Daily, 2, day));
    assert!(same(Unit::Weekly, 1, week) && same(Unit::Weekly, 3, week) && !same(Unit::Weekly, 2, week));
}
