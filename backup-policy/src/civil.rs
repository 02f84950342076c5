//! Calendar dates and days since 1970-01-01 in the proleptic Gregorian calendar.

/// Seconds in one day of a wall clock.
pub(crate) const DAY: i64 = 86_400;

/// A date. Months and days count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

impl Civil {
    /// The date `days` after 1970-01-01.
    ///
    /// Years are counted from March, so that the leap day is the last one and month lengths follow one formula.
    pub(crate) fn from_days(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day }
    }

    /// Days since 1970-01-01.
    pub(crate) fn to_days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (self.month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The same day of a later month, or that month's last day if it is shorter.
    pub(crate) fn plus_months(self, months: i64) -> Self {
        let index = self.year * 12 + (self.month - 1) + months;
        let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
        Self { year, month, day: self.day.min(days_in_month(year, month)) }
    }
}

/// The day of the week of the date `days` after 1970-01-01, a Thursday; 0 is Sunday.
pub(crate) fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let mut expected = Civil { year: 1600, month: 1, day: 1 };
        let first = expected.to_days();
        assert_eq!(first, -135_140);
        for days in first..first + 2 * 146_097 {
            let date = Civil::from_days(days);
            assert_eq!(date, expected);
            assert_eq!(date.to_days(), days);
            expected = if date.day < days_in_month(date.year, date.month) {
                Civil { day: date.day + 1, ..date }
            } else {
                Civil { day: 1, ..date.plus_months(1) }
            };
        }
        assert_eq!(expected, Civil { year: 2400, month: 1, day: 1 });
    }

    #[test]
    fn the_epoch_is_day_zero() {
        assert_eq!(Civil::from_days(0), Civil { year: 1970, month: 1, day: 1 });
    }
}
