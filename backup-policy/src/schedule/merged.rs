use std::iter::Peekable;

use chrono::{DateTime, Utc};

use super::{Schedule, Slot};
use crate::error::Result;

/// The slots of several schedules, in the order of their runs.
pub(crate) struct Merged<'a> {
    schedules: Vec<Peekable<Box<dyn Iterator<Item = Slot> + 'a>>>,
}

impl<'a> Merged<'a> {
    pub(crate) fn after(
        schedules: impl Iterator<Item = &'a Schedule>,
        instant: DateTime<Utc>,
    ) -> Result<Self> {
        let slots = |schedule: &'a Schedule| {
            let slots: Box<dyn Iterator<Item = Slot> + 'a> = Box::new(schedule.after(instant)?);
            Ok(slots.peekable())
        };
        Ok(Self { schedules: schedules.map(slots).collect::<Result<_>>()? })
    }

    /// The instant of the next run.
    pub(crate) fn peek(&mut self) -> Option<DateTime<Utc>> {
        self.schedules.iter_mut().filter_map(|slots| slots.peek().map(Slot::run_at)).min()
    }
}

/// Instants with the slots that run then, each with the number of its schedule.
impl Iterator for Merged<'_> {
    type Item = (DateTime<Utc>, Vec<(usize, Slot)>);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.peek()?;
        let mut together = Vec::with_capacity(1);
        for (number, slots) in self.schedules.iter_mut().enumerate() {
            together.extend(slots.next_if(|slot| slot.run_at() == first).map(|slot| (number, slot)));
        }
        Some((first, together))
    }
}
