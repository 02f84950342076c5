//! One run's access to the data key: an HPKE encapsulation, and the keys of packs exported from it.

use std::fmt;
use std::sync::Arc;

use hpke::aead::{AeadCtxR, AeadCtxS, ExportOnlyAead};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};

use crate::keys::DataKey;
use crate::random::Expanded;
use crate::{Error, PackKey, Random, RepositoryId, Result, Secret};

/// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, export only.
pub(crate) const X25519: u8 = 1;
/// Reserved for the hybrid of X25519 and ML-KEM-768.
const X_WING: u8 = 2;

/// What the holder of the private data key needs to derive the pack keys of one run. Not secret; stored with the
/// packs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Encapsulation {
    /// The number of the cipher suite: 1 is DHKEM(X25519, HKDF-SHA256) with HKDF-SHA256, export only.
    pub suite: u8,
    /// The epoch of the data key it was made for.
    pub epoch: u32,
    /// The encapsulated key: 32 bytes with suite 1.
    pub bytes: Vec<u8>,
}

/// One run's source of pack keys: made by [`Keys::begin_session`](crate::Keys::begin_session) for writing, or by
/// [`Keys::open_session`](crate::Keys::open_session) for reading. Both give the same keys. Cheap to clone.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    encapsulation: Encapsulation,
    exporter: Exporter,
}

enum Exporter {
    Sender(AeadCtxS<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>),
    Receiver(AeadCtxR<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>),
}

impl Session {
    pub(crate) fn begin(
        repository: &RepositoryId,
        epoch: u32,
        data: &DataKey,
        random: &dyn Random,
    ) -> Result<Self> {
        require_suite(data.suite)?;
        let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&data.public)
            .map_err(|error| bad_key(epoch).with_source(error))?;
        let (enc, context) = hpke::setup_sender_with_rng::<_, _, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            &info(repository, epoch, data.suite),
            &mut Expanded::new(random)?,
        )
        .map_err(|error| bad_key(epoch).with_source(error))?;
        let encapsulation = Encapsulation { suite: data.suite, epoch, bytes: enc.to_bytes().to_vec() };
        Ok(Self(Arc::new(Inner { encapsulation, exporter: Exporter::Sender(context) })))
    }

    pub(crate) fn open(
        repository: &RepositoryId,
        data: &DataKey,
        encapsulation: &Encapsulation,
    ) -> Result<Self> {
        let Encapsulation { suite, epoch, ref bytes } = *encapsulation;
        require_suite(suite)?;
        let damaged = |reason: &str| {
            Error::damaged(format!(
                "the encapsulation for data key epoch {epoch} {reason}; read another copy of the object it stands \
                 in"
            ))
        };
        if suite != data.suite {
            return Err(damaged("names another cipher suite than that key has"));
        }
        let private = data.private.as_ref().ok_or_else(|| {
            Error::not_permitted(format!(
                "the private key of data key epoch {epoch} is not in this key slot; open the repository with a key \
                 slot of full capability to read backed-up content"
            ))
        })?;
        let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(private)
            .map_err(|error| bad_key(epoch).with_source(error))?;
        let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(bytes)
            .map_err(|error| damaged("has a wrong length").with_source(error))?;
        let info = info(repository, epoch, suite);
        let context = hpke::setup_receiver(&OpModeR::Base, &private, &enc, &info)
            .map_err(|error| damaged("is not a public key").with_source(error))?;
        let exporter = Exporter::Receiver(context);
        Ok(Self(Arc::new(Inner { encapsulation: encapsulation.clone(), exporter })))
    }

    /// What to store, so that the session can be opened again.
    pub fn encapsulation(&self) -> &Encapsulation {
        &self.0.encapsulation
    }

    /// The key of the pack with these 16 random bytes. They must be fresh for each pack and are stored with it.
    pub fn pack_key(&self, pack_salt: &[u8; 16]) -> PackKey {
        let mut context = *b"pack key\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        context[8..].copy_from_slice(pack_salt);
        let mut key = Secret::zeroed();
        match &self.0.exporter {
            Exporter::Sender(exporter) => exporter.export(&context, key.expose_mut()),
            Exporter::Receiver(exporter) => exporter.export(&context, key.expose_mut()),
        }
        .expect("32 bytes are below the exporter's limit of 8160");
        PackKey::new(key)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("encapsulation", &self.0.encapsulation).finish_non_exhaustive()
    }
}

/// Makes a key pair for suite 1: private and public key.
pub(crate) fn generate_x25519(random: &dyn Random) -> Result<(Secret<32>, [u8; 32])> {
    let private = Secret::generate(random)?;
    let key = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(private.expose())
        .expect("every 32 bytes are a private key of X25519");
    let public = X25519HkdfSha256::sk_to_pk(&key).to_bytes().into();
    Ok((private, public))
}

fn require_suite(suite: u8) -> Result<()> {
    let name = match suite {
        X25519 => return Ok(()),
        X_WING => " (X-Wing: X25519 with ML-KEM-768)",
        _ => "",
    };
    Err(Error::unsupported(format!(
        "cipher suite {suite}{name} is not supported by this version; use a newer one"
    )))
}

fn bad_key(epoch: u32) -> Error {
    Error::damaged(format!("data key epoch {epoch} is not a valid key; open another key slot"))
}

/// `"pack"`, repository id, epoch, suite.
fn info(repository: &RepositoryId, epoch: u32, suite: u8) -> [u8; 25] {
    let mut info = [0; 25];
    info[..4].copy_from_slice(b"pack");
    info[4..20].copy_from_slice(repository.as_bytes());
    info[20..24].copy_from_slice(&epoch.to_le_bytes());
    info[24] = suite;
    info
}
