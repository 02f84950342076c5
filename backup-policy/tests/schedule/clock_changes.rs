//! D9, each at a real change of real clocks.

use backup_policy::Schedule;

use crate::{cron, runs_between, schedule};

/// Berlin, 2027-03-28: 02:00 becomes 03:00 at 01:00 UTC.
fn berlin_spring(expr: &str) -> Vec<String> {
    runs_between(&cron(expr, "Europe/Berlin"), "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z")
}

/// Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
fn berlin_autumn(expr: &str) -> Vec<String> {
    runs_between(&cron(expr, "Europe/Berlin"), "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
}

#[test]
fn an_appointment_in_the_gap_is_kept_when_the_gap_ends() {
    assert_eq!(berlin_spring("30 2 * * *"), ["2027-03-28T01:00:00Z"]);
    // All of them at once, also with a regular run of 03:00.
    assert_eq!(berlin_spring("0,30 2 * * *"), ["2027-03-28T01:00:00Z"]);
    assert_eq!(berlin_spring("0 2,3 * * *"), ["2027-03-28T01:00:00Z"]);
    assert_eq!(berlin_spring("0-59/20 2 * * *"), ["2027-03-28T01:00:00Z"]);
    assert_eq!(berlin_spring("30 2,3 * * *"), ["2027-03-28T01:00:00Z", "2027-03-28T01:30:00Z"]);
    // Other days are as they are, and the days around it too.
    let nightly = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        runs_between(&nightly, "2027-03-27T00:00:00Z", "2027-03-30T00:00:00Z"),
        ["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]
    );
}

#[test]
fn an_appointment_that_occurs_twice_is_kept_once() {
    assert_eq!(berlin_autumn("30 2 * * *"), ["2026-10-25T00:30:00Z"]);
    assert_eq!(berlin_autumn("0,30 2 * * *"), ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"]);
    assert_eq!(berlin_autumn("0 2,3 * * *"), ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"]);
    assert_eq!(berlin_autumn("0 3 * * *"), ["2026-10-25T02:00:00Z"]);
}

#[test]
fn a_rhythm_does_without_what_is_skipped_and_repeats_what_is_repeated() {
    assert_eq!(berlin_spring("*/15 2 * * *"), [""; 0]);
    assert_eq!(berlin_spring("0 * * * *").len(), 23);
    assert_eq!(berlin_autumn("0 * * * *").len(), 25);
    assert_eq!(
        berlin_autumn("*/30 2 * * *"),
        ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"]
    );
    // Every second hour of the clock: the repeated one has both passes.
    let hours = berlin_autumn("0 */2 * * *");
    assert_eq!(
        hours[..4],
        ["2026-10-24T22:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T03:00:00Z"]
    );
}

#[test]
fn whether_it_is_a_rhythm_depends_on_how_minute_and_hour_begin() {
    // The same times, written as a list: an appointment.
    assert_eq!(berlin_spring("0 0-23 * * *").len(), 23);
    assert_eq!(berlin_autumn("0 0-23 * * *").len(), 24);
    assert_eq!(berlin_autumn("*/60 2 * * *").len(), 2);
    assert_eq!(berlin_autumn("0,*/60 2 * * *").len(), 1);
    assert_eq!(berlin_autumn("@hourly").len(), 25);
}

#[test]
fn lord_howe_moves_by_half_an_hour() {
    let at_quarter_past_two = cron("15 2 * * *", "Australia/Lord_Howe");
    // 2026-10-04: 02:00 (+10:30) becomes 02:30 (+11:00).
    assert_eq!(
        runs_between(&at_quarter_past_two, "2026-10-02T00:00:00Z", "2026-10-05T00:00:00Z"),
        ["2026-10-02T15:45:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]
    );
    // 2026-04-05: 02:00 (+11:00) becomes 01:30 (+10:30).
    let at_quarter_to_two = cron("45 1 * * *", "Australia/Lord_Howe");
    assert_eq!(
        runs_between(&at_quarter_to_two, "2026-04-04T00:00:00Z", "2026-04-06T00:00:00Z"),
        ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]
    );
    let half_hours = cron("*/30 1 * * *", "Australia/Lord_Howe");
    assert_eq!(
        runs_between(&half_hours, "2026-04-04T00:00:00Z", "2026-04-05T00:00:00Z"),
        ["2026-04-04T14:00:00Z", "2026-04-04T14:30:00Z", "2026-04-04T15:00:00Z"]
    );
}

#[test]
fn st_johns_moved_back_to_the_date_before() {
    // 2010-11-07: 00:01 (-02:30) becomes 23:01 (-03:30) of November 6.
    let span = ("2010-11-06T04:00:00Z", "2010-11-08T04:00:00Z");
    let late = cron("30 23 * * *", "America/St_Johns");
    assert_eq!(runs_between(&late, span.0, span.1), ["2010-11-07T02:00:00Z", "2010-11-08T03:00:00Z"]);
    let midnight = cron("@daily", "America/St_Johns");
    assert_eq!(runs_between(&midnight, span.0, span.1), ["2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"]);
    let every_hour = cron("30 * * * *", "America/St_Johns");
    assert_eq!(runs_between(&every_hour, "2010-11-07T01:00:00Z", "2010-11-07T05:00:00Z").len(), 4);
    // 2010-03-14: 00:01 becomes 01:01.
    let early = cron("30 0 * * *", "America/St_Johns");
    assert_eq!(
        runs_between(&early, "2010-03-13T12:00:00Z", "2010-03-15T12:00:00Z"),
        ["2010-03-14T03:31:00Z", "2010-03-15T03:00:00Z"]
    );
}

#[test]
fn apia_skipped_a_date_and_its_runs_with_it() {
    // 2011-12-29 ended at 10:00 UTC on December 30, and the next date was December 31.
    let span = ("2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z");
    for (expr, expected) in [
        ("0 12 * * *", vec!["2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"]),
        ("0 0 * * *", vec!["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"]),
        ("0 12 30 12 *", vec![]),
        ("0 12 * * 5", vec![]),
        ("59 23 29 12 *", vec!["2011-12-30T09:59:00Z"]),
    ] {
        assert_eq!(runs_between(&cron(expr, "Pacific/Apia"), span.0, span.1), expected, "{expr}");
    }
    let window = schedule(
        r#"{"type":"window","tz":"Pacific/Apia","start":"03:00","duration_min":60,"days":{"type":"weekly","dow":[5]}}"#,
    );
    assert_eq!(
        runs_between(&window, "2011-12-22T00:00:00Z", "2012-01-08T00:00:00Z"),
        ["2011-12-23T13:00:00Z", "2012-01-05T13:00:00Z"]
    );
    // Kwajalein skipped August 21, 1993.
    let noon = cron("0 12 * * *", "Pacific/Kwajalein");
    assert_eq!(
        runs_between(&noon, "1993-08-20T00:00:00Z", "1993-08-23T00:00:00Z"),
        ["1993-08-20T00:00:00Z", "1993-08-21T00:00:00Z", "1993-08-22T00:00:00Z"]
    );
}

#[test]
fn a_gap_at_midnight_is_one_of_an_existing_date() {
    // Sao Paulo, 2018-11-04: 00:00 becomes 01:00.
    let midnight = cron("0 0 * * 0", "America/Sao_Paulo");
    assert_eq!(
        runs_between(&midnight, "2018-11-03T00:00:00Z", "2018-11-12T00:00:00Z"),
        ["2018-11-04T03:00:00Z", "2018-11-11T02:00:00Z"]
    );
    // Nuuk, 2024-03-30: 23:00 becomes 00:00 of March 31. The last hour of Saturday is missing, not Saturday.
    let saturday_night = cron("30 23 * * 6", "America/Nuuk");
    assert_eq!(
        runs_between(&saturday_night, "2024-03-30T12:00:00Z", "2024-04-01T00:00:00Z"),
        ["2024-03-31T01:00:00Z"]
    );
    let both_sides = cron("0 0,23 * * *", "America/Nuuk");
    assert_eq!(
        runs_between(&both_sides, "2024-03-30T12:00:00Z", "2024-03-31T12:00:00Z"),
        ["2024-03-31T01:00:00Z"]
    );
}

#[test]
fn offsets_need_not_be_whole_minutes() {
    // Monrovia was 44 minutes and 30 seconds behind until 1972-01-07, when its clocks skipped those.
    let noon = cron("0 12 * * *", "Africa/Monrovia");
    assert_eq!(
        runs_between(&noon, "1972-01-05T00:00:00Z", "1972-01-08T00:00:00Z"),
        ["1972-01-05T12:44:30Z", "1972-01-06T12:44:30Z", "1972-01-07T12:00:00Z"]
    );
    let in_the_gap = cron("20 0 * * *", "Africa/Monrovia");
    assert_eq!(
        runs_between(&in_the_gap, "1972-01-06T00:00:00Z", "1972-01-08T12:00:00Z"),
        ["1972-01-06T01:04:30Z", "1972-01-07T00:44:30Z", "1972-01-08T00:20:00Z"]
    );
}

/// Whether a wall time is skipped or repeated is found by looking one change back.
#[test]
fn no_zone_changes_its_clocks_twice_within_two_days() {
    let database = jiff::tz::TimeZoneDatabase::bundled();
    let mut changes_seen = 0;
    for name in database.available() {
        let zone = database.get(name.as_str()).unwrap();
        let until = "2100-01-01T00:00:00Z".parse().unwrap();
        let changes = zone.following(jiff::Timestamp::MIN).take_while(|change| change.timestamp() < until);
        let changes: Vec<i64> = changes.map(|change| change.timestamp().as_second()).collect();
        for pair in changes.windows(2) {
            assert!(pair[1] - pair[0] > 2 * 86_400, "{name} at {pair:?}");
        }
        changes_seen += changes.len();
    }
    assert!(changes_seen > 10_000, "only {changes_seen}");
}

#[test]
fn elapsed_time_knows_no_clock_changes() {
    let every: Schedule = schedule(r#"{"type":"every","seconds":21600,"anchor":"2026-10-24T22:00:00Z"}"#);
    assert_eq!(
        runs_between(&every, "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"),
        ["2026-10-25T04:00:00Z", "2026-10-25T10:00:00Z", "2026-10-25T16:00:00Z", "2026-10-25T22:00:00Z"]
    );
}
