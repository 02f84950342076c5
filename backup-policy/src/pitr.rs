use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{error::Result, kind::Kind, period::Period};

/// Point-in-time recovery: any instant of the last `window` can be brought back, not only those of backups.
///
/// It takes a backup from before the instant and the log of all changes since (WAL, binlog). So one backup
/// older than the window stays, with all newer ones, and
/// [`Decisions::log_keep_from`](crate::Decisions::log_keep_from) says which log may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pitr {
    /// How far back.
    pub window: Period,
    /// Only backups of at least one of these kinds can begin a recovery. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeSet<Kind>>,
}

impl Pitr {
    /// Any instant of the last `window`, from any backup.
    pub fn window(window: Period) -> Self {
        Self { window, kinds: None }
    }

    /// Begins recovery only with backups of at least one of these kinds.
    #[must_use]
    pub fn of(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.kinds = Some(kinds.into_iter().collect());
        self
    }

    pub(crate) fn validate(&self) -> Result<()> {
        self.window.check_length()
    }
}

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The last instant.
    pub until: DateTime<Utc>,
}

/// Which instants can be recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recovery {
    /// Every instant in here, oldest first. The last one ends where the log does: compare it with now to see
    /// whether log still arrives.
    pub spans: Vec<Stretch>,
    /// What lies between them: there the log is missing, or no backup completed after its gap.
    pub gaps: Vec<Stretch>,
    /// Whether the policy's window is recoverable without a gap up to the end of the log.
    pub is_window_met: bool,
}

/// Joins stretches that overlap or touch; those that end before they begin are left out.
pub(crate) fn joined(mut spans: Vec<Stretch>) -> Vec<Stretch> {
    spans.retain(|span| span.from <= span.until);
    spans.sort();
    let mut joined: Vec<Stretch> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            _ => joined.push(span),
        }
    }
    joined
}
