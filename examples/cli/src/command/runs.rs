//! `backup runs`: the runs that make backups, the newest first.

use backup_core::{Operation, RunInfo, RunStatus};
use serde_json::json;

use super::Outcome;
use super::list::joined;
use crate::arguments::Runs;
use crate::failure::Failure;
use crate::output::piece::pieces;
use crate::output::size::size;
use crate::output::table::{Align, Table};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(arguments: &Runs, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let mut request = repository.runs().take(arguments.limit);
    if let Some(environment) = &arguments.environment {
        request = request.of(environment);
    }
    if let Some(status) = arguments.status {
        request = request.status(status.into());
    }
    let runs = session.interrupt.ends(request).await??;
    let document = json!({ "runs": runs, "notices": session.progress.notices() });
    session.output.result(&document, || text(&runs))?;
    Ok(Outcome::Done)
}

fn text(runs: &[RunInfo]) -> String {
    if runs.is_empty() {
        return "no runs\n".into();
    }
    let ids: Vec<String> = runs.iter().map(|run| run.id.to_string()).collect();
    let mut table = Table::new([
        ("ID", Align::Left),
        ("CREATED", Align::Left),
        ("ENVIRONMENT", Align::Left),
        ("DOES", Align::Left),
        ("KINDS", Align::Left),
        ("WHO", Align::Left),
        ("STATUS", Align::Left),
        ("TOOK", Align::Right),
        ("DONE", Align::Right),
        ("HOST", Align::Left),
        ("REMARKS", Align::Left),
    ]);
    for (run, piece) in runs.iter().zip(pieces(&ids, &ids)) {
        table.row([
            piece,
            time::local(run.created_at),
            plain(run.environment.as_deref().unwrap_or_default()),
            operation(run.operation).into(),
            plain(&joined(run.kinds.iter().map(|kind| kind.as_str()))),
            plain(run.created_by.as_deref().unwrap_or_default()),
            status(run.status).into(),
            time::duration(run.duration),
            size(run.progress.bytes),
            plain(run.host.as_deref().unwrap_or_default()),
            remarks(run),
        ]);
    }
    table.text()
}

fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Backup => "backup",
        Operation::Restore => "restore",
        Operation::Verify => "verify",
        Operation::Prune => "prune",
        _ => "other",
    }
}

fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "queued",
        RunStatus::Running => "running",
        RunStatus::Stale => "stale",
        RunStatus::Failed => "failed",
        RunStatus::Completed => "completed",
        _ => "unknown",
    }
}

/// Why it failed, otherwise the comment.
fn remarks(run: &RunInfo) -> String {
    match &run.failure {
        Some(failure) => plain(&failure.message),
        None => plain(&run.comment),
    }
}
