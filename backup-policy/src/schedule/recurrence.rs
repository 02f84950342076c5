use super::{cron::Dates, days::Days, minutes::Minutes};
use crate::{
    civil::DAY,
    zone::{Span, Zone, is_in_range},
};

/// Wall times of a zone that come again and again: minutes of the day, on some dates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recurrence<'a> {
    pub(super) zone: &'a Zone,
    pub(super) dates: On<'a>,
    pub(super) minutes: &'a Minutes,
    pub(super) changes: Changes,
}

/// The dates of a recurrence.
#[derive(Clone, Copy, Debug)]
pub(super) enum On<'a> {
    Every,
    Cron(&'a Dates),
    Days(&'a Days),
}

/// What happens where the zone's clocks change (D9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changes {
    /// A rhythm: skipped times do not occur, repeated ones occur twice, so that intervals stay as they are.
    Rhythm,
    /// An appointment: skipped times occur when the gap ends, repeated ones once, so that each date has its run.
    Appointment,
}

/// One occurrence: an instant in seconds, and the date it is meant for (days since 1970-01-01), from which a skipped
/// wall time may have been moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occurrence {
    pub(super) at: i64,
    pub(super) date: i64,
}

impl On<'_> {
    fn contains(self, date: i64) -> bool {
        match self {
            Self::Every => true,
            Self::Cron(dates) => dates.contains(date),
            Self::Days(days) => days.contains(date),
        }
    }
}

impl<'a> Recurrence<'a> {
    /// Starts to walk along the occurrences.
    pub(super) fn walk(self) -> Walk<'a> {
        Walk { recurrence: self, span: None }
    }

    /// The first occurrence of a span that is not before `from`, which is in it.
    fn first_in(&self, span: &Span, from: i64) -> Option<Occurrence> {
        if from == span.start
            && let Some(date) = self.moved_to_start(span)
        {
            return Some(Occurrence { at: span.start, date });
        }
        let from = from + span.offset;
        let (date, wall) = self.wall_at_or_after(from.max(self.fresh(span)), span.end + span.offset)?;
        Some(Occurrence { at: wall - span.offset, date })
    }

    /// The last occurrence of a span that is not after `until`, which is in it.
    fn last_in(&self, span: &Span, until: i64) -> Option<Occurrence> {
        let fresh = self.fresh(span).max(span.start + span.offset);
        let until = until + span.offset;
        if let Some((date, wall)) = self.wall_at_or_before(until, fresh) {
            return Some(Occurrence { at: wall - span.offset, date });
        }
        self.moved_to_start(span).map(|date| Occurrence { at: span.start, date })
    }

    /// The number of occurrences of a span in `from..=until`; `from` is in it.
    fn count_in(&self, span: &Span, from: i64, until: i64) -> u64 {
        let low = self.fresh(span).max(from + span.offset);
        let high = until.min(span.end - 1) + span.offset;
        let mut count = 0;
        for date in low.div_euclid(DAY)..=high.div_euclid(DAY) {
            if self.dates.contains(date) {
                let first = (low - date * DAY + 59).div_euclid(60);
                let end = (high - date * DAY).div_euclid(60) + 1;
                count += self.minutes.count(first, end);
            }
        }
        let is_moved = from == span.start && self.moved_to_start(span).is_some();
        let start = span.start + span.offset;
        let is_regular = self.wall_at_or_after(start, start + 1).is_some();
        count + u64::from(is_moved && !is_regular)
    }

    /// The first wall time of a span that counts: not one that the span before it had already.
    fn fresh(&self, span: &Span) -> i64 {
        match self.changes {
            Changes::Rhythm => i64::MIN,
            Changes::Appointment => span.fresh(),
        }
    }

    /// The date of the first appointment in the gap before a span, which is kept when the gap ends. A date without
    /// a single instant has no appointments.
    fn moved_to_start(&self, span: &Span) -> Option<i64> {
        let gap = span.gap();
        if gap.is_empty() || self.changes == Changes::Rhythm {
            return None;
        }
        let mut from = gap.start;
        while let Some((date, wall)) = self.wall_at_or_after(from, gap.end) {
            let is_whole = gap.start <= date * DAY && (date + 1) * DAY <= gap.end;
            if !is_whole {
                return Some(date);
            }
            from = wall - wall.rem_euclid(DAY) + DAY;
        }
        None
    }

    /// The first wall time in `from..until`, with its date.
    fn wall_at_or_after(&self, from: i64, until: i64) -> Option<(i64, i64)> {
        let mut date = from.div_euclid(DAY);
        let mut minute = (from.rem_euclid(DAY) + 59) / 60;
        while date * DAY < until {
            if self.dates.contains(date)
                && let Some(minute) = self.minutes.at_or_after(minute)
            {
                let wall = date * DAY + minute * 60;
                return (wall < until).then_some((date, wall));
            }
            date += 1;
            minute = 0;
        }
        None
    }

    /// The last wall time in `from..=until`, with its date.
    fn wall_at_or_before(&self, until: i64, from: i64) -> Option<(i64, i64)> {
        let mut date = until.div_euclid(DAY);
        let mut minute = until.rem_euclid(DAY) / 60;
        while (date + 1) * DAY > from {
            if self.dates.contains(date)
                && let Some(minute) = self.minutes.at_or_before(minute)
            {
                let wall = date * DAY + minute * 60;
                return (wall >= from).then_some((date, wall));
            }
            date -= 1;
            minute = i64::MAX;
        }
        None
    }
}

/// A way along the occurrences of a [`Recurrence`] that remembers in which span it is.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    recurrence: Recurrence<'a>,
    span: Option<Span>,
}

impl Walk<'_> {
    /// The first occurrence not before `from`, unless time ends.
    pub(super) fn at_or_after(&mut self, from: i64) -> Option<Occurrence> {
        let mut from = from;
        loop {
            let span = self.span_around(from)?;
            if let Some(occurrence) = self.recurrence.first_in(&span, from) {
                return is_in_range(occurrence.at).then_some(occurrence);
            }
            from = span.end;
        }
    }

    /// The last occurrence not after `until`, unless time begins.
    pub(super) fn at_or_before(&mut self, until: i64) -> Option<Occurrence> {
        let mut until = until;
        loop {
            let span = self.span_around(until)?;
            if let Some(occurrence) = self.recurrence.last_in(&span, until) {
                return is_in_range(occurrence.at).then_some(occurrence);
            }
            until = span.start - 1;
        }
    }

    /// How many occurrences there are in `from..=until`.
    pub(super) fn count(&mut self, from: i64, until: i64) -> u64 {
        let (mut from, mut count) = (from, 0);
        while from <= until
            && let Some(span) = self.span_around(from)
        {
            count += self.recurrence.count_in(&span, from, until);
            from = span.end;
        }
        count
    }

    fn span_around(&mut self, instant: i64) -> Option<Span> {
        if !self.span.is_some_and(|span| span.contains(instant)) {
            self.span = is_in_range(instant).then(|| self.recurrence.zone.span(instant));
        }
        self.span
    }
}
