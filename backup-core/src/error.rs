//! The one error of this crate.

use std::borrow::Cow;
use std::fmt;

/// What went wrong and what to do about it.
///
/// [`Display`](fmt::Display) names the thing and the reason, without the cause underneath it, which
/// [`source`](std::error::Error::source) gives; [`remedy`](Self::remedy) says what to do.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    remedy: Option<Cow<'static, str>>,
    retryable: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller must do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request makes no sense as it stands (a bad name, an ambiguous id): change it.
    Invalid,
    /// What was asked for does not exist (repository, backup, service, path): look at what there is.
    NotFound,
    /// Something is already there (a repository, files in a target): choose another place or say that it may be changed.
    Exists,
    /// No key slot of the repository opens with the key given: give the right one.
    WrongKey,
    /// A file, a storage or a key does not permit this: change the rights, or who runs it.
    Permission,
    /// The repository or the backup needs something that this version does not know: use a newer version.
    Unsupported,
    /// Stored bytes are missing or not what was written: run a check, restore another backup, repair from a copy.
    Damaged,
    /// No space is left where something had to be written: make room, then run it again.
    Full,
    /// A service, storage or file could not be read or written now: try again, then look at the cause.
    Unavailable,
    /// The caller cancelled: nothing to do, the repository is sound.
    Cancelled,
}

impl ErrorKind {
    /// The kind as a stable lower-case word, for machine-readable output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Exists => "exists",
            Self::WrongKey => "wrong_key",
            Self::Permission => "permission",
            Self::Unsupported => "unsupported",
            Self::Damaged => "damaged",
            Self::Full => "full",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Invalid => "correct the request",
            Self::NotFound => "list what there is and choose from it",
            Self::Exists => "choose another place, or say that what is there may be changed",
            Self::WrongKey => "give the passphrase or key of one of the repository's key slots",
            Self::Permission => "grant the missing rights, or run as a user who has them",
            Self::Unsupported => "use a newer version of this software",
            Self::Damaged => "run a check, restore another backup, or bring the object back from a copy",
            Self::Full => "make room, then run it again",
            Self::Unavailable => "try again; if it stays, look at the cause below",
            Self::Cancelled => "run it again",
        }
    }
}

impl Error {
    /// An error of a kind with a message that names the thing and the reason.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable = matches!(kind, ErrorKind::Unavailable | ErrorKind::Full);
        Self(Box::new(Inner { kind, message: message.into(), remedy: None, retryable, source: None }))
    }

    /// The same error with a remedy that fits better than the kind's general one.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// A new error around this one: same kind, remedy and retryability, a message that says what was being done.
    #[must_use]
    pub fn context(self, message: impl Into<String>) -> Self {
        let (kind, retryable, remedy) = (self.0.kind, self.0.retryable, self.0.remedy.clone());
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            remedy,
            retryable,
            source: Some(Box::new(self)),
        }))
    }

    /// What the caller must do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later without any change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// What to do about it, as an imperative without a final full stop.
    #[must_use]
    pub fn remedy(&self) -> &str {
        self.0.remedy.as_deref().unwrap_or_else(|| self.0.kind.remedy())
    }

    /// The whole chain in one line: this message and each cause, separated by colons.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// An I/O error about something that has a name.
    #[must_use]
    pub fn io(what: impl fmt::Display, error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Permission,
            Io::AlreadyExists | Io::DirectoryNotEmpty => ErrorKind::Exists,
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::Full,
            Io::InvalidFilename | Io::InvalidInput => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Self::new(kind, what.to_string()).with_source(error)
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// An error that says what another crate's error says, so that its text stands in the chain once.
    fn adopt(kind: ErrorKind, error: &dyn std::error::Error) -> Self {
        let own = Self::new(kind, error.to_string());
        match error.source() {
            None => own,
            Some(cause) => own.with_source(Self::adopt(kind, cause)),
        }
    }

    /// The error of an operation that was cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "the operation was cancelled")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<backup_storage::Error> for Error {
    fn from(error: backup_storage::Error) -> Self {
        use backup_storage::ErrorKind as Storage;
        let kind = match error.kind() {
            Storage::NotFound => ErrorKind::NotFound,
            Storage::Invalid => ErrorKind::Invalid,
            Storage::AlreadyExists | Storage::Conflict => ErrorKind::Exists,
            Storage::Permission => ErrorKind::Permission,
            Storage::Full => ErrorKind::Full,
            Storage::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Unavailable,
        };
        let retryable = error.is_retryable();
        let mut own = Self::adopt(kind, &error);
        own.0.retryable = retryable;
        own
    }
}

impl From<backup_crypto::Error> for Error {
    fn from(error: backup_crypto::Error) -> Self {
        use backup_crypto::ErrorKind as Crypto;
        let kind = match error.kind() {
            Crypto::WrongKey => ErrorKind::WrongKey,
            Crypto::Damaged => ErrorKind::Damaged,
            Crypto::Unsupported => ErrorKind::Unsupported,
            Crypto::NotPermitted => ErrorKind::Permission,
            Crypto::Invalid => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Self::adopt(kind, &error)
    }
}
