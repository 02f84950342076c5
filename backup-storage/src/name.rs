//! The name of an object: a relative path of plain segments that every storage can hold unchanged.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Error, ErrorKind};

/// The validated name of an object, such as `packs/3f/3f9c-07`.
///
/// A name is one or more segments separated by `/`. A segment has 1 to 200 bytes of `0-9`, `a-z`, `.` and `-`, and
/// does not start with a dot (so there is no `.`, no `..`, and no hidden file of a file system). The whole has at
/// most 1024 bytes. A name is never both an object and a folder of others: where `a/b` exists, do not create `a`.
///
/// Cloning is cheap. Names order bytewise.
///
/// ```
/// use backup_storage::Name;
///
/// let name: Name = "packs/3f/3f9c-07".parse()?;
/// assert_eq!(name.as_str(), "packs/3f/3f9c-07");
/// assert!("../etc/passwd".parse::<Name>().is_err());
/// # Ok::<(), backup_storage::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The most bytes a name may have.
    pub const MAX_BYTES: usize = 1024;

    /// The most bytes a segment of a name may have.
    pub const MAX_SEGMENT_BYTES: usize = 200;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, first to last; there is at least one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

/// Whether `segment` may be part of a name.
pub(crate) fn is_segment(segment: &str) -> bool {
    (1..=Name::MAX_SEGMENT_BYTES).contains(&segment.len())
        && !segment.starts_with('.')
        && segment.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-'))
}

/// Checks what a listing is asked for: nothing, or what could be a name.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Error> {
    if prefix.is_empty() { Ok(()) } else { check(prefix, "list") }
}

fn check(text: &str, operation: &'static str) -> Result<(), Error> {
    if text.len() <= Name::MAX_BYTES && text.split('/').all(is_segment) {
        return Ok(());
    }
    let shown: String = text.escape_debug().take(80).collect();
    let shown = if shown.is_empty() { "the empty name".to_owned() } else { format!("`{shown}`") };
    Err(Error::new(ErrorKind::Invalid, operation, shown).because(
        "this is no name of an object; use segments of 1 to 200 characters from 0-9 a-z . - that start with no dot, \
         separated by single slashes, at most 1024 in all",
    ))
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        check(text, "name")?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<&str> for Name {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        check(&text, "name")?;
        Ok(Self(text.into()))
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
