//! Whether to make a backup now.

mod catch_up;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer, ser::SerializeStruct};

pub use self::catch_up::{CatchUp, Grace, Lateness};
use crate::{
    error::Result,
    schedule::{Schedule, Slot},
};

/// The answer of [`Schedule::due`].
///
/// In JSON: `action` (`run` or `wait`), `slot` (the instant of the slot to run, or null), `missed` and `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// The slot to run now; none means to wait.
    pub slot: Option<Slot>,
    /// How many slots passed without a run, other than `slot`.
    pub missed: u64,
    /// When to ask again if nothing else happens.
    pub next: Slot,
}

/// The answer of [`Schedule::absorbed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Absorbed {
    /// How many slots fell into the run. They count as missed.
    pub missed: u64,
    /// What to pass to [`Schedule::due`] from now on as the last slot.
    pub last_slot: DateTime<Utc>,
}

impl Schedule {
    /// Whether to make a backup now, for the host to ask at every start and whenever it wakes.
    ///
    /// `last_slot` is the last slot for which a backup was attempted, whatever came of it; before the first one, the
    /// instant at which the schedule was set up or its environment last began to run. Slots before it are never caught up:
    /// after a pause, pass the end of the pause, and the slots in it are dropped.
    ///
    /// Of several slots that have passed at most one runs, the latest. If `last_slot` is later than `now`, the clock was set
    /// back: nothing runs a second time, the answer is to wait.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if an instant or the next slot is outside the years 1 to
    /// 8000.
    pub fn due(&self, last_slot: DateTime<Utc>, now: DateTime<Utc>, catch_up: &CatchUp) -> Result<Due> {
        let next = self.next(now.max(last_slot))?;
        let passed = if last_slot < now { self.count(last_slot, now)? } else { 0 };
        let wait = Due { slot: None, missed: passed, next };
        if passed == 0 {
            return Ok(wait);
        }
        let latest = self.latest(now)?;
        if catch_up.accepts(&latest, now, next.run_at()) {
            return Ok(Due { slot: Some(latest), missed: passed - 1, next });
        }
        Ok(wait)
    }

    /// What becomes of the slots that passed while the run of `slot` went on, until `ended`: one source is backed up once at
    /// a time, so they are not run.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if an instant is outside the years 1 to 8000.
    pub fn absorbed(&self, slot: DateTime<Utc>, ended: DateTime<Utc>) -> Result<Absorbed> {
        let missed = if slot < ended { self.count(slot, ended)? } else { 0 };
        let last_slot = if missed == 0 { slot } else { self.latest(ended)?.run_at() };
        Ok(Absorbed { missed, last_slot })
    }

    /// The last slot whose run is not after `instant`.
    pub(crate) fn latest(&self, instant: DateTime<Utc>) -> Result<Slot> {
        self.previous(instant + TimeDelta::nanoseconds(1))
    }
}

impl Serialize for Due {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut due = serializer.serialize_struct("Due", 4)?;
        due.serialize_field("action", if self.slot.is_some() { "run" } else { "wait" })?;
        due.serialize_field("slot", &self.slot.map(|slot| slot.run_at()))?;
        due.serialize_field("missed", &self.missed)?;
        due.serialize_field("next", &self.next.run_at())?;
        due.end()
    }
}
