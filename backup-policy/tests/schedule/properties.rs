use backup_policy::{Cron, ErrorKind, Schedule};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::{
    generate::{day_match, expression, instant, place, schedule, time_of_day, times_per_day, window},
    oracle, zone,
};

fn instants(schedule: &Schedule, from: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
    schedule.after(from).unwrap().take(count).map(|slot| slot.run_at()).collect()
}

fn until(schedule: &Schedule, from: i64, until: i64) -> Vec<i64> {
    let from = DateTime::from_timestamp(from - 1, 999_999_999).unwrap();
    let runs = schedule.after(from).unwrap().map(|slot| slot.run_at().timestamp());
    runs.take_while(|&run| run < until).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Forwards, backwards and counted.
    #[test]
    fn cron_runs_when_a_walk_along_every_minute_says((expr, how) in expression(), (tz, base) in place()) {
        let cron = match Cron::new(&expr).and_then(|cron| cron.matching(day_match(how))) {
            Ok(cron) => cron,
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::InvalidSchedule, "{}", error);
                return Ok(());
            }
        };
        let schedule = Schedule::from(cron.in_zone(zone(tz)));
        let (from, end) = (base.timestamp() - 100_000, base.timestamp() + 100_000);
        let expected = oracle::runs(&expr, how, tz, from, end);
        prop_assert_eq!(&until(&schedule, from, end), &expected);

        let last = DateTime::from_timestamp(end, 0).unwrap();
        let back = schedule.before(last).unwrap().map(|slot| slot.run_at().timestamp());
        let mut back: Vec<i64> = back.take_while(|&run| run >= from).collect();
        back.reverse();
        prop_assert_eq!(&back, &expected);

        let first = DateTime::from_timestamp(from - 1, 0).unwrap();
        let count = schedule.count(first, last - TimeDelta::seconds(1)).unwrap();
        prop_assert_eq!(count, expected.len() as u64);
    }

    #[test]
    fn times_per_day_run_when_a_walk_along_every_minute_says(times in times_per_day(), (tz, base) in place()) {
        let times = times.in_zone(zone(tz));
        let step = 1440 / i32::from(times.count());
        let start = i32::from(times.start().minutes());
        let (from, end) = (base.timestamp() - 100_000, base.timestamp() + 100_000);
        let expected = oracle::walk(tz, from, end, false, |wall| {
            (i32::from(wall.hour()) * 60 + i32::from(wall.minute()) - start).rem_euclid(step) == 0
        });
        prop_assert_eq!(until(&times.into(), from, end), expected);
    }

    #[test]
    fn windows_open_when_a_walk_along_every_minute_says(start in time_of_day(), (tz, base) in place()) {
        let window = backup_policy::Window::new(start, 1).unwrap().in_zone(zone(tz));
        let (from, end) = (base.timestamp() - 100_000, base.timestamp() + 100_000);
        let expected = oracle::walk(tz, from, end, false, |wall| {
            i32::from(wall.hour()) * 60 + i32::from(wall.minute()) == i32::from(start.minutes())
        });
        prop_assert_eq!(until(&window.into(), from, end), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn slots_rise_and_any_start_gives_the_rest(schedule in schedule(), from in instant(), skip in 0_usize..12) {
        let all = instants(&schedule, from, 14);
        prop_assert!(from < all[0]);
        prop_assert!(all.is_sorted_by(|a, b| a < b));
        // From a slot, from just before it, and from anywhere between it and the next.
        let (slot, following) = (all[skip], all[skip + 1]);
        let between = slot + (following - slot) / 2;
        let just_before = slot - TimeDelta::nanoseconds(1);
        let count = 14 - skip;
        prop_assert_eq!(&instants(&schedule, slot, count - 1)[..], &all[skip + 1..]);
        prop_assert_eq!(&instants(&schedule, between, count - 1)[..], &all[skip + 1..]);
        prop_assert_eq!(&instants(&schedule, just_before, count)[..], &all[skip..]);
    }

    #[test]
    fn the_way_back_is_the_way_there(schedule in schedule(), from in instant()) {
        let slots: Vec<_> = schedule.after(from).unwrap().take(8).collect();
        let end = slots[7].run_at() + TimeDelta::nanoseconds(1);
        let mut back: Vec<_> = schedule.before(end).unwrap().take(8).collect();
        back.reverse();
        prop_assert_eq!(&back, &slots);
        prop_assert!(schedule.previous(slots[0].run_at()).unwrap().run_at() <= from);
        prop_assert_eq!(schedule.count(from, slots[7].run_at()).unwrap(), 8);
        prop_assert_eq!(schedule.count(slots[0].run_at(), slots[7].run_at() - TimeDelta::nanoseconds(1)).unwrap(), 6);
    }

    #[test]
    fn a_run_is_inside_its_window(window in window(), from in instant()) {
        for slot in Schedule::from(window.clone()).after(from).unwrap().take(4) {
            let end = slot.end().unwrap();
            prop_assert!(slot.start() <= slot.run_at() && slot.run_at() < end);
            prop_assert_eq!(end - slot.start(), TimeDelta::minutes(i64::from(window.duration_min())));
        }
    }

    #[test]
    fn the_json_form_says_all(schedule in schedule()) {
        let json = serde_json::to_string(&schedule).unwrap();
        prop_assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule, "{}", json);
    }

    #[test]
    fn a_zone_with_a_fixed_offset_is_utc_with_other_times((expr, how) in expression(), from in instant()) {
        let Ok(cron) = Cron::new(&expr).and_then(|cron| cron.matching(day_match(how))) else { return Ok(()) };
        let there: Schedule = cron.clone().in_zone(zone("Etc/GMT-5")).into();
        let shift = TimeDelta::hours(5);
        let here: Vec<_> = instants(&cron.into(), from + shift, 5).into_iter().map(|run| run - shift).collect();
        prop_assert_eq!(instants(&there, from, 5), here);
    }

    #[test]
    fn no_text_makes_the_parser_panic(expr in "[0-9*,/?#L@a-zA-Z -]{0,20}") {
        let _ = Cron::new(&expr);
    }

    #[test]
    fn no_text_of_five_fields_makes_the_parser_panic(
        fields in proptest::collection::vec("([0-9]{1,2}|\\*|L|MON|feb)([-/#,L]([0-9]{1,3}|sun|L))?", 5),
    ) {
        if let Ok(cron) = Cron::new(&fields.join(" ")) {
            prop_assert!(Schedule::from(cron).next("2026-01-01T00:00:00Z".parse().unwrap()).is_ok());
        }
    }
}
