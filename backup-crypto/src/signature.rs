//! The repository's admin signature.

use ed25519_dalek::{Signature, Signer, VerifyingKey};

use crate::{Error, Keys, RepositoryId, Result};

impl Keys {
    /// Signs `message` in the role `purpose` with the repository's admin key.
    ///
    /// # Errors
    /// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted) without full capability;
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if `purpose` contains a zero byte.
    pub fn sign_admin(&self, purpose: &'static str, message: &[u8]) -> Result<[u8; 64]> {
        let key = self.admin().ok_or_else(|| {
            Error::not_permitted(format!(
                "signing a {purpose} needs full capability, and these keys have {}; open the repository with \
                 another key slot",
                self.capability()
            ))
        })?;
        Ok(key.sign(&signed_bytes(self.repository(), purpose, message)?).to_bytes())
    }
}

/// Checks a signature made by [`Keys::sign_admin`] for the same repository, purpose and message.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if the signature is not exactly one by this key for this
/// message, or the key is not a sound one; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if `purpose` contains
/// a zero byte.
pub fn verify_admin(
    public: &[u8; 32],
    repository: RepositoryId,
    purpose: &'static str,
    message: &[u8],
    signature: &[u8; 64],
) -> Result<()> {
    let signed = signed_bytes(repository, purpose, message)?;
    VerifyingKey::from_bytes(public)
        .and_then(|key| key.verify_strict(&signed, &Signature::from_bytes(signature)))
        .map_err(|error| {
            Error::damaged(format!(
                "the signature of the {purpose} is not by the repository's admin key; do not trust the object, \
                 read another copy of it"
            ))
            .with_source(error)
        })
}

/// The domain, the repository id, the purpose and its closing zero byte, the message.
fn signed_bytes(repository: RepositoryId, purpose: &str, message: &[u8]) -> Result<Vec<u8>> {
    if purpose.contains('\0') {
        return Err(Error::invalid(format!(
            "the purpose {purpose:?} contains a zero byte; choose another name"
        )));
    }
    Ok([DOMAIN, repository.as_bytes(), purpose.as_bytes(), b"\0", message].concat())
}

const DOMAIN: &[u8] = b"backup admin signature v1\0";
