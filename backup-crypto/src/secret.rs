//! Fixed-size secrets that are wiped when they are dropped.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::{Random, Result};

/// `N` secret bytes: wiped on drop, never shown by `Debug`, compared in constant time.
///
/// The bytes stay at one address for their whole life, so moving a secret leaves no copy behind.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes `N` fresh bytes from `random`.
    ///
    /// # Errors
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if the source fails.
    pub fn generate(random: &dyn Random) -> Result<Self> {
        let mut secret = Self::zeroed();
        random.fill(secret.0.as_mut_slice())?;
        Ok(secret)
    }

    /// Copies a secret. Wiping the original is up to the caller.
    pub fn from_bytes(bytes: &[u8; N]) -> Self {
        let mut secret = Self::zeroed();
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// The bytes themselves. Do not copy them anywhere that is not wiped.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }

    pub(crate) fn zeroed() -> Self {
        Self(Box::new([0; N]))
    }
}

impl<const N: usize> Clone for Secret<N> {
    fn clone(&self) -> Self {
        Self::from_bytes(&self.0)
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::from_bytes(&[7; 32])), "Secret<32>(..)");
    }

    #[test]
    fn equality_is_by_content() {
        assert_eq!(Secret::from_bytes(&[1, 2]), Secret::from_bytes(&[1, 2]));
        assert_ne!(Secret::from_bytes(&[1, 2]), Secret::from_bytes(&[1, 3]));
    }
}
