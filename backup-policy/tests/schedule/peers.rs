//! What other schedulers do that surprises, and what happens here (D8, D9).

use backup_policy::DayMatch;

use crate::{at, cron, cron_matching, runs, runs_between, text};

/// croniter runs appointments twice in an overlap, and rhythms once at the end of a gap.
#[test]
fn croniter_repeats_appointments() {
    let berlin = |expr| cron(expr, "Europe/Berlin");
    let autumn = runs_between(&berlin("30 2 * * *"), "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z");
    assert_eq!(autumn, ["2026-10-25T00:30:00Z"]);
    let spring = runs_between(&berlin("*/20 2 * * *"), "2027-03-28T00:00:00Z", "2027-03-28T03:00:00Z");
    assert_eq!(spring, [""; 0]);
}

/// croniter runs on the date that Apia did not have.
#[test]
fn croniter_runs_on_a_date_that_did_not_exist() {
    let runs =
        runs_between(&cron("0 6 30 12 *", "Pacific/Apia"), "2011-12-28T00:00:00Z", "2012-01-02T00:00:00Z");
    assert_eq!(runs, [""; 0]);
}

/// croniter does not know the last Friday.
#[test]
fn croniter_has_no_last_weekday() {
    assert_eq!(runs(&cron("0 0 * * 5L", "UTC"), "2026-11-20T00:00:00Z", 1), ["2026-11-27T00:00:00Z"]);
}

/// cron-parser moves an appointment in the gap by the gap's length.
#[test]
fn cron_parser_moves_by_the_length_of_the_gap() {
    let spring = runs(&cron("30 2 * * *", "Europe/Berlin"), "2027-03-28T00:00:00Z", 1);
    assert_eq!(spring, ["2027-03-28T01:00:00Z"]);
}

/// cron-parser sometimes drops the second pass of a rhythm.
#[test]
fn cron_parser_loses_a_pass() {
    let runs =
        runs_between(&cron("*/30 2 * * *", "Europe/Berlin"), "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z");
    assert_eq!(runs.len(), 4);
}

/// cron-parser gives up ("loop limit") at Lord Howe and St. John's, and once went back in time there.
#[test]
fn cron_parser_gets_lost_where_gaps_are_odd() {
    for (tz, from) in [
        ("Australia/Lord_Howe", "2026-10-03T14:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T13:00:00Z"),
        ("America/St_Johns", "2010-11-07T01:00:00Z"),
        ("America/St_Johns", "2010-03-14T02:00:00Z"),
    ] {
        for expr in ["15 2 * * *", "*/7 * * * *", "0 0 * * *", "30 23 * * *", "45 1 * * *"] {
            let schedule = cron(expr, tz);
            let slots: Vec<_> = schedule.after(at(from)).unwrap().take(400).collect();
            assert_eq!(slots.len(), 400);
            assert!(slots.is_sorted_by(|a, b| a.run_at() < b.run_at()), "{expr} in {tz}");
        }
    }
}

/// croner skips `0,30 2` in the gap though it runs `30 2`, and runs lists twice in an overlap though `30 2` only once.
#[test]
fn croner_treats_lists_otherwise() {
    let list = cron("0,30 2 * * *", "Europe/Berlin");
    assert_eq!(runs(&list, "2027-03-28T00:00:00Z", 1), ["2027-03-28T01:00:00Z"]);
    assert_eq!(
        runs_between(&list, "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"),
        ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"]
    );
}

/// croner's answer depends on where in an overlap one begins to ask.
#[test]
fn croner_depends_on_the_start() {
    let list = cron("0,30 2 * * *", "Europe/Berlin");
    let minutes = 120;
    for minute in 0..minutes {
        let from = at("2026-10-25T00:00:00Z") + chrono::TimeDelta::minutes(minute);
        let expected = if minute < 30 { "2026-10-25T00:30:00Z" } else { "2026-10-26T01:00:00Z" };
        assert_eq!(text(list.next(from).unwrap().run_at()), expected, "from {from}");
    }
}

/// croner rejects `20/20`.
#[test]
fn croner_rejects_a_step_from_a_number() {
    let runs = runs(&cron("20/20 * * * *", "UTC"), "2026-11-20T00:00:00Z", 2);
    assert_eq!(runs, ["2026-11-20T00:20:00Z", "2026-11-20T00:40:00Z"]);
}

/// vixie cron, cronie and crontab.guru take `*/2` for no restriction.
#[test]
fn vixie_takes_a_step_for_a_star() {
    let from = "2026-11-20T00:00:00Z";
    let posix = cron_matching("0 0 */2 * MON", DayMatch::Posix);
    assert_eq!(runs(&posix, from, 2), ["2026-11-21T00:00:00Z", "2026-11-23T00:00:00Z"]);
    let vixie = cron_matching("0 0 */2 * MON", DayMatch::Vixie);
    assert_eq!(runs(&vixie, from, 2), ["2026-11-23T00:00:00Z", "2026-12-07T00:00:00Z"]);
}

/// kopia adds 24 hours to a time of day and drifts.
#[test]
fn kopia_drifts_with_summer_time() {
    let times = crate::schedule(r#"{"type":"times_per_day","n":1,"start":"02:15","tz":"Europe/Berlin"}"#);
    let runs = runs(&times, "2026-10-23T12:00:00Z", 3);
    assert_eq!(runs, ["2026-10-24T00:15:00Z", "2026-10-25T00:15:00Z", "2026-10-26T01:15:00Z"]);
}
