//! The stored form of the keys: the content of a key slot.
//!
//! A MessagePack map with names, decoded at most 16 levels deep. Unknown names are skipped; whoever wraps the keys
//! again wraps the bytes as they were read, so nothing is lost.

use std::fmt;

use ed25519_dalek::SigningKey;
use serde::de::{Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::epochs::Epochs;
use crate::session::{X25519, generate_x25519};
use crate::{AuthorId, Capability, Error, Random, RandomExt, Result, Secret};

/// What a key slot contains, checked.
pub(super) struct Payload {
    pub(super) author: AuthorId,
    pub(super) id_key: Secret<32>,
    pub(super) meta: Epochs<Secret<32>>,
    pub(super) data: Epochs<DataKey>,
    pub(super) admin_public: [u8; 32],
    pub(super) admin_private: Option<Secret<32>>,
}

/// One epoch of the data key pair. Its suite is looked at when it is used, so that one that is not known to this
/// version does not lock out the others.
pub(crate) struct DataKey {
    pub(crate) suite: u8,
    pub(crate) public: Vec<u8>,
    pub(crate) private: Option<Zeroizing<Vec<u8>>>,
}

impl Payload {
    /// Makes the keys of a new repository, in stored form.
    pub(super) fn generate(random: &dyn Random) -> Result<Zeroizing<Vec<u8>>> {
        encode(&StoredPayload::generate(random)?)
    }

    /// Decodes and checks the content of a slot with this capability.
    pub(super) fn decode(bytes: &[u8], capability: Capability) -> Result<Self> {
        let stored = decode(bytes)?;
        let meta = stored.meta.into_iter().map(|meta| (meta.epoch, meta.key.0)).collect();
        let data = stored.data.into_iter().map(StoredData::into_key).collect();
        let payload = Self {
            author: stored.author,
            id_key: stored.id_key.0,
            meta: Epochs::new(meta).ok_or_else(|| unsound("its meta keys are missing or not in order"))?,
            data: Epochs::new(data).ok_or_else(|| unsound("its data keys are missing or not in order"))?,
            admin_public: *stored.admin.public.0.expose(),
            admin_private: stored.admin.private.map(|private| private.0),
        };
        payload.check_private_keys(capability)?;
        Ok(payload)
    }

    fn check_private_keys(&self, capability: Capability) -> Result<()> {
        let derived = self
            .admin_private
            .as_ref()
            .map(|seed| SigningKey::from_bytes(seed.expose()).verifying_key().to_bytes());
        if derived.is_some_and(|derived| derived != self.admin_public) {
            return Err(unsound("the two halves of its admin key do not match"));
        }
        if capability == Capability::Full && (derived.is_none() || self.data.current().1.private.is_none()) {
            return Err(unsound("it claims full capability without the private keys"));
        }
        Ok(())
    }
}

const FIRST_EPOCH: u32 = 1;
const MAX_DEPTH: usize = 16;

/// Far above what one epoch of each key needs, so that encoding never moves secrets to a larger buffer and leaves
/// the smaller one behind unwiped.
const ENCODING_CAPACITY: usize = 4096;

#[derive(Serialize, Deserialize)]
struct StoredPayload {
    author: AuthorId,
    /// Seed of the author's Ed25519 key.
    signing_key: Stored<32>,
    id_key: Stored<32>,
    meta: Vec<StoredMeta>,
    data: Vec<StoredData>,
    admin: StoredAdmin,
}

#[derive(Serialize, Deserialize)]
struct StoredMeta {
    epoch: u32,
    key: Stored<32>,
}

#[derive(Serialize, Deserialize)]
struct StoredData {
    epoch: u32,
    suite: u8,
    public: StoredBytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private: Option<StoredBytes>,
}

#[derive(Serialize, Deserialize)]
struct StoredAdmin {
    public: Stored<32>,
    /// Seed of the admin's Ed25519 key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private: Option<Stored<32>>,
}

impl StoredPayload {
    fn generate(random: &dyn Random) -> Result<Self> {
        let (data_private, data_public) = generate_x25519(random)?;
        let admin = Secret::generate(random)?;
        let admin_public = SigningKey::from_bytes(admin.expose()).verifying_key().to_bytes();
        Ok(Self {
            author: AuthorId(random.array()?),
            signing_key: Stored(Secret::generate(random)?),
            id_key: Stored(Secret::generate(random)?),
            meta: vec![StoredMeta { epoch: FIRST_EPOCH, key: Stored(Secret::generate(random)?) }],
            data: vec![StoredData {
                epoch: FIRST_EPOCH,
                suite: X25519,
                public: StoredBytes(Zeroizing::new(data_public.to_vec())),
                private: Some(StoredBytes(Zeroizing::new(data_private.expose().to_vec()))),
            }],
            admin: StoredAdmin {
                public: Stored(Secret::from_bytes(&admin_public)),
                private: Some(Stored(admin)),
            },
        })
    }
}

impl StoredData {
    fn into_key(self) -> (u32, DataKey) {
        let public = self.public.0.to_vec();
        (self.epoch, DataKey { suite: self.suite, public, private: self.private.map(|private| private.0) })
    }
}

fn encode(payload: &StoredPayload) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(ENCODING_CAPACITY));
    rmp_serde::encode::write_named(&mut *bytes, payload)
        .map_err(|error| Error::invalid("the keys cannot be encoded").with_source(error))?;
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<StoredPayload> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(&bytes);
    decoder.set_max_depth(MAX_DEPTH);
    StoredPayload::deserialize(&mut decoder)
        .map_err(|error| unsound("its content cannot be decoded").with_source(error))
}

fn unsound(reason: &str) -> Error {
    Error::damaged(format!("the key slot opens, but {reason}; use another key slot"))
}

/// A secret as a byte string. Not an impl on [`Secret`], so that nothing outside this module writes one out by
/// accident.
struct Stored<const N: usize>(Secret<N>);

impl<const N: usize> Serialize for Stored<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.expose())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Stored<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_bytes(StoredVisitor)
    }
}

struct StoredVisitor<const N: usize>;

impl<const N: usize> Visitor<'_> for StoredVisitor<N> {
    type Value = Stored<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> std::result::Result<Self::Value, E> {
        let bytes = bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))?;
        Ok(Stored(Secret::from_bytes(bytes)))
    }
}

/// A key whose size depends on its algorithm, as a byte string.
struct StoredBytes(Zeroizing<Vec<u8>>);

impl Serialize for StoredBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for StoredBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_bytes(StoredBytesVisitor)
    }
}

struct StoredBytesVisitor;

impl Visitor<'_> for StoredBytesVisitor {
    type Value = StoredBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> std::result::Result<Self::Value, E> {
        Ok(StoredBytes(Zeroizing::new(bytes.to_vec())))
    }
}

#[cfg(test)]
mod tests;
