//! When to make backups.

mod cron;
mod days;
mod every;
mod jitter;
mod merged;
mod minutes;
mod recurrence;
mod runs;
mod slot;
mod time_of_day;
mod times_per_day;
mod window;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub(crate) use self::merged::Merged;
use self::runs::Runs;
pub use self::{
    cron::{Cron, DayMatch},
    days::{Days, Overflow},
    every::Every,
    jitter::Jitter,
    slot::Slot,
    time_of_day::TimeOfDay,
    times_per_day::TimesPerDay,
    window::Window,
};
use crate::{
    error::{Error, ErrorKind, Result},
    zone::{Zone, check_range},
};

/// When to make backups: one endless sequence of [`Slot`]s, from the beginning of the calendar to its end.
///
/// The sequence is a function of the schedule alone. Wherever one begins to ask, the answers are the same from there
/// on; no slot depends on when the last backup was made or on when the question is asked.
///
/// ```
/// use backup_policy::{Cron, Schedule};
///
/// // Twice a night in Berlin, on the morning on which clocks jump from 02:00 to 03:00.
/// let schedule = Schedule::from(Cron::new("30 2,3 * * *")?.in_zone("Europe/Berlin".parse()?));
/// let slots = schedule.after("2027-03-28T00:00:00Z".parse()?)?;
/// let runs: Vec<String> = slots.take(3).map(|slot| slot.run_at().to_rfc3339()).collect();
/// assert_eq!(
///     runs,
///     [
///         "2027-03-28T01:00:00+00:00", // 02:30 does not exist: when the gap ends, at 03:00
///         "2027-03-28T01:30:00+00:00", // 03:30
///         "2027-03-29T00:30:00+00:00", // 02:30 in summer
///     ]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Schedule {
    /// In the notation of cron.
    Cron(Cron),
    /// At equal intervals of elapsed time.
    Every(Every),
    /// So many times a day.
    TimesPerDay(TimesPerDay),
    /// Once within a stretch of time.
    Window(Window),
}

impl Schedule {
    /// The first slot whose run is after `instant`, never at it.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if `instant` or the slot is outside the years 1 to 8000.
    pub fn next(&self, instant: DateTime<Utc>) -> Result<Slot> {
        self.after(instant)?.next().ok_or_else(|| no_slot("after", instant))
    }

    /// The last slot whose run is before `instant`, never at it.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if `instant` or the slot is outside the years 1 to 8000.
    pub fn previous(&self, instant: DateTime<Utc>) -> Result<Slot> {
        self.before(instant)?.next().ok_or_else(|| no_slot("before", instant))
    }

    /// All slots whose runs are after `instant`, in their order.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if `instant` is outside the years 1 to 8000.
    pub fn after(&self, instant: DateTime<Utc>) -> Result<impl Iterator<Item = Slot>> {
        check_range(instant)?;
        let (mut runs, mut last) = (Runs::of(self), instant);
        Ok(std::iter::from_fn(move || {
            let slot = runs.next(last)?;
            last = slot.run_at();
            Some(slot)
        }))
    }

    /// All slots whose runs are before `instant`, the latest first.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if `instant` is outside the years 1 to 8000.
    pub fn before(&self, instant: DateTime<Utc>) -> Result<impl Iterator<Item = Slot>> {
        check_range(instant)?;
        let (mut runs, mut last) = (Runs::of(self), instant);
        Ok(std::iter::from_fn(move || {
            let slot = runs.previous(last)?;
            last = slot.run_at();
            Some(slot)
        }))
    }

    /// How many slots have their runs after `after` and not after `until`.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if an instant is outside the years 1 to 8000.
    pub fn count(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Result<u64> {
        check_range(after)?;
        check_range(until)?;
        Ok(Runs::of(self).count(after, until))
    }

    /// Whose clocks it goes by; UTC if it goes by none.
    pub fn zone(&self) -> &Zone {
        const UTC: &Zone = &Zone::utc();
        match self {
            Self::Cron(cron) => cron.zone(),
            Self::Every(_) => UTC,
            Self::TimesPerDay(times) => times.zone(),
            Self::Window(window) => window.zone(),
        }
    }
}

fn no_slot(side: &str, instant: DateTime<Utc>) -> Error {
    let message = format!("no slot is {side} {instant:?} within the years 1 to 8000: ask about another time");
    Error::new(ErrorKind::OutOfRange, message)
}

impl From<Cron> for Schedule {
    fn from(cron: Cron) -> Self {
        Self::Cron(cron)
    }
}

impl From<Every> for Schedule {
    fn from(every: Every) -> Self {
        Self::Every(every)
    }
}

impl From<TimesPerDay> for Schedule {
    fn from(times: TimesPerDay) -> Self {
        Self::TimesPerDay(times)
    }
}

impl From<Window> for Schedule {
    fn from(window: Window) -> Self {
        Self::Window(window)
    }
}
