//! `backup prune`: frees the space of what was deleted.

use std::fmt::Write as _;

use backup_core::{PrunePlan, PruneReport, PruneRequest, Repository};
use serde_json::json;

use super::Outcome;
use crate::arguments::Prune;
use crate::failure::Failure;
use crate::output::size::{count, size};
use crate::output::{Output, damage, print_document, remark, time, write};
use crate::session::Session;

pub(super) async fn run(arguments: &Prune, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let plan = request(arguments, &repository, session).plan().await?;
    session.progress.clear();
    if arguments.dry_run {
        let document =
            json!({ "dry_run": true, "plan": plan, "report": null, "notices": session.progress.notices() });
        session
            .output
            .result(&document, || format!("{}{}", damage::text(&plan.problems), plan_text(&plan)))?;
        return Ok(Outcome::Done);
    }
    // With nothing to delete it still completes a prune that was interrupted.
    if deletes(&plan) {
        if session.output == Output::Text || session.asks() {
            remark(plan_text(&plan).trim_end());
        }
        session.confirm(&question(&plan)).await?;
    }
    let planned = json!(plan);
    let report = plan.execute().await?;
    session.progress.clear();
    let failure = damage::failure(&report.problems, REMEDY);
    match session.output {
        Output::Json => {
            let mut document = json!({
                "dry_run": false, "plan": planned, "report": report, "notices": session.progress.notices(),
            });
            if let Some(failure) = &failure {
                document["error"] = json!(failure.document());
            }
            print_document(&document)?;
        }
        Output::Text => {
            write(format!("{}{}", damage::text(&report.problems), report_text(&report)).as_bytes())?;
            failure.iter().for_each(Failure::print);
        }
    }
    Ok(if failure.is_some() { Outcome::Damage } else { Outcome::Done })
}

const REMEDY: &str = "run a check to see what is affected; the packs named stay as they are";

fn request(arguments: &Prune, repository: &Repository, session: &Session) -> PruneRequest {
    let Prune { grace, max_unused, max_rewrite, keep_runs, accept_missing, .. } = arguments;
    let mut request = repository.prune().cancel(session.interrupt.token());
    request = grace.iter().copied().fold(request, PruneRequest::grace);
    request = max_unused.iter().copied().fold(request, PruneRequest::max_unused);
    request = max_rewrite.iter().copied().fold(request, PruneRequest::max_rewrite);
    request = keep_runs.iter().copied().fold(request, PruneRequest::keep_runs);
    if *accept_missing { request.accept_missing() } else { request }
}

/// Whether anything would be deleted.
fn deletes(plan: &PrunePlan) -> bool {
    let backups = plan.backups.len() + plan.unconfirmed.len();
    let objects =
        plan.dead_packs + plan.rewritten_packs + plan.index_segments + plan.run_records + plan.digests;
    backups > 0 || objects > 0
}

fn question(plan: &PrunePlan) -> String {
    let backups = plan.backups.len() as u64;
    let packs = count(plan.dead_packs + plan.rewritten_packs, "pack", "packs");
    match backups {
        0 => format!("Delete {packs} for good?"),
        _ => format!("Delete {} and {packs} for good?", count(backups, "backup", "backups")),
    }
}

fn plan_text(plan: &PrunePlan) -> String {
    let many = |ids: &[_]| count(ids.len() as u64, "backup", "backups");
    let rewritten = format!(
        "{} ({}), of which {} are kept",
        count(plan.rewritten_packs, "pack", "packs"),
        size(plan.rewritten_bytes),
        size(plan.copied_bytes)
    );
    let lines = [
        ("frees", size(plan.freed_bytes)),
        ("deletes", format!("{} ({})", count(plan.dead_packs, "pack", "packs"), size(plan.dead_bytes))),
        ("rewrites", rewritten),
        (
            "removes",
            format!("{} that were deleted, {} never confirmed", many(&plan.backups), plan.unconfirmed.len()),
        ),
        (
            "tidies",
            format!(
                "{}, {}, {}",
                count(plan.index_segments, "index segment", "index segments"),
                count(plan.run_records, "record of runs", "records of runs"),
                count(plan.digests, "digest", "digests")
            ),
        ),
        (
            "leaves",
            format!(
                "{} unused, {} too young, {} deleted or begun a short time ago",
                size(plan.unused_bytes),
                count(plan.young_packs, "pack", "packs"),
                many(&plan.recent)
            ),
        ),
    ];
    let mut text = format!("prune of {} ({})\n", count(plan.packs, "pack", "packs"), size(plan.pack_bytes));
    for (name, value) in lines {
        let _ = writeln!(text, "  {name:<9} {value}");
    }
    for id in &plan.backups {
        let _ = writeln!(text, "  removes backup {id}: it cannot be brought back");
    }
    text
}

fn report_text(report: &PruneReport) -> String {
    let mut text = format!(
        "freed {}: deleted {} ({}), {} of them after copying, in {}\n",
        size(report.freed_bytes),
        count(report.deleted_packs, "pack", "packs"),
        size(report.deleted_bytes),
        report.rewritten_packs,
        time::duration(report.duration),
    );
    if !report.backups.is_empty() {
        let _ = writeln!(text, "  removed {}", count(report.backups.len() as u64, "backup", "backups"));
    }
    if report.completed_prunes > 0 {
        let _ = writeln!(
            text,
            "  completed {}",
            count(report.completed_prunes, "interrupted prune", "interrupted prunes")
        );
    }
    text
}
