use backup_policy::{Anchor, Backup, Bucket, Count, Hold, Period, Policy, Rule, Status, Unit};
use chrono::TimeDelta;

use crate::{NEVER, at, backups, keep, kept, reasons, series};

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

#[test]
fn restic_monthly_cutoffs_do_not_overflow_into_march() {
    // restic counts a month back from March 31 to "February 31", which is March 3, and drops what is younger.
    let set = backups(["2026-03-01T12:00:00Z", "2026-03-31T12:00:00Z"]);
    assert_eq!(kept(&keep(Rule::within(Period::months(1))), &set, NEVER).len(), 2);
}

#[test]
fn sanoid_months_have_no_fixed_length() {
    // sanoid's month has 31 days and its year 365.25: a month here ends on the same day of the next.
    let set = backups(["2026-02-03T03:18:00Z"]);
    let policy = keep(Rule::ttl(Period::months(1)));
    assert_eq!(kept(&policy, &set, "2026-03-03T03:17:59Z").len(), 1);
    assert!(kept(&policy, &set, "2026-03-03T03:18:00Z").is_empty());
}

#[test]
fn sanoid_prunes_what_is_both_old_and_in_excess() {
    // Of each kind: younger than so long, or among the last so many.
    let policy = keep(Rule::ttl(Period::days(3))).and(Rule::last(2));
    let set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 10);
    assert_eq!(kept(&policy, &set, "2026-01-10T12:00:00Z").len(), 3);
    assert_eq!(kept(&policy, &set, NEVER).len(), 2);
}

#[test]
fn kopia_january_weeks_and_months_have_slots_of_their_own() {
    // kopia calls the first ISO week and January "2026-01", and the week loses its place.
    let set = backups(["2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", "2026-02-01T00:00:00Z"]);
    let policy = keep(Rule::monthly(9)).and(Rule::weekly(9));
    assert_eq!(reasons(&policy, &set, NEVER, "2026-01-01T00:00:00Z"), ["weekly"]);
    assert_eq!(reasons(&policy, &set, NEVER, "2026-01-08T00:00:00Z"), ["monthly", "weekly"]);
}

#[test]
fn kopia_counts_are_not_durations_unless_an_age_is_asked_for() {
    // Three days that have a backup, however far apart; with an age both must hold.
    let set = backups(["2026-01-01T00:00:00Z", "2026-01-10T00:00:00Z", "2026-01-12T00:00:00Z"]);
    assert_eq!(kept(&keep(Rule::daily(3)), &set, NEVER).len(), 3);
    let both = keep(Bucket::new(Unit::Daily, 3).within(Period::days(3), Anchor::Newest));
    assert_eq!(kept(&both, &set, NEVER), ["2026-01-10T00:00:00Z", "2026-01-12T00:00:00Z"]);
}

#[test]
fn borg_held_archives_occupy_their_buckets() {
    // borg leaves `@PROT` archives out of the counting, so it keeps another one in each bucket of theirs.
    let mut set = backups(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-02T12:00:00Z"]);
    set[2].holds.push(Hold::open("protected"));
    assert_eq!(kept(&keep(Rule::daily(2)), &set, NEVER), ["2026-01-01T00:00:00Z", "2026-01-02T12:00:00Z"]);
}

#[test]
fn borg_and_restic_days_are_sets_and_not_runs_of_neighbours() {
    // St. John's, 2010-11-07 00:01 -> 23:01: neighbours are on the 6th, the 7th and the 6th again, which is
    // two days.
    let set = backups(["2010-11-07T02:20:00Z", "2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z"]);
    let policy = keep(Rule::daily(9)).in_zone("America/St_Johns".parse().unwrap());
    assert_eq!(kept(&policy, &set, NEVER).len(), 2);
}

#[test]
fn rustic_weeks_neither_split_at_new_year_nor_merge_across_years() {
    // rustic pairs the calendar year with the ISO week: December 30 and January 1 of one week become two,
    let one_week = backups(["2024-12-30T00:00:00Z", "2025-01-01T00:00:00Z"]);
    assert_eq!(kept(&keep(Rule::weekly(9)), &one_week, NEVER), ["2025-01-01T00:00:00Z"]);
    // and January 1, 2024 and December 30, 2024, both in a week 1, become one.
    let two_weeks = backups(["2024-01-01T00:00:00Z", "2024-12-30T00:00:00Z"]);
    assert_eq!(kept(&keep(Rule::weekly(9)), &two_weeks, NEVER).len(), 2);
}

#[test]
fn rustic_minutes_are_minutes() {
    let set = backups([
        "2026-01-01T10:05:00Z",
        "2026-01-01T10:05:59Z",
        "2026-07-01T10:05:00Z",
        "2026-07-01T10:06:00Z",
    ]);
    assert_eq!(
        kept(&keep(Bucket::new(Unit::Minutely, 9)), &set, NEVER),
        ["2026-01-01T10:05:59Z", "2026-07-01T10:05:00Z", "2026-07-01T10:06:00Z"]
    );
}

#[test]
fn velero_outages_erode_nothing_unless_time_to_live_is_asked_for() {
    let set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 5);
    assert!(kept(&keep(Rule::ttl(Period::days(30))), &set, NEVER).is_empty());
    assert_eq!(kept(&keep(Rule::within(Period::days(30))), &set, NEVER).len(), 5);
    // And what is built in Rust never goes down to nothing.
    assert_eq!(kept(&Policy::keep(Rule::ttl(Period::days(30))), &set, NEVER), ["2026-01-05T00:00"]);
}

#[test]
fn velero_no_time_to_live_is_not_a_default_one() {
    assert!(keep(Rule::ttl(Period::ZERO)).validate().is_err());
    let set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 5);
    assert_eq!(kept(&keep(Rule::forever()), &set, NEVER).len(), 5);
}

#[test]
fn portabase_and_xen_orchestra_failures_do_not_use_up_counts() {
    let mut set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 5);
    set[3].status = Status::Failed;
    set[4].status = Status::Failed;
    let policy = keep(Rule::last(2)).failed_for(Period::years(50)).at_least(1);
    let sound = ["2026-01-02T00:00", "2026-01-03T00:00"];
    assert_eq!(kept(&policy, &set, NEVER)[..2], sound);
    assert_eq!(reasons(&policy, &set, NEVER, "2026-01-03T00:00"), ["last", "min-keep"]);
}

#[test]
fn d7_pgbackrest_increments_are_not_lost_with_their_full_backup() {
    // pgBackRest expires the full backup and with it everything that builds on it.
    let full = Backup::new("full", at("2026-01-01T00:00:00Z"));
    let increment = Backup::new("increment", at("2026-01-20T00:00:00Z")).with_parent("full");
    let policy = keep(Rule::ttl(Period::days(7)));
    let set = [full, increment];
    assert_eq!(kept(&policy, &set, "2026-01-21T00:00:00Z"), ["full", "increment"]);
    assert_eq!(reasons(&policy, &set, "2026-01-21T00:00:00Z", "full"), ["dependency"]);
    assert!(kept(&policy, &set, "2026-01-27T00:00:00Z").is_empty());
}

#[test]
fn d7_pgbackrest_time_retention_keeps_one_full_older_than_the_window() {
    let set = series("2026-01-01T00:00:00Z", TimeDelta::weeks(1), 4);
    let policy = keep(Rule::last(0)).recoverable_for(Period::days(10));
    assert_eq!(kept(&policy, &set, "2026-01-26T00:00:00Z"), ["2026-01-15T00:00", "2026-01-22T00:00"]);
}
