//! `backup show`: one backup, with its services and what they recorded.

use std::fmt::Write as _;

use backup_core::BackupInfo;
use backup_core::engine::ArtifactKind;
use serde_json::json;

use super::Outcome;
use crate::arguments::Choice;
use crate::failure::Failure;
use crate::output::size::{count, size};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(choice: &Choice, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let backup = session.find(&repository, choice).await?;
    let document = json!({ "backup": backup, "notices": session.progress.notices() });
    session.output.result(&document, || text(&backup))?;
    Ok(Outcome::Done)
}

fn text(backup: &BackupInfo) -> String {
    let lines = [
        ("id", backup.id.to_string()),
        ("environment", plain(&backup.environment)),
        ("created", time::local(backup.created_at)),
        ("finished", time::local(backup.finished_at)),
        ("pause", time::duration(backup.pause)),
        ("kind", plain(&backup.kind)),
        ("comment", plain(&backup.comment)),
        ("tags", plain(&backup.tags.join(", "))),
        ("parent", backup.parent.map(|id| id.to_string()).unwrap_or_default()),
        ("entries", backup.entries.to_string()),
        ("size", size(backup.logical_bytes)),
        ("stored", size(backup.stored_bytes)),
        ("consistency", plain(&backup.consistency)),
        ("warnings", backup.warnings.to_string()),
        ("program", plain(&backup.program)),
    ];
    let mut text = String::new();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{name:<12} {value}");
    }
    for (name, value) in &backup.facts {
        let _ = writeln!(text, "  {} = {}", plain(name), plain(value));
    }
    for service in &backup.services {
        let _ = writeln!(text, "\nservice {} ({})", plain(&service.name), plain(&service.engine));
        let _ = writeln!(text, "  point {}", plain(&service.point));
        for artifact in &service.artifacts {
            let what = match artifact.kind {
                ArtifactKind::Tree => count(artifact.entries, "entry", "entries"),
                _ => "stream".into(),
            };
            let _ = writeln!(text, "  {}: {what}, {}", plain(&artifact.name), size(artifact.bytes));
        }
        for (name, value) in &service.facts {
            let _ = writeln!(text, "  {} = {}", plain(name), plain(value));
        }
    }
    text
}
