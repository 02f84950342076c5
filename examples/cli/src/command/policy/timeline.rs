//! What is kept by which rule, from when until when, drawn in letters.

pub(super) mod svg;

use std::fmt::Write as _;

use backup_core::policy::{Bar, Expiry, Lane, Timeline, Zone};
use chrono::{DateTime, TimeDelta, Utc};

use super::date;
use crate::output::plain;

/// The stretch of time that is drawn.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: DateTime<Utc>,
    now: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Span {
    /// From the oldest backup until the last fixed expiry; but not further into the future than into the past, so that one hold
    /// for a thousand years leaves room for the rest.
    fn of(timeline: &Timeline) -> Self {
        let now = timeline.now;
        let bars = || timeline.lanes.iter().flat_map(|lane| &lane.bars);
        let start = bars().map(|bar| bar.from).fold(now, DateTime::min);
        let furthest = now + (now - start).max(TimeDelta::days(1));
        let ends = bars().filter_map(|bar| match bar.expiry {
            Expiry::At(at) => Some(at),
            _ => None,
        });
        let end = ends.fold(now, DateTime::max).min(furthest);
        // Never of no length.
        let end = if start == end { end + TimeDelta::days(1) } else { end };
        Self { start, now, end }
    }

    /// Where an instant is on a line of so many places.
    fn place(&self, instant: DateTime<Utc>, places: i64) -> i64 {
        let (length, offset) = (self.seconds(), (instant - self.start).num_seconds());
        (offset.clamp(0, length) * places) / length
    }

    /// The instant at a place.
    fn instant(&self, place: i64, places: i64) -> DateTime<Utc> {
        self.start + TimeDelta::seconds(self.seconds() * place / places)
    }

    fn seconds(&self) -> i64 {
        (self.end - self.start).num_seconds().max(1)
    }
}

/// Columns of the drawing.
const WIDTH: i64 = 72;

/// One line for each reason: left of `|` when the backups were made that it keeps, right of it how many of them it keeps until then.
pub(super) fn text(timeline: &Timeline, zone: &Zone) -> String {
    if timeline.lanes.is_empty() {
        return "nothing is kept\n".into();
    }
    let span = Span::of(timeline);
    let names: Vec<String> = timeline.lanes.iter().map(|lane| plain(&lane.reason)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{:widest$}  {}\n", "", scale(&span, zone));
    for (name, lane) in names.iter().zip(&timeline.lanes) {
        let _ = writeln!(text, "{name:widest$}  {}", row(lane, &span).trim_end());
    }
    text.push_str(
        "left of |: how many backups of that time are kept; right of |: how many of them still are then ",
    );
    text.push_str("(#: ten or more, ?: it depends on other backups)\n");
    text
}

/// The column of now: there is at least one on its left, and one on its right if anything ends later.
fn column_of_now(span: &Span) -> i64 {
    let last = if span.end > span.now { WIDTH - 1 } else { WIDTH };
    span.place(span.now, WIDTH).clamp(1, last)
}

/// The dates of the beginning, of now and of the end.
fn scale(span: &Span, zone: &Zone) -> String {
    let (start, now, end) = (date(zone, span.start), date(zone, span.now), date(zone, span.end));
    let column = usize::try_from(column_of_now(span)).unwrap_or(0);
    let mut scale = start;
    // Dates that would run together are left out.
    if scale.len() + now.len() < column {
        scale = format!("{scale:<0$}{now}", column - now.len());
    }
    let right = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(column);
    scale = format!("{scale:<column$}|");
    if end.len() < right && span.end > span.now {
        scale.push_str(&format!("{end:>right$}"));
    }
    scale
}

fn row(lane: &Lane, span: &Span) -> String {
    let now = column_of_now(span);
    let mut made = vec![0_usize; usize::try_from(now).unwrap_or(0)];
    for bar in &lane.bars {
        let column = span.place(bar.from, WIDTH).min(now - 1);
        if let Some(count) = usize::try_from(column).ok().and_then(|column| made.get_mut(column)) {
            *count += 1;
        }
    }
    let mut row: String = made.iter().map(|count| mark(*count)).collect();
    row.push('|');
    if span.end > span.now {
        row.extend((now..WIDTH).map(|column| fate(&lane.bars, span.instant(column, WIDTH).max(span.now))));
    }
    row
}

fn mark(count: usize) -> char {
    match count {
        0 => '.',
        1..=9 => char::from_digit(u32::try_from(count).unwrap_or(0), 10).unwrap_or('#'),
        _ => '#',
    }
}

/// How many of these backups are kept at a future instant, by this reason alone and for certain.
fn fate(bars: &[Bar], instant: DateTime<Utc>) -> char {
    let certain = bars.iter().filter(|bar| match bar.expiry {
        Expiry::Never => true,
        Expiry::At(at) => at > instant,
        Expiry::Conditional => false,
    });
    match certain.count() {
        0 if bars.iter().any(|bar| bar.expiry == Expiry::Conditional) => '?',
        0 => ' ',
        count => mark(count),
    }
}

#[cfg(test)]
mod tests {
    use backup_core::policy::{Backup, Hold, Period, Policy, Rule};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn drawn(policy: &Policy, backups: &[Backup]) -> String {
        let decisions = policy.decide(backups, at("2026-11-20T00:00:00Z")).expect("decisions");
        text(&decisions.timeline(), &policy.tz)
    }

    #[test]
    fn lines_show_what_was_made_and_what_becomes_of_it() {
        let policy =
            Policy::keep(Rule::ttl(Period::days(40))).and(Rule::last(1)).at_least(0).at_least_verified(0);
        let backups =
            ["2026-10-15T00:00:00Z", "2026-11-10T00:00:00Z"].map(|time| Backup::new(time, at(time)));
        let drawn = drawn(&policy, &backups);
        let lines: Vec<&str> = drawn.lines().collect();
        let [scale, ttl, last, _] = lines[..] else { panic!("{drawn}") };
        assert!(
            scale.contains("2026-10-15") && scale.contains("2026-11-20|") && scale.ends_with("2026-12-20")
        );
        let (made, kept) = ttl.split_once('|').expect("now");
        assert_eq!(made.matches('1').count(), 2, "{drawn}");
        assert!(kept.starts_with('2') && kept.ends_with('1'), "the older one ends first: {drawn}");
        assert!(last.split_once('|').expect("now").1.chars().all(|mark| mark == '?'), "{drawn}");
    }

    #[test]
    fn a_hold_for_ever_leaves_room_for_the_rest() {
        let policy = Policy::keep(Rule::ttl(Period::days(10)));
        let held = Backup::new("a", at("2026-11-15T00:00:00Z"))
            .with_hold(Hold::until("x", at("7000-01-01T00:00:00Z")));
        let drawn = drawn(&policy, &[held]);
        assert!(drawn.contains("2026-11-25") && !drawn.contains("7000"), "{drawn}");
    }

    #[test]
    fn a_single_backup_of_this_instant_can_be_drawn() {
        let policy = Policy::keep(Rule::last(1));
        let drawn = drawn(&policy, &[Backup::new("a", at("2026-11-20T00:00:00Z"))]);
        assert!(drawn.contains('1'), "{drawn}");
        assert_eq!(self::drawn(&policy, &[]), "nothing is kept\n");
    }
}
