//! SQLite databases in use, told by the names beside them and never opened.
//!
//! Closing any descriptor of a database file drops all locks that the process holds on it, and the process
//! may be the application itself: what looks like a database in use must not be opened, nor what belongs to
//! it.

use backup_core::engine::EntryKind;

use super::directory::Directory;
use super::listing::Listing;

/// What is said of a database in use, or of what belongs to one.
pub(super) const IN_USE: &str =
    "left out: it belongs to a SQLite database that came into use while the backup ran";

/// What belongs to databases in use: positions in a listing, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct InUse {
    /// The databases themselves.
    pub(super) databases: Vec<usize>,
    /// The databases and the files that belong to them.
    pub(super) all: Vec<usize>,
}

/// Finds the databases in use in a folder.
pub(super) fn in_use(listing: &Listing) -> InUse {
    let mut found = InUse::default();
    for (companion, name) in listing.files() {
        let database = COMPANIONS.iter().find_map(|suffix| name.strip_suffix(*suffix));
        if let Some(database) = database.and_then(|name| listing.find_file(name)) {
            found.databases.push(database);
            found.all.extend([database, companion]);
        }
    }
    for list in [&mut found.databases, &mut found.all] {
        list.sort_unstable();
        list.dedup();
    }
    found
}

/// Whether a file looks now like a database in use, or like what belongs to one.
pub(super) fn is_in_use(folder: &Directory, name: &[u8]) -> bool {
    let is_file = |name: &[u8]| {
        let seen = folder.observe_child(name);
        seen.is_ok_and(|seen| seen.is_some_and(|seen| seen.metadata.kind == EntryKind::File))
    };
    COMPANIONS
        .iter()
        .any(|suffix| is_file(&[name, suffix].concat()) || name.strip_suffix(*suffix).is_some_and(is_file))
}

/// What SQLite appends to the name of a database for its log, the index of the log, and its journal.
pub(super) const COMPANIONS: [&[u8]; 3] = [b"-wal", b"-shm", b"-journal"];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[(&str, bool)]) -> (Vec<String>, Vec<String>) {
        let mut listing = Listing::default();
        for (name, maybe_file) in names {
            listing.push(name.as_bytes(), *maybe_file);
        }
        listing.sort();
        let text = |positions: &[usize]| {
            let name =
                |position: &usize| String::from_utf8(listing.get(*position).unwrap().to_vec()).unwrap();
            positions.iter().map(name).collect()
        };
        let in_use = in_use(&listing);
        (text(&in_use.databases), text(&in_use.all))
    }

    #[test]
    fn a_database_is_known_by_the_files_beside_it() {
        let (databases, all) = found(&[
            ("shop.db-wal", true),
            ("shop.db", true),
            ("shop.db-shm", true),
            ("other", true),
            ("idle.db", true),
            ("lone-wal", true),
            ("jobs-journal", true),
            ("jobs", true),
        ]);
        assert_eq!(databases, ["jobs", "shop.db"]);
        assert_eq!(all, ["jobs", "jobs-journal", "shop.db", "shop.db-shm", "shop.db-wal"]);
    }

    #[test]
    fn a_database_that_came_into_use_is_known_when_it_is_to_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        write("shop.db");
        write("other");
        let opened = Directory::open_root(folder.path()).unwrap();
        assert!(!is_in_use(&opened, b"shop.db"));
        write("shop.db-wal");
        assert!(is_in_use(&opened, b"shop.db") && is_in_use(&opened, b"shop.db-wal"));
        assert!(!is_in_use(&opened, b"other"));
    }

    #[test]
    fn folders_are_no_databases() {
        let (databases, all) = found(&[("a", false), ("a-wal", true), ("b", true), ("b-journal", false)]);
        assert!(databases.is_empty() && all.is_empty());
    }
}
