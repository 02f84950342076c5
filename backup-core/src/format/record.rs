//! Sealed records: header, body under the meta key, room for a signature.

use backup_crypto::{Keys, Random, RandomExt as _};

use super::header::{HEADER, Header, Kind};
use crate::{Error, Result};

/// Seals a record under the current meta key, bound to the repository and to an id that stands in its name (empty if none does).
pub(crate) fn seal(
    keys: &Keys,
    random: &dyn Random,
    kind: Kind,
    id: &[u8],
    plaintext: Vec<u8>,
) -> Result<Vec<u8>> {
    let header = Header {
        kind,
        epoch: keys.meta_epoch(),
        author: keys.author(),
        salt: random.array()?,
        length: plaintext.len() as u64 + TAG,
        signature: 0,
    };
    let encoded = header.encode();
    let aad = binding(keys, &encoded, id);
    let sealed = keys.seal_meta(header.epoch, kind.purpose(), &header.salt, &aad, plaintext)?;
    let mut out = Vec::with_capacity(HEADER + sealed.len());
    out.extend_from_slice(&encoded);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what [`seal`] made.
pub(crate) fn open(keys: &Keys, kind: Kind, id: &[u8], bytes: &[u8], limit: u64) -> Result<Vec<u8>> {
    if bytes.len() as u64 > limit {
        return Err(Error::damaged(format!("it has {} bytes, more than the limit of {limit}", bytes.len())));
    }
    let header = Header::decode(bytes, kind)?;
    let expected =
        (HEADER as u64).checked_add(header.length).and_then(|sum| sum.checked_add(header.signature.into()));
    if expected != Some(bytes.len() as u64) {
        return Err(Error::damaged("its length is not what its header says"));
    }
    let aad = binding(keys, &bytes[..HEADER], id);
    let sealed = &bytes[HEADER..bytes.len() - usize::from(header.signature)];
    Ok(keys.open_meta(header.epoch, kind.purpose(), &header.salt, &aad, sealed.to_vec())?)
}

fn binding(keys: &Keys, header: &[u8], id: &[u8]) -> Vec<u8> {
    [header, &keys.repository().0, id].concat()
}

/// Bytes that sealing adds.
pub(crate) const TAG: u64 = 16;
