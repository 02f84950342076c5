mod dates;
mod field;
mod parse;

use serde::{Deserialize, Serialize};

pub(super) use self::dates::Dates;
use super::{
    minutes::Minutes,
    recurrence::{Changes, On, Recurrence},
};
use crate::{
    error::{Error, ErrorKind, Quoted, Result},
    zone::Zone,
};

/// A schedule in the notation of cron: minute, hour, day of the month, month, day of the week.
///
/// A field is `*` or a list of `5`, `1-5`, `*/2`, `1-9/2` and `3/2` (from 3 to the highest). Months and weekdays may
/// be called `JAN` to `DEC` and `SUN` to `SAT`; Sunday is both 0 and 7. The day of the month may be `L`, the last one;
/// the day of the week `1#2`, the second Monday, or `5L`, the last Friday; either may be `?`, the same as `*`. Instead
/// of five fields there may be `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` or `@annually`.
///
/// Where clocks change, what matters is whether the minute or the hour begins with `*` (D9). If one does, it is a
/// *rhythm*: times that clocks skip do not occur and those that occur twice run twice, so that every hour is an hour.
/// If none does, it is an *appointment*: a time that clocks skip runs when the gap ends, and one that occurs twice runs
/// once, so that every day has its run.
///
/// ```
/// use backup_policy::{Cron, Schedule};
///
/// let nightly = Schedule::from(Cron::new("0 2 * * *")?.in_zone("Europe/Berlin".parse()?));
/// let run = nightly.next("2026-11-20T12:00:00Z".parse()?)?;
/// assert_eq!(run.run_at().to_rfc3339(), "2026-11-21T01:00:00+00:00");
/// assert!(Cron::new("0 0 31 2 *").is_err(), "February never has 31 days");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CronForm", into = "CronForm")]
pub struct Cron {
    expr: String,
    tz: Zone,
    day_match: DayMatch,
    dates: Dates,
    minutes: Minutes,
    changes: Changes,
}

/// How a day of the month and a day of the week go together (D8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayMatch {
    /// If both are restricted, that is other than `*` and `?`, either of them is enough; else both must match.
    #[default]
    Posix,
    /// The same, but whatever begins with `*` counts as not restricted: `*/2` too.
    Vixie,
    /// Both must match.
    And,
}

impl Cron {
    /// Reads an expression, to be understood in UTC and with [`DayMatch::Posix`].
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`] if it is not in the notation, [`ErrorKind::InvalidSchedule`] if it can never run.
    pub fn new(expr: &str) -> Result<Self> {
        Self::build(expr, Zone::utc(), DayMatch::Posix)
    }

    /// Goes by the clocks of this zone.
    #[must_use]
    pub fn in_zone(mut self, zone: Zone) -> Self {
        self.tz = zone;
        self
    }

    /// Combines day of the month and day of the week otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchedule`] if it could then never run.
    pub fn matching(self, day_match: DayMatch) -> Result<Self> {
        Self::build(&self.expr, self.tz, day_match)
    }

    /// The expression as it was written.
    pub fn expr(&self) -> &str {
        &self.expr
    }

    /// Whose clocks it goes by.
    pub fn zone(&self) -> &Zone {
        &self.tz
    }

    /// Whether the minute or the hour begins with `*`, so that intervals rather than appointments are kept where
    /// clocks change.
    pub fn is_rhythm(&self) -> bool {
        self.changes == Changes::Rhythm
    }

    fn build(expr: &str, tz: Zone, day_match: DayMatch) -> Result<Self> {
        let fields = parse::parse(expr).map_err(|problem| {
            Error::new(ErrorKind::Syntax, format!("{} is not a cron expression: {problem}", Quoted(expr)))
        })?;
        let dates = Dates::new(&fields, day_match);
        if !dates.is_possible() {
            let message = format!(
                "the cron expression {} never runs: no date matches, correct its days or its month",
                Quoted(expr)
            );
            return Err(Error::new(ErrorKind::InvalidSchedule, message));
        }
        let is_rhythm = fields.minute.is_star || fields.hour.is_star;
        Ok(Self {
            expr: expr.to_owned(),
            tz,
            day_match,
            dates,
            minutes: Minutes::grid(fields.hour.values, fields.minute.values),
            changes: if is_rhythm { Changes::Rhythm } else { Changes::Appointment },
        })
    }

    pub(super) fn recurrence(&self) -> Recurrence<'_> {
        let Self { tz, dates, minutes, changes, .. } = self;
        Recurrence { zone: tz, dates: On::Cron(dates), minutes, changes: *changes }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CronForm {
    expr: String,
    #[serde(default)]
    tz: Zone,
    #[serde(default)]
    day_match: DayMatch,
}

impl TryFrom<CronForm> for Cron {
    type Error = Error;

    fn try_from(CronForm { expr, tz, day_match }: CronForm) -> Result<Self> {
        Self::build(&expr, tz, day_match)
    }
}

impl From<Cron> for CronForm {
    fn from(Cron { expr, tz, day_match, .. }: Cron) -> Self {
        Self { expr, tz, day_match }
    }
}
