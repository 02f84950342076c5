//! How one key is made from another.
//!
//! Two steps, both BLAKE3: [`subkey`] splits a stored secret by a fixed context and binds the result to the
//! repository; [`keyed`] goes on from there by variable input.

use zeroize::{Zeroize, Zeroizing};

use crate::{RepositoryId, Secret};

pub(crate) const CHUNK_ID: &str = "backup 2026-11 v1 chunk id";
pub(crate) const CONTENT_HASH: &str = "backup 2026-11 v1 content hash";
pub(crate) const GEAR_TABLE: &str = "backup 2026-11 v1 gear table";
pub(crate) const OPAQUE_NAME: &str = "backup 2026-11 v1 opaque name";
pub(crate) const META_RECORD: &str = "backup 2026-11 v1 meta record";
pub(crate) const META_PACK: &str = "backup 2026-11 v1 meta pack";

/// BLAKE3 in key derivation mode over the secret and the repository id.
pub(crate) fn subkey(context: &'static str, secret: &Secret<32>, repository: &RepositoryId) -> Secret<32> {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(secret.expose());
    hasher.update(repository.as_bytes());
    let mut key = Secret::zeroed();
    let mut reader = hasher.finalize_xof();
    reader.fill(key.expose_mut());
    reader.zeroize();
    hasher.zeroize();
    key
}

/// BLAKE3 in keyed mode, all 32 bytes as the next key.
pub(crate) fn keyed(key: &[u8; 32], input: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut hash = blake3::keyed_hash(key, input);
    let next = Zeroizing::new(*hash.as_bytes());
    hash.zeroize();
    next
}
