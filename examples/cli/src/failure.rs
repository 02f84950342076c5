//! Why a command did not do what it was asked, and the exit code for it.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use backup_core::{Error, ErrorKind};
use serde::Serialize;

/// What went wrong: shown to people as lines on stderr, to programs as a JSON document on stdout.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
    causes: Vec<String>,
    remedy: String,
    exit: u8,
}

pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const INTERRUPTED: u8 = 130;

/// What to do about an interrupt, unless the command knows better.
const AGAIN: &str = "run it again when you are ready";

/// The `error` member of a document.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorDocument {
    kind: &'static str,
    message: String,
    remedy: String,
}

impl Failure {
    /// The command line is wrong, or something that only a person can give is missing.
    pub(crate) fn usage(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            kind: "usage",
            message: message.into(),
            causes: Vec::new(),
            remedy: remedy.into(),
            exit: USAGE,
        }
    }

    /// A file or stream of the command line itself cannot be read or written.
    pub(crate) fn io(what: impl std::fmt::Display, error: io::Error) -> Self {
        Error::io(what, error).into()
    }

    /// A file that somebody named on the command line cannot be read.
    pub(crate) fn unreadable(what: impl std::fmt::Display, error: io::Error) -> Self {
        let error = Error::io(what, error);
        match error.kind() {
            ErrorKind::Permission => error.into(),
            _ => error.with_remedy("check the path").into(),
        }
    }

    /// A person, or a signal, ended the command.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Cancelled.as_str(),
            message: message.into(),
            causes: Vec::new(),
            remedy: AGAIN.into(),
            exit: INTERRUPTED,
        }
    }

    /// The same with a remedy that fits better, if it is of this kind.
    #[must_use]
    pub(crate) fn remedied(mut self, kind: ErrorKind, remedy: &str) -> Self {
        if self.kind == kind.as_str() {
            self.remedy = remedy.into();
        }
        self
    }

    pub(crate) fn exit(&self) -> u8 {
        self.exit
    }

    /// For programs. The message holds the causes too, as there is no other place for them.
    pub(crate) fn document(&self) -> ErrorDocument {
        let mut message = self.message.clone();
        for cause in &self.causes {
            let _ = write!(message, ": {cause}");
        }
        ErrorDocument { kind: self.kind, message, remedy: self.remedy.clone() }
    }

    /// For people. A stderr that is gone is nobody who could be told.
    pub(crate) fn print(&self) {
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "error: {}", self.message);
        for cause in &self.causes {
            let _ = writeln!(stderr, "cause: {cause}");
        }
        let _ = writeln!(stderr, "remedy: {}", self.remedy);
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let (exit, remedy) = match error.kind() {
            ErrorKind::Cancelled => (INTERRUPTED, AGAIN),
            ErrorKind::Invalid => (USAGE, error.remedy()),
            _ => (FAILED, error.remedy()),
        };
        Self {
            kind: error.kind().as_str(),
            message: error.to_string(),
            causes,
            remedy: remedy.to_owned(),
            exit,
        }
    }
}
