//! `backup list`: the backups, the newest first.

use backup_core::{BackupInfo, BackupStatus, Contents, ListRequest, Repository};
use serde::Serialize;
use serde_json::json;

use super::Outcome;
use crate::arguments::List;
use crate::config::Config;
use crate::expiry::{Expires, Policies};
use crate::failure::Failure;
use crate::output::piece::pieces;
use crate::output::size::{count, size};
use crate::output::table::{Align, Table};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(arguments: &List, session: &Session) -> Result<Outcome, Failure> {
    let policies = Policies::new(arguments.policy.as_deref(), &session.config)?;
    let existing = existing(arguments, &session.config)?;
    let repository = session.open().await?;
    let request = request(arguments, existing, &repository);
    let backups = session.interrupt.ends(request).await??;
    // All of them, as a piece of an id must be found in no other id of the repository, and what expires depends on the others.
    let all = session.interrupt.ends(repository.backups().any_status()).await??;
    let expiries = policies.expiries(&all)?;
    let listed: Vec<Listed<'_>> =
        backups.iter().map(|backup| Listed::new(backup, expiries.get(backup))).collect();
    let document = json!({ "backups": listed, "notices": session.progress.notices() });
    session.output.result(&document, || text(&listed, &all))?;
    Ok(Outcome::Done)
}

/// The environments that still exist, if backups of others are asked for.
fn existing(arguments: &List, config: &Config) -> Result<Option<Vec<String>>, Failure> {
    let Some(named) = &arguments.orphans else { return Ok(None) };
    let existing: Vec<String> = named.iter().chain(config.environments.keys()).cloned().collect();
    if existing.is_empty() {
        return Err(Failure::usage(
            "no environment is named that still exists, so all backups would be orphans",
            "name those that exist after --orphans, or in the file of --config",
        ));
    }
    Ok(Some(existing))
}

fn request(arguments: &List, existing: Option<Vec<String>>, repository: &Repository) -> ListRequest {
    let List { environment, service, kind, tag, since, until, limit, .. } = arguments;
    let mut request = repository.backups().newest_first().take(limit.unwrap_or(usize::MAX));
    request = match arguments.all {
        true => request.any_status(),
        false => request.status(arguments.status.into()),
    };
    request = environment.iter().fold(request, ListRequest::of);
    request = service.iter().fold(request, ListRequest::service);
    request = kind.iter().cloned().fold(request, ListRequest::kind);
    request = tag.iter().fold(request, ListRequest::tag);
    request = since.iter().copied().fold(request, ListRequest::since);
    request = until.iter().copied().fold(request, ListRequest::until);
    request = existing.into_iter().fold(request, ListRequest::orphans);
    if arguments.restorable { request.restorable() } else { request }
}

/// A backup with all that is known about it. Every member is always there.
#[derive(Debug, Serialize)]
pub(super) struct Listed<'a> {
    #[serde(flatten)]
    backup: &'a BackupInfo,
    app_version: Option<&'a str>,
    #[serde(flatten)]
    expires: Expires,
}

impl<'a> Listed<'a> {
    pub(super) fn new(backup: &'a BackupInfo, expires: Expires) -> Self {
        let app_version = backup.facts.get("app.version").map(String::as_str);
        Self { backup, app_version, expires }
    }
}

fn text(listed: &[Listed<'_>], all: &[BackupInfo]) -> String {
    if listed.is_empty() {
        return "no backups\n".into();
    }
    let ids: Vec<String> = listed.iter().map(|listed| listed.backup.id.to_string()).collect();
    let all: Vec<String> = all.iter().map(|backup| backup.id.to_string()).collect();
    let mut table = Table::new([
        ("ID", Align::Left),
        ("CREATED", Align::Left),
        ("ENVIRONMENT", Align::Left),
        ("KINDS", Align::Left),
        ("WHO", Align::Left),
        ("STATUS", Align::Left),
        ("SIZE", Align::Right),
        ("STORED", Align::Right),
        ("CONTENTS", Align::Left),
        ("RESTORABLE", Align::Left),
        ("EXPIRES", Align::Left),
        ("REMARKS", Align::Left),
    ]);
    for (Listed { backup, expires, .. }, piece) in listed.iter().zip(pieces(&ids, &all)) {
        table.row([
            piece,
            time::local(backup.created_at),
            plain(&backup.environment),
            kinds(backup),
            plain(backup.created_by.as_deref().unwrap_or_default()),
            status(backup.status).into(),
            size(backup.logical_bytes),
            size(backup.stored_bytes),
            contents(backup.contents).into(),
            if backup.restorable { "yes" } else { "no" }.into(),
            expires.text(),
            remarks(backup),
        ]);
    }
    table.text()
}

/// The kinds as one cell.
pub(super) fn kinds(backup: &BackupInfo) -> String {
    plain(&joined(backup.kinds.iter().map(|kind| kind.as_str())))
}

pub(super) fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

pub(super) fn status(status: BackupStatus) -> &'static str {
    match status {
        BackupStatus::Completed => "completed",
        BackupStatus::Unconfirmed => "unconfirmed",
        BackupStatus::Deleted => "deleted",
        _ => "unknown",
    }
}

pub(super) fn contents(contents: Contents) -> &'static str {
    match contents {
        Contents::Full => "full",
        Contents::DatabaseOnly => "database only",
        Contents::FilesOnly => "files only",
        Contents::Partial => "partial",
        _ => "unknown",
    }
}

/// The comment, the tags and what else sets it apart, as one cell.
fn remarks(backup: &BackupInfo) -> String {
    let mut parts = Vec::new();
    if !backup.comment.is_empty() {
        parts.push(plain(&backup.comment));
    }
    if !backup.tags.is_empty() {
        parts.push(format!("[{}]", plain(&joined(backup.tags.iter().map(String::as_str)))));
    }
    let held: Vec<&str> = backup.holds.iter().map(|hold| hold.id.as_str()).collect();
    if !held.is_empty() {
        parts.push(format!("(held: {})", plain(&held.join(", "))));
    }
    if backup.warnings > 0 {
        parts.push(format!("({})", count(backup.warnings, "warning", "warnings")));
    }
    parts.join(" ")
}
