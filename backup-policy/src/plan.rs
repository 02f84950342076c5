use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    backup::{Backup, automatic},
    classify::nightly_kinds,
    due::CatchUp,
    error::Result,
    kind::Kind,
    policy::Policy,
    preview::{Preview, Weakening, preview, weakenings},
    retry::Retry,
    schedule::{Schedule, Slot},
};

/// Everything that is settled about the backups of one environment, as plain data.
///
/// A [`Policy`] says what to keep where backups are made; a plan adds when to make them and what to keep
/// elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Plan {
    /// What to keep of the backups themselves.
    pub policy: Policy,
    /// When to make which. Default: only by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routines: Vec<Routine>,
    /// What to do about slots that passed while nobody asked. Default: run the latest.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// What to do about failures. Default: wait for the next slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// What to keep of their copies in other locations, by location. Empty: no copies are made, and those
    /// that exist go, but for held ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub copies: BTreeMap<String, Policy>,
    /// Whether one more backup is made when the source is deprovisioned.
    #[serde(default)]
    pub final_backup: bool,
}

/// A schedule, and what it makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Routine {
    /// When.
    pub schedule: Schedule,
    /// Of which kinds the backups are. Default: automatic.
    #[serde(default = "automatic")]
    pub kinds: BTreeSet<Kind>,
    /// Whether that of a Sunday is the weekly and that of a month's first Sunday the monthly one, too.
    /// Default: no.
    #[serde(default)]
    pub is_promoted: bool,
}

impl Routine {
    /// Makes automatic backups.
    pub fn new(schedule: impl Into<Schedule>) -> Self {
        Self { schedule: schedule.into(), kinds: automatic(), is_promoted: false }
    }

    /// Makes nightly backups; that of a Sunday is weekly too, and that of a month's first Sunday monthly.
    pub fn nightly(schedule: impl Into<Schedule>) -> Self {
        Self { schedule: schedule.into(), kinds: BTreeSet::from([Kind::Nightly]), is_promoted: true }
    }

    /// Makes backups of these kinds.
    #[must_use]
    pub fn of(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// The kinds of the backup of one slot.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if the slot is outside the years 1 to 8000.
    pub fn kinds_of(&self, slot: &Slot) -> Result<BTreeSet<Kind>> {
        let mut kinds = self.kinds.clone();
        if self.is_promoted {
            let promoted = nightly_kinds(slot.start(), self.schedule.zone())?;
            kinds.extend(promoted.into_iter().filter(|kind| *kind != Kind::Nightly));
        }
        Ok(kinds)
    }
}

impl Plan {
    /// No schedule, no copies, no final backup.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            routines: Vec::new(),
            catch_up: CatchUp::default(),
            retry: None,
            copies: BTreeMap::new(),
            final_backup: false,
        }
    }

    /// Makes backups by this routine too.
    #[must_use]
    pub fn by(mut self, routine: Routine) -> Self {
        self.routines.push(routine);
        self
    }

    /// Tries failed backups again.
    #[must_use]
    pub fn retrying(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Keeps copies in another location, as far as its own policy says.
    #[must_use]
    pub fn copied_to(mut self, location: impl Into<String>, policy: Policy) -> Self {
        self.copies.insert(location.into(), policy);
        self
    }

    /// Makes a last backup when the source is deprovisioned.
    #[must_use]
    pub fn with_final_backup(mut self) -> Self {
        self.final_backup = true;
        self
    }

    /// Checks all policies.
    ///
    /// # Errors
    /// Those of [`Policy::validate`].
    pub fn validate(&self) -> Result<()> {
        self.policy.validate()?;
        self.copies.values().try_for_each(Policy::validate)
    }

    /// What changing to `new` would lose of these backups and of their copies. Like [`Policy::preview`].
    ///
    /// # Errors
    /// Those of [`Policy::decide`].
    pub fn preview(&self, new: &Self, backups: &[Backup], now: DateTime<Utc>) -> Result<Preview> {
        preview((&self.policy, &self.copies), (&new.policy, &new.copies), backups, now)
    }

    /// In which ways `new` may keep less, whatever backups there are. Like [`Policy::weakens`].
    pub fn weakens(&self, new: &Self) -> Vec<Weakening> {
        let mut found = weakenings(&self.policy, &new.policy);
        for (location, policy) in &self.copies {
            match new.copies.get(location) {
                None => found.push(Weakening::NoCopies { location: location.clone() }),
                Some(new) => found.extend(weakenings(policy, new).into_iter().map(|weakening| {
                    Weakening::OfCopies { location: location.clone(), weakening: Box::new(weakening) }
                })),
            }
        }
        if self.final_backup && !new.final_backup {
            found.push(Weakening::NoFinalBackup);
        }
        found
    }
}
