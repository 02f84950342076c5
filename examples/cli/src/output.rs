//! What goes to stdout: one JSON document for programs, or text for people.

pub(crate) mod damage;
pub(crate) mod notice;
pub(crate) mod piece;
pub(crate) mod progress;
pub(crate) mod size;
pub(crate) mod table;
pub(crate) mod time;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use backup_core::engine::printable_path;
use serde::Serialize;

use crate::failure::Failure;

/// Where a command puts its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Text for people.
    Text,
    /// One document for programs.
    Json,
}

/// Whether somebody still reads stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Listening,
    Gone,
}

impl Output {
    /// What is asked for by `--json` or BACKUP_OUTPUT. Known before the command line is parsed, so that a wrong one is answered
    /// in the form that was asked for.
    pub(crate) fn wanted(typed: &[OsString]) -> Result<Self, Failure> {
        if typed.iter().skip(1).take_while(|argument| *argument != "--").any(|argument| argument == "--json")
        {
            return Ok(Self::Json);
        }
        match std::env::var_os("BACKUP_OUTPUT") {
            None => Ok(Self::Text),
            Some(wanted) if wanted == "json" => Ok(Self::Json),
            Some(wanted) if wanted.is_empty() || wanted == "text" => Ok(Self::Text),
            Some(wanted) => Err(Failure::usage(
                format!("BACKUP_OUTPUT is {wanted:?}, which is no form of output"),
                "set it to json or text, or unset it",
            )),
        }
    }

    /// Prints the result: the text made by `text`, or the document.
    pub(crate) fn result(
        self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self {
            Self::Text => write(text().as_bytes()).map(drop),
            Self::Json => print_document(document),
        }
    }
}

/// Prints a document as text that people can read too.
pub(crate) fn print_document(document: &impl Serialize) -> Result<(), Failure> {
    let mut bytes = serde_json::to_vec_pretty(document)
        .map_err(|error| Failure::io("cannot make the JSON document", error.into()))?;
    bytes.push(b'\n');
    write(&bytes).map(drop)
}

/// Writes to stdout. That its reader has left is no failure: there is just nobody to tell.
pub(crate) fn write(bytes: &[u8]) -> Result<Reader, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::Listening),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::io("cannot write to stdout", error)),
    }
}

/// Tells a person something on stderr that is neither result nor error.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Text from a repository as one line that cannot steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    printable_path(text.as_bytes())
}

/// A path of this machine as one line that cannot steer a terminal.
pub(crate) fn plain_path(path: &Path) -> String {
    printable_path(path.as_os_str().as_bytes())
}

/// A path for programs: its text, and its bytes in hexadecimal when the text alone would not say them.
#[derive(Debug, Serialize)]
pub(crate) struct PathDocument {
    pub(crate) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_bytes: Option<String>,
}

impl From<&[u8]> for PathDocument {
    fn from(path: &[u8]) -> Self {
        match std::str::from_utf8(path) {
            Ok(text) => Self { path: text.to_owned(), path_bytes: None },
            Err(_) => Self { path: printable_path(path), path_bytes: Some(hex::encode(path)) },
        }
    }
}
