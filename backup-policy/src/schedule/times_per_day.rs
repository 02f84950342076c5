use serde::{Deserialize, Serialize};

use super::{
    minutes::Minutes,
    recurrence::{Changes, On, Recurrence},
    time_of_day::TimeOfDay,
};
use crate::{
    error::{Error, ErrorKind, Result},
    zone::Zone,
};

/// A schedule of so many runs a day, evenly spread over the clock on the wall: 4 from `00:00` are 00:00, 06:00, 12:00
/// and 18:00, in summer and in winter.
///
/// They are appointments: one that clocks skip runs when the gap ends, one that occurs twice runs once (D9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TimesPerDayForm", into = "TimesPerDayForm")]
pub struct TimesPerDay {
    n: u16,
    start: TimeOfDay,
    tz: Zone,
    minutes: Minutes,
}

impl TimesPerDay {
    /// So many runs a day, one of them at midnight UTC.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchedule`] if that is not a whole number of minutes apart: use 1, 2, 3, 4, 6, 8, 12, 24 or
    /// another divisor of 1440.
    pub fn new(n: u32) -> Result<Self> {
        Self::build(n, TimeOfDay::default(), Zone::utc())
    }

    /// Has one of them at this time of day.
    #[must_use]
    pub fn starting_at(self, start: TimeOfDay) -> Self {
        Self { start, minutes: minutes(self.n, start), ..self }
    }

    /// Goes by the clocks of this zone.
    #[must_use]
    pub fn in_zone(mut self, zone: Zone) -> Self {
        self.tz = zone;
        self
    }

    /// The number of runs a day.
    pub fn count(&self) -> u16 {
        self.n
    }

    /// When one of them is.
    pub fn start(&self) -> TimeOfDay {
        self.start
    }

    /// Whose clocks it goes by.
    pub fn zone(&self) -> &Zone {
        &self.tz
    }

    fn build(n: u32, start: TimeOfDay, tz: Zone) -> Result<Self> {
        match u16::try_from(n) {
            Ok(n @ 1..=MINUTES_OF_DAY) if MINUTES_OF_DAY.is_multiple_of(n) => {
                Ok(Self { n, start, tz, minutes: minutes(n, start) })
            }
            _ => Err(Error::new(
                ErrorKind::InvalidSchedule,
                format!(
                    "{n} times a day is not a whole number of minutes apart: use a divisor of 1440, such as 1, 2, 3, 4, 6, 8, 12 or 24"
                ),
            )),
        }
    }

    pub(super) fn recurrence(&self) -> Recurrence<'_> {
        let Self { tz, minutes, .. } = self;
        Recurrence { zone: tz, dates: On::Every, minutes, changes: Changes::Appointment }
    }
}

const MINUTES_OF_DAY: u16 = 24 * 60;

fn minutes(n: u16, start: TimeOfDay) -> Minutes {
    let mut minutes = Minutes::default();
    for minute in (start.minutes()..start.minutes() + MINUTES_OF_DAY).step_by(usize::from(MINUTES_OF_DAY / n))
    {
        minutes.insert(minute % MINUTES_OF_DAY);
    }
    minutes
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimesPerDayForm {
    n: u32,
    #[serde(default)]
    start: TimeOfDay,
    #[serde(default)]
    tz: Zone,
}

impl TryFrom<TimesPerDayForm> for TimesPerDay {
    type Error = Error;

    fn try_from(TimesPerDayForm { n, start, tz }: TimesPerDayForm) -> Result<Self> {
        Self::build(n, start, tz)
    }
}

impl From<TimesPerDay> for TimesPerDayForm {
    fn from(TimesPerDay { n, start, tz, .. }: TimesPerDay) -> Self {
        Self { n: u32::from(n), start, tz }
    }
}
