//! Which rule keeps at least what another one keeps, whatever backups there are.

use super::{Anchor, Bucket, Count, Keep, Rule, Ttl, Unit};
use crate::period::Period;

/// Younger than this, if at all limited, at that instant.
pub(crate) type Age = (Option<Period>, Anchor);

impl Rule {
    /// Whether it keeps all of what it covers.
    pub(crate) fn keeps_all(&self) -> bool {
        matches!(self.keep, Keep::Ttl(Ttl::Forever) | Keep::Last(Count::All))
    }

    /// Whether it keeps nothing of what it covers.
    pub(crate) fn keeps_nothing(&self) -> bool {
        match &self.keep {
            Keep::Last(n) => n.limit() == 0,
            Keep::Bucket(bucket) => bucket.n.limit() == 0,
            Keep::Tags(any_of) => any_of.is_empty(),
            Keep::Within { .. } | Keep::Ttl(_) => false,
        }
    }

    /// Whether it is one of the two sorts that pass over what others keep under distinct counting.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.keep, Keep::Last(_) | Keep::Bucket(_))
    }

    /// Whether it keeps all that `other` keeps, each counting on its own.
    pub(crate) fn keeps_as_much_as(&self, other: &Self) -> bool {
        if other.keeps_nothing() || (self.keeps_all() && self.covers_all_of(other)) {
            return true;
        }
        let has_tags = || match (&self.keep, &other.keep) {
            (Keep::Tags(few), Keep::Tags(many)) => {
                many.iter().all(|all| few.iter().any(|some| some.is_subset(all)))
            }
            _ => false,
        };
        self.counts_as_much_as(other)
            || self.is_as_patient_as(other)
            || (has_tags() && self.covers_all_of(other))
    }

    /// Whether both count the same backups, and this one no fewer.
    pub(crate) fn counts_as_much_as(&self, other: &Self) -> bool {
        self.kinds == other.kinds
            && match (&self.keep, &other.keep) {
                (Keep::Last(n), Keep::Last(fewer)) => n.limit() >= fewer.limit(),
                (Keep::Bucket(bucket), Keep::Bucket(fewer)) => bucket.keeps_as_much_as(fewer),
                _ => false,
            }
    }

    /// Whether it keeps everything that is as young as what `other` keeps.
    fn is_as_patient_as(&self, other: &Self) -> bool {
        let own = match &self.keep {
            Keep::Bucket(_) => None,
            _ => self.age(),
        };
        let (Some(own), Some(age)) = (own, other.age()) else { return false };
        // With more kinds the newest may be newer, and what is young compared with it is less.
        let is_same_newest = own.1 == Anchor::Now || age.1 == Anchor::Now || self.kinds == other.kinds;
        self.covers_all_of(other) && is_same_newest && is_no_younger(own, age)
    }

    /// The age that all it keeps are under, if it has such a limit.
    pub(crate) fn age(&self) -> Option<Age> {
        match &self.keep {
            Keep::Within { period, anchor } => Some((Some(*period), *anchor)),
            Keep::Ttl(Ttl::For(period)) => Some((Some(*period), Anchor::Now)),
            Keep::Ttl(Ttl::Forever) => Some((None, Anchor::Now)),
            Keep::Bucket(bucket) => bucket.within.map(|period| (Some(period), bucket.anchor)),
            Keep::Last(_) | Keep::Tags(_) => None,
        }
    }

    /// Whether it looks at all kinds that `other` looks at.
    pub(crate) fn covers_all_of(&self, other: &Self) -> bool {
        match (&self.kinds, &other.kinds) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(kinds), Some(fewer)) => fewer.is_subset(kinds),
        }
    }
}

impl Bucket {
    fn keeps_as_much_as(&self, other: &Self) -> bool {
        let is_same_cut = self.unit == other.unit
            && (self.every == other.every || self.unit == Unit::Minutely)
            && self.pick == other.pick;
        is_same_cut
            && self.n.limit() >= other.n.limit()
            && (self.keep_oldest || !other.keep_oldest)
            && is_no_younger((self.within, self.anchor), (other.within, other.anchor))
    }
}

/// Whether what is under the second age is under the first, too: the newest backup is never later than now.
fn is_no_younger(own: Age, other: Age) -> bool {
    match (own.0, other.0) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(period), Some(shorter)) => {
            (own.1 == Anchor::Newest || other.1 == Anchor::Now) && period.is_never_shorter_than(&shorter)
        }
    }
}
