use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Simulation, scenario::too_large};
use crate::error::{Error, ErrorKind, Result};

/// What one location charges for keeping bytes. Prices are in millionths of any currency for a GB (a thousand million
/// bytes) and a month of 730 hours.
///
/// Copies in other locations are simulated with those locations' policies and priced with their tariffs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tariff {
    /// The price.
    pub gb_month_micros: u64,
    /// Backups are charged for at least so many days. Default: 0.
    #[serde(default)]
    pub minimum_days: u32,
    /// Where older backups go. Default: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold: Option<ColdTier>,
}

/// Slow and cheap storage, for backups that stay long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdTier {
    /// Backups go there at this age.
    pub after_days: u32,
    /// The price.
    pub gb_month_micros: u64,
    /// They have to stay there for at least so many days; AWS Backup asks for 90.
    pub minimum_days: u32,
}

/// What keeping costs, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Cost {
    /// Bytes times seconds in the ordinary tier.
    pub byte_seconds: u128,
    /// Bytes times seconds in the cold tier.
    pub cold_byte_seconds: u128,
    /// The price of both in millionths of the tariff's currency, rounded up once.
    pub micros: u128,
}

impl Tariff {
    /// A price in millionths per GB and month, without a minimum and without a cold tier.
    pub fn new(gb_month_micros: u64) -> Self {
        Self { gb_month_micros, minimum_days: 0, cold: None }
    }

    /// Charges each backup for at least so many days.
    #[must_use]
    pub fn at_least_days(mut self, days: u32) -> Self {
        self.minimum_days = days;
        self
    }

    /// Moves older backups to cheaper storage.
    #[must_use]
    pub fn with_cold(mut self, cold: ColdTier) -> Self {
        self.cold = Some(cold);
        self
    }
}

impl Simulation {
    /// What it costs to keep what was kept, from the start to the end.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPolicy`] if a backup leaves the cold tier too early: keep backups longer, or move them later.
    /// [`ErrorKind::OutOfRange`] if sizes or prices add up beyond a `u128`.
    pub fn cost(&self, tariff: &Tariff) -> Result<Cost> {
        let mut cost = Cost { byte_seconds: 0, cold_byte_seconds: 0, micros: 0 };
        for life in self.lives() {
            let minimum = add_days(life.time, tariff.minimum_days);
            let until = life.removed_at.map_or(self.end, |removed| removed.max(minimum));
            let cold_from = match &tariff.cold {
                Some(cold) => check_cold(cold, life.time, life.removed_at)?.min(until),
                None => until,
            };
            add(&mut cost.byte_seconds, life.size_bytes, cold_from - life.time)?;
            add(&mut cost.cold_byte_seconds, life.size_bytes, until - cold_from)?;
        }
        add(&mut cost.byte_seconds, self.shared_bytes, self.occupied())?;
        let cold_price = tariff.cold.map_or(0, |cold| cold.gb_month_micros);
        cost.micros = price(&cost, tariff.gb_month_micros, cold_price).ok_or_else(too_large)?;
        Ok(cost)
    }

    /// For how long there was anything to share.
    fn occupied(&self) -> TimeDelta {
        let mut occupied = TimeDelta::zero();
        let mut until = self.start;
        for life in self.lives() {
            let end = life.removed_at.unwrap_or(self.end);
            occupied += (end - life.completed_at.max(until)).max(TimeDelta::zero());
            until = until.max(end);
        }
        occupied
    }
}

/// When a backup goes to the cold tier, if it lives that long.
fn check_cold(
    cold: &ColdTier,
    time: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>> {
    let from = add_days(time, cold.after_days);
    let least = add_days(from, cold.minimum_days);
    match removed_at {
        Some(removed_at) if removed_at > from && removed_at < least => Err(Error::new(
            ErrorKind::InvalidPolicy,
            format!(
                "the backup of {time:?} goes to cold storage after {} days and is removed before its {} days there are over: keep such backups longer, or move them later",
                cold.after_days, cold.minimum_days
            ),
        )),
        _ => Ok(from),
    }
}

fn add_days(time: DateTime<Utc>, days: u32) -> DateTime<Utc> {
    time.checked_add_signed(TimeDelta::days(i64::from(days))).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn add(sum: &mut u128, bytes: u64, time: TimeDelta) -> Result<()> {
    let seconds = u128::try_from(time.num_seconds()).unwrap_or(0);
    let product = u128::from(bytes).checked_mul(seconds);
    *sum = product.and_then(|product| sum.checked_add(product)).ok_or_else(too_large)?;
    Ok(())
}

fn price(cost: &Cost, warm: u64, cold: u64) -> Option<u128> {
    const GB_MONTH: u128 = 1_000_000_000 * 730 * 3600;
    let warm = cost.byte_seconds.checked_mul(u128::from(warm))?;
    let cold = cost.cold_byte_seconds.checked_mul(u128::from(cold))?;
    Some(warm.checked_add(cold)?.div_ceil(GB_MONTH))
}
