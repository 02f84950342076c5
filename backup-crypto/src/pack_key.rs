//! The key of one pack, and the sealing of its chunks.

use crate::derive::keyed;
use crate::{ChunkId, Error, Result, Secret, seal};

/// The key of one pack. Made by [`Session::pack_key`](crate::Session::pack_key) or
/// [`Keys::meta_pack_key`](crate::Keys::meta_pack_key).
///
/// Each chunk has its own key, derived from the pack's key and the chunk's id, so that a process that is resumed
/// twice from one memory image cannot use a key and a nonce for two different contents.
#[derive(Clone, PartialEq, Eq)]
pub struct PackKey(Secret<32>);

impl PackKey {
    /// How much longer a sealed chunk is than its content, in bytes.
    pub const OVERHEAD: usize = seal::TAG_SIZE;

    pub(crate) fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// Seals the content of `buffer` in place and appends the tag of [`OVERHEAD`](Self::OVERHEAD) bytes.
    ///
    /// `position` is the place of the chunk in the pack; `aad` is bound but not stored.
    ///
    /// # Panics
    /// If `buffer` holds more than 256 GiB, a bound of the cipher that is far above the size of any chunk.
    pub fn seal_chunk(&self, id: &ChunkId, position: u64, aad: &[u8], buffer: &mut Vec<u8>) {
        let key = keyed(self.0.expose(), id.as_bytes());
        seal::seal(&key, &nonce(position), aad, buffer).expect("a chunk has less than 256 GiB");
    }

    /// Opens what [`seal_chunk`](Self::seal_chunk) made with the same key, id, position and `aad`, in place.
    ///
    /// Success does not yet say that the content belongs to `id`: the caller computes the id of the content and
    /// compares.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if the bytes are not exactly those that were sealed, or
    /// not under this key; `buffer` is then unchanged.
    pub fn open_chunk(&self, id: &ChunkId, position: u64, aad: &[u8], buffer: &mut Vec<u8>) -> Result<()> {
        let key = keyed(self.0.expose(), id.as_bytes());
        seal::open(&key, &nonce(position), aad, buffer).map_err(|_| {
            Error::damaged(format!(
                "chunk {id} at position {position} does not open: it is altered or stands in another pack; read \
                 another copy of it"
            ))
        })
    }
}

impl std::fmt::Debug for PackKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PackKey(..)")
    }
}

fn nonce(position: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&position.to_le_bytes());
    nonce
}
