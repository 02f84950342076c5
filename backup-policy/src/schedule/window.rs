use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    days::Days,
    jitter::Jitter,
    minutes::Minutes,
    recurrence::{Changes, Occurrence, On, Recurrence},
    slot::Slot,
    time_of_day::TimeOfDay,
};
use crate::{
    error::{Error, ErrorKind, Result},
    zone::{Zone, is_in_range},
};

/// A schedule of one run at some moment within a stretch of time, such as the small hours of each Sunday.
///
/// The window opens at a time of day, as an appointment (D9), and is open for so many elapsed minutes. It belongs to
/// the date on which it opens, also where it ends on the next one.
///
/// ```
/// use backup_policy::{Days, Jitter, Schedule, Window};
///
/// let window = Window::new("02:00".parse()?, 120)?
///     .on(Days::weekly(0))?
///     .in_zone("America/Los_Angeles".parse()?)
///     .jitter(Jitter::Stable { seed: "tenant-42".into() });
/// let slot = Schedule::from(window).next("2026-11-20T00:00:00Z".parse()?)?;
/// assert_eq!(slot.start().to_rfc3339(), "2026-11-22T10:00:00+00:00");
/// assert!(slot.start() <= slot.run_at() && Some(slot.run_at()) < slot.end());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WindowForm", into = "WindowForm")]
pub struct Window {
    tz: Zone,
    start: TimeOfDay,
    duration_min: u16,
    days: Days,
    jitter: Jitter,
    minutes: Minutes,
}

impl Window {
    /// Opens every day at this time UTC, for so many minutes; runs begin when it opens.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchedule`] for no minutes or more than 24 hours.
    pub fn new(start: TimeOfDay, duration_min: u32) -> Result<Self> {
        match u16::try_from(duration_min) {
            Ok(duration_min @ 1..=LONGEST_MIN) => Ok(Self {
                tz: Zone::utc(),
                start,
                duration_min,
                days: Days::Daily,
                jitter: Jitter::None,
                minutes: Minutes::one(start.minutes()),
            }),
            _ => Err(Error::new(
                ErrorKind::InvalidSchedule,
                format!("a window is open for {duration_min} minutes: use 1 to 1440"),
            )),
        }
    }

    /// Opens only on these days.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchedule`] if they do not exist, such as the sixth Sunday.
    pub fn on(self, days: Days) -> Result<Self> {
        days.validate()?;
        Ok(Self { days, ..self })
    }

    /// Goes by the clocks of this zone.
    #[must_use]
    pub fn in_zone(mut self, zone: Zone) -> Self {
        self.tz = zone;
        self
    }

    /// Lets runs begin at another place in it.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Whose clocks it goes by.
    pub fn zone(&self) -> &Zone {
        &self.tz
    }

    /// When it opens.
    pub fn start(&self) -> TimeOfDay {
        self.start
    }

    /// For how many minutes it is open.
    pub fn duration_min(&self) -> u16 {
        self.duration_min
    }

    /// On which days it opens.
    pub fn days(&self) -> &Days {
        &self.days
    }

    pub(super) fn seconds(&self) -> u32 {
        u32::from(self.duration_min) * 60
    }

    /// The recurrence of its opening.
    pub(super) fn recurrence(&self) -> Recurrence<'_> {
        let Self { tz, days, minutes, .. } = self;
        Recurrence { zone: tz, dates: On::Days(days), minutes, changes: Changes::Appointment }
    }

    /// The slot of one opening. None where time ends.
    pub(super) fn slot(&self, opening: Occurrence) -> Option<Slot> {
        let offset = self.jitter.offset(opening.date, self.seconds());
        let at = |seconds: u32| DateTime::<Utc>::from_timestamp(opening.at + i64::from(seconds), 0);
        is_in_range(opening.at + i64::from(offset)).then_some(())?;
        Some(Slot::window(at(offset)?, at(0)?, at(self.seconds())?))
    }
}

const LONGEST_MIN: u16 = 24 * 60;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowForm {
    #[serde(default)]
    tz: Zone,
    start: TimeOfDay,
    duration_min: u32,
    #[serde(default)]
    days: Days,
    #[serde(default)]
    jitter: Jitter,
}

impl TryFrom<WindowForm> for Window {
    type Error = Error;

    fn try_from(WindowForm { tz, start, duration_min, days, jitter }: WindowForm) -> Result<Self> {
        Ok(Self::new(start, duration_min)?.on(days)?.in_zone(tz).jitter(jitter))
    }
}

impl From<Window> for WindowForm {
    fn from(Window { tz, start, duration_min, days, jitter, .. }: Window) -> Self {
        Self { tz, start, duration_min: u32::from(duration_min), days, jitter }
    }
}
