//! A passphrase as a person or a secret store gives it.

use std::fmt;

use zeroize::Zeroizing;

use crate::{Error, Result};

/// A passphrase: any bytes, wiped on drop, never shown by `Debug`.
///
/// The bytes are used as they are. There is no Unicode normalisation and nothing is trimmed, so a host that reads
/// a passphrase from a file drops the final newline itself.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// The bytes, or an error for an empty passphrase: it is never what anybody meant.
    pub(crate) fn expose(&self) -> Result<&[u8]> {
        match self.0.as_slice() {
            [] => Err(Error::invalid("the passphrase is empty; give one of at least one character")),
            bytes => Ok(bytes),
        }
    }
}

impl From<String> for Passphrase {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&str> for Passphrase {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Passphrase {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}
