//! What is backed up: databases and folders, each a service with a name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

/// The services that flags name.
#[derive(Debug, Args)]
pub(crate) struct Sources {
    /// The SQLite database in FILE is the service NAME; may be given several times
    #[arg(long, value_name = "NAME=FILE", value_parser = OsStringValueParser::new().try_map(named_file))]
    pub(crate) sqlite: Vec<NamedPath>,
    /// The folder FOLDER is the service NAME; may be given several times
    #[arg(long, value_name = "NAME=FOLDER", value_parser = OsStringValueParser::new().try_map(named_folder))]
    pub(crate) files: Vec<NamedPath>,
}

impl Sources {
    pub(crate) fn is_empty(&self) -> bool {
        self.sqlite.is_empty() && self.files.is_empty()
    }
}

/// A path and the service that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) service: String,
    pub(crate) path: PathBuf,
}

fn named_folder(text: OsString) -> Result<NamedPath, String> {
    named(text, "folder", "NAME=FOLDER, for example uploads=./uploads")
}

fn named_file(text: OsString) -> Result<NamedPath, String> {
    named(text, "file", "NAME=FILE, for example db=./shop.db")
}

fn named(text: OsString, what: &str, form: &str) -> Result<NamedPath, String> {
    let bytes = text.into_vec();
    let equals = bytes
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or_else(|| format!("the name of the service is missing: write {form}"))?;
    let (service, path) = (&bytes[..equals], &bytes[equals + 1..]);
    if path.is_empty() {
        return Err(format!("the {what} is missing: write {form}"));
    }
    let service = std::str::from_utf8(service)
        .map_err(|_| "the name of the service is not UTF-8: choose another name".to_owned())?;
    Ok(NamedPath { service: service.to_owned(), path: PathBuf::from(OsStr::from_bytes(path)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_hold_an_equals_sign_and_bytes_that_are_not_text() {
        let text = OsString::from_vec(b"up=./a=\xff".to_vec());
        let found = named_folder(text).expect("a name and a folder");
        assert_eq!(found.service, "up");
        assert_eq!(found.path.as_os_str().as_bytes(), b"./a=\xff");
        assert!(named_folder("uploads".into()).is_err());
        assert!(named_file("db=".into()).is_err_and(|reason| reason.contains("the file is missing")));
    }
}
