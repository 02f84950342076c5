//! `backup restore`: a backup, a service or some paths, into a directory or in place.

use std::fmt::Write as _;

use backup_core::engine::{Existing, RestorePlan, Verdict, VerdictLevel};
use backup_core::restore::{PlannedRestore, RestoreReport, RestoreRequest, RestoredService};
use backup_core::{BackupInfo, Error, ErrorKind, Repository};
use serde::Serialize;
use serde_json::{Value, json};

use super::Outcome;
use crate::arguments::{Restore, Walk};
use crate::environment::environment;
use crate::failure::Failure;
use crate::output::size::{count, size};
use crate::output::table::{Align, Table};
use crate::output::{Output, plain, plain_path, remark, time};
use crate::session::Session;

pub(super) async fn run(arguments: &Restore, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let backup = session.find(&repository, &arguments.backup).await?;
    let plan = request(&repository, &backup, arguments, session)?.plan().await?;
    session.progress.clear();
    if let Some(verdict) = plan.denied() {
        return Err(refused(verdict, arguments));
    }
    let planned = plan_document(&plan);
    if arguments.dry_run {
        let notices = session.progress.notices();
        let document = json!({ "dry_run": true, "id": backup.id, "plan": planned, "notices": notices });
        session.output.result(&document, || plan_text(&plan, &backup, arguments))?;
        return Ok(Outcome::Done);
    }
    if plan.is_destructive() {
        if session.output == Output::Text || session.asks() {
            remark(plan_text(&plan, &backup, arguments).trim_end());
        }
        session.confirm(&question(&plan, arguments)).await?;
    }
    let interrupted =
        |error| Failure::from(error).remedied(ErrorKind::Cancelled, to_continue(arguments.existing.choice()));
    let mut report = plan.execute().await.map_err(interrupted)?;
    session.progress.clear();
    // What was said about the repository itself, too.
    report.notices = session.progress.notices();
    let document = Document { dry_run: false, plan: &planned, report: &report };
    session.output.result(&document, || text(&report, arguments))?;
    Ok(Outcome::Done)
}

fn request(
    repository: &Repository,
    backup: &BackupInfo,
    arguments: &Restore,
    session: &Session,
) -> Result<RestoreRequest, Failure> {
    let request = repository.restore(backup.id);
    let request = match &arguments.target.to {
        Some(directory) => request.to_directory(directory),
        None => {
            let (name, sources) = (&backup.environment, &arguments.sources);
            request.in_place(&environment(name, sources, &Walk::default(), session)?)
        }
    };
    let mut request = request
        .existing(arguments.existing.choice())
        .devices(arguments.devices)
        .cancel(session.interrupt.token());
    if let Some(service) = &arguments.service {
        request = request.service(service);
    }
    for path in &arguments.path {
        request = request.path(path.0.as_slice());
    }
    Ok(request)
}

/// What to do after an interrupt. What it wrote would make the target one that is refused.
fn to_continue(existing: Existing) -> &'static str {
    match existing {
        Existing::Refuse => {
            "run it again with --onto-existing to continue (move away a database that is there already): what is restored is kept"
        }
        Existing::Update | Existing::Mirror => "run it again to continue: what is restored is kept",
    }
}

fn question(plan: &PlannedRestore, arguments: &Restore) -> String {
    let sum = |number: fn(&RestorePlan) -> u64| plan.services().iter().map(|(_, plan)| number(plan)).sum();
    let (overwrite, delete): (u64, u64) = (sum(|plan| plan.overwrite), sum(|plan| plan.delete));
    let mut parts = Vec::new();
    if overwrite > 0 {
        parts.push(format!("overwrite {}", count(overwrite, "entry", "entries")));
    }
    if delete > 0 {
        parts.push(format!("delete {}", count(delete, "entry", "entries")));
    }
    let parts = parts.join(" and ");
    let (first, rest) = parts.split_at(parts.len().min(1));
    format!("{}{rest} {}?", first.to_uppercase(), place("in", arguments))
}

fn plan_text(plan: &PlannedRestore, backup: &BackupInfo, arguments: &Restore) -> String {
    let mut table = Table::new([
        ("SERVICE", Align::Left),
        ("CREATE", Align::Right),
        ("OVERWRITE", Align::Right),
        ("DELETE", Align::Right),
        ("WRITE", Align::Right),
    ]);
    let mut details = String::new();
    for (service, plan) in plan.services() {
        table.row([
            plain(service),
            plan.create.to_string(),
            plan.overwrite.to_string(),
            plan.delete.to_string(),
            size(plan.write_bytes),
        ]);
        for verdict in plan.verdicts.iter().filter(|verdict| verdict.level != VerdictLevel::Allow) {
            let _ = writeln!(details, "{verdict}");
        }
        for example in &plan.examples {
            let _ = writeln!(details, "  {example}");
        }
        let more = (plan.overwrite + plan.delete).saturating_sub(plan.examples.len() as u64);
        if more > 0 {
            let _ = writeln!(details, "  ... and {more} more");
        }
    }
    let environment = plain(&backup.environment);
    let created = time::local(backup.created_at);
    format!("restore of {environment}, {created}, {}\n{}{details}", place("into", arguments), table.text())
}

fn plan_document(plan: &PlannedRestore) -> Vec<Value> {
    let service = |(name, plan): &(String, RestorePlan)| {
        json!({
            "service": name,
            "create": plan.create,
            "overwrite": plan.overwrite,
            "delete": plan.delete,
            "write_bytes": plan.write_bytes,
            "examples": plan.examples,
            "verdicts": plan.verdicts,
        })
    };
    plan.services().iter().map(service).collect()
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    plan: &'a [Value],
    #[serde(flatten)]
    report: &'a RestoreReport,
}

/// The error for a plan that is forbidden, with the flags that would allow it where there are some.
fn refused(verdict: &Verdict, arguments: &Restore) -> Failure {
    let flags = match arguments.existing.choice() {
        Existing::Refuse => " (--onto-existing or --delete-extras)",
        Existing::Update => " (--delete-extras)",
        Existing::Mirror => "",
    };
    // Said by every verdict that flags can change, and by no other.
    let flags = if verdict.remedy.contains("allow the restore") { flags } else { "" };
    let message = format!("{}: {}", verdict.subject, verdict.reason);
    Error::new(ErrorKind::Exists, message).with_remedy(format!("{}{flags}", verdict.remedy)).into()
}

fn text(report: &RestoreReport, arguments: &Restore) -> String {
    let mut text = format!(
        "restored backup {} {} in {}\n",
        report.id,
        place("into", arguments),
        time::duration(report.duration)
    );
    for RestoredService { name, summary: done, .. } in &report.services {
        let mut parts = vec![format!("{} written ({})", done.written, size(done.written_bytes))];
        for (number, what) in
            [(done.unchanged, "unchanged"), (done.deleted, "deleted"), (done.skipped, "left out")]
        {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        let _ = writeln!(text, "  {}: {}", plain(name), parts.join(", "));
    }
    text
}

/// Where it is restored to, after a preposition.
fn place(preposition: &str, arguments: &Restore) -> String {
    match &arguments.target.to {
        Some(directory) => format!("{preposition} {}", plain_path(directory)),
        None => "in place".into(),
    }
}
