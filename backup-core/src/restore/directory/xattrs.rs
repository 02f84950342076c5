//! Extended attributes: the stored block, and setting them on what is restored.

use std::os::fd::{AsFd, AsRawFd};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr, lremovexattr,
    lsetxattr,
};
use rustix::io::Errno;

/// Name and value of an attribute in a stored block.
pub(super) type Attribute<'a> = (&'a [u8], &'a [u8]);

/// Name and value of an attribute that something has.
pub(super) type OwnedAttribute = (Vec<u8>, Vec<u8>);

/// Reads a stored block (see [`Metadata`](crate::engine::Metadata)).
pub(super) fn decode(block: &[u8]) -> Result<Vec<Attribute<'_>>, &'static str> {
    let mut attributes: Vec<Attribute<'_>> = Vec::new();
    let mut rest = block;
    while !rest.is_empty() {
        let (name_length, after) = rest.split_first_chunk::<2>().ok_or(CUT)?;
        let (value_length, after) = after.split_first_chunk::<4>().ok_or(CUT)?;
        let value_length = usize::try_from(u32::from_le_bytes(*value_length)).map_err(|_| CUT)?;
        let (name, after) =
            after.split_at_checked(usize::from(u16::from_le_bytes(*name_length))).ok_or(CUT)?;
        let (value, after) = after.split_at_checked(value_length).ok_or(CUT)?;
        if name.is_empty() || name.contains(&0) {
            return Err("the name of an extended attribute is empty or contains a NUL byte");
        }
        if attributes.last().is_some_and(|(last, _)| *last >= name) {
            return Err("its extended attributes come twice or out of order");
        }
        attributes.push((name, value));
        rest = after;
    }
    Ok(attributes)
}

/// Writes the block that a backup of these attributes holds; they are sorted by name.
pub(super) fn encode(attributes: &[OwnedAttribute]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in attributes {
        block.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        block.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        block.extend_from_slice(name);
        block.extend_from_slice(value);
    }
    block
}

/// What attributes are on.
#[derive(Debug)]
pub(super) enum Bearer<'a> {
    /// An open file or folder.
    Open(BorrowedFd<'a>),
    /// A name in a folder, never followed; as a path through the folder's handle, because there are no calls that take one.
    Named(Vec<u8>),
}

impl<'a> Bearer<'a> {
    pub(super) fn open(file: &'a impl AsFd) -> Self {
        Self::Open(file.as_fd())
    }

    pub(super) fn named(folder: &OwnedFd, name: &[u8]) -> Self {
        let mut path = format!("/proc/self/fd/{}/", folder.as_raw_fd()).into_bytes();
        path.extend_from_slice(name);
        Self::Named(path)
    }

    /// Its attributes, sorted by name; none where the file system has none.
    pub(super) fn attributes(&self) -> Result<Vec<OwnedAttribute>, Errno> {
        let list = match grown(|buffer| self.list(buffer)) {
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            list => list?,
        };
        let mut attributes = Vec::new();
        for name in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            match grown(|buffer| self.get(name, buffer)) {
                Ok(value) => attributes.push((name.to_vec(), value)),
                Err(Errno::NODATA) => {}
                Err(errno) => return Err(errno),
            }
        }
        attributes.sort_unstable();
        Ok(attributes)
    }

    /// Makes its attributes the wanted ones; `exclusive` also removes what is not wanted. Tells each name that could not be
    /// changed; the rest is changed nevertheless. Whether anything was.
    pub(super) fn dress(
        &self,
        wanted: &[Attribute<'_>],
        exclusive: bool,
        mut refused: impl FnMut(&[u8], Errno),
    ) -> bool {
        let present = if exclusive { self.attributes().unwrap_or_default() } else { Vec::new() };
        let mut changed = false;
        let mut note = |name: &[u8], result: Result<(), Errno>| match result {
            Ok(()) => changed = true,
            Err(errno) => refused(name, errno),
        };
        for (name, _) in &present {
            if is_removable(name) && wanted.binary_search_by(|(other, _)| (*other).cmp(name)).is_err() {
                note(name, self.remove(name));
            }
        }
        for (name, value) in wanted {
            if !present.iter().any(|(other, there)| other == name && there == value) {
                note(name, self.set(name, value));
            }
        }
        changed
    }

    fn list(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::Open(file) => flistxattr(file, buffer),
            Self::Named(path) => llistxattr(path, buffer),
        }
    }

    fn get(&self, name: &[u8], buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::Open(file) => fgetxattr(file, name, buffer),
            Self::Named(path) => lgetxattr(path, name, buffer),
        }
    }

    fn set(&self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        match self {
            Self::Open(file) => fsetxattr(file, name, value, XattrFlags::empty()),
            Self::Named(path) => lsetxattr(path, name, value, XattrFlags::empty()),
        }
    }

    fn remove(&self, name: &[u8]) -> Result<(), Errno> {
        match self {
            Self::Open(file) => fremovexattr(file, name),
            Self::Named(path) => lremovexattr(path, name),
        }
    }
}

/// Reads into a buffer that grows until the answer fits; the system never gives more than 64 KiB.
fn grown(read: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 256];
    loop {
        match read(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < MAX_ANSWER => buffer.resize(buffer.len() * 16, 0),
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether an attribute belongs to the file, not to the machine it is on (as the labels of security modules do).
fn is_removable(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || name.starts_with(b"trusted.")
        || name.starts_with(b"system.posix_acl_")
        || name == b"security.capability"
}

const CUT: &str = "its extended attributes are cut short";
const MAX_ANSWER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_and_nothing_less(
            attributes in prop::collection::btree_map("[a-z.]{1,20}", prop::collection::vec(any::<u8>(), 0..50), 0..5),
        ) {
            let attributes: Vec<OwnedAttribute> =
                attributes.into_iter().map(|(name, value)| (name.into_bytes(), value)).collect();
            let block = encode(&attributes);
            let decoded = decode(&block).unwrap();
            let owned = |attributes: &[Attribute<'_>]| -> Vec<OwnedAttribute> {
                attributes.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
            };
            assert_eq!(owned(&decoded), attributes);
            for end in 0..block.len() {
                if let Ok(fewer) = decode(&block[..end]) {
                    assert_eq!(owned(&fewer), attributes[..fewer.len()]);
                    assert_eq!(encode(&owned(&fewer)).len(), end);
                }
            }
        }

        #[test]
        fn any_bytes_are_decoded_to_themselves_or_refused(block in prop::collection::vec(0..4_u8, 0..60)) {
            if let Ok(decoded) = decode(&block) {
                let owned: Vec<OwnedAttribute> =
                    decoded.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
                assert_eq!(encode(&owned), block);
            }
        }
    }

    #[test]
    fn lengths_at_their_extremes_are_refused() {
        assert!(decode(&[255; 64]).is_err());
        assert!(decode(&[0; 6]).is_err());
        assert!(decode(&[1, 0, 255, 255, 255, 255, b'a']).is_err());
    }
}
