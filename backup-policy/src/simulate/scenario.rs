use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind, Result},
    period::Period,
    pitr::Stretch,
    zone::Zone,
};

/// What [`Plan::simulate`](crate::Plan::simulate) assumes. Nothing in it is random: the same scenario plays the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Scenario {
    /// When it begins, without any backup.
    pub start: DateTime<Utc>,
    /// How long it goes on: 1 to 100 years.
    pub years: u32,
    /// How many seconds one backup takes. Default: 0.
    #[serde(default)]
    pub run_s: u32,
    /// Which attempts fail. Default: none.
    #[serde(default)]
    pub failures: Failures,
    /// When nothing runs at all; slots in there are missed. Default: never.
    #[serde(default)]
    pub outages: Vec<Stretch>,
    /// How large backups are. Default: of no size.
    #[serde(default)]
    pub sizes: Sizes,
}

/// Which attempts fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    /// How many of a thousand.
    pub per_mille: u16,
    /// Another number makes others fail.
    pub seed: u64,
}

/// How many bytes backups occupy. With deduplication that is not the size of what is backed up, but of what no other
/// backup has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// What they share: there once, while there is any backup.
    pub shared_bytes: u64,
    /// What each has alone.
    pub each_bytes: u64,
    /// By how much that grows each day since the start.
    pub growth_bytes_per_day: u64,
}

impl Scenario {
    /// So many years from `start` in which all goes well, with backups of no size.
    pub fn new(start: DateTime<Utc>, years: u32) -> Self {
        Self {
            start,
            years,
            run_s: 0,
            failures: Failures::default(),
            outages: Vec::new(),
            sizes: Sizes::default(),
        }
    }

    /// Lets each backup take so many seconds.
    #[must_use]
    pub fn taking(mut self, run_s: u32) -> Self {
        self.run_s = run_s;
        self
    }

    /// Lets attempts fail.
    #[must_use]
    pub fn failing(mut self, failures: Failures) -> Self {
        self.failures = failures;
        self
    }

    /// Lets nothing run in this stretch of time.
    #[must_use]
    pub fn without(mut self, outage: Stretch) -> Self {
        self.outages.push(outage);
        self
    }

    /// Gives backups these sizes.
    #[must_use]
    pub fn sized(mut self, sizes: Sizes) -> Self {
        self.sizes = sizes;
        self
    }

    pub(super) fn end(&self) -> Result<DateTime<Utc>> {
        if !matches!(self.years, 1..=100) {
            let message = format!("{} years cannot be simulated: use 1 to 100", self.years);
            return Err(Error::new(ErrorKind::OutOfRange, message));
        }
        Period::years(self.years).add(self.start, &Zone::utc())
    }

    pub(super) fn is_out(&self, instant: DateTime<Utc>) -> bool {
        self.outages.iter().any(|outage| outage.from <= instant && instant <= outage.until)
    }
}

impl Failures {
    /// Whether the attempt with this number fails.
    pub(super) fn fails(&self, number: u64) -> bool {
        // SplitMix64: neighbouring numbers give unrelated ones.
        let mut mixed = self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % 1000 < u64::from(self.per_mille)
    }
}

impl Sizes {
    /// What a backup has alone that is made so long after the start.
    pub(super) fn at(&self, age: TimeDelta) -> Result<u64> {
        let days = u64::try_from(age.num_days()).unwrap_or(0);
        let growth = self.growth_bytes_per_day.checked_mul(days);
        growth.and_then(|growth| growth.checked_add(self.each_bytes)).ok_or_else(too_large)
    }
}

pub(super) fn too_large() -> Error {
    Error::new(ErrorKind::OutOfRange, "the sizes or prices add up beyond what a number holds: correct them")
}
