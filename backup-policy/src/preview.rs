//! What a change of policy would lose, before it is made.

mod fingerprint;
mod text;
mod weakening;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde::Serialize;

pub(crate) use self::weakening::weakenings;
pub use self::{fingerprint::Fingerprint, weakening::Weakening};
use crate::{
    backup::Backup,
    decide::{Circumstances, Group, decide, decide_group},
    decision::Decisions,
    error::{Error, ErrorKind, Result},
    kind::Kind,
    period::Period,
    pitr::Stretch,
    policy::Policy,
    rule::Rule,
};

/// What would be lost if another policy took effect at this instant, compared with what the present one
/// keeps.
///
/// Show it, let somebody confirm its [`Fingerprint`], and later ask again with the backups of that moment:
/// [`Preview::confirm`] names what may be deleted only if it is exactly what was confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Preview {
    /// Ids of the backups that are kept now and would not be, sorted.
    pub lost: Vec<String>,
    /// Ids of the backups that are kept now and would be, sorted.
    pub still_kept: Vec<String>,
    /// What the lost ones add up to, in bytes.
    pub bytes_lost: u64,
    /// The time of the oldest backup that is kept now.
    pub oldest_before: Option<DateTime<Utc>>,
    /// The time of the oldest backup that would be kept.
    pub oldest_after: Option<DateTime<Utc>>,
    /// From when on the log is kept now.
    #[serde(rename = "wal_keep_from_before")]
    pub log_keep_from_before: Option<DateTime<Utc>>,
    /// From when on the log would be kept.
    #[serde(rename = "wal_keep_from_after")]
    pub log_keep_from_after: Option<DateTime<Utc>>,
    /// The present window of point-in-time recovery.
    pub window_before: Option<Period>,
    /// The window of point-in-time recovery that would be.
    pub window_after: Option<Period>,
    /// Those of the lost that are final backups, the last ones of deprovisioned sources.
    pub finals_lost: Vec<String>,
    /// Those of the lost that were verified.
    pub verified_lost: Vec<String>,
    /// Ids of the backups that would be lost as well if nobody held them, sorted. They go when their holds
    /// end.
    pub held: Vec<String>,
    /// Ids of the copies that would be lost, by location, each list sorted.
    pub replicas_lost: BTreeMap<String, Vec<String>>,
    /// The log that is kept now and would not be: what it alone can recover is lost with it.
    pub log_lost: Option<Stretch>,
    /// Whether backups or copies would be lost.
    pub needs_confirmation: bool,
    /// Stands for the two policies, the backups, the date and the losses.
    pub fingerprint: Fingerprint,
}

impl Preview {
    /// Whether neither backups nor copies nor log would be lost.
    pub fn loses_nothing(&self) -> bool {
        !self.needs_confirmation && self.log_lost.is_none()
    }

    /// The ids of what may be deleted, if it is what somebody confirmed.
    ///
    /// # Errors
    /// [`ErrorKind::Outdated`] if policies, backups, date or losses are not those of the fingerprint: show
    /// this preview and ask again. Nothing may be deleted.
    pub fn confirm(&self, confirmed: &Fingerprint) -> Result<&[String]> {
        if *confirmed == self.fingerprint {
            return Ok(&self.lost);
        }
        Err(Error::new(
            ErrorKind::Outdated,
            format!(
                "the preview {confirmed} was confirmed, but it would now be {}: show the new one and ask again",
                self.fingerprint
            ),
        ))
    }
}

/// A policy, and those of copies by location.
pub(crate) type Side<'a> = (&'a Policy, &'a BTreeMap<String, Policy>);

pub(crate) fn preview(
    old: Side<'_>,
    new: Side<'_>,
    backups: &[Backup],
    now: DateTime<Utc>,
) -> Result<Preview> {
    let group = Arc::new(Group::new(backups)?);
    let before = decide_group(old.0, Arc::clone(&group), now, Circumstances::default())?;
    let after = decide_group(new.0, Arc::clone(&group), now, Circumstances::default())?;
    let unheld = Circumstances { ignores_holds: true, ..Circumstances::default() };
    let released = decide_group(new.0, group, now, unheld)?;

    let Compared { lost, still_kept, held } = compare(&before, &after, &released);
    let replicas_lost = replicas_lost(old.1, new.1, backups, now)?;
    let (log_before, log_after) = (before.log_keep_from(), after.log_keep_from());
    Ok(Preview {
        bytes_lost: bytes(&lost)?,
        oldest_before: oldest(&before),
        oldest_after: oldest(&after),
        log_keep_from_before: log_before,
        log_keep_from_after: log_after,
        window_before: old.0.pitr.as_ref().map(|pitr| pitr.window),
        window_after: new.0.pitr.as_ref().map(|pitr| pitr.window),
        finals_lost: sorted_ids(lost.iter().copied().filter(|backup| backup.kinds.contains(&Kind::Final))),
        verified_lost: sorted_ids(lost.iter().copied().filter(|backup| backup.verified)),
        held: sorted_ids(held),
        log_lost: log_before
            .map(|from| Stretch { from, until: log_after.unwrap_or(now) })
            .filter(|log| log.from < log.until),
        needs_confirmation: !lost.is_empty() || !replicas_lost.is_empty(),
        fingerprint: Fingerprint::of(old, new, backups, now, &lost, &replicas_lost)?,
        replicas_lost,
        still_kept: sorted_ids(still_kept),
        lost: sorted_ids(lost),
    })
}

/// The backups that the present policy keeps.
#[derive(Default)]
struct Compared<'a> {
    lost: Vec<&'a Backup>,
    still_kept: Vec<&'a Backup>,
    /// Those of the still kept that only holds save.
    held: Vec<&'a Backup>,
}

fn compare<'d>(before: &'d Decisions<'_>, after: &Decisions<'_>, released: &Decisions<'_>) -> Compared<'d> {
    let mut compared = Compared::default();
    for ((before, after), released) in before.iter().zip(after.iter()).zip(released.iter()) {
        match (before.is_kept(), after.is_kept()) {
            (true, false) => compared.lost.push(before.backup()),
            (true, true) => {
                compared.still_kept.push(before.backup());
                if !released.is_kept() {
                    compared.held.push(before.backup());
                }
            }
            (false, _) => {}
        }
    }
    compared
}

fn sorted_ids<'a>(backups: impl IntoIterator<Item = &'a Backup>) -> Vec<String> {
    let mut ids: Vec<String> = backups.into_iter().map(|backup| backup.id.clone()).collect();
    ids.sort_unstable();
    ids
}

fn oldest(decisions: &Decisions<'_>) -> Option<DateTime<Utc>> {
    decisions.kept().next().map(|decision| decision.backup().time)
}

fn bytes(backups: &[&Backup]) -> Result<u64> {
    backups.iter().try_fold(0_u64, |sum, backup| sum.checked_add(backup.size)).ok_or_else(|| {
        Error::new(
            ErrorKind::OutOfRange,
            "the sizes of the backups add up to more than 18446744073709551615 bytes: correct them",
        )
    })
}

/// Of each location's copies, those that its old policy keeps and its new one does not.
fn replicas_lost(
    old: &BTreeMap<String, Policy>,
    new: &BTreeMap<String, Policy>,
    backups: &[Backup],
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, Vec<String>>> {
    // Without a policy there shall be no copies; what is held stays all the same.
    let none = Policy::keep(Rule::last(0)).at_least(0).at_least_verified(0);
    let mut lost = BTreeMap::new();
    for (location, old) in old {
        let is_there = |backup: &&Backup| backup.replicas.iter().any(|replica| replica.region == *location);
        let there: Vec<Backup> = backups.iter().filter(is_there).cloned().collect();
        let new = new.get(location).unwrap_or(&none);
        let before = decide(old, &there, now, Circumstances::default())?;
        let after = decide(new, &there, now, Circumstances::default())?;
        let pairs = before.iter().zip(after.iter());
        let gone = pairs.filter(|(before, after)| before.is_kept() && !after.is_kept());
        let gone = sorted_ids(gone.map(|(before, _)| before.backup()));
        if !gone.is_empty() {
            lost.insert(location.clone(), gone);
        }
    }
    Ok(lost)
}
