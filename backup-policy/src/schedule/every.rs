use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind, Result},
    zone::{check_range, is_in_range},
};

/// A schedule of equal intervals of elapsed time, indifferent to calendars and clock changes.
///
/// It runs at the anchor and at every whole number of intervals after *and before* it: the anchor says where the rhythm
/// has its beat, not when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "EveryForm", into = "EveryForm")]
pub struct Every {
    seconds: u32,
    anchor: DateTime<Utc>,
}

const LONGEST_SECONDS: u32 = 100 * 366 * 86_400;

impl Every {
    /// Runs every so many seconds.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchedule`] for no seconds, [`ErrorKind::OutOfRange`] for more than 100 years or an anchor
    /// outside the years 1 to 8000.
    pub fn new(seconds: u64, anchor: DateTime<Utc>) -> Result<Self> {
        check_range(anchor)?;
        match u32::try_from(seconds) {
            Ok(0) => Err(Error::new(
                ErrorKind::InvalidSchedule,
                "a schedule runs every 0 seconds: set an interval of 1 second or more",
            )),
            Ok(seconds) if seconds <= LONGEST_SECONDS => Ok(Self { seconds, anchor }),
            _ => Err(Error::new(
                ErrorKind::OutOfRange,
                format!("a schedule runs every {seconds} seconds: set an interval of at most 100 years"),
            )),
        }
    }

    /// The interval.
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// An instant at which it runs.
    pub fn anchor(&self) -> DateTime<Utc> {
        self.anchor
    }

    /// The number of the last run not after `instant`; that at the anchor is number 0.
    fn number(&self, instant: DateTime<Utc>) -> i64 {
        // Runs have the anchor's fraction of a second, so a smaller one means that the second's run is yet to come.
        let is_before = instant.timestamp_subsec_nanos() < self.anchor.timestamp_subsec_nanos();
        let whole = instant.timestamp() - self.anchor.timestamp() - i64::from(is_before);
        whole.div_euclid(i64::from(self.seconds))
    }

    /// None outside the range of times.
    fn run(&self, number: i64) -> Option<DateTime<Utc>> {
        let seconds = self.anchor.timestamp() + number * i64::from(self.seconds);
        let run = DateTime::from_timestamp(seconds, self.anchor.timestamp_subsec_nanos())?;
        is_in_range(seconds).then_some(run)
    }

    pub(super) fn after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.run(self.number(instant) + 1)
    }

    pub(super) fn before(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let number = self.number(instant);
        let run = self.run(number)?;
        if run < instant { Some(run) } else { self.run(number - 1) }
    }

    /// How many runs there are after `after` up to and including `until`.
    pub(super) fn count(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        u64::try_from(self.number(until) - self.number(after)).unwrap_or(0)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EveryForm {
    seconds: u64,
    anchor: DateTime<Utc>,
}

impl TryFrom<EveryForm> for Every {
    type Error = Error;

    fn try_from(EveryForm { seconds, anchor }: EveryForm) -> Result<Self> {
        Self::new(seconds, anchor)
    }
}

impl From<Every> for EveryForm {
    fn from(Every { seconds, anchor }: Every) -> Self {
        Self { seconds: u64::from(seconds), anchor }
    }
}
