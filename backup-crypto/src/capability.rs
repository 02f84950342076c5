//! What a set of keys allows.

use std::fmt;

use crate::{Error, Result};

/// What the holder of a key slot can do. Each capability includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Make and list backups, but open no backed-up content.
    Append,
    /// Also forget backups, and prune what is wholly unused.
    Maintain,
    /// Everything: restore, rewrite, change settings and key slots.
    Full,
}

impl Capability {
    /// Its number in the format.
    pub const fn number(self) -> u8 {
        match self {
            Self::Append => 1,
            Self::Maintain => 2,
            Self::Full => 3,
        }
    }

    /// The capability with this number.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a number that this version does not know.
    pub fn from_number(number: u8) -> Result<Self> {
        match number {
            1 => Ok(Self::Append),
            2 => Ok(Self::Maintain),
            3 => Ok(Self::Full),
            _ => Err(Error::unsupported(format!(
                "capability {number} is not known to this version; use a newer one"
            ))),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Append => "append",
            Self::Maintain => "maintain",
            Self::Full => "full",
        })
    }
}
