use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// One time at which a [`Schedule`](crate::Schedule) asks for a backup.
///
/// In JSON it is the instant of the run; of a window, an object with `run_at`, `start` and `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    run_at: DateTime<Utc>,
    window: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Slot {
    pub(super) fn instant(run_at: DateTime<Utc>) -> Self {
        Self { run_at, window: None }
    }

    pub(super) fn window(run_at: DateTime<Utc>, start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self { run_at, window: Some((start, end)) }
    }

    /// When to begin. This instant identifies the slot.
    pub fn run_at(&self) -> DateTime<Utc> {
        self.run_at
    }

    /// When the window opens: its date is the date of the backup. Without a window, the same as [`Slot::run_at`].
    pub fn start(&self) -> DateTime<Utc> {
        self.window.map_or(self.run_at, |(start, _)| start)
    }

    /// When the window closes, if there is one.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        self.window.map(|(_, end)| end)
    }
}

impl Serialize for Slot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.window {
            None => self.run_at.serialize(serializer),
            Some((start, end)) => {
                let mut slot = serializer.serialize_struct("Slot", 3)?;
                slot.serialize_field("run_at", &self.run_at)?;
                slot.serialize_field("start", &start)?;
                slot.serialize_field("end", &end)?;
                slot.end()
            }
        }
    }
}
