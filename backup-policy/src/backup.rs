use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// What retention has to know about one backup.
///
/// All backups of one decision belong to one group, usually one environment: grouping is the caller's, never
/// guessed.
///
/// ```
/// use backup_policy::{Backup, Kind};
///
/// let backup = Backup::new("b1", "2026-08-30T02:00:00Z".parse()?).with_kinds([Kind::Nightly, Kind::Weekly]);
/// assert!(backup.kinds.contains(&Kind::Weekly));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Backup {
    /// Unique within the group; among backups of equal times the larger id counts as newer.
    pub id: String,
    /// When the run began: the time that all rules go by.
    pub time: DateTime<Utc>,
    /// When the run ended. Absent means at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    /// Why it was made. Default: [`Kind::Automatic`] alone.
    #[serde(default = "automatic")]
    pub kinds: BTreeSet<Kind>,
    /// How the run ended. Default: completed.
    #[serde(default)]
    pub status: Status,
    /// Whether its content was read back and found sound.
    #[serde(default)]
    pub verified: bool,
    /// Free words that [`Keep::Tags`](crate::Keep::Tags) looks for.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// What forbids its removal for now.
    #[serde(default)]
    pub holds: Vec<Hold>,
    /// The id of the backup without which this one cannot be restored, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// In bytes; retention does not look at it, a preview adds it up.
    #[serde(default)]
    pub size: u64,
    /// Its copies in other locations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<Replica>,
}

/// A copy of a backup in another location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Replica {
    /// Names the location, as in [`Plan::copies`](crate::Plan::copies).
    pub region: String,
    /// When the copy was made.
    pub time: DateTime<Utc>,
}

/// What backups are unless something else is said.
pub(crate) fn automatic() -> BTreeSet<Kind> {
    BTreeSet::from([Kind::Automatic])
}

impl Backup {
    /// A completed, automatic backup that began at `time`.
    pub fn new(id: impl Into<String>, time: DateTime<Utc>) -> Self {
        Self {
            id: id.into(),
            time,
            completed_at: None,
            kinds: automatic(),
            status: Status::Completed,
            verified: false,
            tags: BTreeSet::new(),
            holds: Vec::new(),
            parent: None,
            size: 0,
            replicas: Vec::new(),
        }
    }

    /// Replaces the kinds.
    #[must_use]
    pub fn with_kinds(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Replaces the status.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Marks it as read back and found sound.
    #[must_use]
    pub fn verified(mut self) -> Self {
        self.verified = true;
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.insert(tag.into());
        self
    }

    /// Adds a hold.
    #[must_use]
    pub fn with_hold(mut self, hold: Hold) -> Self {
        self.holds.push(hold);
        self
    }

    /// Says when the run ended.
    #[must_use]
    pub fn completed_at(mut self, end: DateTime<Utc>) -> Self {
        self.completed_at = Some(end);
        self
    }

    /// Says how many bytes it has.
    #[must_use]
    pub fn with_size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    /// Adds a copy in another location.
    #[must_use]
    pub fn with_replica(mut self, region: impl Into<String>, time: DateTime<Utc>) -> Self {
        self.replicas.push(Replica { region: region.into(), time });
        self
    }

    /// When the run ended; its start, if that is not known.
    pub(crate) fn completed(&self) -> DateTime<Utc> {
        self.completed_at.unwrap_or(self.time)
    }

    /// Names the backup that this one cannot do without.
    #[must_use]
    pub fn with_parent(mut self, id: impl Into<String>) -> Self {
        self.parent = Some(id.into());
        self
    }
}

/// How the run that made a backup ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Whole and restorable.
    #[default]
    Completed,
    /// Not restorable. Never counted; kept only for [`Policy::failed_ttl`](crate::Policy::failed_ttl).
    Failed,
    /// Not ended yet. Always kept, never counted.
    Running,
}

/// Forbids the removal of one backup, whatever the rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Hold {
    /// Names the hold in explanations.
    pub id: String,
    /// The instant at which it ends; absent means when somebody releases it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

impl Hold {
    /// A hold until somebody releases it.
    pub fn open(id: impl Into<String>) -> Self {
        Self { id: id.into(), until: None }
    }

    /// A hold that ends by itself: at `until` it is no longer active.
    pub fn until(id: impl Into<String>, until: DateTime<Utc>) -> Self {
        Self { id: id.into(), until: Some(until) }
    }

    /// Whether it forbids removal at `now`.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}
