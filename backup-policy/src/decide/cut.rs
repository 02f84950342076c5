use chrono::{DateTime, Utc};

use crate::{
    civil::{Civil, DAY},
    policy::{Policy, WeekStart},
    rule::{Bucket, Unit},
    zone::Transitions,
};

/// How the calendar is cut into the buckets of one rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    unit: Unit,
    every: i64,
    /// The day in January 1970 from which weeks are counted, as days since its 1st: Sunday the 4th or Monday the 5th.
    first_weekday: i64,
}

/// Names one bucket within one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The number of the bucket; hours and minutes are numbered within days of 24 hours.
    pub(crate) number: i64,
    /// Seconds east of UTC, where the two passes of a repeated hour differ; else 0 (D3).
    pub(crate) offset: i64,
}

impl Cut {
    pub(crate) fn new(bucket: &Bucket, policy: &Policy) -> Self {
        let first_weekday = match policy.week_start {
            WeekStart::Monday => 4,
            WeekStart::Sunday => 3,
        };
        Self { unit: bucket.unit, every: i64::from(bucket.every), first_weekday }
    }

    /// The bucket that `time` belongs to.
    pub(crate) fn key(&self, time: DateTime<Utc>, transitions: &Transitions) -> Key {
        let instant = time.timestamp();
        let offset = transitions.offset(instant);
        let wall = instant + offset;
        let days = wall.div_euclid(DAY);
        match self.unit {
            Unit::Minutely => return Key { number: wall.div_euclid(60), offset },
            Unit::Hourly if self.every == 1 => return Key { number: wall.div_euclid(3600), offset },
            _ => {}
        }
        let number = match self.unit {
            // A day has at most 24 such numbers, so days never share one.
            Unit::Minutely | Unit::Hourly => days * 24 + wall.rem_euclid(DAY) / 3600 / self.every,
            Unit::Daily => days.div_euclid(self.every),
            Unit::Weekly => (days - self.first_weekday).div_euclid(7 * self.every),
            Unit::Monthly => month_index(days).div_euclid(self.every),
            Unit::Quarterly => month_index(days).div_euclid(3 * self.every),
            Unit::Yearly => Civil::from_days(days).year.div_euclid(self.every),
        };
        Key { number, offset: 0 }
    }

    /// Where a bucket stands among those already met on the way back in time, if it is one of them.
    ///
    /// Only clocks that are turned back lead to a bucket again, by a day at most: then it is among the last ones. Keys
    /// with an offset never return.
    pub(crate) fn find_recent(&self, met: &[Key], key: Key) -> Option<usize> {
        const WITHIN_A_DAY: usize = 24;
        let has_offset = self.unit == Unit::Minutely || (self.unit == Unit::Hourly && self.every == 1);
        if has_offset {
            return None;
        }
        let oldest = met.len().saturating_sub(2 * WITHIN_A_DAY);
        met[oldest..].iter().rposition(|&known| known == key).map(|index| oldest + index)
    }

    /// The wall time, in seconds since 1970, at which a bucket begins.
    pub(crate) fn start(&self, Key { number, .. }: Key) -> i64 {
        match self.unit {
            Unit::Minutely => number * 60,
            Unit::Hourly if self.every == 1 => number * 3600,
            Unit::Hourly => number.div_euclid(24) * DAY + number.rem_euclid(24) * self.every * 3600,
            Unit::Daily => number * self.every * DAY,
            Unit::Weekly => (number * 7 * self.every + self.first_weekday) * DAY,
            Unit::Monthly => first_of_month(number * self.every) * DAY,
            Unit::Quarterly => first_of_month(number * 3 * self.every) * DAY,
            Unit::Yearly => first_of_month(number * 12 * self.every) * DAY,
        }
    }
}

/// Months since January of the year 0.
fn month_index(days: i64) -> i64 {
    let date = Civil::from_days(days);
    date.year * 12 + date.month - 1
}

/// The day on which a month begins, as days since 1970-01-01.
fn first_of_month(index: i64) -> i64 {
    Civil { year: index.div_euclid(12), month: index.rem_euclid(12) + 1, day: 1 }.to_days()
}
