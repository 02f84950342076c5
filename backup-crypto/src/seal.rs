//! ChaCha20-Poly1305 over a buffer in place.

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Error, KeyInit};

/// Bytes that sealing adds at the end.
pub(crate) const TAG_SIZE: usize = 16;

/// The nonce of a key that seals one message only.
pub(crate) const ONE_MESSAGE: [u8; 12] = [0; 12];

/// Encrypts `buffer` and appends the tag. Fails only for more than 256 GiB.
pub(crate) fn seal(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], buffer: &mut Vec<u8>) -> Result<(), Error> {
    ChaCha20Poly1305::new(key.into()).encrypt_in_place(nonce.into(), aad, buffer)
}

/// Checks the tag, then decrypts and cuts it off. On failure `buffer` is left as it was.
pub(crate) fn open(key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], buffer: &mut Vec<u8>) -> Result<(), Error> {
    ChaCha20Poly1305::new(key.into()).decrypt_in_place(nonce.into(), aad, buffer)
}
