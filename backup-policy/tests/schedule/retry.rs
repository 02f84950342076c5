use backup_policy::{Attempt, ErrorKind, Retry};
use chrono::{DateTime, Utc};

use crate::at;

fn retry(json: &str) -> Retry {
    serde_json::from_str(json).unwrap()
}

fn ask(retry: &Retry, failed_at: &[&str], next_slot: Option<&str>) -> String {
    let failed_at: Vec<DateTime<Utc>> = failed_at.iter().map(|time| at(time)).collect();
    let attempt = retry.after(&failed_at, next_slot.map(at)).unwrap();
    serde_json::to_string(&attempt).unwrap()
}

const FIRST: &str = "2026-11-20T02:10:00Z";
const SECOND: &str = "2026-11-20T02:20:00Z";
const THIRD: &str = "2026-11-20T02:30:00Z";

#[test]
fn m14_two_retries_are_three_attempts() {
    let mendix = retry(r#"{"max_retries":2,"delay_s":300}"#);
    assert_eq!(ask(&mendix, &[], None), r#"{"action":"run","at":null}"#);
    assert_eq!(ask(&mendix, &[FIRST], None), r#"{"action":"retry","at":"2026-11-20T02:15:00Z"}"#);
    assert_eq!(ask(&mendix, &[FIRST, SECOND], None), r#"{"action":"retry","at":"2026-11-20T02:25:00Z"}"#);
    assert_eq!(ask(&mendix, &[FIRST, SECOND, THIRD], None), r#"{"action":"give-up","at":null}"#);
}

#[test]
fn delays_grow_up_to_the_longest() {
    let growing = retry(r#"{"max_retries":9,"delay_s":60,"factor":3,"max_delay_s":300}"#);
    assert_eq!(ask(&growing, &[FIRST], None), r#"{"action":"retry","at":"2026-11-20T02:11:00Z"}"#);
    assert_eq!(ask(&growing, &[FIRST; 2], None), r#"{"action":"retry","at":"2026-11-20T02:13:00Z"}"#);
    assert_eq!(ask(&growing, &[FIRST; 3], None), r#"{"action":"retry","at":"2026-11-20T02:15:00Z"}"#);
    assert_eq!(ask(&growing, &[FIRST; 9], None), r#"{"action":"retry","at":"2026-11-20T02:15:00Z"}"#);
}

#[test]
fn what_would_come_at_the_next_slot_is_left_to_it() {
    let retry = Retry::new(5, 600);
    assert_eq!(
        ask(&retry, &[FIRST], Some("2026-11-20T02:20:01Z")),
        r#"{"action":"retry","at":"2026-11-20T02:20:00Z"}"#
    );
    assert_eq!(ask(&retry, &[FIRST], Some("2026-11-20T02:20:00Z")), r#"{"action":"give-up","at":null}"#);
    assert_eq!(ask(&retry, &[], Some(FIRST)), r#"{"action":"run","at":null}"#);
}

#[test]
fn without_retries_there_is_one_attempt() {
    assert_eq!(ask(&Retry::new(0, 60), &[FIRST], None), r#"{"action":"give-up","at":null}"#);
}

#[test]
fn absurd_delays_are_errors_or_end_at_the_next_slot() {
    let absurd = Retry::new(u32::MAX, u64::MAX).growing_by(u32::MAX);
    let failed = [at(FIRST), at(SECOND)];
    assert_eq!(absurd.after(&failed, None).unwrap_err().kind(), ErrorKind::OutOfRange);
    assert_eq!(absurd.after(&failed, Some(at("2026-11-21T02:00:00Z"))).unwrap(), Attempt::GiveUp);
    assert_eq!(absurd.at_most(60).after(&failed, None).unwrap(), Attempt::At(at("2026-11-20T02:21:00Z")));
    let none = Retry::new(1, 60).growing_by(0);
    assert_eq!(none.after(&failed, None).unwrap_err().kind(), ErrorKind::InvalidSchedule);
}

#[test]
fn the_json_form() {
    let full = r#"{"max_retries":2,"delay_s":300,"factor":2,"max_delay_s":900}"#;
    assert_eq!(serde_json::to_string(&retry(full)).unwrap(), full);
    for json in [
        r#"{"delay_s":1}"#,
        r#"{"max_retries":-1,"delay_s":1}"#,
        r#"{"max_retries":1,"delay_s":1,"jitter":2}"#,
    ] {
        assert!(serde_json::from_str::<Retry>(json).is_err(), "{json}");
    }
}
