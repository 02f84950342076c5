mod order;

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(crate) use self::order::CLOCK_CHANGES;
use crate::{
    error::{Error, ErrorKind, Quoted, Result},
    zone::{Transitions, Zone, check_range},
};

/// A length of time as people say it, in ISO 8601: `P3M` is three calendar months, `P2W` two weeks, `PT36H` 36 hours.
///
/// Years, months, weeks and days are counted on the calendar of a [`Zone`], so `P1D` is the same time tomorrow even
/// if the night has 23 or 25 hours; hours, minutes and seconds are elapsed time. No month is ever taken for 30 days.
/// Two periods are equal if they are written alike: `P7D` is not equal to `P1W`.
///
/// ```
/// use backup_policy::{Period, Zone};
///
/// let created = "2025-12-03T03:18:00Z".parse()?;
/// let expires = "P3M".parse::<Period>()?.add(created, &Zone::utc())?;
/// assert_eq!(expires.to_rfc3339(), "2026-03-03T03:18:00+00:00");
///
/// // January has 31 days, February has not: the last day of the month stands in.
/// let end_of_january = "2027-01-31T12:00:00Z".parse()?;
/// assert_eq!(Period::months(1).add(end_of_january, &Zone::utc())?.to_rfc3339(), "2027-02-28T12:00:00+00:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Period {
    years: u32,
    months: u32,
    weeks: u32,
    days: u32,
    hours: u32,
    minutes: u32,
    seconds: u32,
}

impl Period {
    /// No time at all.
    pub const ZERO: Self = Self { years: 0, months: 0, weeks: 0, days: 0, hours: 0, minutes: 0, seconds: 0 };

    /// Calendar years.
    pub const fn years(years: u32) -> Self {
        Self { years, ..Self::ZERO }
    }

    /// Calendar months.
    pub const fn months(months: u32) -> Self {
        Self { months, ..Self::ZERO }
    }

    /// Weeks of seven calendar days.
    pub const fn weeks(weeks: u32) -> Self {
        Self { weeks, ..Self::ZERO }
    }

    /// Calendar days, of 23 to 25 hours where clocks change.
    pub const fn days(days: u32) -> Self {
        Self { days, ..Self::ZERO }
    }

    /// Elapsed hours.
    pub const fn hours(hours: u32) -> Self {
        Self { hours, ..Self::ZERO }
    }

    /// Elapsed minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self { minutes, ..Self::ZERO }
    }

    /// Elapsed seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self { seconds, ..Self::ZERO }
    }

    /// Whether the period has no length.
    pub fn is_zero(&self) -> bool {
        self.most_seconds() == 0
    }

    /// The end of the period that starts at `time`.
    ///
    /// Years and months come first, and a day that the month does not have becomes its last day; then weeks and
    /// days, all on the wall clock of `zone`. A wall time that clocks skip is moved forward by the length of the
    /// gap; of one that occurs twice the earlier is meant. Hours, minutes and seconds are then added as elapsed time.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if `time` is outside the years 1 to 8000 or the period longer than about 1000 years.
    pub fn add(&self, time: DateTime<Utc>, zone: &Zone) -> Result<DateTime<Utc>> {
        check_range(time)?;
        self.check_length()?;
        let start = time.timestamp();
        Ok(Transitions::covering(zone, start, start + self.most_seconds()).add(time, self))
    }

    /// Refuses periods beyond any calendar's use.
    pub(crate) fn check_length(&self) -> Result<()> {
        if self.most_seconds() <= Self::years(1000).most_seconds() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::OutOfRange,
            format!(
                "the period {self} is longer than 1000 years: shorten it, or say \"forever\" where that is meant"
            ),
        ))
    }

    pub(crate) fn whole_months(&self) -> i64 {
        i64::from(self.years) * 12 + i64::from(self.months)
    }

    pub(crate) fn whole_days(&self) -> i64 {
        i64::from(self.weeks) * 7 + i64::from(self.days)
    }

    pub(crate) fn exact_seconds(&self) -> i64 {
        i64::from(self.hours) * 3600 + i64::from(self.minutes) * 60 + i64::from(self.seconds)
    }

    /// A lower bound of the length, but for clock changes.
    pub(crate) fn least_seconds(&self) -> i64 {
        (self.whole_months() * 28 + self.whole_days()) * crate::civil::DAY + self.exact_seconds()
    }

    /// An upper bound of the length, but for clock changes.
    pub(crate) fn most_seconds(&self) -> i64 {
        (self.whole_months() * 31 + self.whole_days()) * crate::civil::DAY + self.exact_seconds()
    }
}

impl FromStr for Period {
    type Err = Error;

    /// Reads `PnYnMnWnDTnHnMnS`: whole numbers, at least one part, in this order.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`] for anything else, fractions and signs included.
    fn from_str(text: &str) -> Result<Self> {
        parse(text).ok_or_else(|| {
            Error::new(
                ErrorKind::Syntax,
                format!(
                    "{} is not a period: write ISO 8601 with whole numbers, such as \"P3M\", \"P2W\" or \"P1DT12H\"",
                    Quoted(text)
                ),
            )
        })
    }
}

fn parse(text: &str) -> Option<Period> {
    let body = text.strip_prefix('P')?;
    let (date, time) = match body.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None if body.is_empty() => return None,
        None => (body, ""),
    };
    let [years, months, weeks, days] = parse_parts(date, ['Y', 'M', 'W', 'D'])?;
    let [hours, minutes, seconds] = parse_parts(time, ['H', 'M', 'S'])?;
    Some(Period { years, months, weeks, days, hours, minutes, seconds })
}

/// Reads numbers, each before one of the `units`, which come in order and at most once.
fn parse_parts<const N: usize>(text: &str, units: [char; N]) -> Option<[u32; N]> {
    let mut numbers = [0; N];
    let (mut rest, mut next) = (text, 0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = rest[end..].chars().next()?;
        let index = next + units[next..].iter().position(|&known| known == unit)?;
        numbers[index] = rest[..end].parse().ok()?;
        rest = &rest[end + unit.len_utf8()..];
        next = index + 1;
    }
    Some(numbers)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ZERO {
            return f.write_str("P0D");
        }
        f.write_str("P")?;
        let date = [(self.years, 'Y'), (self.months, 'M'), (self.weeks, 'W'), (self.days, 'D')];
        let time = [(self.hours, 'H'), (self.minutes, 'M'), (self.seconds, 'S')];
        write_parts(f, &date)?;
        if time.iter().any(|&(number, _)| number != 0) {
            f.write_str("T")?;
        }
        write_parts(f, &time)
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, parts: &[(u32, char)]) -> fmt::Result {
    parts
        .iter()
        .filter(|&&(number, _)| number != 0)
        .try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
