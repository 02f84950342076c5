//! The bytes of a key slot, without any key.

use crate::{Capability, Error, KdfParameters, Result, seal};

pub(super) const KIND_PASSPHRASE: u8 = 1;

pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) capability: Capability,
    pub(super) label: String,
    pub(super) created_unix_seconds: i64,
}

/// What unlocks a passphrase slot.
pub(super) struct Unlock {
    pub(super) kdf: KdfParameters,
    pub(super) salt: [u8; 32],
}

/// A slot taken apart. Its frame is sound and its checksum right; nothing in it is authenticated yet.
pub(super) struct Layout<'a> {
    pub(super) header: Header,
    unlock: &'a [u8],
    pub(super) commitment: &'a [u8; 32],
    pub(super) sealed: &'a [u8],
    /// Everything before the sealed content.
    pub(super) head: &'a [u8],
}

impl<'a> Layout<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self> {
        let body = checked_body(bytes)?;
        let mut rest = Reader(body);
        rest.array::<10>()?;
        let [kind, capability, cipher, reserved] = rest.array()?;
        let label_len = usize::from(u16::from_le_bytes(rest.array()?));
        let created_unix_seconds = i64::from_le_bytes(rest.array()?);
        let unlock_len = rest.length()?;
        let sealed_len = rest.length()?;
        if cipher != CIPHER {
            return Err(unknown("seal algorithm", cipher));
        }
        let capability = Capability::from_number(capability)?;
        let label =
            std::str::from_utf8(rest.take(label_len)?).map_err(|_| damaged("the label is not UTF-8"))?;
        check_label(label).map_err(|reason| damaged(&reason))?;
        let unlock = rest.take(unlock_len)?;
        let commitment = rest.array_ref()?;
        let head = &body[..body.len() - rest.0.len()];
        let sealed = rest.take(sealed_len)?;
        if reserved != 0 || unlock_len > MAX_UNLOCK || sealed_len < seal::TAG_SIZE || !rest.0.is_empty() {
            return Err(damaged("its lengths contradict each other"));
        }
        let header = Header { kind, capability, label: label.to_owned(), created_unix_seconds };
        Ok(Self { header, unlock, commitment, sealed, head })
    }

    /// What unlocks the slot, if a passphrase does.
    pub(super) fn unlock(&self) -> Result<Unlock> {
        match self.header.kind {
            KIND_PASSPHRASE => Unlock::decode(self.unlock),
            kind => Err(unknown_kind(kind)),
        }
    }
}

impl Unlock {
    fn decode(bytes: &[u8]) -> Result<Self> {
        let mut rest = Reader(bytes);
        let [kdf, reserved @ ..] = rest.array::<4>()?;
        if kdf != ARGON2ID {
            return Err(unknown("key derivation", kdf));
        }
        let [memory_kib, passes, lanes] =
            [rest.array()?, rest.array()?, rest.array()?].map(u32::from_le_bytes);
        let salt = rest.array()?;
        if reserved != [0; 3] || !rest.0.is_empty() {
            return Err(damaged("its key derivation has a wrong form"));
        }
        let kdf = KdfParameters::new(memory_kib, passes, lanes)
            .map_err(|error| damaged("its key derivation is out of bounds").with_source(error))?;
        Ok(Self { kdf, salt })
    }

    fn encode(&self) -> [u8; UNLOCK_PASSPHRASE] {
        let mut bytes = [0; UNLOCK_PASSPHRASE];
        bytes[0] = ARGON2ID;
        bytes[4..8].copy_from_slice(&self.kdf.memory_kib().to_le_bytes());
        bytes[8..12].copy_from_slice(&self.kdf.passes().to_le_bytes());
        bytes[12..16].copy_from_slice(&self.kdf.lanes().to_le_bytes());
        bytes[16..].copy_from_slice(&self.salt);
        bytes
    }
}

/// Everything before the sealed content.
pub(super) fn encode_head(
    header: &Header,
    unlock: &Unlock,
    commitment: &[u8; 32],
    sealed_len: usize,
) -> Result<Vec<u8>> {
    let unlock = unlock.encode();
    let too_large = || Error::invalid("the keys are too large for a key slot");
    let size = HEADER + header.label.len() + unlock.len() + commitment.len() + sealed_len + CHECKSUM;
    if size > MAX_SLOT {
        return Err(too_large());
    }
    let mut head = Vec::with_capacity(size);
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&[header.kind, header.capability.number(), CIPHER, 0]);
    head.extend_from_slice(&u16::try_from(header.label.len()).map_err(|_| too_large())?.to_le_bytes());
    head.extend_from_slice(&header.created_unix_seconds.to_le_bytes());
    for length in [unlock.len(), sealed_len] {
        head.extend_from_slice(&u32::try_from(length).map_err(|_| too_large())?.to_le_bytes());
    }
    head.extend_from_slice(header.label.as_bytes());
    head.extend_from_slice(&unlock);
    head.extend_from_slice(commitment);
    Ok(head)
}

/// The whole slot.
pub(super) fn finish(head: Vec<u8>, sealed: &[u8]) -> Vec<u8> {
    let mut slot = head;
    slot.extend_from_slice(sealed);
    let checksum = blake3::hash(&slot);
    slot.extend_from_slice(checksum.as_bytes());
    slot
}

/// Whether a label may stand in a slot; if not, why.
pub(super) fn check_label(label: &str) -> std::result::Result<(), String> {
    if label.len() > MAX_LABEL {
        return Err(format!("the label has {} bytes, and {MAX_LABEL} are the most", label.len()));
    }
    if label.chars().any(char::is_control) {
        return Err("the label contains a control character".to_owned());
    }
    Ok(())
}

const MAGIC: &[u8; 8] = b"bkupslot";
const VERSION: u16 = 1;
const CIPHER: u8 = 1;
const ARGON2ID: u8 = 1;
const HEADER: usize = 32;
const CHECKSUM: usize = 32;
const UNLOCK_PASSPHRASE: usize = 48;
const MAX_LABEL: usize = 256;
const MAX_UNLOCK: usize = 16 * 1024;
const MAX_SLOT: usize = 64 * 1024;

/// Checks size, magic, version and checksum, and returns what the checksum covers.
fn checked_body(bytes: &[u8]) -> Result<&[u8]> {
    if bytes.len() > MAX_SLOT {
        return Err(damaged("it is larger than 64 KiB"));
    }
    if !bytes.starts_with(MAGIC) {
        return Err(damaged("it does not begin like one"));
    }
    let mut rest = Reader(&bytes[MAGIC.len()..]);
    let version = u16::from_le_bytes(rest.array()?);
    let body_len = bytes.len().checked_sub(CHECKSUM).ok_or_else(cut_short)?;
    let (body, checksum) = bytes.split_at(body_len);
    if blake3::hash(body).as_bytes() != checksum {
        return Err(damaged("its checksum is wrong"));
    }
    if version != VERSION {
        return Err(Error::unsupported(format!(
            "the key slot is of version {version}, this program knows version {VERSION}; use a newer one"
        )));
    }
    Ok(body)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array_ref<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.array_ref().copied()
    }

    fn length(&mut self) -> Result<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| cut_short())
    }
}

fn cut_short() -> Error {
    damaged("it is cut short")
}

fn damaged(reason: &str) -> Error {
    Error::damaged(format!(
        "the key slot is damaged: {reason}; use another key slot or another copy of this one"
    ))
}

fn unknown(what: &str, number: u8) -> Error {
    Error::unsupported(format!(
        "the key slot uses {what} {number}, which this version does not know; use a newer one"
    ))
}

fn unknown_kind(kind: u8) -> Error {
    let name = match kind {
        2 => " (key file)",
        3 => " (recipient)",
        4 => " (key service)",
        _ => "",
    };
    Error::unsupported(format!(
        "the key slot is of kind {kind}{name}, which this version cannot open; use a newer one"
    ))
}
