//! Where random bytes come from.

use std::fmt::Debug;

use hpke::rand_core::{Infallible, TryCryptoRng, TryRng};

use crate::{Error, Result, Secret};

/// A source of cryptographically secure random bytes.
///
/// Hosts pass [`OsRandom`]. Tests that need the same bytes every time implement this trait over a seed.
///
/// Contract: a call that returns `Ok` has filled all of `bytes` with bytes that nobody can predict and that were
/// never returned before, also not to another process or to a clone of this machine.
pub trait Random: Debug + Send + Sync + 'static {
    /// Fills all of `bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if the source fails; `bytes` must not be used then.
    fn fill(&self, bytes: &mut [u8]) -> Result<()>;
}

/// What every [`Random`] can do.
pub trait RandomExt: Random {
    /// Returns `N` random bytes. For secrets use [`Secret::generate`], which wipes them.
    ///
    /// # Errors
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if the source fails.
    fn array<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Random + ?Sized> RandomExt for R {}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        getrandom::fill(bytes).map_err(Error::random)
    }
}

/// An endless stream out of 32 random bytes, for an interface that cannot report that randomness failed: the
/// bytes are taken beforehand, where a failure can still be returned.
pub(crate) struct Expanded(blake3::OutputReader);

impl Expanded {
    pub(crate) fn new(random: &dyn Random) -> Result<Self> {
        let seed = Secret::<32>::generate(random)?;
        let mut hasher = blake3::Hasher::new_derive_key("backup 2026-11 v1 expanded randomness");
        hasher.update(seed.expose());
        let reader = hasher.finalize_xof();
        zeroize::Zeroize::zeroize(&mut hasher);
        Ok(Self(reader))
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

impl TryRng for Expanded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Expanded {}

impl Drop for Expanded {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}
