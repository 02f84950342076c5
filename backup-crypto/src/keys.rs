//! Everything that a key slot opens.

mod epochs;
mod payload;

use std::fmt;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use zeroize::{Zeroize, Zeroizing};

use self::epochs::Epochs;
pub(crate) use self::payload::DataKey;
use self::payload::Payload;
use crate::derive::{self, keyed, subkey};
use crate::{
    AuthorId, Capability, ChunkId, ChunkKind, ContentHash, ContentHasher, Encapsulation, Error, PackKey,
    Random, RepositoryId, Result, Secret, Session, seal,
};

/// The keys of a repository, as far as one capability goes. Made by [`Keys::generate`] for a new repository, or by
/// [`KeyRing::open`](crate::KeyRing::open). Cheap to clone; wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    repository: RepositoryId,
    author: AuthorId,
    capability: Capability,
    chunk_id: Secret<32>,
    content_hash: Secret<32>,
    gear_table: Secret<32>,
    opaque_name: Secret<32>,
    meta: Epochs<MetaKey>,
    data: Epochs<DataKey>,
    admin_public: [u8; 32],
    admin: Option<SigningKey>,
    /// The stored form, kept as it was read so that wrapping it again loses nothing that a newer version put there.
    payload: Zeroizing<Vec<u8>>,
}

struct MetaKey {
    record: Secret<32>,
    pack: Secret<32>,
}

impl Keys {
    /// Makes all keys of a new repository, with full capability.
    ///
    /// # Errors
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if the source fails.
    pub fn generate(repository: RepositoryId, random: &dyn Random) -> Result<Self> {
        Self::from_payload(repository, Capability::Full, Payload::generate(random)?)
    }

    /// Takes the decrypted content of a key slot.
    pub(crate) fn from_payload(
        repository: RepositoryId,
        capability: Capability,
        bytes: Zeroizing<Vec<u8>>,
    ) -> Result<Self> {
        let payload = Payload::decode(&bytes, capability)?;
        let id_key = |context| subkey(context, &payload.id_key, &repository);
        Ok(Self(Arc::new(Inner {
            repository,
            author: payload.author,
            capability,
            chunk_id: id_key(derive::CHUNK_ID),
            content_hash: id_key(derive::CONTENT_HASH),
            gear_table: id_key(derive::GEAR_TABLE),
            opaque_name: id_key(derive::OPAQUE_NAME),
            meta: payload.meta.map(|key| MetaKey {
                record: subkey(derive::META_RECORD, key, &repository),
                pack: subkey(derive::META_PACK, key, &repository),
            }),
            data: payload.data,
            admin_public: payload.admin_public,
            admin: payload.admin_private.map(|seed| SigningKey::from_bytes(seed.expose())),
            payload: bytes,
        })))
    }

    /// The stored form of the keys, to be wrapped by a key slot.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    pub(crate) fn admin(&self) -> Option<&SigningKey> {
        self.0.admin.as_ref()
    }

    /// What these keys allow.
    pub fn capability(&self) -> Capability {
        self.0.capability
    }

    /// The author under whose name objects are written with these keys.
    pub fn author(&self) -> AuthorId {
        self.0.author
    }

    /// The repository these keys belong to. It is part of every key derived from them.
    pub fn repository(&self) -> RepositoryId {
        self.0.repository
    }

    /// The public half of the key that signs the repository's settings.
    pub fn admin_public_key(&self) -> [u8; 32] {
        self.0.admin_public
    }

    /// The id of a chunk with this kind and content.
    pub fn chunk_id(&self, kind: ChunkKind, content: &[u8]) -> ChunkId {
        let mut hasher = blake3::Hasher::new_keyed(self.0.chunk_id.expose());
        hasher.update(content);
        // Last, so that the content keeps the alignment at which BLAKE3 is fastest.
        hasher.update(&[kind.number()]);
        let id = ChunkId(*hasher.finalize().as_bytes());
        hasher.zeroize();
        id
    }

    /// Begins the hash of a whole content.
    pub fn content_hasher(&self) -> ContentHasher {
        ContentHasher::new(&self.0.content_hash)
    }

    /// The hash of a content that is at hand as a whole.
    pub fn content_hash(&self, content: &[u8]) -> ContentHash {
        let mut hasher = self.content_hasher();
        hasher.update(content);
        hasher.finalize()
    }

    /// The table of the content-defined chunker: 256 random words, the same for the life of the repository.
    /// Secret: it tells where content is cut.
    pub fn gear_table(&self) -> [u64; 256] {
        let mut reader = blake3::Hasher::new_keyed(self.0.gear_table.expose()).finalize_xof();
        let mut table = [0; 256];
        for word in &mut table {
            let mut bytes = [0; 8];
            reader.fill(&mut bytes);
            *word = u64::from_le_bytes(bytes);
        }
        reader.zeroize();
        table
    }

    /// A name that says nothing to who does not have the keys, for `bytes` in the role `purpose`. Two values
    /// share a name by chance with a probability of about 2^-64.
    pub fn opaque_name(&self, purpose: &'static str, bytes: &[u8]) -> [u8; 8] {
        let key = keyed(self.0.opaque_name.expose(), purpose.as_bytes());
        let hash = keyed(&key, bytes);
        let mut name = [0; 8];
        name.copy_from_slice(&hash[..8]);
        name
    }

    /// The epoch of the meta key that new records are sealed with.
    pub fn meta_epoch(&self) -> u32 {
        self.0.meta.current().0
    }

    /// Seals one metadata record and returns it with the tag of 16 bytes at the end.
    ///
    /// `salt` is 32 fresh random bytes, stored with the record: key and nonce are used once because it is.
    /// `purpose` is the kind of the record; `aad` is bound but not stored.
    ///
    /// # Errors
    /// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted) if these keys have no meta key of this epoch;
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for more than 256 GiB.
    pub fn seal_meta(
        &self,
        epoch: u32,
        purpose: &'static str,
        salt: &[u8; 32],
        aad: &[u8],
        plaintext: Vec<u8>,
    ) -> Result<Vec<u8>> {
        let key = self.record_key(epoch, purpose, salt)?;
        let mut buffer = plaintext;
        seal::seal(&key, &seal::ONE_MESSAGE, aad, &mut buffer).map_err(|_| {
            Error::invalid(format!("a {purpose} record cannot be sealed: it exceeds 256 GiB"))
        })?;
        Ok(buffer)
    }

    /// Opens what [`seal_meta`](Self::seal_meta) returned for the same epoch, purpose, salt and `aad`.
    ///
    /// # Errors
    /// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted) if these keys have no meta key of this epoch;
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if the bytes are not exactly those that were sealed.
    pub fn open_meta(
        &self,
        epoch: u32,
        purpose: &'static str,
        salt: &[u8; 32],
        aad: &[u8],
        sealed: Vec<u8>,
    ) -> Result<Vec<u8>> {
        let key = self.record_key(epoch, purpose, salt)?;
        let mut buffer = sealed;
        seal::open(&key, &seal::ONE_MESSAGE, aad, &mut buffer).map_err(|_| {
            Error::damaged(format!(
                "the {purpose} record does not open: it is altered or belongs elsewhere; read another copy of it"
            ))
        })?;
        Ok(buffer)
    }

    /// Begins the session of a run that writes packs: one encapsulation to the current data key.
    ///
    /// # Errors
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if the source fails;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the current data key is of a suite that this
    /// version does not know.
    pub fn begin_session(&self, random: &dyn Random) -> Result<Session> {
        let (epoch, data) = self.0.data.current();
        Session::begin(&self.0.repository, epoch, data, random)
    }

    /// Opens the session of a run from what it stored.
    ///
    /// # Errors
    /// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted) if the private data key of this epoch is not
    /// among these keys; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for an unknown suite;
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if the bytes cannot be an encapsulation. Other alterations
    /// show when a chunk is opened.
    pub fn open_session(&self, encapsulation: &Encapsulation) -> Result<Session> {
        let epoch = encapsulation.epoch;
        let data = self.0.data.get(epoch).ok_or_else(|| missing("data", epoch))?;
        Session::open(&self.0.repository, data, encapsulation)
    }

    /// The key of a pack of metadata, or of the metadata section of a pack, with these 16 random bytes.
    ///
    /// # Errors
    /// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted) if these keys have no meta key of this epoch.
    pub fn meta_pack_key(&self, epoch: u32, pack_salt: &[u8; 16]) -> Result<PackKey> {
        let key = keyed(self.meta(epoch)?.pack.expose(), pack_salt);
        Ok(PackKey::new(Secret::from_bytes(&key)))
    }

    fn record_key(&self, epoch: u32, purpose: &str, salt: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>> {
        let key = keyed(self.meta(epoch)?.record.expose(), purpose.as_bytes());
        Ok(keyed(&key, salt))
    }

    fn meta(&self, epoch: u32) -> Result<&MetaKey> {
        self.0.meta.get(epoch).ok_or_else(|| missing("meta", epoch))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("repository", &self.0.repository)
            .field("author", &self.0.author)
            .field("capability", &self.0.capability)
            .finish_non_exhaustive()
    }
}

fn missing(which: &str, epoch: u32) -> Error {
    Error::not_permitted(format!(
        "these keys have no {which} key of epoch {epoch}; open the repository with a key slot made since that epoch"
    ))
}
