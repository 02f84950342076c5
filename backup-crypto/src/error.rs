//! The one error type of this crate.

use std::error::Error as StdError;
use std::fmt;

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and (by [`kind`](Error::kind)) what the caller can do about it.
///
/// The text names the thing, the reason and the remedy and never contains a secret. It does not repeat the
/// [`source`](StdError::source).
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The situations a caller can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The secret that was given opens none of the key slots. Ask for another one.
    WrongKey,
    /// Stored bytes are truncated, altered, or stand where they do not belong. Read another copy of the object,
    /// or report it as damaged.
    Damaged,
    /// The bytes are sound, but need an algorithm, a format version or an amount of memory that this build or
    /// this machine does not have. Use a newer version of the program, or a larger machine.
    Unsupported,
    /// The keys at hand do not include what the call needs. Open the repository with a key slot of a higher
    /// capability, or with one that is newer.
    NotPermitted,
    /// An argument breaks a documented rule. Correct the call.
    Invalid,
    /// The source of randomness failed. Try again; if it keeps failing, repair the machine.
    Random,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub(crate) fn not_permitted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotPermitted, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Reports a failed source of randomness. For implementations of [`Random`](crate::Random).
    pub fn random(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Random, "cannot get random bytes").with_source(source)
    }

    /// The situation, which decides what the caller does.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed when it is made again. Only a failed source of randomness may recover;
    /// everything else in this crate is computed from its arguments.
    pub fn is_retryable(&self) -> bool {
        self.kind == ErrorKind::Random
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
