//! Where a storage is, as people write it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use url::Url;

use crate::{Error, ErrorKind, ObjectStorage, Result, Storage};

/// The place of a storage, parsed but not yet opened.
///
/// | written | means |
/// |---|---|
/// | `/srv/backups`, `backups`, `./a:b` | a directory; a relative one is taken from the current directory when opened |
/// | `file:///srv/backups` | the same directory as a URL, where `%20` is a space |
/// | `memory:` | memory of this process; each opening is another, empty one |
///
/// ```
/// use backup_storage::Location;
///
/// let location: Location = "file:///srv/my%20backups".parse()?;
/// assert_eq!(location.to_string(), "/srv/my backups");
/// assert!("ftp://example.org/backups".parse::<Location>().is_err());
/// # Ok::<(), backup_storage::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location(Place);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Local(PathBuf),
    Memory,
}

impl Location {
    /// Parses what a person wrote.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for an unknown scheme or a malformed URL, [`Unsupported`](ErrorKind::Unsupported) for an
    /// object store that is not built in. No error repeats what may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        match scheme(text) {
            None if text.is_empty() => {
                Err(invalid("the empty location", format!("name a directory or a URL; {SCHEMES}")))
            }
            None => Ok(Self::local(text)),
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "memory" if rest.is_empty() => Ok(Self(Place::Memory)),
                "memory" => Err(invalid("a memory: location", "nothing may follow; write `memory:`")),
                "file" => Ok(Self(Place::Local(file_path(text, rest)?))),
                "s3" | "gs" | "gcs" | "az" | "azure" => {
                    Err(Error::new(ErrorKind::Unsupported, "open", format!("{scheme}: locations"))
                        .because(format!("they are not built in yet; {SCHEMES}")))
                }
                _ => Err(invalid(
                    format!("a location with the scheme `{scheme}`"),
                    format!(
                        "there is no such scheme; {SCHEMES}; for a directory with a colon write ./ before it"
                    ),
                )),
            },
        }
    }

    /// A directory, whatever its name looks like.
    pub fn local(directory: impl Into<PathBuf>) -> Self {
        Self(Place::Local(directory.into()))
    }

    /// The directory, if it is one on this machine.
    pub fn as_local(&self) -> Option<&Path> {
        match &self.0 {
            Place::Local(directory) => Some(directory),
            Place::Memory => None,
        }
    }

    /// Opens the storage. A missing directory is no error: it is made at the first put.
    ///
    /// # Errors
    /// Those of [`ObjectStorage::local`].
    pub fn open(&self) -> Result<Arc<dyn Storage>> {
        Ok(match &self.0 {
            Place::Local(directory) => Arc::new(ObjectStorage::local(directory)?),
            Place::Memory => Arc::new(ObjectStorage::memory()),
        })
    }
}

const SCHEMES: &str = "there are file:///path, /path and memory:";

/// What stands before the colon, if it is a scheme, and the rest.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let valid = bytes.next()?.is_ascii_alphabetic()
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    valid.then_some((scheme, rest))
}

fn file_path(text: &str, rest: &str) -> Result<PathBuf> {
    let wrong =
        || invalid("a file: location", "it must have the form file:///path, with %23 and %3F for # and ?");
    if !rest.starts_with("///") {
        return Err(wrong());
    }
    let url = Url::parse(text).map_err(|error| wrong().caused_by(error))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong());
    }
    url.to_file_path().map_err(|()| wrong())
}

fn invalid(subject: impl fmt::Display, reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, "open", subject).because(reason)
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Local(directory) => fmt::Display::fmt(&directory.display(), f),
            Place::Memory => f.write_str("memory:"),
        }
    }
}
