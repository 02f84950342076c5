use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use crate::error::{Error, ErrorKind, Result};

/// How often and when to try a failed backup again. A further attempt is for the same slot and keeps its kinds.
///
/// ```
/// use backup_policy::{Attempt, Retry};
///
/// // Three attempts in all, the second 5 minutes after the first failed, the third 10 minutes after the second.
/// let retry = Retry::new(2, 300).growing_by(2);
/// let failed = ["2026-11-20T02:10:00Z".parse()?, "2026-11-20T02:20:00Z".parse()?];
/// assert_eq!(retry.after(&failed, None)?, Attempt::At("2026-11-20T02:30:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Retry {
    /// How many attempts may follow the first one.
    pub max_retries: u32,
    /// How many seconds after a failure the first of them comes.
    pub delay_s: u64,
    /// By how much the delay is multiplied each time. Default: 1.
    #[serde(default = "one")]
    pub factor: u32,
    /// The longest delay in seconds. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay_s: Option<u64>,
}

fn one() -> u32 {
    1
}

/// What to do after so many failed attempts. In JSON: `action` (`run`, `retry` or `give-up`) and `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// There was no attempt yet: make the first.
    First,
    /// Try again at this instant.
    At(DateTime<Utc>),
    /// Wait for the next slot.
    GiveUp,
}

impl Retry {
    /// So many attempts after the first, each so many seconds after the one before it failed.
    pub fn new(max_retries: u32, delay_s: u64) -> Self {
        Self { max_retries, delay_s, factor: 1, max_delay_s: None }
    }

    /// Multiplies the delay each time.
    #[must_use]
    pub fn growing_by(mut self, factor: u32) -> Self {
        self.factor = factor;
        self
    }

    /// Never waits longer than so many seconds.
    #[must_use]
    pub fn at_most(mut self, max_delay_s: u64) -> Self {
        self.max_delay_s = Some(max_delay_s);
        self
    }

    /// What to do after the attempts that failed at these instants, in their order. An attempt that would come at or
    /// after the next slot is left to that slot.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchedule`] if the factor is 0, [`ErrorKind::OutOfRange`] if the attempt would come after the
    /// end of time and no next slot makes it superfluous.
    pub fn after(&self, failed_at: &[DateTime<Utc>], next_slot: Option<DateTime<Utc>>) -> Result<Attempt> {
        if self.factor == 0 {
            let message = "retries have the factor 0: set 1 for equal delays, or more for growing ones";
            return Err(Error::new(ErrorKind::InvalidSchedule, message));
        }
        let Some(failed) = failed_at.last() else { return Ok(Attempt::First) };
        let failures = u32::try_from(failed_at.len()).unwrap_or(u32::MAX);
        if failures > self.max_retries {
            return Ok(Attempt::GiveUp);
        }
        match (self.add_delay(*failed, failures), next_slot) {
            (Some(at), Some(next)) if at >= next => Ok(Attempt::GiveUp),
            (Some(at), _) => Ok(Attempt::At(at)),
            (None, Some(_)) => Ok(Attempt::GiveUp),
            (None, None) => Err(Error::new(
                ErrorKind::OutOfRange,
                format!("retry {failures} would come after the end of time: set a longest delay"),
            )),
        }
    }

    /// None after the end of time.
    fn add_delay(&self, failed: DateTime<Utc>, failures: u32) -> Option<DateTime<Utc>> {
        let growth = u64::from(self.factor).saturating_pow(failures - 1);
        let delay = self.delay_s.saturating_mul(growth).min(self.max_delay_s.unwrap_or(u64::MAX));
        let delay = TimeDelta::try_seconds(i64::try_from(delay).ok()?)?;
        failed.checked_add_signed(delay)
    }
}

impl Serialize for Attempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (action, at) = match self {
            Self::First => ("run", None),
            Self::At(at) => ("retry", Some(at)),
            Self::GiveUp => ("give-up", None),
        };
        let mut attempt = serializer.serialize_struct("Attempt", 2)?;
        attempt.serialize_field("action", action)?;
        attempt.serialize_field("at", &at)?;
        attempt.end()
    }
}
