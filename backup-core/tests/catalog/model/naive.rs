//! What must be known of backups, kept in the plainest way: a list of them, each with all that was said about it, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backup_core::{BackupId, BackupStatus, Contents, ErrorKind, Hold, Kind};
use chrono::{DateTime, TimeDelta, Utc};

use super::application::{Content, SERVICES};

/// A backup as it was made, and what happened to it since.
#[derive(Debug, Clone)]
pub(super) struct Backup {
    pub(super) id: BackupId,
    pub(super) environment: &'static str,
    /// By the storage's clock.
    pub(super) created_at: DateTime<Utc>,
    /// By the clock of the host that made it.
    pub(super) finished_at: DateTime<Utc>,
    pub(super) kinds: BTreeSet<Kind>,
    pub(super) tags: BTreeSet<String>,
    pub(super) comment: String,
    pub(super) parent: Option<BackupId>,
    pub(super) services: BTreeMap<&'static str, Content>,
    /// The service that failed.
    pub(super) failed: Option<&'static str>,
    pub(super) confirmed: bool,
    pub(super) said: Vec<Said>,
    /// Whether a prune removed it.
    pub(super) gone: bool,
}

/// One statement.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// By the clock of the host where it was said.
    pub(super) at: DateTime<Utc>,
    /// By the storage's clock.
    pub(super) stamp: DateTime<Utc>,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Held(String, Option<DateTime<Utc>>),
    Released(String),
    Tagged { add: BTreeSet<String>, remove: BTreeSet<String> },
    Commented(String),
    Converted(BTreeSet<Kind>),
    Pinned(String, DateTime<Utc>),
    Verified,
    Deleted,
    Undeleted,
}

/// What may not be done to a backup, by the kind of the error.
pub(super) type Refusal = Result<(), ErrorKind>;

impl Backup {
    pub(super) fn status(&self, now: DateTime<Utc>) -> BackupStatus {
        match (self.deletion().is_some() && !self.is_protected(now), self.confirmed) {
            (true, _) => BackupStatus::Deleted,
            (false, true) => BackupStatus::Completed,
            (false, false) => BackupStatus::Unconfirmed,
        }
    }

    pub(super) fn contents(&self) -> Contents {
        let has = |service| self.services.contains_key(service);
        match (self.failed, SERVICES.map(has)) {
            (None, [true, true, true]) => Contents::Full,
            (None, [true, false, false]) => Contents::DatabaseOnly,
            (None, [false, true, true]) => Contents::FilesOnly,
            _ => Contents::Partial,
        }
    }

    pub(super) fn is_restorable(&self, now: DateTime<Utc>) -> bool {
        self.status(now) == BackupStatus::Completed
            && [Contents::Full, Contents::DatabaseOnly].contains(&self.contents())
    }

    pub(super) fn kinds(&self) -> BTreeSet<Kind> {
        let mut kinds = self.kinds.clone();
        for said in &self.said {
            if let What::Converted(others) = &said.what {
                kinds = others.clone();
            }
        }
        kinds
    }

    pub(super) fn tags(&self) -> BTreeSet<String> {
        let mut tags = self.tags.clone();
        for said in &self.said {
            if let What::Tagged { add, remove } = &said.what {
                tags = &(&tags - remove) | add;
            }
        }
        tags
    }

    pub(super) fn comment(&self) -> String {
        let mut comments = self.said.iter().filter_map(|said| match &said.what {
            What::Commented(text) => Some(text),
            _ => None,
        });
        comments.next_back().unwrap_or(&self.comment).clone()
    }

    /// By name, ended ones too.
    pub(super) fn holds(&self) -> Vec<Hold> {
        let mut holds: BTreeMap<&str, Option<DateTime<Utc>>> = BTreeMap::new();
        for said in &self.said {
            match &said.what {
                What::Held(name, until) => {
                    let longer = match holds.get(name.as_str()) {
                        None => *until,
                        Some(None) => None,
                        Some(Some(known)) => until.map(|until| until.max(*known)),
                    };
                    holds.insert(name, longer);
                }
                What::Released(name) => drop(holds.remove(name.as_str())),
                _ => {}
            }
        }
        let hold = |(name, until): (&str, Option<DateTime<Utc>>)| match until {
            None => Hold::open(name),
            Some(until) => Hold::until(name, until),
        };
        holds.into_iter().map(hold).collect()
    }

    pub(super) fn pinned_until(&self) -> Option<DateTime<Utc>> {
        let mut pins = BTreeMap::new();
        for said in &self.said {
            if let What::Pinned(name, until) = &said.what {
                pins.insert(name, *until);
            }
        }
        pins.into_values().max()
    }

    pub(super) fn verified_at(&self) -> Option<DateTime<Utc>> {
        self.said.iter().rev().find(|said| matches!(said.what, What::Verified)).map(|said| said.at)
    }

    /// The deletion that nobody took back.
    pub(super) fn deletion(&self) -> Option<&Said> {
        let mut about = self.said.iter().filter(|said| matches!(said.what, What::Deleted | What::Undeleted));
        about.next_back().filter(|said| matches!(said.what, What::Deleted))
    }

    pub(super) fn logical_bytes(&self) -> u64 {
        self.services.values().flat_map(BTreeMap::values).map(|bytes| bytes.len() as u64).sum()
    }

    /// Whether it can be read, and something be said about it.
    pub(super) fn expect_completed(&self, now: DateTime<Utc>) -> Refusal {
        match (self.gone, self.status(now)) {
            (true, _) => Err(ErrorKind::NotFound),
            (false, BackupStatus::Completed) => Ok(()),
            _ => Err(ErrorKind::Invalid),
        }
    }

    pub(super) fn expect_deletable(&self, now: DateTime<Utc>) -> Refusal {
        match self {
            Self { gone: true, .. } => Err(ErrorKind::NotFound),
            Self { confirmed: false, .. } => Err(ErrorKind::Invalid),
            _ if self.deletion().is_some() => Err(ErrorKind::Invalid),
            _ => self.expect_free(now),
        }
    }

    /// Fails if a hold or a pin is active.
    pub(super) fn expect_free(&self, now: DateTime<Utc>) -> Refusal {
        if self.is_held(now) {
            Err(ErrorKind::Invalid)
        } else if self.is_pinned(now) {
            Err(ErrorKind::Unavailable)
        } else {
            Ok(())
        }
    }

    pub(super) fn expect_undeletable(&self) -> Refusal {
        match self {
            Self { gone: true, .. } => Err(ErrorKind::NotFound),
            Self { confirmed: true, .. } if self.deletion().is_some() => Ok(()),
            _ => Err(ErrorKind::Invalid),
        }
    }

    pub(super) fn fate(&self, now: DateTime<Utc>, grace: Duration) -> Fate {
        let since = match (self.status(now), self.deletion()) {
            (BackupStatus::Unconfirmed, _) => self.created_at,
            (BackupStatus::Deleted, Some(said)) => {
                self.kept_until().max(Some(said.stamp)).unwrap_or(said.stamp)
            }
            _ => return Fate::Stays,
        };
        let over = grace.is_zero() || since + TimeDelta::from_std(grace).unwrap() <= now;
        if over { Fate::Goes } else { Fate::Recent }
    }

    /// The latest that is known of what kept it: the end of a hold or a pin, or when something was said about one.
    fn kept_until(&self) -> Option<DateTime<Utc>> {
        let about = |said: &&Said| matches!(said.what, What::Held(..) | What::Released(_) | What::Pinned(..));
        let stamps = self.said.iter().filter(about).map(|said| said.stamp);
        let holds = self.holds().into_iter().filter_map(|hold| hold.until);
        stamps.chain(holds).chain(self.pinned_until()).max()
    }

    fn is_protected(&self, now: DateTime<Utc>) -> bool {
        self.is_held(now) || self.is_pinned(now)
    }

    fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.holds().iter().any(|hold| hold.until.is_none_or(|until| until > now))
    }

    fn is_pinned(&self, now: DateTime<Utc>) -> bool {
        self.pinned_until().is_some_and(|until| until > now)
    }
}

/// What a prune does to a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    /// It would go, but for the grace period.
    Recent,
    Goes,
}
