//! `backup completions`: a completion script for a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use super::Outcome;
use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::session::Session;

pub(super) fn run(shell: Shell, session: &Session) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "backup", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    session.output.result(&json!({ "shell": shell.to_string(), "script": script }), || script.clone())?;
    Ok(Outcome::Done)
}
