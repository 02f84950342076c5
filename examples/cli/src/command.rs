//! The commands, one file each.

mod cat;
mod check;
mod completions;
mod create;
mod delete;
mod diff;
mod environments;
mod forget;
mod init;
mod list;
mod ls;
mod note;
mod policy;
mod prune;
mod restore;
mod runs;
mod show;
mod stats;
mod verify;

use crate::arguments::Command;
use crate::failure::{FAILED, Failure};
use crate::output::{Output, notice};
use crate::session::Session;

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Done,
    /// It is done, and a person should look at the warnings.
    Warnings,
    /// It is done, and what it looked at is damaged.
    Damage,
}

impl Outcome {
    pub(crate) fn exit(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Damage => FAILED,
            Self::Warnings => 3,
        }
    }
}

/// Runs a command, then says what a person should know about it.
pub(crate) async fn run(command: &Command, session: &Session) -> Result<Outcome, Failure> {
    let outcome = dispatch(command, session).await;
    session.progress.clear();
    let notices = session.progress.notices();
    if session.output == Output::Text && !session.progress.is_for_programs() {
        notice::print(&notices);
    }
    match outcome? {
        Outcome::Done if notice::has_warnings(&notices) => Ok(Outcome::Warnings),
        outcome => Ok(outcome),
    }
}

async fn dispatch(command: &Command, session: &Session) -> Result<Outcome, Failure> {
    match command {
        Command::Init => init::run(session).await,
        Command::Create(arguments) => create::run(arguments, session).await,
        Command::List(arguments) => list::run(arguments, session).await,
        Command::Environments => environments::run(session).await,
        Command::Runs(arguments) => runs::run(arguments, session).await,
        Command::Show(arguments) => show::run(arguments, session).await,
        Command::Ls(arguments) => ls::run(arguments, session).await,
        Command::Cat(arguments) => cat::run(arguments, session).await,
        Command::Diff(arguments) => diff::run(arguments, session).await,
        Command::Restore(arguments) => restore::run(arguments, session).await,
        Command::Hold(arguments) => note::hold(arguments, session).await,
        Command::Tag(arguments) => note::tag(arguments, session).await,
        Command::Comment(arguments) => note::comment(arguments, session).await,
        Command::Convert(arguments) => note::convert(arguments, session).await,
        Command::Forget(arguments) => forget::run(arguments, session).await,
        Command::Delete(arguments) => delete::run(arguments, session).await,
        Command::Undelete(arguments) => delete::undo(arguments, session).await,
        Command::Prune(arguments) => prune::run(arguments, session).await,
        Command::Stats(arguments) => stats::run(arguments, session).await,
        Command::Verify(arguments) => verify::run(arguments, session).await,
        Command::Check(arguments) => check::run(arguments, session).await,
        Command::Policy(question) => policy::run(question, session).await,
        Command::Completions { shell } => completions::run(*shell, session),
    }
}
