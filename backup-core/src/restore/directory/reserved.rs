//! What other services of the environment keep to themselves: it is not opened, written, replaced or deleted here.
//!
//! Like a [database in use](super::in_use), but known from the service it belongs to and not by the names beside it.

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::found::{Found, Inode};
use super::in_use::database;
use super::lineage::split;
use super::root::label;
use crate::engine::{EntryKind, Verdict, VerdictLevel, printable_path};
use crate::{Error, ErrorKind, Result};

/// The reserved paths that are in a target.
#[derive(Debug, Default)]
pub(super) struct Reserved {
    label: String,
    /// Below the target; the empty one is the target itself.
    paths: BTreeSet<Vec<u8>>,
    /// Of the reserved files, which may have other names in the target.
    inodes: HashSet<Inode>,
}

impl Reserved {
    /// Finds which paths are in a directory, by whatever symbolic links both are reached. Neither needs to exist.
    pub(super) fn new(directory: &Path, paths: &[PathBuf]) -> Self {
        let mut reserved = Self { label: label(directory), ..Self::default() };
        if paths.is_empty() {
            return reserved;
        }
        let roots = spellings(directory);
        for path in paths {
            for path in spellings(path) {
                reserved.paths.extend(roots.iter().filter_map(|root| below(root, &path)));
            }
            let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
            reserved.inodes.extend(file.map(|file| (file.dev(), file.ino())));
        }
        reserved
    }

    /// Whether nothing is.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.inodes.is_empty()
    }

    /// Why nothing of a kind may come to stand at a path. A folder may stand above what is reserved; a symbolic link may be the way to
    /// it, where it replaces nothing.
    pub(super) fn forbids(&self, path: &[u8], kind: EntryKind) -> Option<Verdict> {
        let at = self.at(path);
        let forbidden = match kind {
            EntryKind::Directory => at,
            EntryKind::Symlink => at.filter(|reserved| *reserved != path),
            _ => at.or_else(|| self.below(path)),
        };
        forbidden.map(|path| self.verdict(path))
    }

    /// Why what was found at a path may not be touched: it is a reserved file under another name.
    pub(super) fn forbids_found(&self, path: &[u8], found: &Found) -> Option<Verdict> {
        self.inodes.contains(&found.inode()).then(|| self.verdict(path))
    }

    /// The reserved path that a path is, belongs to or lies in.
    fn at(&self, path: &[u8]) -> Option<&[u8]> {
        if self.paths.is_empty() {
            return None;
        }
        let find = |path: &[u8]| self.paths.get(path).map(Vec::as_slice);
        let mut above = path;
        let mut found = find(path).or_else(|| database(path).and_then(find));
        while found.is_none() && !above.is_empty() {
            above = split(above).0;
            found = find(above);
        }
        found
    }

    /// The first reserved path below a path.
    fn below(&self, path: &[u8]) -> Option<&[u8]> {
        let inside = if path.is_empty() { Vec::new() } else { [path, b"/"].concat() };
        let range = (Bound::Excluded(inside.as_slice()), Bound::Unbounded);
        self.paths.range::<[u8], _>(range).next().map(Vec::as_slice).filter(|path| path.starts_with(&inside))
    }

    fn verdict(&self, path: &[u8]) -> Verdict {
        let subject = match path {
            b"" => self.label.clone(),
            path => format!("{}/{}", self.label, printable_path(path)),
        };
        Verdict::new(VerdictLevel::Deny, subject, RESERVED, RESERVED_REMEDY)
    }
}

/// Fails for what is forbidden.
pub(super) fn expect_allowed(forbidden: Option<Verdict>) -> Result<()> {
    let Some(Verdict { subject, reason, remedy, .. }) = forbidden else { return Ok(()) };
    let text = format!("cannot restore \"{subject}\": {reason}");
    Err(Error::new(ErrorKind::Exists, text).with_remedy(remedy))
}

/// A path as it is given, without symbolic links before its last part, and without any.
fn spellings(path: &Path) -> BTreeSet<PathBuf> {
    let Ok(path) = std::path::absolute(path) else { return BTreeSet::new() };
    let named = path.parent().zip(path.file_name()).map(|(folder, name)| real(folder).join(name));
    let all = [real(&path), path.components().collect()];
    all.into_iter().chain(named).collect()
}

/// An absolute path with no symbolic link in the part of it that exists.
fn real(path: &Path) -> PathBuf {
    let resolve = |above: &Path| Some((above.canonicalize().ok()?, path.strip_prefix(above).ok()?));
    let resolved = path.ancestors().find_map(resolve);
    resolved.map_or_else(|| path.to_owned(), |(real, rest)| real.join(rest).components().collect())
}

/// Where in a directory a path is; a directory that lies in it is in it as a whole.
fn below(directory: &Path, path: &Path) -> Option<Vec<u8>> {
    if directory.starts_with(path) {
        return Some(Vec::new());
    }
    let rest = path.strip_prefix(directory).ok()?;
    Some(rest.as_os_str().as_bytes().to_vec())
}

const RESERVED: &str =
    "another service of the environment keeps it to itself: it is neither written nor deleted here";
const RESERVED_REMEDY: &str =
    "choose paths beside it, keep what the backup does not have, or restore into another directory";

#[cfg(test)]
mod tests {
    use super::*;

    fn forbids(reserved: &Reserved, path: &str, kind: EntryKind) -> Option<String> {
        reserved.forbids(path.as_bytes(), kind).map(|verdict| verdict.subject)
    }

    #[test]
    fn what_is_reserved_and_what_belongs_to_it_is_forbidden_and_no_more() {
        let reserved = Reserved::new(Path::new("/no/t"), &["/no/t/d/a.db".into(), "/no/t/cluster/".into()]);
        let database = Some("/no/t/d/a.db".to_owned());
        let cluster = Some("/no/t/cluster".to_owned());
        for name in ["d/a.db", "d/a.db-wal", "d/a.db-shm", "d/a.db-journal", "d/a.db/x"] {
            assert_eq!(forbids(&reserved, name, EntryKind::File), database, "{name}");
            assert_eq!(forbids(&reserved, name, EntryKind::Directory), database, "{name}");
        }
        for name in ["cluster", "cluster/base/1"] {
            assert_eq!(forbids(&reserved, name, EntryKind::Directory), cluster, "{name}");
        }
        for name in ["d/a.db2", "d/a", "a.db", "d/a.db-wal2", "cluster2", "d/-wal"] {
            assert_eq!(forbids(&reserved, name, EntryKind::File), None, "{name}");
        }
        assert_eq!(forbids(&reserved, "d", EntryKind::Directory), None);
        assert_eq!(forbids(&reserved, "d", EntryKind::File), database);
        for name in ["d", "d/a.db"] {
            assert_eq!(forbids(&reserved, name, EntryKind::Symlink), None, "{name}");
        }
        assert_eq!(forbids(&reserved, "cluster/base", EntryKind::Symlink), cluster);
        assert_eq!(forbids(&reserved, "", EntryKind::Directory), None);
        assert_eq!(forbids(&reserved, "", EntryKind::File), cluster);
    }

    #[test]
    fn a_target_in_a_reserved_folder_is_forbidden_as_a_whole() {
        for path in ["/no/t", "/no", "/"] {
            let reserved = Reserved::new(Path::new("/no/t"), &[path.into()]);
            assert_eq!(forbids(&reserved, "", EntryKind::Directory).as_deref(), Some("/no/t"));
            assert_eq!(forbids(&reserved, "x/y", EntryKind::File).as_deref(), Some("/no/t"));
        }
        assert!(Reserved::new(Path::new("/no/t"), &["/no/t2".into(), "/no/other/x".into()]).is_empty());
    }

    #[test]
    fn paths_are_found_through_symbolic_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("real/data")).unwrap();
        std::fs::create_dir_all(at("mount")).unwrap();
        std::fs::write(at("real/data/other.db"), "").unwrap();
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        std::os::unix::fs::symlink("../mount", at("real/mounted")).unwrap();
        std::os::unix::fs::symlink("other.db", at("real/data/alias.db")).unwrap();
        for (root, other) in [("real", "link"), ("link", "real"), ("real", "real"), ("link", "link")] {
            let paths = ["new/a.db", "mounted/b.db", "data/alias.db"].map(|path| at(other).join(path));
            let reserved = Reserved::new(&at(root), &paths);
            let forbidden = |path, kind| forbids(&reserved, path, kind).is_some();
            assert!(forbidden("new/a.db", EntryKind::File), "{root} {other}");
            assert!(forbidden("data/alias.db", EntryKind::File), "{root} {other}");
            assert!(forbidden("data/other.db-wal", EntryKind::File), "{root} {other}");
            assert!(!forbidden("data", EntryKind::Directory), "{root} {other}");
            if root == other {
                // Nothing may take the place of the link that leads to it.
                assert!(forbidden("mounted", EntryKind::File), "{root}");
            }
        }
    }
}
