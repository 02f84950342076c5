use chrono::{DateTime, Utc};

use super::{Schedule, every::Every, recurrence::Walk, slot::Slot, window::Window};
use crate::zone::EARLIEST;

/// The slots of a schedule, in the order of their runs.
pub(super) enum Runs<'a> {
    Every(&'a Every),
    Clock(Walk<'a>),
    Window(&'a Window, Walk<'a>),
}

impl<'a> Runs<'a> {
    pub(super) fn of(schedule: &'a Schedule) -> Self {
        match schedule {
            Schedule::Every(every) => Self::Every(every),
            Schedule::Cron(cron) => Self::Clock(cron.recurrence().walk()),
            Schedule::TimesPerDay(times) => Self::Clock(times.recurrence().walk()),
            Schedule::Window(window) => Self::Window(window, window.recurrence().walk()),
        }
    }

    /// The slot with the first run after `instant`, unless time ends.
    pub(super) fn next(&mut self, instant: DateTime<Utc>) -> Option<Slot> {
        match self {
            Self::Every(every) => every.after(instant).map(Slot::instant),
            Self::Clock(walk) => slot_at(walk.at_or_after(instant.timestamp() + 1)?.at),
            Self::Window(window, walk) => next_in_windows(window, walk, instant),
        }
    }

    /// The slot with the last run before `instant`, unless time begins.
    pub(super) fn previous(&mut self, instant: DateTime<Utc>) -> Option<Slot> {
        match self {
            Self::Every(every) => every.before(instant).map(Slot::instant),
            Self::Clock(walk) => slot_at(walk.at_or_before(last_second_before(instant))?.at),
            Self::Window(window, walk) => previous_in_windows(window, walk, instant),
        }
    }

    /// How many runs there are after `after` up to and including `until`.
    pub(super) fn count(&mut self, after: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        match self {
            Self::Every(every) => every.count(after, until),
            Self::Clock(walk) => walk.count(after.timestamp() + 1, until.timestamp()),
            Self::Window(..) => {
                let mut last = after;
                let mut count = 0;
                while let Some(slot) = self.next(last).filter(|slot| slot.run_at() <= until) {
                    last = slot.run_at();
                    count += 1;
                }
                count
            }
        }
    }
}

/// A run may be in any window that opened less than its length ago. The runs of two windows change order if both are
/// nearly a day long and the clocks jump between them, so all that are open are compared.
fn next_in_windows(window: &Window, walk: &mut Walk<'_>, instant: DateTime<Utc>) -> Option<Slot> {
    let mut from = (instant.timestamp() - i64::from(window.seconds())).max(EARLIEST);
    let mut found: Option<Slot> = None;
    while let Some(opening) = walk.at_or_after(from) {
        if found.is_some_and(|slot| slot.run_at().timestamp() <= opening.at) {
            break;
        }
        from = opening.at + 1;
        if let Some(slot) = window.slot(opening).filter(|slot| slot.run_at() > instant)
            && found.is_none_or(|known| slot.run_at() < known.run_at())
        {
            found = Some(slot);
        }
    }
    found
}

fn previous_in_windows(window: &Window, walk: &mut Walk<'_>, instant: DateTime<Utc>) -> Option<Slot> {
    let mut until = last_second_before(instant);
    let mut found: Option<Slot> = None;
    while let Some(opening) = walk.at_or_before(until) {
        let latest = opening.at + i64::from(window.seconds());
        if found.is_some_and(|slot| slot.run_at().timestamp() >= latest) {
            break;
        }
        until = opening.at - 1;
        if let Some(slot) = window.slot(opening).filter(|slot| slot.run_at() < instant)
            && found.is_none_or(|known| slot.run_at() >= known.run_at())
        {
            found = Some(slot);
        }
    }
    found
}

fn last_second_before(instant: DateTime<Utc>) -> i64 {
    instant.timestamp() - i64::from(instant.timestamp_subsec_nanos() == 0)
}

fn slot_at(seconds: i64) -> Option<Slot> {
    DateTime::from_timestamp(seconds, 0).map(Slot::instant)
}
