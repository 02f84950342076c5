//! What other services of the environment keep to themselves: it is never opened here.
//!
//! A database of another service may lie in the tree. Closing any descriptor of it would drop all locks that the process holds on it.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use backup_core::{Error, ErrorKind, Result};

use super::listing::Listing;
use super::metadata::Observed;
use super::sqlite::COMPANIONS;

/// What is left out.
#[derive(Debug, Default)]
pub(super) struct Reserved {
    /// Names in the tree, by the path of their folder.
    names: HashMap<Vec<u8>, Vec<Vec<u8>>>,
    /// Device and number of what exists, so that it is known under other names too: hard links, folders mounted twice.
    identities: HashSet<(u64, u64)>,
}

/// What is left out of one folder: positions in a listing, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// One for each reserved path of which something is there.
    pub(super) named: Vec<usize>,
    /// These, and the logs and journals that belong to them.
    pub(super) all: Vec<usize>,
}

impl Reserved {
    /// Finds which paths lie in a tree, by whatever symbolic links both are reached.
    ///
    /// # Errors
    /// When the whole tree is reserved.
    pub(super) fn new(root: &Path, paths: &[PathBuf]) -> Result<Self> {
        let mut reserved = Self::default();
        let Some(real) = (!paths.is_empty()).then(|| root.canonicalize().ok()).flatten() else {
            return Ok(reserved);
        };
        let root_identity = identity(&real);
        for path in paths.iter().filter_map(|path| without_links(path)) {
            let own_identity = identity(&path);
            if real.starts_with(&path) || (own_identity.is_some() && own_identity == root_identity) {
                let text = format!("another service of the environment backs up \"{}\"", root.display());
                return Err(
                    Error::new(ErrorKind::Invalid, text).with_remedy("back up a folder by one service only")
                );
            }
            let beside = COMPANIONS.iter().filter_map(|suffix| identity(&with_suffix(&path, suffix)));
            reserved.identities.extend(own_identity.into_iter().chain(beside));
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { continue };
            if let Ok(folder) = folder.strip_prefix(&real) {
                let in_folder = reserved.names.entry(folder.as_os_str().as_bytes().to_vec()).or_default();
                in_folder.push(name.as_bytes().to_vec());
            }
        }
        Ok(reserved)
    }

    /// Whether no name in the tree is reserved.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether something is reserved, whatever name it has here.
    pub(super) fn has(&self, observed: &Observed) -> bool {
        !self.identities.is_empty()
            && self.identities.contains(&(observed.metadata.device, observed.metadata.inode))
    }

    /// What is left out of a folder.
    pub(super) fn find(&self, folder: &[u8], listing: &Listing) -> LeftOut {
        let mut found = LeftOut::default();
        for name in self.names.get(folder).into_iter().flatten() {
            let belonging = COMPANIONS.iter().map(|suffix| [name, *suffix].concat());
            let there: Vec<_> = std::iter::once(name.clone())
                .chain(belonging)
                .filter_map(|name| listing.find(&name))
                .collect();
            found.named.extend(there.first());
            found.all.extend(there);
        }
        for list in [&mut found.named, &mut found.all] {
            list.sort_unstable();
            list.dedup();
        }
        found
    }
}

/// The path with no symbolic link before its last part.
fn without_links(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let folder = path.parent()?.canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}

fn with_suffix(path: &Path, suffix: &[u8]) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(OsStr::from_bytes(suffix));
    name.into()
}

/// Device and number of what a path leads to.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_through_symbolic_links() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        std::fs::create_dir_all(real.join("data")).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("real", &link).unwrap();
        let mut listing = Listing::default();
        for name in ["shop.db", "shop.db-wal", "shop.db2", "other"] {
            listing.push(name.as_bytes(), true);
        }
        listing.sort();
        for (root, path) in [(&real, &link), (&link, &real), (&real, &real)] {
            let reserved =
                Reserved::new(root, &[path.join("data/shop.db"), folder.path().join("other")]).unwrap();
            assert_eq!(reserved.find(b"data", &listing), LeftOut { named: vec![1], all: vec![1, 2] });
            assert_eq!(reserved.find(b"", &listing), LeftOut::default());
        }
        assert!(
            Reserved::new(&real, &[folder.path().join("elsewhere"), "/no/such/folder/x".into()])
                .unwrap()
                .is_empty()
        );
        assert_eq!(Reserved::new(&link.join("data"), &[real]).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
