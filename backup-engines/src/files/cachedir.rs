//! Folders whose contents can be made again, as a tag in them says (<https://bford.info/cachedir/>).

use super::directory::{self, Directory};

/// The name of the tag.
pub(super) const TAG: &[u8] = b"CACHEDIR.TAG";

const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Whether the tag in a folder is a regular file with the signature.
pub(super) fn is_tagged(folder: &Directory) -> bool {
    let Ok(file) = folder.open_file(TAG) else { return false };
    let is_file = directory::observe(&file).is_ok_and(|seen| {
        seen.is_some_and(|seen| seen.metadata.kind == backup_core::engine::EntryKind::File)
    });
    let mut start = [0; SIGNATURE.len()];
    is_file
        && rustix::io::pread(&file, &mut start, 0).is_ok_and(|read| read == start.len())
        && start == *SIGNATURE
}
