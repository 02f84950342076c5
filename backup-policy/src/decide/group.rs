use chrono::{DateTime, Utc};

use super::ids::Ids;
use crate::{
    backup::Backup,
    error::{Error, ErrorKind, Quoted, Result},
    zone::check_range,
};

/// Backups in the order of (time, id). A *position* is an index into this order.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    ordered: Vec<&'a Backup>,
    /// The time at each position, side by side: most passes over the group need nothing else.
    times: Vec<DateTime<Utc>>,
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

impl<'a> Group<'a> {
    pub(crate) fn new(backups: &'a [Backup]) -> Result<Self> {
        if u32::try_from(backups.len()).is_err() {
            let message = format!("{} backups are too many for one group: divide them", backups.len());
            return Err(Error::new(ErrorKind::OutOfRange, message));
        }
        let mut keyed: Vec<(DateTime<Utc>, &Backup)> =
            backups.iter().map(|backup| (backup.time, backup)).collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.id.cmp(&b.1.id)));
        let (times, ordered): (Vec<_>, Vec<_>) = keyed.into_iter().unzip();
        if let (Some(oldest), Some(newest)) = (ordered.first(), ordered.last()) {
            check(oldest)?;
            check(newest)?;
        }
        let ids = Ids::new(&ordered)?;
        let parents = parents(&ordered, &ids);
        Ok(Self { ordered, times, ids, parents })
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

    pub(crate) fn position(&self, id: &str) -> Option<u32> {
        self.ids.find(id, &self.ordered)
    }

    pub(crate) fn parent(&self, position: u32) -> Parent {
        self.parents.get(position as usize).copied().unwrap_or(Parent::None)
    }

    /// The earliest and the latest instant among the backups and `now`, in seconds.
    pub(crate) fn span(&self, now: DateTime<Utc>) -> (i64, i64) {
        let oldest = self.times.first().map_or(now, |&oldest| oldest.min(now));
        let newest = self.times.last().map_or(now, |&newest| newest.max(now));
        (oldest.timestamp(), newest.timestamp())
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

fn parents(ordered: &[&Backup], ids: &Ids) -> Vec<Parent> {
    if ordered.iter().all(|backup| backup.parent.is_none()) {
        return Vec::new();
    }
    let find = |backup: &&Backup| match &backup.parent {
        None => Parent::None,
        Some(id) => ids.find(id, ordered).map_or(Parent::Missing, Parent::At),
    };
    ordered.iter().map(find).collect()
}

fn check(backup: &Backup) -> Result<()> {
    check_range(backup.time)
        .map_err(|error| Error::new(error.kind(), format!("backup {}: {error}", Quoted(&backup.id))))
}
