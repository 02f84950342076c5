//! `backup diff`: what differs between two backups.

use std::fmt::Write as _;

use backup_core::engine::printable_path;
use backup_core::{Change, Diff as Comparison, DiffItem, DiffKind, DiffSummary, Difference, Repository};
use serde::Serialize;
use serde_json::json;

use super::Outcome;
use crate::arguments::{Choice, Diff};
use crate::failure::Failure;
use crate::output::size::{count, size};
use crate::output::{Output, PathDocument, Reader, plain, print_document, write};
use crate::session::Session;

pub(super) async fn run(arguments: &Diff, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let old = find(&arguments.old, arguments, &repository, session).await?;
    let new = find(&arguments.new, arguments, &repository, session).await?;
    let mut request = repository
        .diff(old.id, new.id)
        .paths(arguments.path.iter().map(|path| path.0.as_slice()))
        .cancel(session.interrupt.token());
    if let Some(service) = &arguments.service {
        request = request.service(service);
    }
    let mut diff = request.await?;
    match session.output {
        Output::Text => print(&mut diff, session).await?,
        Output::Json => {
            let mut changes = Vec::new();
            while let Some(change) = diff.next().await? {
                changes.push(ChangeDocument::from(change));
            }
            let (summary, notices) = (diff.summary(), session.progress.notices());
            print_document(&json!({
                "old": old.id, "new": new.id, "changes": changes, "summary": summary, "notices": notices,
            }))?;
        }
    }
    Ok(Outcome::Done)
}

async fn find(
    id: &str,
    arguments: &Diff,
    repository: &Repository,
    session: &Session,
) -> Result<backup_core::BackupInfo, Failure> {
    let choice = Choice { id: id.to_owned(), environment: arguments.environment.clone() };
    session.find(repository, &choice).await
}

/// Prints changes as they are found, so that a million of them need no memory.
async fn print(diff: &mut Comparison, session: &Session) -> Result<(), Failure> {
    while let Some(change) = diff.next().await? {
        session.progress.clear();
        if write(line(&change).as_bytes())? == Reader::Gone {
            return Ok(());
        }
    }
    session.progress.clear();
    write(total(&diff.summary()).as_bytes()).map(drop)
}

/// A change for people: `+ uploads: photos/3.jpg, 1.2 MiB`, `~ db: shop.db, 270.1 MiB, 12.0 KiB of it changed`.
fn line(change: &Change) -> String {
    let mut line = format!("{} {}", sign(change.difference), plain(&change.service));
    let item = change.new.or(change.old);
    let path = match item.map(|item| item.kind) {
        Some(DiffKind::Service) => String::new(),
        Some(DiffKind::Tree | DiffKind::Stream) => plain(&change.artifact),
        _ if change.path.is_empty() => ".".into(),
        _ => printable_path(&change.path),
    };
    if !path.is_empty() {
        let _ = write!(line, ": {path}");
    }
    if let Some(item) = item.filter(has_content) {
        let _ = write!(line, ", {}", size(item.bytes));
    }
    if let Difference::Modified { content, metadata, kind } = change.difference {
        let what = [(kind, "kind"), (content, "content"), (metadata, "metadata")];
        let what: Vec<&str> = what.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
        let _ = write!(line, " ({})", what.join(", "));
    }
    if let Some(bytes) = change.changed_bytes {
        let _ = write!(line, ", about {} changed", size(bytes));
    }
    line.push('\n');
    line
}

fn sign(difference: Difference) -> char {
    match difference {
        Difference::Added => '+',
        Difference::Removed => '-',
        _ => '~',
    }
}

fn has_content(item: &DiffItem) -> bool {
    matches!(item.kind, DiffKind::Service | DiffKind::Tree | DiffKind::Stream | DiffKind::File)
}

fn total(summary: &DiffSummary) -> String {
    format!(
        "{} added ({}), {} removed ({}), {} modified ({} changed)\n",
        count(summary.added, "entry", "entries"),
        size(summary.added_bytes),
        summary.removed,
        size(summary.removed_bytes),
        summary.modified,
        size(summary.changed_bytes),
    )
}

/// A change for programs, with all bytes of its path.
#[derive(Debug, Serialize)]
struct ChangeDocument {
    service: String,
    artifact: String,
    #[serde(flatten)]
    path: PathDocument,
    #[serde(flatten)]
    difference: Difference,
    old: Option<DiffItem>,
    new: Option<DiffItem>,
    changed_bytes: Option<u64>,
}

impl From<Change> for ChangeDocument {
    fn from(change: Change) -> Self {
        Self {
            service: change.service,
            artifact: change.artifact,
            path: change.path.as_slice().into(),
            difference: change.difference,
            old: change.old,
            new: change.new,
            changed_bytes: change.changed_bytes,
        }
    }
}
