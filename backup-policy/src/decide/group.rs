use chrono::{DateTime, Utc};

use super::ids::Ids;
use crate::{
    backup::{Backup, Status},
    error::{Error, ErrorKind, Quoted, Result},
    zone::check_range,
};

/// Backups in the order of (time, id). A *position* is an index into this order.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    ordered: Vec<&'a Backup>,
    /// The time at each position, side by side: most passes over the group need little else, and following a
    /// pointer takes longer than all the rest.
    times: Vec<DateTime<Utc>>,
    marks: Vec<Marks>,
    /// The earliest and the latest end of a run.
    ends: Option<(DateTime<Utc>, DateTime<Utc>)>,
    ids: Ids,
    /// Empty while no backup names a parent.
    parents: Vec<Parent>,
}

/// Where the parent of a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    None,
    Missing,
    At(u32),
}

/// What the evaluation asks about every backup.
#[derive(Clone, Copy, Debug)]
struct Marks {
    status: Status,
    is_verified: bool,
    is_held: bool,
}

impl<'a> Group<'a> {
    pub(crate) fn new(backups: &'a [Backup]) -> Result<Self> {
        let Ok(count) = u32::try_from(backups.len()) else {
            let message = format!("{} backups are too many for one group: divide them", backups.len());
            return Err(Error::new(ErrorKind::OutOfRange, message));
        };
        let mut keyed: Vec<(DateTime<Utc>, u32)> =
            backups.iter().map(|backup| backup.time).zip(0..count).collect();
        let id = |index: u32| &backups[index as usize].id;
        keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| id(a.1).cmp(id(b.1))));
        let ordered: Vec<&Backup> = keyed.iter().map(|&(_, index)| &backups[index as usize]).collect();
        let mut positions = vec![0; backups.len()];
        for (&(_, index), position) in keyed.iter().zip(0..) {
            positions[index as usize] = position;
        }

        if let (Some(oldest), Some(newest)) = (ordered.first(), ordered.last()) {
            check(oldest, oldest.time)?;
            check(newest, newest.time)?;
        }
        let ids = Ids::new(backups, &positions, &ordered)?;
        let marks: Vec<Marks> = backups.iter().map(Marks::of).collect();
        Ok(Self {
            marks: keyed.iter().map(|&(_, index)| marks[index as usize]).collect(),
            times: keyed.into_iter().map(|(time, _)| time).collect(),
            ends: ends(backups)?,
            parents: parents(backups, &positions, &ordered, &ids),
            ordered,
            ids,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.ordered.len()
    }

    /// All positions, oldest first.
    pub(crate) fn positions(&self) -> std::ops::Range<u32> {
        // `new` has checked that the number of backups is a u32.
        0..u32::try_from(self.ordered.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn at(&self, position: u32) -> &'a Backup {
        self.ordered[position as usize]
    }

    pub(crate) fn time(&self, position: u32) -> DateTime<Utc> {
        self.times[position as usize]
    }

    pub(crate) fn status(&self, position: u32) -> Status {
        self.marks[position as usize].status
    }

    pub(crate) fn is_verified(&self, position: u32) -> bool {
        self.marks[position as usize].is_verified
    }

    /// Whether it has holds, active or not.
    pub(crate) fn is_held(&self, position: u32) -> bool {
        self.marks[position as usize].is_held
    }

    pub(crate) fn position(&self, id: &str) -> Option<u32> {
        self.ids.find(id, &self.ordered)
    }

    /// Whether any backup needs another.
    pub(crate) fn has_chains(&self) -> bool {
        !self.parents.is_empty()
    }

    pub(crate) fn parent(&self, position: u32) -> Parent {
        self.parents.get(position as usize).copied().unwrap_or(Parent::None)
    }

    /// The earliest and the latest instant among the backups and `now`, in seconds.
    pub(crate) fn span(&self, now: DateTime<Utc>) -> (i64, i64) {
        let (first_end, last_end) = self.ends.unwrap_or((now, now));
        let oldest = self.times.first().map_or(now, |&oldest| oldest.min(now)).min(first_end);
        let newest = self.times.last().map_or(now, |&newest| newest.max(now)).max(last_end);
        (oldest.timestamp(), newest.timestamp())
    }
}

impl Marks {
    fn of(backup: &Backup) -> Self {
        Self { status: backup.status, is_verified: backup.verified, is_held: !backup.holds.is_empty() }
    }
}

impl Parent {
    pub(crate) fn found(self) -> Option<u32> {
        match self {
            Self::At(position) => Some(position),
            Self::None | Self::Missing => None,
        }
    }
}

fn parents(backups: &[Backup], positions: &[u32], ordered: &[&Backup], ids: &Ids) -> Vec<Parent> {
    if backups.iter().all(|backup| backup.parent.is_none()) {
        return Vec::new();
    }
    let mut parents = vec![Parent::None; backups.len()];
    for (backup, &position) in backups.iter().zip(positions) {
        if let Some(id) = &backup.parent {
            parents[position as usize] = ids.find(id, ordered).map_or(Parent::Missing, Parent::At);
        }
    }
    parents
}

/// The earliest and the latest end of a run.
fn ends(backups: &[Backup]) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
    let ended = || backups.iter().filter_map(|backup| backup.completed_at.map(|end| (end, backup)));
    let by_end = |a: &(DateTime<Utc>, &Backup), b: &(DateTime<Utc>, &Backup)| {
        a.0.cmp(&b.0).then_with(|| a.1.id.cmp(&b.1.id))
    };
    let (Some(first), Some(last)) = (ended().min_by(by_end), ended().max_by(by_end)) else { return Ok(None) };
    check(first.1, first.0)?;
    check(last.1, last.0)?;
    Ok(Some((first.0, last.0)))
}

fn check(backup: &Backup, time: DateTime<Utc>) -> Result<()> {
    check_range(time)
        .map_err(|error| Error::new(error.kind(), format!("backup {}: {error}", Quoted(&backup.id))))
}
