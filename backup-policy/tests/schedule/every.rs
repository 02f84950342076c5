use backup_policy::{ErrorKind, Every, Schedule};

use crate::{at, runs, schedule, text};

#[test]
fn a7_every_24_hours() {
    let daily = schedule(r#"{"type":"every","seconds":86400,"anchor":"2026-11-01T09:30:00Z"}"#);
    assert_eq!(runs(&daily, "2026-11-20T09:30:00Z", 2), ["2026-11-21T09:30:00Z", "2026-11-22T09:30:00Z"]);
}

#[test]
fn the_rhythm_goes_both_ways_from_the_anchor() {
    let six_hours = schedule(r#"{"type":"every","seconds":21600,"anchor":"2026-11-20T03:00:00Z"}"#);
    assert_eq!(
        runs(&six_hours, "2026-11-19T12:00:00Z", 3),
        ["2026-11-19T15:00:00Z", "2026-11-19T21:00:00Z", "2026-11-20T03:00:00Z"]
    );
    assert_eq!(
        text(six_hours.previous(at("2026-11-20T03:00:00Z")).unwrap().run_at()),
        "2026-11-19T21:00:00Z"
    );
}

#[test]
fn fractions_of_a_second_are_the_anchors() {
    let every = Schedule::from(Every::new(10, at("2026-11-20T00:00:00.25Z")).unwrap());
    assert_eq!(
        runs(&every, "2026-11-20T00:00:00Z", 2),
        ["2026-11-20T00:00:00.250Z", "2026-11-20T00:00:10.250Z"]
    );
    assert_eq!(runs(&every, "2026-11-20T00:00:00.250Z", 1), ["2026-11-20T00:00:10.250Z"]);
    assert_eq!(
        text(every.previous(at("2026-11-20T00:00:00.250Z")).unwrap().run_at()),
        "2026-11-19T23:59:50.250Z"
    );
    assert_eq!(
        text(every.previous(at("2026-11-20T00:00:00.251Z")).unwrap().run_at()),
        "2026-11-20T00:00:00.250Z"
    );
    assert_eq!(every.count(at("2026-11-20T00:00:00Z"), at("2026-11-20T00:00:10Z")).unwrap(), 1);
}

#[test]
fn absurd_intervals_are_errors() {
    let anchor = at("2026-11-20T00:00:00Z");
    assert_eq!(Every::new(0, anchor).unwrap_err().kind(), ErrorKind::InvalidSchedule);
    assert_eq!(Every::new(u64::MAX, anchor).unwrap_err().kind(), ErrorKind::OutOfRange);
    assert_eq!(Every::new(1 << 32, anchor).unwrap_err().kind(), ErrorKind::OutOfRange);
    assert_eq!(Every::new(60, at("9999-01-01T00:00:00Z")).unwrap_err().kind(), ErrorKind::OutOfRange);
    // A century is the longest; runs end where the calendar does.
    let century = Schedule::from(Every::new(100 * 366 * 86_400, anchor).unwrap());
    assert!(century.after(anchor).unwrap().count() > 50);
    assert!(century.before(anchor).unwrap().count() > 10);
}
