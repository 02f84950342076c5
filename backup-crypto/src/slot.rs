//! Key slots: the keys of a repository, wrapped by a secret of a person or a host.
//!
//! A slot is one stored object. Integers are little-endian; a slot has at most 65,536 bytes.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic `bkupslot` |
//! | 8 | 2 | version: 1 |
//! | 10 | 1 | kind: 1 passphrase; 2 key file, 3 recipient and 4 key service are reserved |
//! | 11 | 1 | capability: 1 append, 2 maintain, 3 full |
//! | 12 | 1 | seal: 1 ChaCha20-Poly1305 |
//! | 13 | 1 | 0 |
//! | 14 | 2 | L, length of the label: at most 256 |
//! | 16 | 8 | time of creation, seconds since 1970-01-01T00:00:00Z, signed |
//! | 24 | 4 | U, length of what unlocks the slot: at most 16,384; 48 for a passphrase |
//! | 28 | 4 | S, length of the sealed content, tag included: at least 16 |
//! | 32 | L | label: UTF-8 without control characters |
//! | 32 + L | U | what unlocks the slot, by kind, see below |
//! | 32 + L + U | 32 | commitment |
//! | 64 + L + U | S | sealed content |
//! | 64 + L + U + S | 32 | BLAKE3 hash of everything before it; nothing follows |
//!
//! What unlocks a passphrase slot:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | derivation: 1 Argon2id, version 0x13 |
//! | 1 | 3 | 0 |
//! | 4 | 4 | memory in KiB: 1,024 to 1,048,576 |
//! | 8 | 4 | passes: 1 to 16 |
//! | 12 | 4 | lanes: 1 to 16 |
//! | 16 | 32 | salt, random |
//!
//! Argon2id over passphrase and salt gives 32 bytes. HKDF-SHA256 without a salt expands them with the info
//! `backup slot v1 wrap` to the wrap key, and with `backup slot v1 commitment` to the commitment, 32 bytes each. A reader
//! compares the commitment in constant time, and only if it is equal opens the content: ChaCha20-Poly1305 with the
//! wrap key, a nonce of zeros, and as associated data everything before the sealed content followed by the 16 bytes of the
//! repository id.
//!
//! The content is a MessagePack map with names. Byte strings are of type bin; a reader skips names that it does not
//! know, and who wraps the keys again wraps these bytes unchanged.
//!
//! | name | value |
//! |---|---|
//! | `author` | 16 bytes: id of the author |
//! | `signing_key` | 32 bytes: Ed25519 seed of the author |
//! | `id_key` | 32 bytes: root of chunk ids, content hashes, gear table and opaque names |
//! | `meta` | array, at least one, ascending by epoch, of maps `epoch` (u32) and `key` (32 bytes) |
//! | `data` | array, at least one, ascending by epoch, of maps `epoch` (u32), `suite` (u8), `public` (bytes) and, with full capability, `private` (bytes) |
//! | `admin` | map `public` (32 bytes: Ed25519 public key) and, with full capability, `private` (32 bytes: its seed) |

mod layout;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use self::layout::{Header, KIND_PASSPHRASE, Layout, Unlock};
use crate::kdf::SlotKeys;
use crate::{
    Capability, Error, KdfParameters, Keys, Passphrase, Random, RandomExt, RepositoryId, Result, seal,
};

/// Wraps `keys` with a passphrase and returns the bytes of the key slot.
///
/// The slot has the capability and the author of `keys`. The label is for people: at most 256 bytes, no control
/// characters. Label, capability and time can be read without the passphrase. This takes as long as opening the
/// slot does.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for an empty passphrase or an unfit label;
/// [`ErrorKind::Random`](crate::ErrorKind::Random) if the source fails;
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if memory is short.
pub fn seal_passphrase(
    keys: &Keys,
    passphrase: &Passphrase,
    kdf: &KdfParameters,
    label: &str,
    created_unix_seconds: i64,
    random: &dyn Random,
) -> Result<Vec<u8>> {
    layout::check_label(label).map_err(|reason| Error::invalid(format!("{reason}; choose another label")))?;
    let salt = random.array()?;
    let derived = SlotKeys::derive(passphrase, &salt, *kdf)?;
    let header = Header {
        kind: KIND_PASSPHRASE,
        capability: keys.capability(),
        label: label.to_owned(),
        created_unix_seconds,
    };
    let unlock = Unlock { kdf: *kdf, salt };
    let content = keys.payload();
    let sealed_len = content.len() + seal::TAG_SIZE;
    let head = layout::encode_head(&header, &unlock, derived.commitment.expose(), sealed_len)?;
    let mut sealed = Vec::with_capacity(sealed_len);
    sealed.extend_from_slice(content);
    let aad = associated_data(&head, keys.repository());
    seal::seal(derived.wrap.expose(), &seal::ONE_MESSAGE, &aad, &mut sealed)
        .map_err(|_| Error::invalid("the keys are too large for a key slot"))?;
    Ok(layout::finish(head, &sealed))
}

/// What a key slot says about itself without a key.
///
/// All of it is protected against chance, and against a forger only once the slot was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotInfo {
    /// What opens it.
    pub kind: SlotKind,
    /// What its keys allow.
    pub capability: Capability,
    /// A name for people, at most 256 bytes, no control characters.
    pub label: String,
    /// When it was made, in seconds since 1970-01-01T00:00:00Z.
    pub created_unix_seconds: i64,
    /// How its key is derived from the passphrase.
    pub kdf: KdfParameters,
}

/// What opens a key slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlotKind {
    /// A passphrase.
    Passphrase,
}

/// Reads what a key slot says about itself.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if the bytes are not a sound key slot;
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the version, the kind, the capability or an
/// algorithm is not known to this version.
pub fn describe(bytes: &[u8]) -> Result<SlotInfo> {
    let slot = Layout::decode(bytes)?;
    let unlock = slot.unlock()?;
    Ok(SlotInfo {
        kind: SlotKind::Passphrase,
        capability: slot.header.capability,
        label: slot.header.label,
        created_unix_seconds: slot.header.created_unix_seconds,
        kdf: unlock.kdf,
    })
}

/// What became of trying one slot with a passphrase.
pub(crate) enum Attempt {
    Opened(Keys),
    /// The slot is sound and belongs to another passphrase.
    OtherPassphrase,
    /// The slot belongs to this passphrase, but does not open.
    Matched(Error),
    /// The slot could not be tried.
    Unusable(Error),
}

/// Tries one slot: one derivation if it is a sound passphrase slot, else none.
pub(crate) fn open_passphrase(bytes: &[u8], repository: RepositoryId, passphrase: &Passphrase) -> Attempt {
    let prepared = Layout::decode(bytes).and_then(|slot| {
        let Unlock { kdf, salt } = slot.unlock()?;
        Ok((SlotKeys::derive(passphrase, &salt, kdf)?, slot))
    });
    match prepared {
        Err(error) => Attempt::Unusable(error),
        Ok((derived, slot)) if !bool::from(derived.commitment.expose().ct_eq(slot.commitment)) => {
            Attempt::OtherPassphrase
        }
        Ok((derived, slot)) => match open(&slot, &derived, repository) {
            Ok(keys) => Attempt::Opened(keys),
            Err(error) => Attempt::Matched(error),
        },
    }
}

fn open(slot: &Layout<'_>, derived: &SlotKeys, repository: RepositoryId) -> Result<Keys> {
    let mut content = Zeroizing::new(slot.sealed.to_vec());
    let aad = associated_data(slot.head, repository);
    seal::open(derived.wrap.expose(), &seal::ONE_MESSAGE, &aad, &mut content).map_err(|_| {
        Error::damaged(format!(
            "the passphrase is right, but the key slot {:?} is altered or belongs to another repository; use \
             another key slot or another copy of this one",
            slot.header.label
        ))
    })?;
    Keys::from_payload(repository, slot.header.capability, content)
}

fn associated_data(head: &[u8], repository: RepositoryId) -> Vec<u8> {
    [head, repository.as_bytes()].concat()
}
