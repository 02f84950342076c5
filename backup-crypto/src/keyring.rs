//! What a host has to open a repository with.

use crate::slot::{self, Attempt};
use crate::{Error, ErrorKind, KdfParameters, Keys, Passphrase, Random, RepositoryId, Result};

/// The secrets that a host gives to open a repository: at present one passphrase.
///
/// `Debug` shows none of them.
#[derive(Debug, Clone)]
pub struct KeyRing {
    passphrase: Passphrase,
}

impl KeyRing {
    /// A key ring with one passphrase.
    pub fn passphrase(passphrase: impl Into<Passphrase>) -> Self {
        Self { passphrase: passphrase.into() }
    }

    /// Opens the keys of `repository` from the bytes of its key slots, trying them in the order given.
    ///
    /// This derives one key per passphrase slot (at most 64), each by default for a tenth of a second and in 64 MiB:
    /// in an async host, call it where blocking is allowed.
    ///
    /// # Errors
    /// [`ErrorKind::WrongKey`] if there is a sound passphrase slot, but none that this passphrase opens;
    /// [`ErrorKind::Damaged`] if the slot that belongs to the passphrase is altered or of another repository, or no
    /// slot is sound; [`ErrorKind::Unsupported`] if all slots are of kinds unknown to this version, or memory is
    /// short; [`ErrorKind::Invalid`] for an empty passphrase.
    pub fn open(&self, repository: RepositoryId, slots: &[impl AsRef<[u8]>]) -> Result<Keys> {
        self.passphrase.expose()?;
        let mut tally = Tally::default();
        for slot in slots {
            match slot::open_passphrase(slot.as_ref(), repository, &self.passphrase) {
                Attempt::Opened(keys) => return Ok(keys),
                Attempt::OtherPassphrase => tally.tried += 1,
                Attempt::Matched(error) => {
                    tally.tried += 1;
                    tally.matched.get_or_insert(error);
                }
                Attempt::Unusable(error) => tally.keep_unusable(error),
            }
            if tally.tried == MAX_DERIVATIONS {
                break;
            }
        }
        Err(tally.into_error())
    }

    /// Makes a key slot that this key ring opens; for the arguments and errors see
    /// [`slot::seal_passphrase`](crate::slot::seal_passphrase).
    ///
    /// # Errors
    /// As [`slot::seal_passphrase`](crate::slot::seal_passphrase).
    pub fn seal_slot(
        &self,
        keys: &Keys,
        kdf: &KdfParameters,
        label: &str,
        created_unix_seconds: i64,
        random: &dyn Random,
    ) -> Result<Vec<u8>> {
        slot::seal_passphrase(keys, &self.passphrase, kdf, label, created_unix_seconds, random)
    }
}

impl From<Passphrase> for KeyRing {
    fn from(passphrase: Passphrase) -> Self {
        Self::passphrase(passphrase)
    }
}

const MAX_DERIVATIONS: usize = 64;

/// What became of the slots that did not open.
#[derive(Default)]
struct Tally {
    /// Slots for which a key was derived.
    tried: usize,
    /// Slots that could not be tried.
    unusable: usize,
    /// Why the slot of this very passphrase did not open.
    matched: Option<Error>,
    /// Why a slot could not be tried; damage before anything else.
    reason: Option<Error>,
}

impl Tally {
    fn keep_unusable(&mut self, error: Error) {
        self.unusable += 1;
        let telling = error.kind() == ErrorKind::Damaged;
        if self.reason.as_ref().is_none_or(|known| telling && known.kind() != ErrorKind::Damaged) {
            self.reason = Some(error);
        }
    }

    fn into_error(self) -> Error {
        let Self { tried, unusable, matched, reason } = self;
        match (matched, reason) {
            (Some(error), _) => error,
            (None, None) if tried == 0 => Error::damaged(
                "there is no key slot; restore one from a copy of the repository, without one it cannot be opened",
            ),
            (None, None) => wrong(tried, ""),
            (None, Some(error)) if tried == 0 => error,
            (None, Some(error)) => {
                wrong(tried, &format!("; {unusable} more cannot be used")).with_source(error)
            }
        }
    }
}

fn wrong(tried: usize, more: &str) -> Error {
    Error::new(
        ErrorKind::WrongKey,
        format!("the passphrase opens none of the key slots ({tried} tried{more}); check it and try again"),
    )
}
