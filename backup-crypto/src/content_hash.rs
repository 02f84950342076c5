//! The hash of a whole content, fed piece by piece.

use std::fmt;

use zeroize::Zeroize;

use crate::{ContentHash, Secret};

/// Computes a [`ContentHash`] over bytes that arrive in order. Made by
/// [`Keys::content_hasher`](crate::Keys::content_hasher).
///
/// How the bytes are split between calls does not matter, and zeros given as a count are the same as zeros given as
/// bytes.
#[derive(Clone)]
pub struct ContentHasher(blake3::Hasher);

impl ContentHasher {
    pub(crate) fn new(key: &Secret<32>) -> Self {
        Self(blake3::Hasher::new_keyed(key.expose()))
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds `count` zero bytes: a hole.
    pub fn update_zeros(&mut self, count: u64) {
        let mut left = count;
        while left > 0 {
            let piece = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
            self.0.update(&ZEROS[..piece]);
            left -= piece as u64;
        }
    }

    /// The hash of everything added.
    pub fn finalize(self) -> ContentHash {
        ContentHash(*self.0.finalize().as_bytes())
    }
}

impl Drop for ContentHasher {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for ContentHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentHasher(..)")
    }
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
