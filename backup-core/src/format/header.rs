//! The header that stands before every sealed record.

use backup_crypto::AuthorId;

use super::cursor::Cursor;
use super::{FORMAT, MAGIC};
use crate::{Error, Result};

/// What an object or record is. Numbers are for ever; those that are missing are reserved (see `docs/format.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    Config = 1,
    Pack = 3,
    Directory = 4,
    Index = 5,
    Manifest = 6,
    Note = 7,
    Catalog = 8,
    Run = 9,
    Sweep = 11,
    Chunk = 14,
}

impl Kind {
    /// The word under which keys for this kind are derived.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Pack => "pack",
            Self::Directory => "directory",
            Self::Index => "index",
            Self::Manifest => "manifest",
            Self::Note => "note",
            Self::Catalog => "catalog",
            Self::Run => "run",
            Self::Sweep => "sweep",
            Self::Chunk => "chunk",
        }
    }
}

/// Bytes of an encoded header.
pub(crate) const HEADER: usize = 80;

/// The header of a record: 80 bytes, all of them bound into the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// The epoch of the meta key; 0 for plain records.
    pub(crate) epoch: u32,
    pub(crate) author: AuthorId,
    /// Makes the key of this record unique; zeros for plain records.
    pub(crate) salt: [u8; 32],
    /// Bytes of the body after the header.
    pub(crate) length: u64,
    /// Bytes of the signature after the body; 0 or 64.
    pub(crate) signature: u16,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&FORMAT.to_le_bytes());
        out[6] = self.kind as u8;
        out[8..12].copy_from_slice(&self.epoch.to_le_bytes());
        out[16..32].copy_from_slice(&self.author.0);
        out[32..64].copy_from_slice(&self.salt);
        out[64..72].copy_from_slice(&self.length.to_le_bytes());
        out[72..74].copy_from_slice(&self.signature.to_le_bytes());
        out
    }

    /// Reads a header that must be of a kind.
    pub(crate) fn decode(bytes: &[u8], kind: Kind) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        expect_start(&mut cursor, kind)?;
        let epoch = cursor.u32()?;
        expect_domain(cursor.u32()?)?;
        let author = AuthorId(cursor.array()?);
        let salt = cursor.array()?;
        let length = cursor.u64()?;
        let signature = cursor.u16()?;
        if cursor.array::<6>()? != [0; 6] || ![0, 64].contains(&signature) {
            return Err(Error::damaged("its header is not one that this format knows"));
        }
        Ok(Self { kind, epoch, author, salt, length, signature })
    }
}

/// Reads magic, version, kind and flags: the first eight bytes of every binary object.
pub(crate) fn expect_start(cursor: &mut Cursor<'_>, kind: Kind) -> Result<()> {
    if cursor.array()? != MAGIC {
        return Err(Error::damaged("it does not begin like an object of a backup repository"));
    }
    let version = cursor.u16()?;
    if version != FORMAT {
        return Err(Error::unsupported(format!(
            "it has format version {version}, this software knows {FORMAT}"
        )));
    }
    let (found, flags) = (cursor.u8()?, cursor.u8()?);
    if found != kind as u8 || flags != 0 {
        return Err(Error::damaged(format!("it is of kind {found}, not a {}", kind.purpose())));
    }
    Ok(())
}

pub(crate) fn expect_domain(domain: u32) -> Result<()> {
    if domain == 0 {
        return Ok(());
    }
    Err(Error::unsupported(format!("it belongs to key domain {domain}, this software knows only 0")))
}
