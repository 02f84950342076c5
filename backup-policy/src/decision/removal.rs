use std::fmt;

use crate::rule::Keep;

/// Why a backup may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Removal {
    /// Its source was deprovisioned, and backups of its kinds go with it.
    Deprovisioned,
    /// A rule by age or time to live no longer keeps it.
    Expired,
    /// It cannot be restored, and the time for looking at it is over.
    FailedExpired,
    /// A rule keeps it, but it is beyond [`Policy::max_count`](crate::Policy::max_count).
    MaxCount,
    /// A counting rule keeps others instead.
    Superseded,
    /// It does not carry the tags of a rule.
    Untagged,
}

impl Removal {
    /// In the order of their names.
    const ALL: [Self; 6] = [
        Self::Deprovisioned,
        Self::Expired,
        Self::FailedExpired,
        Self::MaxCount,
        Self::Superseded,
        Self::Untagged,
    ];

    /// The name: `deprovisioned`, `expired`, `failed-expired`, `max-count`, `superseded` or `untagged`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deprovisioned => "deprovisioned",
            Self::Expired => "expired",
            Self::FailedExpired => "failed-expired",
            Self::MaxCount => "max-count",
            Self::Superseded => "superseded",
            Self::Untagged => "untagged",
        }
    }

    /// What a rule gives as its reason for not choosing a backup.
    pub(crate) fn by(keep: &Keep) -> Self {
        match keep {
            Keep::Last(_) | Keep::Bucket(_) => Self::Superseded,
            Keep::Within { .. } | Keep::Ttl(_) => Self::Expired,
            Keep::Tags(_) => Self::Untagged,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Expired => 1,
            Self::FailedExpired => 2,
            Self::MaxCount => 4,
            Self::Superseded => 8,
            Self::Untagged => 16,
            Self::Deprovisioned => 32,
        }
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deprovisioned => "its source was deprovisioned",
            Self::Expired => "expired",
            Self::FailedExpired => "cannot be restored and is no longer kept for inspection",
            Self::MaxCount => "beyond the policy's maximum count",
            Self::Superseded => "superseded by other backups",
            Self::Untagged => "without the tags asked for",
        })
    }
}

/// A set of [`Removal`]s in one byte, as there may be one for each of millions of backups.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Removals(u8);

impl Removals {
    pub(crate) fn insert(&mut self, removal: Removal) {
        self.0 |= removal.bit();
    }

    pub(crate) fn contains(self, removal: Removal) -> bool {
        self.0 & removal.bit() != 0
    }

    /// In the order of their names.
    pub(crate) fn iter(self) -> impl Iterator<Item = Removal> {
        Removal::ALL.into_iter().filter(move |&removal| self.contains(removal))
    }
}
