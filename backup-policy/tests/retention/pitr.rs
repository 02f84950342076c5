use backup_policy::{Backup, Hold, Kind, Period, Pitr, Policy, Rule, Status, Stretch};
use chrono::TimeDelta;

use crate::{at, keep, kept, reasons, series};

const NOW: &str = "2026-01-10T00:00:00Z";

/// Nothing but what recovery needs.
fn window(window: Period) -> Policy {
    keep(Rule::last(0)).recoverable_for(window)
}

fn ran(id: &str, from: &str, until: &str) -> Backup {
    Backup::new(id, at(from)).completed_at(at(until))
}

fn stretch(from: &str, until: &str) -> Stretch {
    Stretch { from: at(from), until: at(until) }
}

fn log_keep_from(policy: &Policy, backups: &[Backup], now: &str) -> Option<String> {
    let from = policy.decide(backups, at(now)).unwrap().log_keep_from();
    from.map(|from| from.format("%Y-%m-%dT%H:%M").to_string())
}

#[test]
fn a14_one_backup_older_than_the_window_begins_it() {
    let set = series("2026-01-05T02:00:00Z", TimeDelta::days(1), 5);
    let policy = window(Period::days(1));
    assert_eq!(kept(&policy, &set, NOW), ["2026-01-08T02:00", "2026-01-09T02:00"]);
    assert_eq!(reasons(&policy, &set, NOW, "2026-01-08T02:00"), ["pitr-anchor"]);
    assert_eq!(reasons(&policy, &set, NOW, "2026-01-09T02:00"), ["pitr-window"]);
    assert_eq!(reasons(&policy, &set, NOW, "2026-01-07T02:00"), ["-superseded"]);
    assert_eq!(log_keep_from(&policy, &set, NOW).unwrap(), "2026-01-08T02:00");
    // Exactly a window after its end a backup begins it.
    assert_eq!(log_keep_from(&policy, &set, "2026-01-10T01:59:59Z").unwrap(), "2026-01-08T02:00");
    assert_eq!(log_keep_from(&policy, &set, "2026-01-10T02:00:00Z").unwrap(), "2026-01-09T02:00");
}

#[test]
fn the_end_of_a_run_counts_and_the_log_is_needed_from_its_start() {
    let set = [
        ran("a", "2026-01-07T02:00:00Z", "2026-01-07T03:00:00Z"),
        // Ends too late to begin a window of one day.
        ran("b", "2026-01-08T22:00:00Z", "2026-01-09T01:00:00Z"),
    ];
    let policy = window(Period::days(1));
    assert_eq!(reasons(&policy, &set, NOW, "a"), ["pitr-anchor"]);
    assert_eq!(log_keep_from(&policy, &set, NOW).unwrap(), "2026-01-07T02:00");
    assert_eq!(log_keep_from(&policy, &set, "2026-01-10T01:00:00Z").unwrap(), "2026-01-08T22:00");
}

#[test]
fn until_the_window_is_covered_everything_in_it_stays() {
    let set = [
        ran("late", "2026-01-09T00:00:00Z", "2026-01-09T09:00:00Z"),
        ran("early", "2026-01-09T01:00:00Z", "2026-01-09T02:00:00Z"),
    ];
    let policy = window(Period::days(7));
    assert_eq!(reasons(&policy, &set, NOW, "late"), ["pitr-window"]);
    assert_eq!(reasons(&policy, &set, NOW, "early"), ["pitr-window"]);
    // The one that was complete first, though it began second.
    assert_eq!(log_keep_from(&policy, &set, NOW).unwrap(), "2026-01-09T01:00");
    assert_eq!(log_keep_from(&policy, &[], NOW), None);
    assert_eq!(log_keep_from(&keep(Rule::last(9)), &set, NOW), None);
}

#[test]
fn only_sound_complete_backups_of_its_kinds_begin_a_window() {
    let mut set = series("2026-01-05T02:00:00Z", TimeDelta::days(1), 4);
    set[0].kinds = [Kind::Custom("base".into())].into();
    set[1].status = Status::Failed;
    set[2].completed_at = Some(at("2027-01-01T00:00:00Z"));
    let all = window(Period::days(1));
    assert_eq!(kept(&all, &set, NOW), ["2026-01-08T02:00"]);
    let mut bases = all;
    bases.pitr = Some(Pitr::window(Period::days(1)).of([Kind::Custom("base".into())]));
    assert_eq!(kept(&bases, &set, NOW), ["2026-01-05T02:00"]);
    assert_eq!(log_keep_from(&bases, &set, NOW).unwrap(), "2026-01-05T02:00");
}

#[test]
fn a_window_protects_from_rules_and_limits_and_keeps_chains() {
    let mut set = series("2026-01-05T02:00:00Z", TimeDelta::days(1), 5);
    set[3].parent = Some(set[2].id.clone());
    let policy = window(Period::days(1)).at_most(0);
    assert_eq!(kept(&policy, &set, NOW), ["2026-01-07T02:00", "2026-01-08T02:00", "2026-01-09T02:00"]);
    assert_eq!(reasons(&policy, &set, NOW, "2026-01-07T02:00"), ["dependency"]);
}

#[test]
fn older_backups_that_stay_keep_the_log_of_their_own_runs() {
    let set = [
        ran("held", "2026-01-01T02:00:00Z", "2026-01-01T04:00:00Z").with_hold(Hold::open("audit")),
        ran("also held", "2026-01-01T03:00:00Z", "2026-01-01T05:00:00Z").with_hold(Hold::open("audit")),
        ran("gone", "2026-01-02T02:00:00Z", "2026-01-02T04:00:00Z"),
        ran("base", "2026-01-07T02:00:00Z", "2026-01-07T04:00:00Z"),
        Backup::new("long", at("2026-01-06T00:00:00Z")).with_status(Status::Running),
    ];
    let policy = window(Period::days(1));
    let needed = |set: &[Backup]| policy.decide(set, at(NOW)).unwrap().log_spans();
    let runs = stretch("2026-01-01T02:00:00Z", "2026-01-01T05:00:00Z");
    assert_eq!(needed(&set[..4]), [runs, stretch("2026-01-07T02:00:00Z", NOW)]);
    // What still runs may need everything since it began.
    assert_eq!(needed(&set), [runs, stretch("2026-01-06T00:00:00Z", NOW)]);
    assert!(needed(&[]).is_empty());
}

#[test]
fn recovery_ends_at_a_gap_of_the_log_and_begins_again_with_the_next_backup() {
    let set = [
        ran("a", "2026-01-06T02:00:00Z", "2026-01-06T03:00:00Z"),
        ran("b", "2026-01-08T02:00:00Z", "2026-01-08T03:00:00Z"),
    ];
    let policy = window(Period::days(3));
    let decisions = policy.decide(&set, at(NOW)).unwrap();
    let whole = [stretch("2026-01-06T00:00:00Z", "2026-01-09T23:00:00Z")];
    let recovery = decisions.recovery(&whole);
    assert_eq!(recovery.spans, [stretch("2026-01-06T03:00:00Z", "2026-01-09T23:00:00Z")]);
    assert!(recovery.gaps.is_empty() && recovery.is_window_met);

    let torn = [
        stretch("2026-01-07T12:00:00Z", "2026-01-09T23:00:00Z"),
        stretch("2026-01-06T00:00:00Z", "2026-01-07T06:00:00Z"),
    ];
    let recovery = decisions.recovery(&torn);
    let expected = [
        stretch("2026-01-06T03:00:00Z", "2026-01-07T06:00:00Z"),
        stretch("2026-01-08T03:00:00Z", "2026-01-09T23:00:00Z"),
    ];
    assert_eq!(recovery.spans, expected);
    assert_eq!(recovery.gaps, [stretch("2026-01-07T06:00:00Z", "2026-01-08T03:00:00Z")]);
    assert!(!recovery.is_window_met);

    // The log of a run must be whole, or the backup is worth nothing.
    let late = [stretch("2026-01-06T02:30:00Z", "2026-01-07T06:00:00Z")];
    assert!(decisions.recovery(&late).spans.is_empty());
    assert!(decisions.recovery(&[]).spans.is_empty());
    // Nothing after the last gap: what is recoverable does not reach the end of the log.
    let ends_in_rest = [torn[1], stretch("2026-01-09T00:00:00Z", "2026-01-09T23:00:00Z")];
    let recovery = decisions.recovery(&ends_in_rest);
    assert_eq!((recovery.spans.as_slice(), recovery.is_window_met), (&expected[..1], false));
    // Without a window nothing is promised.
    let without = keep(Rule::last(9));
    assert!(without.decide(&set, at(NOW)).unwrap().recovery(&whole).spans.is_empty());
}

#[test]
fn a_window_goes_by_the_calendar_of_the_policy() {
    // In Berlin the day before 2026-10-25 12:00 has 25 hours.
    let set = series("2026-10-24T10:30:00Z", TimeDelta::minutes(30), 3);
    let now = "2026-10-25T11:00:00Z";
    let utc = window(Period::days(1));
    assert_eq!(log_keep_from(&utc, &set, now).unwrap(), "2026-10-24T11:00");
    let berlin = utc.in_zone("Europe/Berlin".parse().unwrap());
    assert_eq!(log_keep_from(&berlin, &set, now).unwrap(), "2026-10-24T10:30");
}
