//! Which backups refer to a chunk: as much as is needed to say what deleting one of them frees.

/// Who refers to a chunk. Backups are known by number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody.
    #[default]
    Nobody,
    /// One deleted backup.
    Deleted(u32),
    /// Several backups, all of them deleted.
    SeveralDeleted,
    /// One backup that is not deleted, and any number of deleted ones.
    One(u32),
    /// Several backups that are not deleted.
    Several,
}

impl Owner {
    /// The owner of what two others own, no backup being among both.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nobody, owner) | (owner, Self::Nobody) => owner,
            (Self::One(_) | Self::Several, Self::One(_) | Self::Several) => Self::Several,
            (owner @ (Self::One(_) | Self::Several), _) | (_, owner @ (Self::One(_) | Self::Several)) => {
                owner
            }
            _ => Self::SeveralDeleted,
        }
    }

    /// Whether any backup that is not deleted is among them.
    pub(super) fn is_live(self) -> bool {
        matches!(self, Self::One(_) | Self::Several)
    }
}

/// The backups looked at so far, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Roll {
    /// For each number, how many of those before it are not deleted.
    live_before: Vec<u32>,
    /// The numbers of those that are not deleted.
    live: Vec<u32>,
}

impl Roll {
    /// The number of the next backup.
    pub(super) fn next(&self) -> u32 {
        to_number(self.live_before.len())
    }

    pub(super) fn add(&mut self, is_deleted: bool) {
        let number = self.next();
        self.live_before.push(to_number(self.live.len()));
        if !is_deleted {
            self.live.push(number);
        }
    }

    /// The owner of a chunk that all backups from one number to before another refer to.
    pub(super) fn owner(&self, from: u32, to: u32) -> Owner {
        let (first, last) = (self.live_before(from), self.live_before(to));
        match (last.saturating_sub(first), to.saturating_sub(from)) {
            (0, 0) => Owner::Nobody,
            (0, 1) => Owner::Deleted(from),
            (0, _) => Owner::SeveralDeleted,
            (1, _) => self.live.get(first as usize).map_or(Owner::Nobody, |number| Owner::One(*number)),
            _ => Owner::Several,
        }
    }

    fn live_before(&self, number: u32) -> u32 {
        self.live_before.get(number as usize).copied().unwrap_or_else(|| to_number(self.live.len()))
    }
}

fn to_number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
