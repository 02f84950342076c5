//! Keys, sealing and keyed identifiers for backup repositories.
//!
//! This crate turns a passphrase into the keys of a repository, and plaintext into bytes that are safe to store
//! anywhere. It moves no bytes, knows no names or paths, and reads no clock: everything is a value that comes in or
//! goes out, and random bytes come from the [`Random`] that the host passes ([`OsRandom`]).
//!
//! # From a passphrase to a sealed chunk
//!
//! ```
//! use backup_crypto::{ChunkKind, KdfParameters, KeyRing, Keys, OsRandom, RandomExt, RepositoryId, slot};
//!
//! # fn main() -> backup_crypto::Result<()> {
//! let random = &OsRandom;
//!
//! // Once: make the keys of a repository, and a key slot to store beside its data.
//! let repository = RepositoryId::generate(random)?;
//! let keys = Keys::generate(repository, random)?;
//! let kdf = KdfParameters::default();
//! let slot = slot::seal_passphrase(&keys, &"open sesame".into(), &kdf, "main", 1_795_000_000, random)?;
//!
//! // Each run: open the slot, and begin a session.
//! let keys = KeyRing::passphrase("open sesame").open(repository, &[slot])?;
//! let session = keys.begin_session(random)?;
//!
//! // Each pack has a key, each chunk an id.
//! let pack_salt = random.array()?;
//! let content = b"some content".to_vec();
//! let id = keys.chunk_id(ChunkKind::Data, &content);
//! let mut buffer = content.clone();
//! session.pack_key(&pack_salt).seal_chunk(&id, 0, b"pack header", &mut buffer);
//! assert_ne!(buffer, content);
//!
//! // To read it again: the stored encapsulation, the stored salt, the same id, position and associated data.
//! let session = keys.open_session(session.encapsulation())?;
//! session.pack_key(&pack_salt).open_chunk(&id, 0, b"pack header", &mut buffer)?;
//! assert_eq!(keys.chunk_id(ChunkKind::Data, &buffer), id);
//! # Ok(())
//! # }
//! ```
//!
//! # What there is
//!
//! | for | use |
//! |---|---|
//! | the keys of a repository | [`Keys`], made new or opened by a [`KeyRing`] |
//! | what a set of keys allows | [`Capability`] |
//! | storing keys under a passphrase | [`slot`], [`Passphrase`], [`KdfParameters`] |
//! | naming content without revealing it | [`ChunkId`], [`ContentHash`], [`Keys::opaque_name`] |
//! | cutting content where nobody can predict it | [`Keys::gear_table`] |
//! | sealing content | [`Session`], [`PackKey`] |
//! | sealing records about content | [`Keys::seal_meta`], [`Keys::open_meta`] |
//! | signing for the repository | [`Keys::sign_admin`], [`verify_admin`] |
//!
//! # What is promised
//!
//! * Content is sealed to a public key: who can write backups need not be able to read them.
//! * The repository id is part of every derived key: keys and sealed bytes of one repository are worth nothing in
//!   another.
//! * Stored bytes never cause a panic, and nothing is allocated or computed by a number read from storage before it
//!   was checked. An unknown algorithm is an [`ErrorKind::Unsupported`] that names it.
//! * Secrets are wiped when they are dropped, are never shown by `Debug`, and never stand in an error.
//!
//! What is *not* promised: sealed bytes are as long as what was sealed (plus [`PackKey::OVERHEAD`]), and equal content
//! has equal ids within one repository, so that who holds the keys that name content can confirm a guess.

mod capability;
mod content_hash;
mod derive;
mod error;
mod id;
mod kdf;
mod keyring;
mod keys;
mod pack_key;
mod passphrase;
mod random;
mod seal;
mod secret;
mod session;
mod signature;
pub mod slot;

pub use self::capability::Capability;
pub use self::content_hash::ContentHasher;
pub use self::error::{Error, ErrorKind, Result};
pub use self::id::{AuthorId, ChunkId, ChunkKind, ContentHash, RepositoryId};
pub use self::kdf::KdfParameters;
pub use self::keyring::KeyRing;
pub use self::keys::Keys;
pub use self::pack_key::PackKey;
pub use self::passphrase::Passphrase;
pub use self::random::{OsRandom, Random, RandomExt};
pub use self::secret::Secret;
pub use self::session::{Encapsulation, Session};
pub use self::signature::verify_admin;
pub use self::slot::{SlotInfo, SlotKind};
