//! Judgements before anything is touched.

use std::fmt;

use serde::Serialize;

/// Whether something may be done, why, and what would change that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Allow, warn or deny.
    pub level: VerdictLevel,
    /// What it is about: a service, a path, a version.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// What to do about it; empty if nothing needs doing.
    pub remedy: String,
}

/// How a [`Verdict`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictLevel {
    /// Nothing speaks against it.
    Allow,
    /// It can be done, but a person should know this first.
    Warn,
    /// It must not be done as it stands.
    Deny,
}

impl Verdict {
    /// A verdict from its parts.
    pub fn new(
        level: VerdictLevel,
        subject: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { level, subject: subject.into(), reason: reason.into(), remedy: remedy.into() }
    }

    /// What it says, without its level.
    pub(crate) fn sentence(&self) -> String {
        let Self { subject, reason, remedy, .. } = self;
        let join = if remedy.is_empty() { "" } else { "; " };
        format!("{subject}: {reason}{join}{remedy}")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            VerdictLevel::Allow => "allow",
            VerdictLevel::Warn => "warn",
            VerdictLevel::Deny => "deny",
        };
        write!(formatter, "{level}: {}", self.sentence())
    }
}
