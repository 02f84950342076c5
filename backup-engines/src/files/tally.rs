//! What a pass stored, counted.

use std::collections::BTreeSet;

use backup_core::engine::{Entries, EntryKind, Facts, Metadata};

use super::owners;

/// Counts of a pass.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) files: u64,
    pub(super) folders: u64,
    pub(super) others: u64,
    pub(super) bytes: u64,
    /// Regular files known from the previous backup.
    pub(super) unchanged_files: u64,
    users: BTreeSet<u32>,
    groups: BTreeSet<u32>,
}

impl Tally {
    /// Entries in all.
    pub(super) fn count(&self) -> u64 {
        self.files + self.folders + self.others
    }

    pub(super) fn add_entries(&mut self, entries: &Entries) {
        for entry in entries.iter() {
            self.add(&entry.metadata);
        }
    }

    pub(super) fn add(&mut self, metadata: &Metadata) {
        match metadata.kind {
            EntryKind::File => self.files += 1,
            EntryKind::Directory => self.folders += 1,
            _ => self.others += 1,
        }
        self.bytes += metadata.size;
        self.users.insert(metadata.uid);
        self.groups.insert(metadata.gid);
    }

    /// The facts to record; reads the names of users and groups.
    pub(super) fn facts(&self, root: String) -> Facts {
        let mut facts = Facts::from([("files.root".to_owned(), root)]);
        for (name, count) in [
            ("files.count", self.files),
            ("files.folders", self.folders),
            ("files.others", self.others),
            ("files.bytes", self.bytes),
            ("files.unchanged", self.unchanged_files),
        ] {
            facts.insert(name.to_owned(), count.to_string());
        }
        owners::record(&self.users, &self.groups, &mut facts);
        facts
    }
}
