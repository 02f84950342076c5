use super::{DayMatch, parse::Fields};
use crate::civil::{Civil, days_in_month, weekday};

/// The dates of a cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schedule) struct Dates {
    months: u64,
    days: u64,
    /// Also the last day of each month.
    is_last_day: bool,
    weekdays: u64,
    /// For each weekday, in which of its occurrences in a month it counts.
    occurrences: [u64; 7],
    /// The weekdays that count in their last occurrence.
    last_weekdays: u64,
    is_either_enough: bool,
}

impl Dates {
    pub(super) fn new(fields: &Fields, day_match: DayMatch) -> Self {
        let (day, weekday) = (&fields.day_of_month, &fields.day_of_week);
        let is_either_enough = match day_match {
            DayMatch::Posix => !day.values.is_all && !weekday.values.is_all,
            DayMatch::Vixie => !day.values.is_star && !weekday.values.is_star,
            DayMatch::And => false,
        };
        Self {
            months: fields.month.values,
            days: day.values.values,
            is_last_day: day.is_last,
            weekdays: weekday.values.values,
            occurrences: weekday.occurrences,
            last_weekdays: weekday.last,
            is_either_enough,
        }
    }

    /// Whether the date so many days after 1970-01-01 matches.
    pub(in crate::schedule) fn contains(&self, date: i64) -> bool {
        let Civil { year, month, day } = Civil::from_days(date);
        if !has(self.months, month) {
            return false;
        }
        let length = days_in_month(year, month);
        let is_day = has(self.days, day) || self.is_last_day && day == length;
        let weekday = weekday(date);
        let occurrences = usize::try_from(weekday).map_or(0, |index| self.occurrences[index]);
        let is_weekday = has(self.weekdays, weekday)
            || has(occurrences, (day - 1) / 7 + 1)
            || has(self.last_weekdays, weekday) && day + 7 > length;
        if self.is_either_enough { is_day || is_weekday } else { is_day && is_weekday }
    }

    /// Whether any date matches: after 400 years the calendar repeats.
    pub(super) fn is_possible(&self) -> bool {
        (0..146_097).any(|date| self.contains(date))
    }
}

fn has(set: u64, number: i64) -> bool {
    set >> number & 1 == 1
}
