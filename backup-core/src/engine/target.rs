//! Where a restore goes, what of the backup, and what will happen there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::Verdict;

/// Facts about a service or an application, recorded in the manifest: `sqlite.page_size` = `4096`.
pub type Facts = BTreeMap<String, String>;

/// Where a restore goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Into a directory, which is made if it is missing: a tree lands directly in it, a stream as a file of its artifact's name.
    Directory {
        /// The directory.
        path: PathBuf,
        /// What may happen to what is already there.
        existing: Existing,
    },
    /// Onto the service that the engine was made for.
    InPlace {
        /// What may happen to what is already there.
        existing: Existing,
    },
}

impl Target {
    /// What may happen to what is already there.
    #[must_use]
    pub fn existing(&self) -> Existing {
        match self {
            Self::Directory { existing, .. } | Self::InPlace { existing } => *existing,
        }
    }
}

/// What a restore may do to what it finds in its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Existing {
    /// Nothing: a target that is not empty is refused.
    #[default]
    Refuse,
    /// Overwrite what differs, leave what the backup does not have.
    Update,
    /// Overwrite what differs, delete what the backup does not have.
    Mirror,
}

/// What of a service is restored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Paths within the tree, each with all that is below it. Empty: everything.
    pub paths: Vec<Vec<u8>>,
    /// Whether device nodes are made too; FIFOs always are.
    pub devices: bool,
}

impl Selection {
    /// Whether the selection holds a path, itself or through a folder above it.
    #[must_use]
    pub fn holds(&self, path: &[u8]) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|chosen| is_at_or_below(path, chosen))
    }

    /// Whether a path is a folder above something selected, needed to get there.
    #[must_use]
    pub fn leads_to(&self, path: &[u8]) -> bool {
        self.paths.iter().any(|chosen| is_at_or_below(chosen, path))
    }
}

fn is_at_or_below(path: &[u8], folder: &[u8]) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}

/// What a restore of one service will do: a value to show, to judge and to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePlan {
    /// The target.
    pub target: Target,
    /// The selection.
    pub selection: Selection,
    /// Reasons for and against; one deny forbids it.
    pub verdicts: Vec<Verdict>,
    /// Entries that do not exist yet in the target.
    pub create: u64,
    /// Entries in the target that differ and will be overwritten.
    pub overwrite: u64,
    /// Entries in the target that the backup does not have and that will be deleted.
    pub delete: u64,
    /// Bytes of the files that will be created or overwritten.
    pub write_bytes: u64,
    /// The first paths that will be overwritten or deleted, as text, at most a hundred.
    pub examples: Vec<String>,
}

impl RestorePlan {
    /// An empty plan for a target and a selection.
    #[must_use]
    pub fn new(target: Target, selection: Selection) -> Self {
        Self {
            target,
            selection,
            verdicts: Vec::new(),
            create: 0,
            overwrite: 0,
            delete: 0,
            write_bytes: 0,
            examples: Vec::new(),
        }
    }

    /// Whether it overwrites or deletes anything.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        self.overwrite > 0 || self.delete > 0
    }

    /// The first verdict that forbids it.
    #[must_use]
    pub fn denied(&self) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.level == super::VerdictLevel::Deny)
    }
}

/// What a restore of one service did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RestoreSummary {
    /// Entries made or rewritten.
    pub written: u64,
    /// Entries that were already as they should be.
    pub unchanged: u64,
    /// Entries deleted.
    pub deleted: u64,
    /// Entries left out (devices that were not asked for).
    pub skipped: u64,
    /// Bytes of content written to files.
    pub written_bytes: u64,
}
