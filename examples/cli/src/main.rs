//! `backup`: the command line over the library, as an example of a host and as a tool of its own.
//!
//! Everything it can do, its JSON documents and its exit codes are described in its README.

mod arguments;
mod command;
mod config;
mod environment;
mod expiry;
mod failure;
mod gate;
mod interrupt;
mod output;
mod passphrase;
mod session;
mod terminal;
mod text_file;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind as Clap;
use serde_json::json;

use arguments::Arguments;
use command::Outcome;
use failure::{FAILED, Failure};
use output::Output;
use session::Session;

fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let output = match Output::wanted(&typed) {
        Ok(output) => output,
        Err(failure) => return report(&failure, Output::Text),
    };
    let arguments = match Arguments::try_parse_from(&typed) {
        Ok(arguments) => arguments,
        Err(answer) => return answer_without_running(&answer, output),
    };
    match run(&arguments, output) {
        Ok(outcome) => ExitCode::from(outcome.exit()),
        Err(failure) => report(&failure, output),
    }
}

fn run(arguments: &Arguments, output: Output) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| Failure::io("cannot start the threads that do the work", error))?;
    let outcome = runtime.block_on(async {
        let session = Session::begin(&arguments.global, output)?;
        command::run(&arguments.command, &session).await
    });
    // A question that nobody answered may still wait for its line: it ends with the process.
    runtime.shutdown_background();
    outcome
}

/// Threads for files, storage and compression. More do not make it faster, and each keeps memory of its own.
const BLOCKING_THREADS: usize = 4;

fn report(failure: &Failure, output: Output) -> ExitCode {
    let code = ExitCode::from(failure.exit());
    match output {
        Output::Text => failure.print(),
        Output::Json => {
            if let Err(lost) = output::print_document(&json!({ "error": failure.document() })) {
                lost.print();
            }
        }
    }
    code
}

/// What clap has to say: help, the version, or what is wrong with the command line.
fn answer_without_running(answer: &clap::Error, output: Output) -> ExitCode {
    let printed = match (answer.kind(), output) {
        (Clap::DisplayVersion, _) => return print_version(output),
        (Clap::DisplayHelp, _) => answer.print(),
        (_, Output::Json) => return report(&wrong_usage(answer), output),
        (_, Output::Text) => {
            let _ = answer.print();
            return ExitCode::from(failure::USAGE);
        }
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

/// The same after every command; clap would name each command a program.
fn print_version(output: Output) -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    let document = json!({ "program": "backup", "version": version });
    match output.result(&document, || format!("backup {version}\n")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(lost) => report(&lost, Output::Text),
    }
}

fn wrong_usage(answer: &clap::Error) -> Failure {
    let rendered = answer.render().to_string();
    let about = match answer.kind() {
        Clap::DisplayHelpOnMissingArgumentOrSubcommand | Clap::MissingSubcommand => "no command was given",
        _ => rendered.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ").trim(),
    };
    Failure::usage(about, "see --help")
}
