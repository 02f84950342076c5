//! `backup policy`: what policies keep and when schedules run, without a repository.

mod eval;
mod explain;
mod history;
mod lint;
mod next;
mod plan;
mod presets;
mod preview;
mod simulate;
mod timeline;

use backup_core::policy::{self, ErrorKind as Kind, Zone};
use backup_core::{Clock as _, Error, ErrorKind, SystemClock};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Outcome;
use crate::arguments::{Now, Policy};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// Answers on a thread of its own, so that an interrupt ends a long simulation, or waiting for stdin.
pub(super) async fn run(question: &Policy, session: &Session) -> Result<Outcome, Failure> {
    let (question, output) = (question.clone(), session.output);
    let answer = tokio::task::spawn_blocking(move || answer(&question, output));
    let ended = session.interrupt.ends(answer).await?;
    ended.map_err(|error| Failure::io("the question cannot be answered", error.into()))?
}

fn answer(question: &Policy, output: Output) -> Result<Outcome, Failure> {
    match question {
        Policy::Explain(arguments) => explain::run(arguments, output),
        Policy::Preview(arguments) => preview::run(arguments, output),
        Policy::Lint(arguments) => lint::run(arguments, output),
        Policy::Next(arguments) => next::run(arguments, output),
        Policy::Simulate(arguments) => simulate::run(arguments, output),
        Policy::Presets { preset } => presets::run(preset.as_ref(), output),
        Policy::Eval { file } => eval::run(file),
    }
}

impl Now {
    /// The instant that is asked about.
    fn get(&self) -> DateTime<Utc> {
        self.now.unwrap_or_else(|| SystemClock::default().now())
    }
}

/// What cannot be answered, because of what was given.
fn refused(what: &str, error: policy::Error) -> Failure {
    let remedy = match error.kind() {
        Kind::InvalidPolicy => "correct the policy",
        Kind::InvalidSchedule => "correct the schedule",
        Kind::UnknownZone => "use the IANA name of a time zone",
        Kind::DuplicateId => "give each backup an id of its own",
        Kind::Outdated => "look at the preview as it is now, and confirm that",
        _ => "correct the value",
    };
    Error::new(ErrorKind::Invalid, what.to_owned()).with_remedy(remedy).with_source(error).into()
}

/// An instant as the clocks of a policy show it, for people. The zone of the machine does not matter to any of this.
fn local(zone: &Zone, instant: DateTime<Utc>) -> String {
    zone.local(instant).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// A date of a policy, for people.
fn date(zone: &Zone, instant: DateTime<Utc>) -> String {
    zone.local(instant).format("%Y-%m-%d").to_string()
}

/// Something of the library in its JSON form, with what it says to people as `text`.
#[derive(Debug, Serialize)]
struct Worded<T> {
    #[serde(flatten)]
    it: T,
    text: String,
}

impl<T: ToString> From<T> for Worded<T> {
    fn from(it: T) -> Self {
        Self { text: it.to_string(), it }
    }
}
