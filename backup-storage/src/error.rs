//! What can go wrong with a storage, sorted by what the caller does about it.

use std::fmt;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The result of a storage operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed storage operation: what was attempted, on what, why it failed and what helps.
///
/// Its text leaves out the [source](std::error::Error::source), which is the next link of the chain.
/// Decide by [`kind`](Self::kind) or [`is_retryable`](Self::is_retryable), never by the text.
pub struct Error(Box<Detail>);

struct Detail {
    kind: ErrorKind,
    operation: &'static str,
    subject: String,
    reason: Option<String>,
    source: Option<Source>,
}

/// What the caller does about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such object. Look for it elsewhere, or report what needs it as damaged.
    NotFound,
    /// An object of this name exists. It says nothing about who made it: read it back, as
    /// [`StorageExt::create`](crate::StorageExt::create) does.
    AlreadyExists,
    /// An object of this name with other content exists, and stays. Choose another name, or give up.
    Conflict,
    /// Whether the object was stored, and stored durably, could not be found out. Create it again, which
    /// settles it; never take it for either.
    Unknown,
    /// The storage refuses access. Have its permissions or credentials changed.
    Permission,
    /// No space, no quota, or a file size limit. Free space, then try again.
    Full,
    /// The storage gave no answer or asked for patience. Try again later.
    Unavailable,
    /// The storage cannot do this at all. Use another storage.
    Unsupported,
    /// The name, range, prefix or location, or what stands in its place, is not acceptable. Correct it.
    Invalid,
    /// Any other failure, such as a broken disk. Report it with its sources.
    Other,
}

impl Error {
    /// An error of `kind` from an `operation` (a verb such as `"read"`) on `subject` (an object's name or a location).
    pub fn new(kind: ErrorKind, operation: &'static str, subject: impl fmt::Display) -> Self {
        let subject = subject.to_string();
        Self(Box::new(Detail { kind, operation, subject, reason: None, source: None }))
    }

    /// Replaces the reason that the kind implies. It names the reason and the remedy, and no secret.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What the caller does about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Unknown)
    }

    /// The verb of what was attempted, such as `"read"`.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The name of the object, or the location, that the operation was about.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }
}

impl Detail {
    fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or(match self.kind {
            ErrorKind::NotFound => "there is no such object",
            ErrorKind::AlreadyExists => "an object of this name exists already",
            ErrorKind::Conflict => "an object of this name with other content exists; it was left as it is",
            ErrorKind::Unknown => "whether it was stored could not be found out; try again",
            ErrorKind::Permission => {
                "access is denied; let the account of this process read and write the storage"
            }
            ErrorKind::Full => "the storage is full; free space, or raise the quota or the file size limit",
            ErrorKind::Unavailable => "the storage does not answer; try again later",
            ErrorKind::Unsupported => "this storage cannot do it; use another one",
            ErrorKind::Invalid => "the request is not acceptable",
            ErrorKind::Other => "the storage failed",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.0.operation, self.0.subject, self.0.reason())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.to_string())
            .field("source", &self.0.source)
            .finish()
    }
}
