use std::collections::BTreeSet;

use backup_policy::{Days, Jitter, Schedule, TimeOfDay, Window};
use chrono::TimeDelta;

use crate::{at, schedule, text};

fn window(start: &str, duration_min: u32) -> Window {
    Window::new(start.parse().unwrap(), duration_min).unwrap()
}

fn starts(window: Window, from: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::from(window);
    schedule.after(at(from)).unwrap().take(count).map(|slot| text(slot.start())[..16].to_owned()).collect()
}

#[test]
fn the_answer_of_a_question_file() {
    let window = schedule(
        r#"{"type":"window","tz":"Europe/Berlin","start":"02:00","duration_min":120,"days":{"type":"daily"},"jitter":{"mode":"stable","seed":"db-1"}}"#,
    );
    let slot = window.next(at("2026-11-20T12:00:00Z")).unwrap();
    let json = serde_json::to_string(&slot).unwrap();
    // FNV-1a and the finalizer of "db-1", computed by another program, are 2515125584681190334; modulo 7200 that is 3934.
    assert_eq!(
        json,
        r#"{"run_at":"2026-11-21T02:05:34Z","start":"2026-11-21T01:00:00Z","end":"2026-11-21T03:00:00Z"}"#
    );
    // And of "db-1|2026-11-21".
    let daily = schedule(
        r#"{"type":"window","tz":"Europe/Berlin","start":"02:00","duration_min":120,"jitter":{"mode":"daily","seed":"db-1"}}"#,
    );
    assert_eq!(text(daily.next(at("2026-11-20T12:00:00Z")).unwrap().run_at()), "2026-11-21T02:11:41Z");
    let plain = schedule(r#"{"type":"window","start":"02:00","duration_min":120}"#);
    let slot = plain.next(at("2026-11-20T02:00:00Z")).unwrap();
    assert_eq!(
        serde_json::to_string(&slot).unwrap(),
        r#"{"run_at":"2026-11-21T02:00:00Z","start":"2026-11-21T02:00:00Z","end":"2026-11-21T04:00:00Z"}"#
    );
}

#[test]
fn days_of_the_week() {
    let weekdays = window("02:00", 60).on(Days::Weekly { dow: vec![1, 3, 0] }).unwrap();
    assert_eq!(
        starts(weekdays, "2026-11-20T00:00:00Z", 4),
        ["2026-11-22T02:00", "2026-11-23T02:00", "2026-11-25T02:00", "2026-11-29T02:00"]
    );
}

#[test]
fn the_first_fifth_and_last_weekday_of_a_month() {
    let first = window("02:00", 60).on(Days::monthly_nth(1, 0)).unwrap();
    assert_eq!(
        starts(first, "2026-11-20T00:00:00Z", 3),
        ["2026-12-06T02:00", "2027-01-03T02:00", "2027-02-07T02:00"]
    );
    let fifth = window("02:00", 60).on(Days::monthly_nth(5, 0)).unwrap();
    assert_eq!(
        starts(fifth, "2026-11-20T00:00:00Z", 3),
        ["2026-11-29T02:00", "2027-01-31T02:00", "2027-05-30T02:00"]
    );
    let last = window("02:00", 60).on(Days::monthly_nth(-1, 5)).unwrap();
    assert_eq!(
        starts(last, "2026-11-20T00:00:00Z", 3),
        ["2026-11-27T02:00", "2026-12-25T02:00", "2027-01-29T02:00"]
    );
}

#[test]
fn the_last_weekday_is_one_of_the_last_seven_days() {
    let last_monday = window("02:00", 60).on(Days::monthly_nth(-1, 1)).unwrap();
    assert_eq!(
        starts(last_monday, "2026-08-01T00:00:00Z", 3),
        ["2026-08-31T02:00", "2026-09-28T02:00", "2026-10-26T02:00"]
    );
}

#[test]
fn a_day_that_a_month_does_not_have() {
    let clamped = window("02:00", 60).on(Days::monthly_day(31)).unwrap();
    assert_eq!(
        starts(clamped, "2028-01-31T02:00:00Z", 4),
        ["2028-02-29T02:00", "2028-03-31T02:00", "2028-04-30T02:00", "2028-05-31T02:00"]
    );
    let skipped = schedule(
        r#"{"type":"window","start":"02:00","duration_min":60,"days":{"type":"monthly_day","day":31,"overflow":"skip"}}"#,
    );
    let months: Vec<String> = skipped
        .after(at("2028-01-31T02:00:00Z"))
        .unwrap()
        .take(3)
        .map(|slot| text(slot.start())[..7].to_owned())
        .collect();
    assert_eq!(months, ["2028-03", "2028-05", "2028-07"]);
}

#[test]
fn a_window_is_open_for_elapsed_time() {
    let berlin = window("01:30", 120).in_zone("Europe/Berlin".parse().unwrap());
    for (from, start, end) in [
        ("2027-03-27T12:00:00Z", "2027-03-28T00:30:00Z", "2027-03-28T02:30:00Z"),
        ("2026-10-24T12:00:00Z", "2026-10-24T23:30:00Z", "2026-10-25T01:30:00Z"),
    ] {
        let slot = Schedule::from(berlin.clone()).next(at(from)).unwrap();
        assert_eq!((slot.start(), slot.end()), (at(start), Some(at(end))));
    }
    // Opening in the gap: when the gap ends, not an hour later.
    let in_the_gap = window("02:15", 60).in_zone("Europe/Berlin".parse().unwrap());
    let slot = Schedule::from(in_the_gap).next(at("2027-03-27T12:00:00Z")).unwrap();
    assert_eq!((slot.start(), slot.end()), (at("2027-03-28T01:00:00Z"), Some(at("2027-03-28T02:00:00Z"))));
}

#[test]
fn who_asks_within_a_window_before_its_run_gets_that_run() {
    let seed = Jitter::Stable { seed: "tenant".into() };
    let schedule = Schedule::from(window("02:00", 120).jitter(seed));
    let slot = schedule.next(at("2026-11-20T00:00:00Z")).unwrap();
    assert!(slot.start() < slot.run_at());
    let before = slot.run_at() - TimeDelta::nanoseconds(1);
    assert_eq!(schedule.next(slot.start()).unwrap(), slot);
    assert_eq!(schedule.next(before).unwrap(), slot);
    assert_eq!(schedule.next(slot.run_at()).unwrap().start(), slot.start() + TimeDelta::days(1));
    assert_eq!(schedule.previous(slot.run_at() + TimeDelta::nanoseconds(1)).unwrap(), slot);
}

#[test]
fn stable_places_are_the_same_each_day_and_daily_ones_differ() {
    let offsets = |jitter: Jitter| -> BTreeSet<i64> {
        let schedule = Schedule::from(window("02:00", 120).jitter(jitter));
        let slots = schedule.after(at("2026-01-01T00:00:00Z")).unwrap().take(100);
        slots.map(|slot| (slot.run_at() - slot.start()).num_seconds()).collect()
    };
    assert_eq!(offsets(Jitter::None), BTreeSet::from([0]));
    assert_eq!(offsets(Jitter::Stable { seed: "a".into() }).len(), 1);
    assert!(offsets(Jitter::Daily { seed: "a".into() }).len() > 90);
}

#[test]
fn many_seeds_spread_evenly() {
    let mut quarters = [0_u32; 4];
    for number in 0..4000 {
        let jitter = Jitter::Stable { seed: format!("tenant-{number}") };
        let slot =
            Schedule::from(window("02:00", 120).jitter(jitter)).next(at("2026-11-20T00:00:00Z")).unwrap();
        let seconds = usize::try_from((slot.run_at() - slot.start()).num_seconds()).unwrap();
        quarters[seconds / 1800] += 1;
    }
    assert!(quarters.iter().all(|count| (900..1100).contains(count)), "{quarters:?}");
}

#[test]
fn runs_keep_their_order_where_long_windows_overlap() {
    // A window of 24 hours each day: on the day of 23 hours it is still open when the next one opens, so that once in a
    // thousand times the later window has the earlier run.
    let (from, until) = (at("2027-03-26T00:00:00Z"), at("2027-04-01T00:00:00Z"));
    let mut swapped = 0;
    for seed in 0..4000 {
        let jitter = Jitter::Daily { seed: seed.to_string() };
        let window = window("12:00", 1440).jitter(jitter).in_zone("Europe/Berlin".parse().unwrap());
        let schedule = Schedule::from(window);
        let slots: Vec<_> = schedule.after(from).unwrap().take_while(|slot| slot.run_at() < until).collect();
        assert!(slots.is_sorted_by(|a, b| a.run_at() < b.run_at()));
        // No window is left out.
        let opened: BTreeSet<_> = slots.iter().map(|slot| slot.start().date_naive()).collect();
        let (first, last) = (*opened.first().unwrap(), *opened.last().unwrap());
        assert_eq!((last - first).num_days() + 1, i64::try_from(opened.len()).unwrap(), "seed {seed}");
        assert_eq!(opened.len(), slots.len());
        let mut back: Vec<_> =
            schedule.before(until).unwrap().take_while(|slot| slot.run_at() > from).collect();
        back.reverse();
        assert_eq!(back, slots, "seed {seed}");
        swapped += usize::from(!slots.is_sorted_by_key(|slot| slot.start()));
    }
    assert!(swapped > 0);
}

#[test]
fn times_of_day() {
    assert_eq!("23:59".parse::<TimeOfDay>().unwrap().minutes(), 1439);
    assert_eq!(TimeOfDay::from_minutes(1439).unwrap().to_string(), "23:59");
    assert_eq!(TimeOfDay::from_minutes(1440), None);
    for text in
        ["24:00", "00:60", "2:00", "02:0", "0200", "02:00:00", "-1:00", "+2:00", "", "ab:cd", "02\u{ff1a}00"]
    {
        assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
    }
}
