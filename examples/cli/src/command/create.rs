//! `backup create`: backs up an environment.

mod overlap;

use std::fmt::Write as _;
use std::path::Path;

use backup_core::engine::Preflight;
use backup_core::{BackupReport, Environment, ErrorKind, check_environment_name, check_service_name};
use backup_engines::Files;
use serde::Serialize;
use serde_json::{Value, json};

use self::overlap::{Overlap, overlap};
use super::Outcome;
use crate::arguments::Create;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::size::{count, size};
use crate::output::{plain, plain_path, remark, time};
use crate::session::Session;

pub(super) async fn run(arguments: &Create, session: &Session) -> Result<Outcome, Failure> {
    // Before anybody is asked for a passphrase.
    check_names(arguments)?;
    let environment = environment(arguments, &session.config, session)?;
    let repository = session.open().await?;
    let mut request = repository.backup(&environment).program(PROGRAM).cancel(session.interrupt.token());
    if let Some(comment) = &arguments.comment {
        request = request.comment(comment);
    }
    for tag in &arguments.tag {
        request = request.tag(tag);
    }
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
    let document = Document { dry_run: false, report: &report };
    session.output.result(&document, || text(&report))?;
    Ok(Outcome::Done)
}

const TO_CONTINUE: &str = "run it again to continue: what was stored is used";

const PROGRAM: &str = concat!("backup ", env!("CARGO_PKG_VERSION"));

fn check_names(arguments: &Create) -> Result<(), Failure> {
    check_environment_name(&arguments.environment)?;
    arguments.files.iter().try_for_each(|named| check_service_name(&named.service))?;
    Ok(())
}

/// The environment of the command line: what the configuration says about it, then what the flags add.
fn environment(arguments: &Create, config: &Config, session: &Session) -> Result<Environment, Failure> {
    let name = &arguments.environment;
    let mut environment = Environment::new(name);
    let configured = config.environments.get(name);
    if let Some(table) = configured {
        for (name, value) in &table.facts {
            environment = environment.fact(name, value);
        }
        for (name, service) in &table.services {
            let files = Options {
                exclude: &service.exclude,
                include: &service.include,
                one_file_system: service.one_file_system,
            };
            environment = environment.service(name, files.tree(&config.path(&service.files), session)?);
        }
    }
    for named in &arguments.files {
        let files =
            Options { exclude: &arguments.exclude, include: &[], one_file_system: arguments.one_file_system };
        environment = environment.service(&named.service, files.tree(&named.folder, session)?);
    }
    if configured.is_none() && arguments.files.is_empty() {
        return Err(Failure::usage(
            format!("nothing says what the environment \"{}\" consists of", plain(name)),
            "name folders with --files NAME=FOLDER, or the environment in the file of --config",
        ));
    }
    Ok(environment)
}

/// How a folder is read.
struct Options<'a> {
    exclude: &'a [String],
    include: &'a [String],
    one_file_system: bool,
}

impl Options<'_> {
    fn tree(&self, folder: &Path, session: &Session) -> Result<Files, Failure> {
        let mut files = Files::tree(folder);
        for pattern in self.exclude {
            files = files.exclude(pattern);
        }
        for pattern in self.include {
            files = files.include(pattern);
        }
        match session.directory().map_or(Overlap::None, |repository| overlap(&repository, folder)) {
            Overlap::None => {}
            Overlap::Inside(pattern) => {
                remark(&format!("the repository lies in {} and is left out of it", plain_path(folder)));
                files = files.exclude(pattern);
            }
            Overlap::Swallowed => {
                return Err(Failure::usage(
                    format!("{} is the repository, or lies in it", plain_path(folder)),
                    "back up another folder, or keep the backups elsewhere",
                ));
            }
        }
        Ok(if self.one_file_system { files.one_file_system() } else { files })
    }
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    #[serde(flatten)]
    report: &'a BackupReport,
}

fn text(report: &BackupReport) -> String {
    format!(
        "made backup {} of {}\n  {}, {}; {} unchanged\n  read {}, stored {}, in {}\n",
        report.id,
        plain(&report.environment),
        count(report.entries, "entry", "entries"),
        size(report.logical_bytes),
        report.unchanged_entries,
        size(report.read_bytes),
        size(report.stored_bytes),
        time::duration(report.duration),
    )
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
