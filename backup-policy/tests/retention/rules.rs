use backup_policy::{Anchor, Backup, Bucket, Count, Kind, Period, Policy, Rule, Unit};
use chrono::TimeDelta;

use crate::{NEVER, at, backup, backups, keep, kept, reasons, series};

#[test]
fn the_empty_policy_keeps_everything_and_deleting_takes_a_rule() {
    let set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 5);
    assert_eq!(kept(&Policy::keep_everything(), &set, NEVER).len(), 5);
    assert_eq!(kept(&keep(Rule::last(0)), &set, NEVER).len(), 0);
    let only_manual = keep(Rule::last(0).of([Kind::Manual]));
    assert_eq!(kept(&only_manual, &set, NEVER).len(), 5);
    assert_eq!(reasons(&only_manual, &set, NEVER, "2026-01-01T00:00"), ["unmatched"]);
}

#[test]
fn n13_last_keeps_the_newest_and_equal_times_go_by_id() {
    let time = at("2026-01-01T00:00:00Z");
    let set = ["b", "d", "a", "c"].map(|id| Backup::new(id, time));
    assert_eq!(kept(&keep(Rule::last(2)), &set, NEVER), ["c", "d"]);
    assert_eq!(kept(&keep(Rule::last(Count::All)), &set, NEVER).len(), 4);
}

#[test]
fn empty_periods_use_no_slot() {
    let set = backups(["2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-08-01T00:00:00Z"]);
    assert_eq!(kept(&keep(Rule::daily(3)), &set, NEVER).len(), 3);
    assert_eq!(kept(&keep(Rule::monthly(2)), &set, NEVER).len(), 2);
}

#[test]
fn first_takes_the_earliest_of_the_whole_bucket() {
    let set = series("2026-01-01T00:00:00Z", TimeDelta::hours(6), 8);
    let last = keep(Rule::daily(2));
    assert_eq!(kept(&last, &set, NEVER), ["2026-01-01T18:00", "2026-01-02T18:00"]);
    let first = keep(Bucket::new(Unit::Daily, 2).first());
    assert_eq!(kept(&first, &set, NEVER), ["2026-01-01T00:00", "2026-01-02T00:00"]);
}

#[test]
fn within_limits_a_bucket_rule_from_the_newest_or_from_now() {
    let set = series("2026-01-01T12:00:00Z", TimeDelta::days(1), 10);
    let newest = keep(Bucket::new(Unit::Daily, 9).within(Period::days(3), Anchor::Newest));
    let three = ["2026-01-08T12:00", "2026-01-09T12:00", "2026-01-10T12:00"];
    assert_eq!(kept(&newest, &set, NEVER), three);
    let now = keep(Bucket::new(Unit::Daily, 9).within(Period::days(3), Anchor::Now));
    assert_eq!(kept(&now, &set, "2026-01-11T11:59:59Z"), three);
    assert_eq!(kept(&now, &set, "2026-01-11T12:00:00Z"), three[1..]);
    let two = keep(Bucket::new(Unit::Daily, 2).within(Period::days(3), Anchor::Newest));
    assert_eq!(kept(&two, &set, NEVER), three[1..]);
}

#[test]
fn tags_want_all_of_a_list() {
    let set = [
        backup("2026-01-01T00:00:00Z").with_tag("a"),
        backup("2026-01-02T00:00:00Z").with_tag("a").with_tag("b"),
        backup("2026-01-03T00:00:00Z").with_tag("c"),
    ];
    assert_eq!(kept(&keep(Rule::tagged(["a", "b"])), &set, NEVER), ["2026-01-02T00:00:00Z"]);
    let either = keep(Rule::tagged(["a", "b"])).and(Rule::tagged(["c"]));
    assert_eq!(kept(&either, &set, NEVER), ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]);
    assert_eq!(reasons(&either, &set, NEVER, "2026-01-01T00:00:00Z"), ["-untagged"]);
}

#[test]
fn a_rule_looks_at_backups_that_share_a_kind_with_it() {
    let set = [
        backup("2026-01-01T00:00:00Z").with_kinds([Kind::Nightly, Kind::Weekly]),
        backup("2026-01-02T00:00:00Z").with_kinds([Kind::Nightly]),
    ];
    let policy = keep(Rule::last(1).of([Kind::Weekly, Kind::Monthly])).and(Rule::last(0).of([Kind::Nightly]));
    assert_eq!(kept(&policy, &set, NEVER), ["2026-01-01T00:00:00Z"]);
}

#[test]
fn everything_may_cross_threads() {
    fn may_cross<T: Send + Sync>(_: &T) {}
    let policy = keep(Rule::last(1));
    may_cross(&policy);
    may_cross(&policy.decide(&[], at(NEVER)).unwrap());
}
