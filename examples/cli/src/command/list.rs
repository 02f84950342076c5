//! `backup list`: the backups, the newest first.

use backup_core::BackupInfo;
use serde_json::json;

use super::Outcome;
use crate::arguments::List;
use crate::failure::Failure;
use crate::output::piece::pieces;
use crate::output::size::{count, size};
use crate::output::table::{Align, Table};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(arguments: &List, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    // All of them, as a piece of an id must be found in no other id of the repository.
    let all = session.interrupt.ends(repository.backups().newest_first()).await??;
    let wanted = |backup: &&BackupInfo| {
        arguments.environment.as_ref().is_none_or(|environment| *environment == backup.environment)
    };
    let listed: Vec<&BackupInfo> =
        all.iter().filter(wanted).take(arguments.limit.unwrap_or(usize::MAX)).collect();
    let document = json!({ "backups": listed, "notices": session.progress.notices() });
    session.output.result(&document, || text(&listed, &all))?;
    Ok(Outcome::Done)
}

fn text(listed: &[&BackupInfo], all: &[BackupInfo]) -> String {
    if listed.is_empty() {
        return "no backups\n".into();
    }
    let ids: Vec<String> = listed.iter().map(|backup| backup.id.to_string()).collect();
    let all: Vec<String> = all.iter().map(|backup| backup.id.to_string()).collect();
    let mut table = Table::new([
        ("ID", Align::Left),
        ("CREATED", Align::Left),
        ("ENVIRONMENT", Align::Left),
        ("KIND", Align::Left),
        ("ENTRIES", Align::Right),
        ("SIZE", Align::Right),
        ("STORED", Align::Right),
        ("COMMENT", Align::Left),
    ]);
    for (backup, piece) in listed.iter().zip(pieces(&ids, &all)) {
        table.row([
            piece,
            time::local(backup.created_at),
            plain(&backup.environment),
            plain(&backup.kind),
            backup.entries.to_string(),
            size(backup.logical_bytes),
            size(backup.stored_bytes),
            remarks(backup),
        ]);
    }
    table.text()
}

/// The comment, the tags and the number of warnings, as one cell.
fn remarks(backup: &BackupInfo) -> String {
    let mut parts = Vec::new();
    if !backup.comment.is_empty() {
        parts.push(plain(&backup.comment));
    }
    if !backup.tags.is_empty() {
        parts.push(format!("[{}]", plain(&backup.tags.join(", "))));
    }
    if backup.warnings > 0 {
        parts.push(format!("({})", count(backup.warnings, "warning", "warnings")));
    }
    parts.join(" ")
}
