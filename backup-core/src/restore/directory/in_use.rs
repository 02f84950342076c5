//! SQLite databases in use, told by the names beside them and never opened.
//!
//! Closing any descriptor of a database drops all locks that the process holds on it, and the process may be the application
//! itself. A log that lies beside another database than its own would be played into it.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::found::Found;
use crate::engine::EntryKind;

/// Whether a name is a file that belongs to a database in use: the database, or what lies beside it.
pub(super) fn looks_in_use(folder: &OwnedFd, name: &[u8]) -> Result<bool, Errno> {
    Ok(is_file(folder, name)? && (has_companion(folder, name)? || is_companion(folder, name)?))
}

/// Whether a file of this name, be it there or not, has what a database in use has beside it.
pub(super) fn has_companion(folder: &OwnedFd, name: &[u8]) -> Result<bool, Errno> {
    for suffix in COMPANIONS {
        if is_file(folder, &[name, suffix].concat())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes what belongs to databases in use out of the sorted names in a folder.
pub(super) fn take_in_use(folder: &OwnedFd, names: &mut Vec<Box<[u8]>>) -> Result<Vec<Box<[u8]>>, Errno> {
    let mut in_use = Vec::new();
    for companion in names.iter() {
        if let Some(name) = database(companion)
            && names.binary_search_by(|other| (**other).cmp(name)).is_ok()
            && is_file(folder, companion)?
            && is_file(folder, name)?
        {
            in_use.extend([companion.clone(), Box::from(name)]);
        }
    }
    in_use.sort_unstable();
    in_use.dedup();
    names.retain(|name| in_use.binary_search(name).is_err());
    Ok(in_use)
}

fn is_companion(folder: &OwnedFd, name: &[u8]) -> Result<bool, Errno> {
    database(name).map_or(Ok(false), |database| is_file(folder, database))
}

/// The name or path of the database that a file belongs to, going by its own.
pub(super) fn database(name: &[u8]) -> Option<&[u8]> {
    let database = COMPANIONS.iter().find_map(|suffix| name.strip_suffix(*suffix));
    database.filter(|database| !database.is_empty())
}

fn is_file(folder: &OwnedFd, name: &[u8]) -> Result<bool, Errno> {
    match Found::at(folder, name) {
        // Such a name cannot be there.
        Err(Errno::NAMETOOLONG) => Ok(false),
        found => Ok(found?.is_some_and(|found| found.kind() == Some(EntryKind::File))),
    }
}

const COMPANIONS: [&[u8]; 3] = [b"-wal", b"-shm", b"-journal"];
