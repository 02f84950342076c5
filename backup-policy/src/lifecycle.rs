//! What happens to backups while an environment is set up, stopped, excluded and taken out of service.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    backup::Backup,
    due::{CatchUp, Due},
    error::{Error, ErrorKind, Result},
    kind::Kind,
    schedule::Schedule,
};

/// Where an environment is in its life, as far as backups go. Plain data: every change gives the next state.
///
/// | stage | scheduled backups | others, and restores | existing backups |
/// |---|---|---|---|
/// | created | none | none | |
/// | running | yes, unless excluded | yes | by the policy |
/// | stopped | none, and none caught up later | none: start it first | by the policy |
/// | deprovisioned | none | restores only, into other environments | what [`Policy::purge_on_deprovision`](crate::Policy::purge_on_deprovision) names goes at once, the rest by the policy |
///
/// ```
/// use backup_policy::{FinalBackup, Kind, Lifecycle};
///
/// let life = Lifecycle::created("2026-11-01T09:00:00Z".parse()?).start("2026-11-02T09:00:00Z".parse()?)?;
/// assert!(life.allows(&Kind::Nightly).is_ok());
///
/// // The last backup is made while the environment still runs.
/// assert_eq!(life.final_backup(true), FinalBackup::Make);
/// let life = life.deprovision("2026-11-20T09:00:00Z".parse()?);
/// assert!(life.allows(&Kind::Manual).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Lifecycle {
    /// What it is in the middle of.
    pub stage: Stage,
    /// No new automatic backups are made of it, and no final one. What exists is not touched.
    #[serde(default)]
    pub excluded: bool,
    /// When either of these last changed. Slots up to then never run.
    pub since: DateTime<Utc>,
}

/// The stages of an environment's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Set up, and not yet started for the first time.
    Created,
    /// Deployed and running.
    Running,
    /// Paused, switched off or inactive; it may be started again.
    Stopped,
    /// Taken out of service for good. Its backups may outlive it.
    Deprovisioned,
}

/// Whether to make a last backup before an environment is deprovisioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinalBackup {
    /// Make one of [`Kind::Final`], and deprovision only once it is complete.
    Make,
    /// None is wanted.
    NotWanted,
    /// One is wanted, but the environment is excluded from new backups.
    Excluded,
    /// One is wanted, but the environment does not run: start it first, or accept that there will be none.
    NotRunning,
}

impl Lifecycle {
    /// An environment that is set up and has not yet run.
    pub fn created(now: DateTime<Utc>) -> Self {
        Self { stage: Stage::Created, excluded: false, since: now }
    }

    /// It runs, from now on. Slots of the time before are dropped.
    ///
    /// # Errors
    /// [`ErrorKind::NotAllowed`] if it is deprovisioned: restore its backups into a new environment.
    pub fn start(self, now: DateTime<Utc>) -> Result<Self> {
        match self.stage {
            Stage::Running => Ok(self),
            Stage::Created | Stage::Stopped => Ok(Self { stage: Stage::Running, since: now, ..self }),
            Stage::Deprovisioned => Err(gone()),
        }
    }

    /// It does not run, from now on. No backups are made, and none will be caught up.
    ///
    /// # Errors
    /// [`ErrorKind::NotAllowed`] if it is deprovisioned.
    pub fn stop(self, now: DateTime<Utc>) -> Result<Self> {
        match self.stage {
            Stage::Running => Ok(Self { stage: Stage::Stopped, since: now, ..self }),
            Stage::Created | Stage::Stopped => Ok(self),
            Stage::Deprovisioned => Err(gone()),
        }
    }

    /// No new automatic backups are made of it, from now on, and no final one. What exists is not touched.
    #[must_use]
    pub fn exclude(self, now: DateTime<Utc>) -> Self {
        if self.excluded { self } else { Self { excluded: true, since: now, ..self } }
    }

    /// It is backed up automatically again, from now on.
    #[must_use]
    pub fn include(self, now: DateTime<Utc>) -> Self {
        if self.excluded { Self { excluded: false, since: now, ..self } } else { self }
    }

    /// It is gone, from now on. Ask [`Lifecycle::final_backup`] before, and decide about its backups with
    /// [`Policy::decide_deprovisioned`](crate::Policy::decide_deprovisioned) afterwards. To keep some of its automatic
    /// ones, convert them first: [`Backup::into_manual`].
    #[must_use]
    pub fn deprovision(self, now: DateTime<Utc>) -> Self {
        match self.stage {
            Stage::Deprovisioned => self,
            _ => Self { stage: Stage::Deprovisioned, since: now, ..self },
        }
    }

    /// Whether to make a last backup before it is deprovisioned, if the policy wants one.
    pub fn final_backup(&self, is_wanted: bool) -> FinalBackup {
        match self.stage {
            _ if !is_wanted => FinalBackup::NotWanted,
            _ if self.excluded => FinalBackup::Excluded,
            Stage::Running => FinalBackup::Make,
            Stage::Created | Stage::Stopped | Stage::Deprovisioned => FinalBackup::NotRunning,
        }
    }

    /// Whether a backup of this kind may be made now.
    ///
    /// # Errors
    /// [`ErrorKind::NotAllowed`] if not, with what to do first.
    pub fn allows(&self, kind: &Kind) -> Result<()> {
        self.allows_changes()?;
        if self.excluded && (is_automatic(kind) || *kind == Kind::Final) {
            let message = format!(
                "the environment is excluded from {kind} backups: include it again, or back up by hand"
            );
            return Err(Error::new(ErrorKind::NotAllowed, message));
        }
        Ok(())
    }

    /// Whether a backup may be restored in place now.
    ///
    /// # Errors
    /// [`ErrorKind::NotAllowed`] if not, with what to do first.
    pub fn allows_restore_in_place(&self) -> Result<()> {
        self.allows_changes()
    }

    /// Whether to make a scheduled backup now: [`Schedule::due`], with what this stage adds. `last_slot` is the last slot
    /// attempted, if there was one. None means that nothing is due until this changes.
    ///
    /// # Errors
    /// Those of [`Schedule::due`].
    pub fn due(
        &self,
        schedule: &Schedule,
        last_slot: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        catch_up: &CatchUp,
    ) -> Result<Option<Due>> {
        if self.allows(&Kind::Automatic).is_err() {
            return Ok(None);
        }
        let last_slot = last_slot.map_or(self.since, |slot| slot.max(self.since));
        schedule.due(last_slot, now, catch_up).map(Some)
    }

    fn allows_changes(&self) -> Result<()> {
        let message = match self.stage {
            Stage::Running => return Ok(()),
            Stage::Created => "the environment was never started: deploy and start it first",
            Stage::Stopped => "the environment does not run: start it first",
            Stage::Deprovisioned => return Err(gone()),
        };
        Err(Error::new(ErrorKind::NotAllowed, message))
    }
}

impl Backup {
    /// The same backup as if somebody had made it by hand, so that rules for manual backups apply: for archives, and
    /// before an environment is deprovisioned. Custom kinds stay, and a final backup stays one.
    #[must_use]
    pub fn into_manual(mut self) -> Self {
        let others = self.kinds.into_iter().filter(|kind| !is_automatic(kind));
        self.kinds = others.chain([Kind::Manual]).collect::<BTreeSet<Kind>>();
        self
    }
}

fn is_automatic(kind: &Kind) -> bool {
    [Kind::Automatic, Kind::Nightly, Kind::Weekly, Kind::Monthly].contains(kind)
}

fn gone() -> Error {
    let message = "the environment is deprovisioned: restore its backups into another one";
    Error::new(ErrorKind::NotAllowed, message)
}
