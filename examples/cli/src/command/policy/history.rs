//! The backups that a policy is asked about.

use std::collections::BTreeSet;
use std::path::Path;

use backup_core::policy::{Backup, Hold, Kind, Status};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::plain;
use crate::text_file::{LONGEST_LIST, misunderstood, text};

const HISTORY: &str = "history";

/// Reads a list of backups, or the document of `list --json`.
pub(super) fn read(path: &Path) -> Result<Vec<Backup>, Failure> {
    let text = text(HISTORY, path, LONGEST_LIST)?;
    understand(&text).map_err(|reason| misunderstood(HISTORY, path, &reason))
}

fn understand(text: &str) -> Result<Vec<Backup>, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let entries = match document {
        Value::Array(entries) => entries,
        Value::Object(mut members) => match members.remove("backups") {
            Some(Value::Array(entries)) => entries,
            _ => return Err("it has no list `backups`".into()),
        },
        _ => return Err("it is no list of backups, and no document of `list --json`".into()),
    };
    let mut history = History::default();
    for (index, entry) in entries.into_iter().enumerate() {
        history.add(entry).map_err(|reason| format!("backups[{index}]: {reason}"))?;
    }
    Ok(history.backups)
}

#[derive(Debug, Default)]
struct History {
    backups: Vec<Backup>,
    /// The group of those that `list` listed.
    group: Option<Group>,
}

impl History {
    fn add(&mut self, entry: Value) -> Result<(), String> {
        if entry.get("created_at").is_none() {
            self.backups.push(serde_json::from_value(entry).map_err(|error| error.to_string())?);
            return Ok(());
        }
        let listed: Listed = serde_json::from_value(entry).map_err(|error| error.to_string())?;
        if listed.status != "completed" {
            return Ok(());
        }
        let group = listed.group();
        match &self.group {
            Some(known) if *known != group => {
                return Err(format!(
                    "it is of {group} and others are of {known}, which are never counted together: list or keep only those of one"
                ));
            }
            _ => self.group = Some(group),
        }
        self.backups.push(listed.into());
        Ok(())
    }
}

/// Which backups compete with each other: those of one environment that hold the same.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    environment: String,
    contents: String,
    /// What partial ones hold.
    services: BTreeSet<String>,
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\" ({}", plain(&self.environment), plain(&self.contents))?;
        for service in &self.services {
            write!(f, ", {}", plain(service))?;
        }
        f.write_str(")")
    }
}

/// What retention has to know of a backup in the form in which `list --json` prints it.
#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    environment: String,
    status: String,
    created_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    kinds: BTreeSet<Kind>,
    tags: BTreeSet<String>,
    contents: String,
    stored_bytes: u64,
    verified: Option<Verified>,
    holds: Vec<Hold>,
    pinned_until: Option<DateTime<Utc>>,
    left_out: Vec<LeftOut>,
    services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
struct Verified {
    sound: bool,
}

#[derive(Debug, Deserialize)]
struct LeftOut {
    failure: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Service {
    name: String,
}

impl Listed {
    fn group(&self) -> Group {
        let services = match self.contents.as_str() {
            "partial" => self.services.iter().map(|service| service.name.clone()).collect(),
            _ => BTreeSet::new(),
        };
        Group { environment: self.environment.clone(), contents: self.contents.clone(), services }
    }
}

impl From<Listed> for Backup {
    /// As `forget` sees it.
    fn from(listed: Listed) -> Self {
        let mut backup = Self::new(listed.id, listed.created_at)
            .with_kinds(listed.kinds)
            .completed_at(listed.finished_at.max(listed.created_at))
            .with_size(listed.stored_bytes);
        if listed.left_out.iter().any(|service| service.failure.is_some()) {
            backup.status = Status::Failed;
        }
        backup.verified = listed.verified.is_some_and(|verified| verified.sound);
        backup.tags = listed.tags;
        backup.holds = listed.holds;
        backup.holds.extend(listed.pinned_until.map(|until| Hold::until("in use", until)));
        backup
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_which_backup_and_which_field() {
        for (text, named) in [
            ("{", "line 1"),
            ("7", "no list"),
            (r#"{"backups": 7}"#, "`backups`"),
            (
                r#"[{"id": "a", "time": "2026-11-20T00:00:00Z"}, {"id": "b"}]"#,
                "backups[1]: missing field `time`",
            ),
            (r#"[{"id": "a", "time": "yesterday"}]"#, "backups[0]"),
            (r#"[{"id": "a", "time": "2026-11-20T00:00:00Z", "kind": "manual"}]"#, "`kind`"),
            (r#"[{"id": "a", "created_at": "2026-11-20T00:00:00Z"}]"#, "missing field"),
        ] {
            let error = understand(text).expect_err(text);
            assert!(error.contains(named), "{text}: {error}");
        }
        assert_eq!(understand("[]"), Ok(Vec::new()));
    }
}
