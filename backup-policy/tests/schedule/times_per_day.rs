use backup_policy::{ErrorKind, TimesPerDay};

use crate::{runs, runs_between, schedule};

#[test]
fn x20_four_times_daily() {
    let four = schedule(r#"{"type":"times_per_day","n":4,"start":"00:00","tz":"UTC"}"#);
    assert_eq!(
        runs(&four, "2026-11-20T00:00:00Z", 4),
        ["2026-11-20T06:00:00Z", "2026-11-20T12:00:00Z", "2026-11-20T18:00:00Z", "2026-11-21T00:00:00Z"]
    );
}

#[test]
fn the_start_is_one_of_the_times() {
    let three = schedule(r#"{"type":"times_per_day","n":3,"start":"22:30"}"#);
    assert_eq!(
        runs(&three, "2026-11-20T00:00:00Z", 4),
        ["2026-11-20T06:30:00Z", "2026-11-20T14:30:00Z", "2026-11-20T22:30:00Z", "2026-11-21T06:30:00Z"]
    );
}

#[test]
fn times_are_those_of_the_wall() {
    let four = schedule(r#"{"type":"times_per_day","n":4,"start":"02:00","tz":"Europe/Berlin"}"#);
    // 02:00 is skipped on March 28 and occurs twice on October 25.
    assert_eq!(
        runs_between(&four, "2027-03-27T20:00:00Z", "2027-03-28T13:00:00Z"),
        ["2027-03-28T01:00:00Z", "2027-03-28T06:00:00Z", "2027-03-28T12:00:00Z"]
    );
    assert_eq!(
        runs_between(&four, "2026-10-24T19:00:00Z", "2026-10-25T14:00:00Z"),
        ["2026-10-25T00:00:00Z", "2026-10-25T07:00:00Z", "2026-10-25T13:00:00Z"]
    );
}

#[test]
fn only_whole_minutes() {
    for n in [1_u32, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 24, 32, 36, 48, 96, 288, 1440] {
        assert_eq!(u32::from(TimesPerDay::new(n).unwrap().count()), n);
    }
    for n in [0_u32, 7, 11, 13, 25, 64, 1441, 2880, 70_000, u32::MAX] {
        assert_eq!(TimesPerDay::new(n).unwrap_err().kind(), ErrorKind::InvalidSchedule, "{n}");
    }
}
