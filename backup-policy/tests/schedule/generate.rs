//! Random schedules and instants around places where clocks change.

use std::sync::LazyLock;

use backup_policy::{
    Cron, DayMatch, Days, Every, Jitter, Overflow, Schedule, TimeOfDay, TimesPerDay, Window,
};
use chrono::{DateTime, TimeDelta, Utc};
use jiff::{Timestamp, tz::TimeZoneDatabase};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{oracle::Match, zone};

/// Gaps of an hour, of half an hour, of two hours, at midnight, across midnight, of a whole date.
pub(crate) const ZONES: [&str; 16] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/Nuuk",
    "America/Caracas",
    "Antarctica/Troll",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Pyongyang",
    "Pacific/Apia",
    "Pacific/Kwajalein",
];

/// All clock changes of these zones since offsets are whole minutes.
static CHANGES: LazyLock<Vec<(&'static str, i64)>> = LazyLock::new(|| {
    let (from, until): (Timestamp, Timestamp) =
        ("1973-01-01T00:00:00Z".parse().unwrap(), "2040-01-01T00:00:00Z".parse().unwrap());
    let mut changes = vec![("UTC", from.as_second())];
    for name in ZONES {
        let zone = TimeZoneDatabase::bundled().get(name).unwrap();
        let following = zone.following(from).take_while(|change| change.timestamp() < until);
        changes.extend(following.map(|change| (name, change.timestamp().as_second())));
    }
    changes
});

/// A zone, and an instant near one of its clock changes.
pub(crate) fn place() -> impl Strategy<Value = (&'static str, DateTime<Utc>)> {
    // Changes that happen once are rarer than those of each year.
    let special = vec![
        ("Pacific/Apia", 1_325_239_200),
        ("Pacific/Kwajalein", 745_934_400),
        ("Asia/Pyongyang", 1_525_446_000),
        ("America/Caracas", 1_197_183_600),
        ("America/Nuuk", 1_711_846_800),
        ("America/Scoresbysund", 1_711_846_800),
        ("America/St_Johns", 1_289_097_060),
    ];
    let change = prop_oneof![3 => select(CHANGES.as_slice()), 1 => select(special)];
    (change, -100_000_i64..100_000)
        .prop_map(|((zone, change), seconds)| (zone, DateTime::from_timestamp(change + seconds, 0).unwrap()))
}

pub(crate) fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    place().prop_map(|(_, instant)| instant)
}

fn list(lowest: u32, highest: u32) -> impl Strategy<Value = String> {
    let number = lowest..=highest;
    let item = prop_oneof![
        4 => number.clone().prop_map(|a| a.to_string()),
        1 => (number.clone(), number.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (number.clone(), number.clone(), 1_u32..20)
            .prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
        1 => (number, 1_u32..20).prop_map(|(a, step)| format!("{a}/{step}")),
        1 => (1_u32..40).prop_map(|step| format!("*/{step}")),
    ];
    vec(item, 1..4).prop_map(|items| items.join(","))
}

fn field(lowest: u32, highest: u32) -> impl Strategy<Value = String> {
    prop_oneof![2 => Just("*".to_owned()), 3 => list(lowest, highest)]
}

fn hour() -> impl Strategy<Value = String> {
    // Most clocks change in the small hours.
    prop_oneof![1 => field(0, 23), 2 => list(0, 4), 1 => list(22, 23)]
}

fn day() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("*".to_owned()),
        1 => Just("?".to_owned()),
        1 => Just("L".to_owned()),
        1 => Just("L,1-7".to_owned()),
        2 => list(1, 31),
    ]
}

fn weekday() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("*".to_owned()),
        1 => Just("?".to_owned()),
        2 => list(0, 6),
        1 => Just("5-7".to_owned()),
        1 => (0_u32..8, 1_u32..6).prop_map(|(weekday, nth)| format!("{weekday}#{nth}")),
        1 => (0_u32..8).prop_map(|weekday| format!("{weekday}L,3")),
    ]
}

/// An expression, mostly of every month, and how its days match. Some never run.
pub(crate) fn expression() -> impl Strategy<Value = (String, Match)> {
    let month = prop_oneof![6 => Just("*".to_owned()), 1 => field(1, 12)];
    let fields = (field(0, 59), hour(), day(), month, weekday());
    let how = select(vec![Match::Posix, Match::Vixie, Match::And]);
    (fields, how).prop_map(|((minute, hour, day, month, weekday), how)| {
        (format!("{minute} {hour} {day} {month} {weekday}"), how)
    })
}

pub(crate) fn day_match(how: Match) -> DayMatch {
    match how {
        Match::Posix => DayMatch::Posix,
        Match::Vixie => DayMatch::Vixie,
        Match::And => DayMatch::And,
    }
}

fn cron() -> impl Strategy<Value = Schedule> {
    (expression(), select(ZONES.as_slice())).prop_filter_map("never runs", |((expr, how), tz)| {
        let cron = Cron::new(&expr).and_then(|cron| cron.matching(day_match(how))).ok()?;
        Some(cron.in_zone(zone(tz)).into())
    })
}

pub(crate) fn time_of_day() -> impl Strategy<Value = TimeOfDay> {
    let minutes = prop_oneof![0_u16..300, 0_u16..1440, Just(0), Just(1439)];
    minutes.prop_map(|minutes| TimeOfDay::from_minutes(minutes).unwrap())
}

fn days() -> impl Strategy<Value = Days> {
    let overflow = select(vec![Overflow::Clamp, Overflow::Skip]);
    prop_oneof![
        4 => Just(Days::Daily),
        2 => vec(0_u8..7, 1..4).prop_map(|dow| Days::Weekly { dow }),
        1 => (select(vec![-1_i8, 1, 2, 3, 4, 5]), 0_u8..7).prop_map(|(nth, dow)| Days::MonthlyNth { nth, dow }),
        1 => (1_u8..32, overflow).prop_map(|(day, overflow)| Days::MonthlyDay { day, overflow }),
    ]
}

fn jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::None),
        "[a-z]{0,5}".prop_map(|seed| Jitter::Stable { seed }),
        "[a-z]{0,5}".prop_map(|seed| Jitter::Daily { seed }),
    ]
}

pub(crate) fn window() -> impl Strategy<Value = Window> {
    let duration = prop_oneof![1_u32..240, Just(1440), Just(1430), Just(1)];
    (time_of_day(), duration, days(), jitter(), select(ZONES.as_slice())).prop_map(
        |(start, duration, days, jitter, tz)| {
            Window::new(start, duration).unwrap().on(days).unwrap().jitter(jitter).in_zone(zone(tz))
        },
    )
}

pub(crate) fn times_per_day() -> impl Strategy<Value = TimesPerDay> {
    let n = select(vec![1_u32, 2, 3, 4, 6, 8, 12, 24, 48, 96, 1440]);
    (n, time_of_day(), select(ZONES.as_slice()))
        .prop_map(|(n, start, tz)| TimesPerDay::new(n).unwrap().starting_at(start).in_zone(zone(tz)))
}

pub(crate) fn every() -> impl Strategy<Value = Every> {
    let seconds = prop_oneof![1_u64..100_000, Just(1), Just(21_600)];
    (seconds, instant(), 0_i64..3).prop_map(|(seconds, anchor, half_seconds)| {
        Every::new(seconds, anchor + TimeDelta::milliseconds(500 * half_seconds)).unwrap()
    })
}

pub(crate) fn schedule() -> impl Strategy<Value = Schedule> {
    prop_oneof![
        3 => cron(),
        1 => every().prop_map(Schedule::from),
        1 => times_per_day().prop_map(Schedule::from),
        3 => window().prop_map(Schedule::from),
    ]
}
