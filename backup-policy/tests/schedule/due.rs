//! Catching up, and what is never caught up.

use backup_policy::{CatchUp, Due, ErrorKind, Lifecycle, Schedule};

use crate::{at, cron, schedule, text};

/// The answer as it stands in a question file.
fn due(schedule: &Schedule, last_slot: &str, now: &str, catch_up: &str) -> String {
    let catch_up: CatchUp = serde_json::from_str(catch_up).unwrap();
    say(&schedule.due(at(last_slot), at(now), &catch_up).unwrap())
}

fn say(due: &Due) -> String {
    let json = serde_json::to_value(due).unwrap();
    let part = |name: &str| json[name].to_string().replace('"', "");
    format!("{} {} missed {} next {}", part("action"), part("slot"), part("missed"), part("next"))
}

const NIGHTLY: &str = "0 2 * * *";

#[test]
fn before_the_next_slot_there_is_nothing_to_do() {
    let nightly = cron(NIGHTLY, "UTC");
    let answer = due(&nightly, "2026-11-20T02:00:00Z", "2026-11-21T01:59:59Z", r#"{"mode":"once"}"#);
    assert_eq!(answer, "wait null missed 0 next 2026-11-21T02:00:00Z");
    // At creation, and at the very instant of the last slot.
    let answer = due(&nightly, "2026-11-20T02:00:00Z", "2026-11-20T02:00:00Z", r#"{"mode":"once"}"#);
    assert_eq!(answer, "wait null missed 0 next 2026-11-21T02:00:00Z");
}

#[test]
fn a_slot_runs_at_its_instant() {
    let nightly = cron(NIGHTLY, "UTC");
    for mode in [r#"{"mode":"once"}"#, r#"{"mode":"within","seconds":0}"#, r#"{"mode":"skip"}"#] {
        let answer = due(&nightly, "2026-11-20T02:00:00Z", "2026-11-21T02:00:00Z", mode);
        assert_eq!(answer, "run 2026-11-21T02:00:00Z missed 0 next 2026-11-22T02:00:00Z", "{mode}");
    }
}

#[test]
fn after_a_long_time_only_the_latest_runs() {
    let nightly = cron(NIGHTLY, "UTC");
    let span = ("2026-11-10T02:00:00Z", "2026-11-20T12:00:00Z");
    let once = due(&nightly, span.0, span.1, r#"{"mode":"once"}"#);
    assert_eq!(once, "run 2026-11-20T02:00:00Z missed 9 next 2026-11-21T02:00:00Z");
    let within = due(&nightly, span.0, span.1, r#"{"mode":"within","seconds":36000}"#);
    assert_eq!(within, "run 2026-11-20T02:00:00Z missed 9 next 2026-11-21T02:00:00Z");
    // Who waits has missed them all.
    let too_late = due(&nightly, span.0, span.1, r#"{"mode":"within","seconds":35999}"#);
    assert_eq!(too_late, "wait null missed 10 next 2026-11-21T02:00:00Z");
    let skip = due(&nightly, span.0, span.1, r#"{"mode":"skip"}"#);
    assert_eq!(skip, "wait null missed 10 next 2026-11-21T02:00:00Z");
}

#[test]
fn skipping_has_some_grace() {
    let nightly = cron(NIGHTLY, "UTC");
    let ask = |now, mode| due(&nightly, "2026-11-20T02:00:00Z", now, mode);
    let run = "run 2026-11-21T02:00:00Z missed 0 next 2026-11-22T02:00:00Z";
    let wait = "wait null missed 1 next 2026-11-22T02:00:00Z";
    assert_eq!(ask("2026-11-21T02:01:00Z", r#"{"mode":"skip","grace_s":60}"#), run);
    assert_eq!(ask("2026-11-21T02:01:01Z", r#"{"mode":"skip","grace_s":60}"#), wait);
    assert_eq!(ask("2026-11-21T02:15:00Z", r#"{"mode":"skip","grace_s":"usual"}"#), run);
    assert_eq!(ask("2026-11-21T02:15:01Z", r#"{"mode":"skip","grace_s":"usual"}"#), wait);
}

#[test]
fn the_usual_grace_lasts_while_the_window_is_open() {
    let window = schedule(
        r#"{"type":"window","start":"02:00","duration_min":120,"days":{"type":"daily"},"jitter":{"mode":"stable","seed":"a"}}"#,
    );
    let slot = window.next(at("2026-11-20T02:00:00Z")).unwrap();
    let last = at("2026-11-19T12:00:00Z");
    let skip = CatchUp::skip();
    assert!(window.due(last, at("2026-11-20T03:59:59Z"), &skip).unwrap().slot == Some(slot));
    assert!(window.due(last, at("2026-11-20T04:00:00Z"), &skip).unwrap().slot.is_none());
    // The slot is identified by its run, not by the opening of the window.
    assert!(window.due(last, slot.start(), &skip).unwrap().slot.is_none());
    assert!(window.due(slot.run_at(), at("2026-11-20T03:59:59Z"), &skip).unwrap().slot.is_none());
}

#[test]
fn nothing_late_runs_shortly_before_the_next_slot() {
    let nightly = cron(NIGHTLY, "UTC");
    let ask = |now| due(&nightly, "2026-11-19T02:00:00Z", now, r#"{"mode":"once","min_gap_s":1800}"#);
    assert_eq!(ask("2026-11-21T01:30:00Z"), "run 2026-11-20T02:00:00Z missed 0 next 2026-11-21T02:00:00Z");
    assert_eq!(ask("2026-11-21T01:30:01Z"), "wait null missed 1 next 2026-11-21T02:00:00Z");
    // On time is not late, however near the next one is.
    let often = cron("*/10 * * * *", "UTC");
    let ask = |now| due(&often, "2026-11-20T02:00:00Z", now, r#"{"mode":"once","min_gap_s":1800}"#);
    assert_eq!(ask("2026-11-20T02:10:00Z"), "run 2026-11-20T02:10:00Z missed 0 next 2026-11-20T02:20:00Z");
    assert_eq!(ask("2026-11-20T02:10:01Z"), "wait null missed 1 next 2026-11-20T02:20:00Z");
}

#[test]
fn a_clock_set_back_runs_nothing_twice() {
    let nightly = cron(NIGHTLY, "UTC");
    let answer = due(&nightly, "2026-11-20T02:00:00Z", "2026-11-18T12:00:00Z", r#"{"mode":"once"}"#);
    assert_eq!(answer, "wait null missed 0 next 2026-11-21T02:00:00Z");
}

#[test]
fn a_schedule_of_seconds_is_counted_without_being_walked() {
    let every = schedule(r#"{"type":"every","seconds":1,"anchor":"2026-01-01T00:00:00Z"}"#);
    let answer = due(&every, "0001-01-01T00:00:00Z", "7999-01-01T00:00:00Z", r#"{"mode":"once"}"#);
    assert_eq!(answer, "run 7999-01-01T00:00:00Z missed 252392457599 next 7999-01-01T00:00:01Z");
    let minutes = cron("* * * * *", "UTC");
    let answer = due(&minutes, "1970-01-01T00:00:00Z", "2970-01-01T00:00:00Z", r#"{"mode":"once"}"#);
    assert_eq!(answer, "run 2970-01-01T00:00:00Z missed 525949919 next 2970-01-01T00:01:00Z");
}

#[test]
fn x20_four_times_daily_through_a_night_without_power() {
    let four = schedule(r#"{"type":"times_per_day","n":4}"#);
    let answer = due(&four, "2026-11-20T18:00:00Z", "2026-11-21T13:30:00Z", r#"{"mode":"once"}"#);
    assert_eq!(answer, "run 2026-11-21T12:00:00Z missed 2 next 2026-11-21T18:00:00Z");
}

#[test]
fn slots_during_a_run_are_missed() {
    let hourly = cron("@hourly", "UTC");
    let absorbed = hourly.absorbed(at("2026-11-20T02:00:00Z"), at("2026-11-20T04:30:00Z")).unwrap();
    assert_eq!((absorbed.missed, text(absorbed.last_slot)), (2, "2026-11-20T04:00:00Z".into()));
    let answer = due(&hourly, &text(absorbed.last_slot), "2026-11-20T04:30:00Z", r#"{"mode":"once"}"#);
    assert_eq!(answer, "wait null missed 0 next 2026-11-20T05:00:00Z");
    let short = hourly.absorbed(at("2026-11-20T02:00:00Z"), at("2026-11-20T02:30:00Z")).unwrap();
    assert_eq!((short.missed, text(short.last_slot)), (0, "2026-11-20T02:00:00Z".into()));
}

#[test]
fn m11_slots_while_the_application_did_not_run_are_dropped() {
    let nightly = cron(NIGHTLY, "UTC");
    let once = CatchUp::once();
    let life = Lifecycle::created(at("2026-11-01T00:00:00Z"));
    let now = at("2026-11-10T12:00:00Z");
    assert_eq!(life.due(&nightly, None, now, &once).unwrap(), None);
    // Nightlies begin after the first start.
    let life = life.start(at("2026-11-10T12:00:00Z")).unwrap();
    let answer = life.due(&nightly, None, at("2026-11-11T01:00:00Z"), &once).unwrap().unwrap();
    assert_eq!(say(&answer), "wait null missed 0 next 2026-11-11T02:00:00Z");
    let answer = life.due(&nightly, None, at("2026-11-11T02:00:30Z"), &once).unwrap().unwrap();
    assert_eq!(say(&answer), "run 2026-11-11T02:00:00Z missed 0 next 2026-11-12T02:00:00Z");
    // A pause of three nights.
    let last_slot = Some(at("2026-11-11T02:00:00Z"));
    let life = life.stop(at("2026-11-11T12:00:00Z")).unwrap();
    assert_eq!(life.due(&nightly, last_slot, at("2026-11-13T12:00:00Z"), &once).unwrap(), None);
    let life = life.start(at("2026-11-14T12:00:00Z")).unwrap();
    let answer = life.due(&nightly, last_slot, at("2026-11-14T12:00:01Z"), &once).unwrap().unwrap();
    assert_eq!(say(&answer), "wait null missed 0 next 2026-11-15T02:00:00Z");
}

#[test]
fn the_json_form_of_catching_up() {
    for (json, value) in [
        (r#"{"mode":"once"}"#, CatchUp::once()),
        (r#"{"mode":"once","min_gap_s":1800}"#, CatchUp::once().unless_next_within(1800)),
        (r#"{"mode":"within","seconds":3600}"#, CatchUp::within(3600)),
        (r#"{"mode":"skip","grace_s":"usual"}"#, CatchUp::skip()),
    ] {
        assert_eq!(serde_json::from_str::<CatchUp>(json).unwrap(), value);
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
    }
    for json in [
        r#"{"mode":"within"}"#,
        r#"{"mode":"twice"}"#,
        "{}",
        r#"{"mode":"once","grace":1}"#,
        r#"{"mode":"within","seconds":-1}"#,
        r#"{"mode":"within","seconds":1.5}"#,
    ] {
        assert!(serde_json::from_str::<CatchUp>(json).is_err(), "{json}");
    }
}

#[test]
fn at_the_end_of_time_there_is_an_error() {
    let yearly = cron("@yearly", "UTC");
    let error =
        yearly.due(at("8000-06-01T00:00:00Z"), at("8000-07-01T00:00:00Z"), &CatchUp::once()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
}
