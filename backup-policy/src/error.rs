use std::fmt;

/// What a caller can do about an [`Error`]. Nothing in this crate is worth retrying unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A text is not a period, kind or other value of this crate: correct the text.
    Syntax,
    /// No such time zone in the bundled database: use an IANA name, or update this library.
    UnknownZone,
    /// The policy contradicts itself or asks for nonsense: correct the policy, nothing was decided.
    InvalidPolicy,
    /// A schedule can never run or contradicts itself: correct the schedule.
    InvalidSchedule,
    /// The environment is not in a stage of its life that allows it: the message says what to do first.
    NotAllowed,
    /// Two backups carry the same id: the caller mixed two lists, nothing was decided.
    DuplicateId,
    /// What was confirmed is not what would happen now: show the new preview and ask again, nothing may be deleted.
    Outdated,
    /// A time or period lies beyond what calendars are computed for: correct the value.
    OutOfRange,
}

/// Why a value was refused.
///
/// The message names the value, the reason and the remedy.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The result of the fallible functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Always `false`: the same arguments always give the same answer.
    pub fn is_retryable(&self) -> bool {
        false
    }
}

/// Quotes a text from outside in a message, cut to a bearable length.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 60;
        match self.0.char_indices().nth(LONGEST) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?} (shortened)", &self.0[..end]),
        }
    }
}
