//! `backup show`: one backup, with its services and what they recorded.

use std::fmt::Write as _;

use backup_core::engine::ArtifactKind;
use backup_core::policy::Hold;
use backup_core::{BackupInfo, Consistency, LeftOut, Repository, ServiceInfo};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::Outcome;
use super::list::{Listed, contents, joined, kinds, status};
use crate::arguments::Choice;
use crate::expiry::Expires;
use crate::failure::Failure;
use crate::output::size::{count, size};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(choice: &Choice, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let backup = session.find(&repository, choice).await?;
    result(&backup, &repository, session, |expires| text(&backup, expires)).await
}

/// Prints one backup: the same document whatever was done to it, or the text.
pub(super) async fn result(
    backup: &BackupInfo,
    repository: &Repository,
    session: &Session,
    text: impl FnOnce(Expires) -> String,
) -> Result<Outcome, Failure> {
    let expires = Expires::one(backup, repository, session).await?;
    session.progress.clear();
    let document = json!({ "backup": Listed::new(backup, expires), "notices": session.progress.notices() });
    session.output.result(&document, || text(expires))?;
    Ok(Outcome::Done)
}

fn text(backup: &BackupInfo, expires: Expires) -> String {
    let mut text = String::new();
    for (name, value) in lines(backup, expires).iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{name:<12} {value}");
    }
    for hold in &backup.holds {
        let _ = writeln!(text, "{:<12} {}", "hold", held(hold));
    }
    for (name, value) in &backup.facts {
        let _ = writeln!(text, "  {} = {}", plain(name), plain(value));
    }
    backup.services.iter().for_each(|service| write_service(&mut text, service));
    backup.left_out.iter().for_each(|service| write_left_out(&mut text, service));
    text
}

fn lines(backup: &BackupInfo, expires: Expires) -> Vec<(&'static str, String)> {
    let at = |instant: Option<DateTime<Utc>>| instant.map(time::local).unwrap_or_default();
    vec![
        ("id", backup.id.to_string()),
        ("environment", plain(&backup.environment)),
        ("status", status(backup.status).into()),
        ("created", time::local(backup.created_at)),
        ("finished", time::local(backup.finished_at)),
        ("deleted", at(backup.deleted_at)),
        ("expires", expires.text()),
        ("kinds", kinds(backup)),
        ("who", plain(backup.created_by.as_deref().unwrap_or_default())),
        ("comment", plain(&backup.comment)),
        ("tags", tags(backup)),
        ("contents", contents(backup.contents).into()),
        ("restorable", if backup.restorable { "yes" } else { "no" }.into()),
        ("verified", verified(backup)),
        ("pinned until", at(backup.pinned_until)),
        ("parent", backup.parent.map(|id| id.to_string()).unwrap_or_default()),
        ("files", backup.files.to_string()),
        ("entries", backup.entries.to_string()),
        ("size", size(backup.logical_bytes)),
        ("changed", size(backup.changed_bytes)),
        ("stored", size(backup.stored_bytes)),
        ("consistency", consistency(backup.consistency).into()),
        ("pause", time::duration(backup.pause)),
        ("gap", time::duration(backup.gap)),
        ("warnings", backup.warnings.to_string()),
        ("program", plain(&backup.program)),
    ]
}

pub(super) fn tags(backup: &BackupInfo) -> String {
    plain(&joined(backup.tags.iter().map(String::as_str)))
}

fn verified(backup: &BackupInfo) -> String {
    let outcome = |sound| if sound { "sound" } else { "DAMAGED" };
    backup
        .verified
        .map(|found| format!("{}, {}", outcome(found.sound), time::local(found.at)))
        .unwrap_or_default()
}

fn held(hold: &Hold) -> String {
    match hold.until {
        Some(until) => format!("{} until {}", plain(&hold.id), time::local(until)),
        None => plain(&hold.id),
    }
}

pub(super) fn consistency(consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::Frozen => "frozen",
        Consistency::Ordered => "ordered",
        Consistency::Live => "live",
        _ => "unknown",
    }
}

fn write_service(text: &mut String, service: &ServiceInfo) {
    let (name, engine) = (plain(&service.name), plain(&service.engine));
    let _ = writeln!(text, "\nservice {name} ({engine})");
    let _ = writeln!(
        text,
        "  point {}, {}, in {}",
        plain(&service.point),
        time::local(service.frozen_at),
        time::duration(service.pause)
    );
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

fn write_left_out(text: &mut String, service: &LeftOut) {
    let (name, engine) = (plain(&service.name), plain(&service.engine));
    let why = service
        .failure
        .as_deref()
        .map_or_else(|| "on purpose".into(), |reason| format!("it failed: {}", plain(reason)));
    let _ = writeln!(text, "\nleft out {name} ({engine}): {why}");
}
