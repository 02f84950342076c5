use super::{
    Zone,
    transitions::{EARLIEST, LATEST, MARGIN, timestamp},
};

/// A stretch of time in which the clock on the wall of one zone runs on undisturbed.
///
/// All times are in seconds: instants since 1970, wall times as if the wall's clock showed UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// The change it begins with, if only of the zone's name, or a time before the year 1.
    pub(crate) start: i64,
    /// The change that ends it, the first instant of the next span, or a time after the year 8000.
    pub(crate) end: i64,
    /// What the wall's clock adds to UTC.
    pub(crate) offset: i64,
    /// What it added before the span.
    pub(crate) before: i64,
}

impl Span {
    pub(crate) fn contains(&self, instant: i64) -> bool {
        (self.start..self.end).contains(&instant)
    }

    /// The wall times that the change at its start skipped; empty if it skipped none.
    pub(crate) fn gap(&self) -> std::ops::Range<i64> {
        self.start + self.before..self.start + self.offset
    }

    /// Its first wall time that the span before it did not have.
    pub(crate) fn fresh(&self) -> i64 {
        self.start + self.before.max(self.offset)
    }
}

impl Zone {
    /// The span around an instant inside the years 1 to 8000.
    pub(crate) fn span(&self, instant: i64) -> Span {
        let at = timestamp(instant);
        let offset = i64::from(self.0.to_offset(at).seconds());
        let mut span = Span { start: EARLIEST - MARGIN, end: LATEST + MARGIN, offset, before: offset };
        if let Some(change) = self.0.following(at).next() {
            span.end = change.timestamp().as_second().min(span.end);
        }
        if let Some(change) = self.0.preceding(timestamp(instant + 1)).next() {
            let start = change.timestamp().as_second();
            if start > span.start {
                span.start = start;
                span.before = i64::from(self.0.to_offset(timestamp(start - 1)).seconds());
            }
        }
        span
    }
}
