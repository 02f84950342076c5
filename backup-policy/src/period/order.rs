use super::Period;
use crate::civil::{Civil, DAY, days_in_month};

/// What clock changes may add to or take from a stretch of calendar days, in seconds, at most: zones have
/// skipped whole days.
pub(crate) const CLOCK_CHANGES: i64 = 2 * DAY;

impl Period {
    /// Whether this period ends no earlier than `other`, whenever and wherever both begin. `P1M` and `P30D`
    /// are not comparable: either may be the shorter.
    pub(crate) fn is_never_shorter_than(&self, other: &Self) -> bool {
        let (months, days) = (self.whole_months(), self.whole_days());
        let (other_months, other_days) = (other.whole_months(), other.whole_days());
        let is_later_by_clock = self.exact_seconds() >= other.exact_seconds();
        if is_later_by_clock && months >= other_months && days >= other_days {
            return true;
        }
        let (shortest, longest) =
            (days_of_months(months).0 + days, days_of_months(other_months).1 + other_days);
        if is_later_by_clock && shortest >= longest {
            return true;
        }
        shortest * DAY + self.exact_seconds() >= longest * DAY + other.exact_seconds() + CLOCK_CHANGES
    }

    /// The shortest period of whole days, or of whole hours within a day, that is longer than `seconds`.
    pub(crate) fn just_beyond(seconds: i64) -> Self {
        let whole = |unit: i64| u32::try_from(seconds.max(0) / unit + 1).unwrap_or(u32::MAX);
        if seconds < DAY { Self::hours(whole(3600)) } else { Self::days(whole(DAY)) }
    }
}

/// The fewest and the most days that so many months may have, the day of the month being clamped.
fn days_of_months(months: i64) -> (i64, i64) {
    if months == 0 {
        return (0, 0);
    }
    // The calendar repeats after 400 years.
    let starts =
        (0..400 * 12).map(|index: i64| Civil { year: 2000 + index / 12, month: index % 12 + 1, day: 1 });
    starts.fold((i64::MAX, 0), |(fewest, most), start| {
        let end = start.plus_months(months);
        let days = end.to_days() - start.to_days();
        // From its last day on, a month that is longer than the one at the end loses what it is longer by.
        let lost = days_in_month(start.year, start.month) - days_in_month(end.year, end.month);
        (fewest.min(days - lost.max(0)), most.max(days))
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::zone::Zone;

    #[test]
    fn months_have_their_calendars_days() {
        assert_eq!(days_of_months(1), (28, 31));
        assert_eq!(days_of_months(2), (59, 62));
        assert_eq!(days_of_months(6), (181, 184));
        assert_eq!(days_of_months(12), (365, 366));
        assert_eq!(days_of_months(48), (1460, 1461));
        assert_eq!(days_of_months(4800), (146_097, 146_097));
    }

    #[test]
    fn only_what_is_always_longer_counts_as_longer() {
        let is_longer = |a: &str, b: &str| {
            a.parse::<Period>().unwrap().is_never_shorter_than(&b.parse::<Period>().unwrap())
        };
        let longer = [
            ("P1D", "P1D"),
            ("P1M", "P28D"),
            ("P1M", "P4W"),
            ("P31D", "P1M"),
            ("P1Y", "P12M"),
            ("P12M", "P1Y"),
            ("P366D", "P1Y"),
            ("PT36H", "PT35H"),
            ("P3D", "PT24H"),
            ("P2W", "P1W"),
            ("P1DT1H", "P1D"),
            ("P1D", "P0D"),
        ];
        for (a, b) in longer {
            assert!(is_longer(a, b), "{a} {b}");
        }
        let unsure = [
            ("P1M", "P29D"),
            ("P30D", "P1M"),
            ("P365D", "P1Y"),
            ("PT24H", "P1D"),
            ("P1D", "PT24H"),
            ("P1D", "P2D"),
            ("P2D", "P1DT23H"),
        ];
        for (a, b) in unsure {
            assert!(!is_longer(a, b), "{a} {b}");
        }
    }

    fn period() -> impl Strategy<Value = Period> {
        let parts = (0_u32..30, 0_u32..80, 0_u32..60, any::<bool>());
        parts.prop_map(|(months, days, hours, is_exact)| {
            let (months, days) = if is_exact { (0, 0) } else { (months, days) };
            format!("P{months}M{days}DT{hours}H").parse().unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_longer_period_never_ends_earlier(
            a in period(),
            b in period(),
            start in 1_000_000_000_i64..2_000_000_000,
            zone in select(vec!["UTC", "Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns"]),
        ) {
            let zone: Zone = zone.parse().unwrap();
            let start: DateTime<Utc> = DateTime::from_timestamp(start, 0).unwrap();
            if a.is_never_shorter_than(&b) {
                prop_assert!(a.add(start, &zone).unwrap() >= b.add(start, &zone).unwrap());
            }
            prop_assert!(a.least_seconds() <= a.most_seconds());
        }
    }
}
