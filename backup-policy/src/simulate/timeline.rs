use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Scenario, scenario::too_large};
use crate::error::{Error, ErrorKind, Result};

/// What a plan made and kept over years of virtual time.
#[derive(Clone, Debug)]
pub struct Simulation {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    pub(super) shared_bytes: u64,
    /// In the order of completion.
    lives: Vec<Life>,
    /// Which of them were removed, in the order of removal.
    removals: Vec<u32>,
    missed: u64,
    failed: u64,
}

/// One simulated backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Life {
    /// When its run began: the instant that can be restored.
    pub time: DateTime<Utc>,
    /// From when on it could be restored.
    pub completed_at: DateTime<Utc>,
    /// What it occupied alone.
    pub size_bytes: u64,
    /// When it was removed; none if it still exists at the end.
    pub removed_at: Option<DateTime<Utc>>,
}

/// What exists at one instant of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Day {
    /// The instant: so many times 24 hours after the start.
    pub at: DateTime<Utc>,
    /// How many backups can be restored.
    pub count: u64,
    /// What they occupy.
    pub bytes: u64,
}

/// A simulation in a few numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How many backups were completed.
    pub made: u64,
    /// How many slots had no attempt: during an outage, or during another run.
    pub missed: u64,
    /// How many slots had attempts that all failed.
    pub failed: u64,
    /// The most backups there are on any day of the last quarter, if there were as many before: their number no longer grows.
    pub steady_count: Option<u64>,
    /// The first day on which there are so many.
    pub full_on: Option<DateTime<Utc>>,
    /// The most bytes on any day.
    pub peak_bytes: u64,
    /// The longest time between two neighbouring instants that could be restored, the present being one of them.
    pub largest_gap_s: u64,
    /// How old the newest backup ever was: what would have been lost.
    pub worst_age_s: u64,
    /// The longest stretch after the first backup in which nothing at all could be restored.
    pub longest_bare_s: u64,
}

impl Simulation {
    pub(super) fn new(scenario: &Scenario, end: DateTime<Utc>) -> Self {
        Self {
            start: scenario.start,
            end,
            shared_bytes: scenario.sizes.shared_bytes,
            lives: Vec::new(),
            removals: Vec::new(),
            missed: 0,
            failed: 0,
        }
    }

    pub(super) fn next_index(&self) -> Result<u32> {
        u32::try_from(self.lives.len())
            .map_err(|_| Error::new(ErrorKind::OutOfRange, "too many backups: simulate fewer years"))
    }

    pub(super) fn push(&mut self, life: Life) {
        self.lives.push(life);
    }

    pub(super) fn remove(&mut self, indices: Vec<u32>, now: DateTime<Utc>) {
        for index in indices {
            self.lives[index as usize].removed_at = Some(now);
            self.removals.push(index);
        }
    }

    pub(super) fn count_losses(&mut self, missed: u64, failed: u64) {
        (self.missed, self.failed) = (missed, failed);
    }

    /// All backups that were ever completed, in that order.
    pub fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// What can be restored at an instant of the simulated time, oldest first.
    pub fn on(&self, instant: DateTime<Utc>) -> impl Iterator<Item = &Life> {
        let there = move |life: &&Life| {
            life.completed_at <= instant && life.removed_at.is_none_or(|removed| removed > instant)
        };
        self.lives.iter().filter(there)
    }

    /// What exists each day.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if bytes add up beyond a `u64`.
    pub fn days(&self) -> Result<Vec<Day>> {
        let mut days = Vec::new();
        let (mut count, mut bytes) = (0_u64, 0_u64);
        let mut events = self.events().peekable();
        let mut at = self.start;
        while at <= self.end {
            while let Some(event) = events.next_if(|event| event.at <= at) {
                let size = self.lives[event.index as usize].size_bytes;
                if event.is_removal {
                    (count, bytes) = (count - 1, bytes - size);
                } else {
                    (count, bytes) = (count + 1, bytes.checked_add(size).ok_or_else(too_large)?);
                }
            }
            let shared = if count == 0 { 0 } else { self.shared_bytes };
            days.push(Day { at, count, bytes: bytes.checked_add(shared).ok_or_else(too_large)? });
            at += TimeDelta::days(1);
        }
        Ok(days)
    }

    /// The whole in a few numbers.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] if bytes add up beyond a `u64`.
    pub fn summary(&self) -> Result<Summary> {
        let days = self.days()?;
        let (before, last_quarter) = days.split_at(days.len() - days.len() / 4);
        let most = |days: &[Day]| days.iter().map(|day| day.count).max().unwrap_or(0);
        let steady_count = Some(most(last_quarter)).filter(|&count| most(before) >= count);
        let full = steady_count.and_then(|count| days.iter().find(|day| day.count >= count));
        let gaps = self.gaps();
        Ok(Summary {
            made: self.lives.len() as u64,
            missed: self.missed,
            failed: self.failed,
            steady_count,
            full_on: full.map(|day| day.at),
            peak_bytes: days.iter().map(|day| day.bytes).max().unwrap_or(0),
            largest_gap_s: gaps.largest,
            worst_age_s: gaps.worst_age,
            longest_bare_s: gaps.longest_bare,
        })
    }

    /// Completions and removals in the order in which they happen. What is removed on completion comes and goes.
    fn events(&self) -> impl Iterator<Item = Event> {
        let mut arrivals =
            (0_u32..).zip(&self.lives).map(|(index, life)| (index, life.completed_at)).peekable();
        let mut removals = self
            .removals
            .iter()
            .filter_map(|&index| Some((index, self.lives[index as usize].removed_at?)))
            .peekable();
        std::iter::from_fn(move || {
            let is_removal = match (arrivals.peek(), removals.peek()) {
                (Some((_, arrival)), Some((_, removal))) => removal < arrival,
                (None, Some(_)) => true,
                _ => false,
            };
            let (index, at) = if is_removal { removals.next()? } else { arrivals.next()? };
            Some(Event { index, at, is_removal })
        })
    }

    fn gaps(&self) -> Gaps {
        let mut gaps = Gaps::default();
        let mut present = BTreeSet::new();
        let mut bare_since = None;
        for Event { index, at, is_removal } in self.events() {
            let time = self.lives[index as usize].time;
            gaps.age(present.last().map(|&(newest, _)| at - newest));
            if is_removal {
                present.remove(&(time, index));
                let older = present.range(..(time, index)).next_back().map(|&(older, _)| older);
                let newer = present.range((time, index)..).next().map_or(at, |&(newer, _)| newer);
                gaps.between(older.map(|older| newer - older));
                if present.is_empty() {
                    bare_since = Some(at);
                }
            } else {
                gaps.bare(bare_since.take().map(|since| at - since));
                present.insert((time, index));
            }
        }
        gaps.age(present.last().map(|&(newest, _)| self.end - newest));
        gaps.bare(bare_since.map(|since| self.end - since));
        gaps
    }
}

struct Event {
    index: u32,
    at: DateTime<Utc>,
    is_removal: bool,
}

/// The largest seen, in seconds.
#[derive(Default)]
struct Gaps {
    largest: u64,
    worst_age: u64,
    longest_bare: u64,
}

impl Gaps {
    fn age(&mut self, age: Option<TimeDelta>) {
        self.worst_age = self.worst_age.max(seconds(age));
        self.between(age);
    }

    fn between(&mut self, gap: Option<TimeDelta>) {
        self.largest = self.largest.max(seconds(gap));
    }

    fn bare(&mut self, stretch: Option<TimeDelta>) {
        self.longest_bare = self.longest_bare.max(seconds(stretch));
    }
}

fn seconds(time: Option<TimeDelta>) -> u64 {
    time.and_then(|time| u64::try_from(time.num_seconds()).ok()).unwrap_or(0)
}
