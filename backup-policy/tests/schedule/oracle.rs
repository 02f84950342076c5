//! Cron a second time, straight from its definition and without sharing any code: a walk along every minute of UTC, with
//! jiff for what the clock on the wall shows.

use std::collections::BTreeSet;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Weekday},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Posix,
    Vixie,
    And,
}

/// The instants (seconds since 1970) in `from..until` at which the expression runs.
pub(crate) fn runs(expr: &str, how: Match, zone: &str, from: i64, until: i64) -> Vec<i64> {
    let is_wild = expr.split_whitespace().take(2).any(|field| field.starts_with('*'));
    let expr = Expression::read(expr, how);
    walk(zone, from, until, is_wild, |wall| expr.matches(wall))
}

/// The same for any wall times, as appointments or (if `is_wild`) as a rhythm.
pub(crate) fn walk(
    zone: &str,
    from: i64,
    until: i64,
    is_wild: bool,
    matches: impl Fn(DateTime) -> bool,
) -> Vec<i64> {
    let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
    let mut runs = Vec::new();
    // Two days earlier, so that repeated wall times are recognized.
    let mut now = (from - 2 * 86_400).div_euclid(60) * 60;
    let mut latest_shown = wall(&zone, now - 60);
    let mut shown = latest_shown;
    while now < until {
        let before = shown;
        shown = wall(&zone, now);
        let is_fresh = shown > latest_shown;
        let mut is_run = matches(shown) && (is_wild || is_fresh);
        let mut skipped = before.saturating_add(1.minute());
        while !is_wild && is_fresh && skipped < shown {
            is_run |= matches(skipped) && exists(&zone, skipped.date());
            skipped = skipped.saturating_add(1.minute());
        }
        if is_run && now >= from {
            runs.push(now);
        }
        latest_shown = latest_shown.max(shown);
        now += 60;
    }
    runs
}

fn wall(zone: &TimeZone, second: i64) -> DateTime {
    zone.to_datetime(Timestamp::from_second(second).unwrap())
}

/// Whether any minute of the date exists.
fn exists(zone: &TimeZone, date: Date) -> bool {
    let minutes = (0..24).flat_map(|hour| (0..60).map(move |minute| date.at(hour, minute, 0, 0)));
    minutes
        .into_iter()
        .any(|wall| !matches!(zone.to_ambiguous_timestamp(wall).offset(), AmbiguousOffset::Gap { .. }))
}

struct Expression {
    minutes: BTreeSet<i8>,
    hours: BTreeSet<i8>,
    months: BTreeSet<i8>,
    day: String,
    weekday: String,
    how: Match,
}

impl Expression {
    fn read(expr: &str, how: Match) -> Self {
        let fields: Vec<&str> = expr.split_whitespace().collect();
        Self {
            minutes: numbers(fields[0], 0, 59),
            hours: numbers(fields[1], 0, 23),
            months: numbers(fields[3], 1, 12),
            day: fields[2].to_owned(),
            weekday: fields[4].to_owned(),
            how,
        }
    }

    fn matches(&self, wall: DateTime) -> bool {
        self.minutes.contains(&wall.minute())
            && self.hours.contains(&wall.hour())
            && self.months.contains(&wall.month())
            && self.matches_date(wall.date())
    }

    fn matches_date(&self, date: Date) -> bool {
        let is_free = |text: &str| match self.how {
            Match::Posix => text == "*" || text == "?",
            Match::Vixie => text == "?" || text.starts_with('*'),
            Match::And => true,
        };
        let is_day = self.day.split(',').any(|item| match item {
            "L" => date.day() == date.days_in_month(),
            "?" => true,
            item => numbers(item, 1, 31).contains(&date.day()),
        });
        let is_weekday = self.weekday.split(',').any(|item| matches_weekday(item, date));
        if is_free(&self.day) || is_free(&self.weekday) { is_day && is_weekday } else { is_day || is_weekday }
    }
}

fn matches_weekday(item: &str, date: Date) -> bool {
    let weekday = |number: &str| {
        let number: i8 = number.parse().unwrap();
        Weekday::from_sunday_zero_offset(number % 7).unwrap()
    };
    if let Some((number, nth)) = item.split_once('#') {
        return date.nth_weekday_of_month(nth.parse().unwrap(), weekday(number)).is_ok_and(|nth| nth == date);
    }
    if let Some(number) = item.strip_suffix('L') {
        return date.nth_weekday_of_month(-1, weekday(number)).unwrap() == date;
    }
    if item == "?" {
        return true;
    }
    let sunday_zero = date.weekday().to_sunday_zero_offset();
    if item.contains('-') {
        return numbers(item, 0, 7).iter().any(|number| number % 7 == sunday_zero);
    }
    numbers(item, 0, 6).iter().any(|number| number % 7 == sunday_zero)
}

fn numbers(field: &str, lowest: i8, highest: i8) -> BTreeSet<i8> {
    let mut set = BTreeSet::new();
    for item in field.split(',') {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (first.parse().unwrap(), last.parse().unwrap()),
            None if range == "*" => (lowest, highest),
            None => {
                let first: i8 = range.parse().unwrap();
                (first, if step.is_some() { highest.max(first) } else { first })
            }
        };
        let step: i8 = step.map_or(1, |step| step.parse().unwrap());
        set.extend((first..=last).filter(|number| (number - first) % step == 0));
    }
    set
}
