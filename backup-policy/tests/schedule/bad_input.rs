//! Errors instead of panics and endless searches.

use backup_policy::{ErrorKind, Schedule};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{at, cron, schedule};

#[test]
fn what_is_no_schedule() {
    for json in [
        "{}",
        r#"{"type":"sometimes"}"#,
        r#"{"type":"cron"}"#,
        r#"{"type":"cron","expr":"0 2 * * *","tz":"Mars/Olympus_Mons"}"#,
        r#"{"type":"cron","expr":"0 2 * * *","zone":"UTC"}"#,
        r#"{"type":"cron","expr":"0 2 * * *","day_match":"or"}"#,
        r#"{"type":"cron","expr":"0 0 31 2 *"}"#,
        r#"{"type":"cron","expr":"0 0 29 2 1#1","day_match":"and"}"#,
        r#"{"type":"every","seconds":0,"anchor":"2026-01-01T00:00:00Z"}"#,
        r#"{"type":"every","seconds":-5,"anchor":"2026-01-01T00:00:00Z"}"#,
        r#"{"type":"every","seconds":1.5,"anchor":"2026-01-01T00:00:00Z"}"#,
        r#"{"type":"every","seconds":60}"#,
        r#"{"type":"every","seconds":60,"anchor":"2026-01-01"}"#,
        r#"{"type":"times_per_day","n":7}"#,
        r#"{"type":"times_per_day","n":4,"start":"24:00"}"#,
        r#"{"type":"times_per_day","n":4,"unknown":1}"#,
        r#"{"type":"window","start":"02:00"}"#,
        r#"{"type":"window","start":"02:00","duration_min":0}"#,
        r#"{"type":"window","start":"02:00","duration_min":1441}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"weekly","dow":[]}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"weekly","dow":[7]}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"monthly_nth","nth":0,"dow":0}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"monthly_nth","nth":6,"dow":0}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"monthly_nth","nth":-2,"dow":0}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"monthly_day","day":0}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"monthly_day","day":32}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"daily","dow":[1]}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"jitter":{"mode":"stable"}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"jitter":{"mode":"random","seed":"a"}}"#,
        r#"{"type":"window","start":"02:00","duration_min":60,"jitter":{"mode":"none","salt":"a"}}"#,
    ] {
        assert!(serde_json::from_str::<Schedule>(json).is_err(), "{json}");
    }
}

#[test]
fn what_may_be_left_out_or_is_not_used() {
    let plain = schedule(r#"{"type":"window","start":"02:00","duration_min":60}"#);
    let full = schedule(
        r#"{"type":"window","tz":"UTC","start":"02:00","duration_min":60,"days":{"type":"daily"},"jitter":{"mode":"none","seed":"a"}}"#,
    );
    assert_eq!(plain, full);
    assert_eq!(
        schedule(r#"{"type":"times_per_day","n":4}"#),
        schedule(r#"{"type":"times_per_day","n":4,"start":"00:00","tz":"UTC"}"#)
    );
    assert_eq!(
        schedule(r#"{"type":"cron","expr":"@daily"}"#),
        schedule(r#"{"type":"cron","expr":"@daily","tz":"UTC","day_match":"posix"}"#)
    );
}

#[test]
fn an_error_says_what_to_do() {
    for (json, remedy) in [
        (r#"{"type":"cron","expr":"0 25 * * *"}"#, "25 is no hour, use 0 to 23"),
        (r#"{"type":"cron","expr":"0 5-2 * * *"}"#, "ends before it begins, write it as two"),
        (r#"{"type":"cron","expr":"0 0 31 2 *"}"#, "no date matches, correct its days or its month"),
        (r#"{"type":"times_per_day","n":7}"#, "use a divisor of 1440"),
        (r#"{"type":"window","start":"02:00","duration_min":0}"#, "use 1 to 1440"),
        (
            r#"{"type":"every","seconds":0,"anchor":"2026-01-01T00:00:00Z"}"#,
            "set an interval of 1 second or more",
        ),
    ] {
        let error = serde_json::from_str::<Schedule>(json).unwrap_err().to_string();
        assert!(error.contains(remedy), "{error}");
    }
}

fn all() -> [Schedule; 5] {
    [
        cron("0 2 29 2 *", "Europe/Berlin"),
        cron("* * * * *", "Pacific/Apia"),
        schedule(r#"{"type":"every","seconds":3162240000,"anchor":"2026-01-01T00:00:00.5Z"}"#),
        schedule(r#"{"type":"times_per_day","n":4,"tz":"America/St_Johns"}"#),
        schedule(
            r#"{"type":"window","start":"23:59","duration_min":1440,"tz":"Asia/Tokyo","jitter":{"mode":"daily","seed":""}}"#,
        ),
    ]
}

#[test]
fn times_beyond_the_calendar_are_errors() {
    for schedule in all() {
        for instant in [
            DateTime::<Utc>::MIN_UTC,
            DateTime::<Utc>::MAX_UTC,
            at("0000-12-31T23:59:59Z"),
            at("8001-01-01T00:00:00Z"),
        ] {
            assert_eq!(schedule.next(instant).unwrap_err().kind(), ErrorKind::OutOfRange);
            assert_eq!(schedule.previous(instant).unwrap_err().kind(), ErrorKind::OutOfRange);
            assert_eq!(schedule.count(instant, instant).unwrap_err().kind(), ErrorKind::OutOfRange);
        }
    }
}

#[test]
fn where_the_calendar_ends_the_slots_do() {
    for schedule in all() {
        let (first, last) = (at("0001-01-01T00:00:00Z"), at("8000-12-31T23:59:59.999Z"));
        let beginning: Vec<_> = schedule.before(first + TimeDelta::days(2)).unwrap().take(10_000).collect();
        assert!(beginning.len() < 10_000);
        assert!(beginning.iter().all(|slot| slot.run_at() >= first));
        let end: Vec<_> = schedule.after(last - TimeDelta::days(2)).unwrap().take(10_000).collect();
        assert!(end.len() < 10_000);
        assert!(end.iter().all(|slot| slot.run_at() <= last));
        let error = schedule.next(last).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        assert!(error.to_string().contains("within the years 1 to 8000"), "{error}");
    }
}

#[test]
fn a_leap_second_is_no_trouble() {
    // Only chrono has them: 23:59:60.5.
    let leap = at("2016-12-31T23:59:59Z").timestamp();
    let leap = DateTime::<Utc>::from_timestamp(leap, 1_500_000_000).unwrap();
    for schedule in all() {
        assert!(schedule.next(leap).unwrap().run_at() > leap);
        assert!(schedule.previous(leap).unwrap().run_at() < leap);
        assert!(schedule.count(leap, leap).unwrap() == 0);
    }
}
