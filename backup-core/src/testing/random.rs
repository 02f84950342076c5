//! Randomness that is none.

use std::sync::{Mutex, PoisonError};

use backup_crypto::{Random, Result};

/// Bytes that look random and are the same for the same seed and the same calls in the same order. Whoever knows the seed knows
/// all keys made from it: for tests only.
#[derive(Debug)]
pub struct SeededRandom(Mutex<blake3::OutputReader>);

impl SeededRandom {
    /// The bytes of this seed, from the beginning.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("backup 2026-11 v1 bytes for tests");
        hasher.update(&seed.to_le_bytes());
        Self(Mutex::new(hasher.finalize_xof()))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use backup_crypto::RandomExt as _;

    use super::*;

    #[test]
    fn equal_seeds_give_equal_bytes_and_no_bytes_come_twice() {
        let (first, second, other) = (SeededRandom::new(1), SeededRandom::new(1), SeededRandom::new(2));
        let (a, b) = (first.array::<32>().unwrap(), first.array::<32>().unwrap());
        assert_eq!([a, b], [second.array().unwrap(), second.array().unwrap()]);
        assert_ne!(a, b);
        assert_ne!(a, other.array().unwrap());
    }
}
