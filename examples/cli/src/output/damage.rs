//! What `verify` and `check` found.

use std::fmt::Write as _;

use backup_core::{Error, ErrorKind, Notice, Problem};
use serde::Serialize;

use super::{Output, plain, print_document, size::count, write};
use crate::command::Outcome;
use crate::failure::{ErrorDocument, Failure};
use crate::session::Session;

/// Prints a report, and the error if it lists problems: damage that was found is a failure, with all that is known about it.
pub(crate) fn result(
    session: &Session,
    report: &impl Serialize,
    problems: &[Problem],
    remedy: &'static str,
    text: impl FnOnce() -> String,
) -> Result<Outcome, Failure> {
    session.progress.clear();
    let failure = failure(problems, remedy);
    match session.output {
        Output::Json => print_document(&Document {
            error: failure.as_ref().map(Failure::document),
            sound: failure.is_none(),
            report,
            notices: session.progress.notices(),
        })?,
        Output::Text => {
            write(text().as_bytes())?;
            failure.iter().for_each(Failure::print);
        }
    }
    Ok(if problems.is_empty() { Outcome::Done } else { Outcome::Damage })
}

#[derive(Serialize)]
struct Document<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDocument>,
    sound: bool,
    #[serde(flatten)]
    report: &'a T,
    notices: Vec<Notice>,
}

/// Problems as lines.
pub(crate) fn text(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let _ = writeln!(text, "damaged: {}: {}", plain(&problem.object), plain(&problem.message));
        for backup in &problem.backups {
            let _ = writeln!(text, "  affects backup {backup}");
        }
    }
    text
}

/// The failure that problems are, if there are any.
pub(crate) fn failure(problems: &[Problem], remedy: &'static str) -> Option<Failure> {
    let number = u64::try_from(problems.len()).unwrap_or(u64::MAX);
    (number > 0).then(|| {
        let message = format!("{} found", count(number, "problem", "problems"));
        Error::new(ErrorKind::Damaged, message).with_remedy(remedy).into()
    })
}
