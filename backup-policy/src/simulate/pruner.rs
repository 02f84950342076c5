use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{decider::Decider, holders::Holders};
use crate::{backup::Backup, error::Result, kind::Kind, policy::Policy};

/// Who says when which backup goes. Both say the same; the second can only do it for policies whose rules do not look
/// at what others keep, but then in no time.
pub(super) enum Pruner<'p> {
    Decider(Decider<'p>),
    Holders(Holders),
}

impl<'p> Pruner<'p> {
    pub(super) fn of(policy: &'p Policy, start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        match Holders::of(policy, start, end) {
            Some(holders) => Self::Holders(holders),
            None => Self::Decider(Decider::new(policy, start, end)),
        }
    }

    /// Adds a completed backup, newer than all before it.
    pub(super) fn arrive(
        &mut self,
        index: u32,
        time: DateTime<Utc>,
        completed_at: DateTime<Utc>,
        kinds: BTreeSet<Kind>,
    ) {
        let mut backup = Backup::new(format!("{index:010}"), time).with_kinds(kinds).verified();
        backup.completed_at = Some(completed_at);
        match self {
            Self::Decider(decider) => decider.arrive(index, backup),
            Self::Holders(holders) => holders.arrive(index, &backup),
        }
    }

    /// The next instant at which the mere passing of time may remove something.
    pub(super) fn next_end(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Decider(decider) => decider.next_end(),
            Self::Holders(holders) => holders.next_end(),
        }
    }

    /// Removes what is not kept at `now`, which never goes back, and says what that was.
    pub(super) fn settle(&mut self, now: DateTime<Utc>) -> Result<Vec<u32>> {
        match self {
            Self::Decider(decider) => decider.settle(now),
            Self::Holders(holders) => Ok(holders.settle(now)),
        }
    }
}
