use backup_policy::{
    ErrorKind, Every, Failures, Kind, Period, Plan, Policy, Retry, Routine, Rule, Scenario, Sizes, Stretch,
    Window,
};
use chrono::TimeDelta;

use crate::{DAY_S, at, by_cron, by_hours, keep};

fn year() -> Scenario {
    Scenario::new(at("2026-01-01T00:00:00Z"), 1)
}

#[test]
fn x19_weekly_and_kept_three_days_is_four_days_of_nothing() {
    let strict = by_cron(keep(Rule::ttl(Period::days(3))), "0 2 * * 0");
    let summary = strict.simulate(&year()).unwrap().summary().unwrap();
    assert_eq!(summary.made, 52);
    assert_eq!(summary.longest_bare_s, 4 * DAY_S);
    assert_eq!((summary.worst_age_s, summary.largest_gap_s), (3 * DAY_S, 3 * DAY_S));
    let safe = by_cron(keep(Rule::ttl(Period::days(3))).at_least(1), "0 2 * * 0");
    let summary = safe.simulate(&year()).unwrap().summary().unwrap();
    assert_eq!(summary.longest_bare_s, 0);
    assert_eq!(summary.worst_age_s, 7 * DAY_S);
    assert_eq!(summary.steady_count, Some(1));
}

#[test]
fn a8_a9_a10_it_is_full_after_six_years() {
    let policy = keep(Rule::daily(30)).and(Rule::monthly(12)).and(Rule::yearly(6));
    let plan = by_hours(policy, 24);
    let simulation = plan.simulate(&Scenario::new(at("2026-01-01T00:00:00Z"), 10)).unwrap();
    let summary = simulation.summary().unwrap();
    // Every day between the first and the last instant.
    assert_eq!(summary.made, 3651);
    // The newest day is also its month's and its year's.
    assert_eq!(summary.steady_count, Some(30 + 11 + 5));
    // On most days the last of the month before is one of the 30, and that of the year before one of the 12.
    assert_eq!(summary.full_on, Some(at("2031-12-30T00:00:00Z")));
    // Never more than the sum of the counts.
    assert!(simulation.days().unwrap().iter().all(|day| day.count <= 30 + 12 + 6));
    // A year lies between two yearly ones, if it is a leap year.
    assert_eq!(summary.largest_gap_s, 366 * DAY_S);
    assert_eq!(summary.worst_age_s, DAY_S);
}

#[test]
fn what_exists_on_a_date() {
    let policy = keep(Rule::daily(3)).and(Rule::monthly(2));
    let simulation = by_cron(policy, "0 2 * * *").simulate(&year()).unwrap();
    let on = |date: &str| -> Vec<String> {
        simulation.on(at(date)).map(|life| life.time.format("%m-%d").to_string()).collect()
    };
    assert_eq!(on("2026-01-01T01:59:59Z"), [""; 0]);
    assert_eq!(on("2026-01-01T02:00:00Z"), ["01-01"]);
    assert_eq!(on("2026-08-15T12:00:00Z"), ["07-31", "08-13", "08-14", "08-15"]);
    assert_eq!(on("2026-12-31T23:00:00Z"), ["11-30", "12-29", "12-30", "12-31"]);
}

#[test]
fn m4_m5_m6_a_year_of_nights() {
    let policy = keep(Rule::ttl(Period::weeks(2)).of([Kind::Nightly]))
        .and(Rule::ttl(Period::months(3)).of([Kind::Weekly]))
        .and(Rule::ttl(Period::years(1)).of([Kind::Monthly]));
    let plan = Plan::new(policy).by(Routine::nightly(Window::new("00:00".parse().unwrap(), 180).unwrap()));
    let simulation = plan.simulate(&Scenario::new(at("2026-01-01T00:00:00Z"), 4)).unwrap();
    // The backup of the first Sunday of February 2027, and the instant of its expiry.
    let first_sunday =
        simulation.lives().iter().find(|life| life.time == at("2027-02-07T00:00:00Z")).unwrap();
    assert_eq!(first_sunday.removed_at, Some(at("2028-02-07T00:00:00Z")));
    let second_sunday =
        simulation.lives().iter().find(|life| life.time == at("2027-02-14T00:00:00Z")).unwrap();
    assert_eq!(second_sunday.removed_at, Some(at("2027-05-14T00:00:00Z")));
    let monday = simulation.lives().iter().find(|life| life.time == at("2027-02-15T00:00:00Z")).unwrap();
    assert_eq!(monday.removed_at, Some(at("2027-03-01T00:00:00Z")));
    // Two weeks, two of which days are Sundays; eleven or so more Sundays; nine or so more months.
    let summary = simulation.summary().unwrap();
    assert!(matches!(summary.steady_count, Some(32..=36)), "{summary:?}");
    assert!(summary.full_on.unwrap() < at("2027-02-01T00:00:00Z"));
}

#[test]
fn what_keeps_everything_is_never_full() {
    let simulation = by_cron(Policy::keep_everything(), "@daily").simulate(&year()).unwrap();
    let summary = simulation.summary().unwrap();
    assert_eq!((summary.steady_count, summary.full_on), (None, None));
    assert_eq!(simulation.days().unwrap().last().unwrap().count, 364);
}

#[test]
fn what_keeps_nothing_makes_backups_that_come_and_go() {
    let simulation = by_cron(keep(Rule::last(0)), "@daily").simulate(&year()).unwrap();
    let summary = simulation.summary().unwrap();
    assert_eq!((summary.made, summary.steady_count), (364, Some(0)));
    assert!(simulation.lives().iter().all(|life| life.removed_at == Some(life.completed_at)));
}

#[test]
fn sizes_add_up_over_time() {
    let sizes = Sizes { shared_bytes: 1000, each_bytes: 10, growth_bytes_per_day: 1 };
    let simulation = by_cron(keep(Rule::last(2)), "@daily").simulate(&year().sized(sizes)).unwrap();
    let days = simulation.days().unwrap();
    let bytes: Vec<u64> = days[..4].iter().map(|day| day.bytes).collect();
    // Nothing on the first day; the backups of January 2, 3 and 4 are 1, 2 and 3 days after the start.
    assert_eq!(bytes, [0, 1011, 1023, 1025]);
    assert_eq!(simulation.summary().unwrap().peak_bytes, days.last().unwrap().bytes);
    let absurd = Sizes { shared_bytes: 0, each_bytes: u64::MAX, growth_bytes_per_day: 0 };
    let absurd = by_cron(keep(Rule::last(2)), "@daily").simulate(&year().sized(absurd)).unwrap();
    assert_eq!(absurd.days().unwrap_err().kind(), ErrorKind::OutOfRange);
}

#[test]
fn failures_are_the_same_each_time_and_retries_help() {
    let failing = |per_mille, seed| year().failing(Failures { per_mille, seed });
    let plan = by_cron(keep(Rule::daily(30)), "@daily");
    let first = plan.simulate(&failing(300, 1)).unwrap();
    assert_eq!(first.lives(), plan.simulate(&failing(300, 1)).unwrap().lives());
    assert_ne!(first.lives(), plan.simulate(&failing(300, 2)).unwrap().lives());
    let summary = first.summary().unwrap();
    assert_eq!(summary.made + summary.failed, 364);
    assert!((80..140).contains(&summary.failed), "{summary:?}");
    assert!(summary.worst_age_s >= 3 * DAY_S);

    let retrying = plan.clone().retrying(Retry::new(2, 600)).simulate(&failing(300, 1)).unwrap();
    assert!(retrying.summary().unwrap().failed < summary.failed / 4);
    // A second attempt comes ten minutes after the first one failed.
    assert!(retrying.lives().iter().any(|life| life.time.format("%H:%M").to_string() == "00:10"));
    // Never succeeding, and trying again without a pause, ends too.
    let hopeless = plan.retrying(Retry::new(u32::MAX, 0)).simulate(&failing(1000, 1)).unwrap();
    assert_eq!(hopeless.summary().unwrap().failed, 364);
}

#[test]
fn an_outage_erodes_what_is_measured_from_now_only() {
    let outage = Stretch { from: at("2026-06-01T00:00:00Z"), until: at("2026-08-01T00:00:00Z") };
    let scenario = year().without(outage);
    let from_now =
        by_cron(keep(Rule::within_of_now(Period::days(7))), "0 2 * * *").simulate(&scenario).unwrap();
    assert_eq!(from_now.on(at("2026-07-01T00:00:00Z")).count(), 0);
    assert_eq!(from_now.summary().unwrap().missed, 61);
    assert!(from_now.summary().unwrap().longest_bare_s > 50 * DAY_S);
    let from_newest = by_cron(keep(Rule::within(Period::days(7))), "0 2 * * *").simulate(&scenario).unwrap();
    assert_eq!(from_newest.on(at("2026-07-01T00:00:00Z")).count(), 7);
    assert_eq!(from_newest.summary().unwrap().longest_bare_s, 0);
}

#[test]
fn one_run_at_a_time() {
    // Each run takes two and a half hours.
    let plan = by_hours(keep(Rule::last(5)), 1);
    let simulation = plan.simulate(&year().taking(9000)).unwrap();
    let starts: Vec<_> = simulation.lives().iter().map(|life| life.time).collect();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::hours(3)));
    let summary = simulation.summary().unwrap();
    assert_eq!((summary.made, summary.missed), (2919, 5839));
    // A backup counts from its completion, and its age from its start.
    assert_eq!(summary.worst_age_s, 3 * 3600 + 9000);
}

#[test]
fn schedules_that_coincide_make_one_backup_of_all_their_kinds() {
    let policy = keep(Rule::last(2).of([Kind::Automatic])).and(Rule::forever().of([Kind::Weekly]));
    let daily = Every::new(DAY_S, at("2026-01-01T00:00:00Z")).unwrap();
    let weekly = Every::new(7 * DAY_S, at("2026-01-01T00:00:00Z")).unwrap();
    let plan = Plan::new(policy).by(Routine::new(daily)).by(Routine::new(weekly).of([Kind::Weekly]));
    let simulation = plan.simulate(&year()).unwrap();
    assert_eq!(simulation.lives().len(), 364);
    let forever = simulation.lives().iter().filter(|life| life.removed_at.is_none());
    // The last two daily ones, of which one is weekly too.
    assert_eq!(forever.count(), 52 + 1);
}

#[test]
fn absurd_scenarios_are_errors() {
    let plan = by_cron(keep(Rule::last(1)), "@daily");
    for years in [0, 101, u32::MAX] {
        let error = plan.simulate(&Scenario::new(at("2026-01-01T00:00:00Z"), years)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{years}");
    }
    let error = plan.simulate(&Scenario::new(at("7990-01-01T00:00:00Z"), 50)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    let minutes = by_cron(keep(Rule::last(1)), "* * * * *");
    let error = minutes.simulate(&Scenario::new(at("2026-01-01T00:00:00Z"), 10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert!(error.to_string().contains("5258880 backups"), "{error}");
    let nothing = Plan::new(Policy::keep_everything()).simulate(&year()).unwrap();
    assert_eq!(nothing.summary().unwrap().made, 0);
}
