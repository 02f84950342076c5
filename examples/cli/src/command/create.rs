//! `backup create`: backs up an environment.

use std::fmt::Write as _;

use backup_core::engine::Preflight;
use backup_core::{
    BackupReport, BackupRequest, Consistency, ErrorKind, LeftOut, ServiceInfo, check_environment_name,
    check_service_name,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::Outcome;
use super::show::consistency;
use crate::arguments::{Create, Sources};
use crate::environment::environment;
use crate::failure::Failure;
use crate::output::size::{count, size};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(arguments: &Create, session: &Session) -> Result<Outcome, Failure> {
    // Before anybody is asked for a passphrase.
    check_names(arguments)?;
    let environment = environment(&arguments.environment, &arguments.sources, &arguments.walk, session)?;
    let environment = arguments.fact.iter().fold(environment, |whole, (name, value)| whole.fact(name, value));
    let repository = session.open().await?;
    let request = repository.backup(&environment).program(PROGRAM).cancel(session.interrupt.token());
    let request = described(request, arguments);
    if arguments.dry_run {
        let services = session.interrupt.ends(request.preflight()).await??;
        session.output.result(&preview_document(&services, session), || preview_text(&services))?;
        return Ok(Outcome::Done);
    }
    let interrupted = |error| Failure::from(error).remedied(ErrorKind::Cancelled, TO_CONTINUE);
    let mut report = request.await.map_err(interrupted)?;
    session.progress.clear();
    // What was said about the repository itself, too.
    report.notices = session.progress.notices();
    // The backup is there, whether or not it can be read just now.
    let made = session.interrupt.ends(repository.find(&report.id.to_string())).await;
    let services = made.ok().and_then(Result::ok).map(|made| made.services).unwrap_or_default();
    let document = Document { dry_run: false, report: &report, services: &services };
    session.output.result(&document, || text(&report, &services))?;
    let failed = report.left_out.iter().any(|service| service.failure.is_some());
    Ok(if failed { Outcome::Warnings } else { Outcome::Done })
}

const TO_CONTINUE: &str = "run it again to continue: what was stored is used";

const PROGRAM: &str = concat!("backup ", env!("CARGO_PKG_VERSION"));

fn check_names(arguments: &Create) -> Result<(), Failure> {
    check_environment_name(&arguments.environment)?;
    let Sources { sqlite, files } = &arguments.sources;
    sqlite.iter().chain(files).try_for_each(|named| check_service_name(&named.service))?;
    Ok(())
}

/// The request with all that flags say about the backup.
fn described(mut request: BackupRequest, arguments: &Create) -> BackupRequest {
    for kind in &arguments.kind {
        request = request.kind(kind.clone());
    }
    for tag in &arguments.tag {
        request = request.tag(tag);
    }
    if let Some(comment) = &arguments.comment {
        request = request.comment(comment);
    }
    if let Some(name) = &arguments.created_by {
        request = request.created_by(name);
    }
    if !arguments.only.is_empty() {
        request = request.only(&arguments.only);
    }
    if arguments.live {
        request = request.live();
    }
    if arguments.partial { request.partial() } else { request }
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    #[serde(flatten)]
    report: &'a BackupReport,
    services: &'a [ServiceInfo],
}

fn text(report: &BackupReport, services: &[ServiceInfo]) -> String {
    let mut text = format!(
        "made backup {} of {}\n  {}, {}, {}; {} unchanged\n  read {}, stored {}, in {}\n",
        report.id,
        plain(&report.environment),
        count(report.files, "file", "files"),
        count(report.entries, "entry", "entries"),
        size(report.logical_bytes),
        report.unchanged_entries,
        size(report.read_bytes),
        size(report.stored_bytes),
        time::duration(report.duration),
    );
    let held = match report.consistency {
        Consistency::Frozen => format!("the application was held for {}", time::duration(report.pause)),
        _ => format!("services show points within {}", time::duration(report.gap)),
    };
    let _ = writeln!(text, "  {}: {held}", consistency(report.consistency));
    for service in services {
        let _ = writeln!(text, "  {}: frozen in {}", plain(&service.name), time::duration(service.pause));
    }
    for LeftOut { name, failure, .. } in &report.left_out {
        let why = failure
            .as_deref()
            .map_or_else(|| "on purpose".into(), |reason| format!("it failed: {}", plain(reason)));
        let _ = writeln!(text, "  left out {}: {why}", plain(name));
    }
    text
}

fn preview_document(services: &[(String, Preflight)], session: &Session) -> Value {
    let service = |(name, found): &(String, Preflight)| {
        json!({
            "name": name,
            "facts": found.facts,
            "size_estimate": found.size_estimate,
            "verdicts": found.verdicts,
        })
    };
    let services: Vec<Value> = services.iter().map(service).collect();
    json!({ "dry_run": true, "services": services, "notices": session.progress.notices() })
}

fn preview_text(services: &[(String, Preflight)]) -> String {
    let mut text = String::from("these services can be backed up; nothing was stored\n");
    for (name, found) in services {
        let estimate =
            found.size_estimate.map(|bytes| format!(", about {}", size(bytes))).unwrap_or_default();
        let _ = writeln!(text, "  {}{estimate}", plain(name));
        for (fact, value) in &found.facts {
            let _ = writeln!(text, "    {} = {value}", plain(fact));
        }
        for verdict in &found.verdicts {
            let _ = writeln!(text, "    {verdict}");
        }
    }
    text
}
