//! Which existing files may stay as they are, though they have several names.

use std::collections::{HashMap, HashSet};

use backup_crypto::{ContentHash, ContentHasher};

use super::found::{Found, Inode};
use crate::engine::{Content, Entry};

/// The hard links of a tree met so far, against those of its target.
#[derive(Debug)]
pub(super) struct Links {
    hasher: ContentHasher,
    firsts: HashMap<u64, First>,
    claimed: HashSet<Inode>,
}

#[derive(Debug)]
struct First {
    content: Option<ContentHash>,
    stays: Option<Inode>,
}

impl Links {
    pub(super) fn new(hasher: ContentHasher) -> Self {
        Self { hasher, firsts: HashMap::new(), claimed: HashSet::new() }
    }

    /// Where the first name of the file that an entry is another name of stays: `None` if it is the first name,
    /// `Some(None)` if the first is written anew. Names with different contents are not of one file, whatever the backup says:
    /// it may have changed between two looks.
    pub(super) fn first(&self, entry: &Entry<'_>) -> Option<Option<Inode>> {
        let first = self.firsts.get(&entry.metadata.link)?;
        (first.content == self.content(entry)).then_some(first.stays)
    }

    /// Whether an existing file with the right content may stay, under the first of its names in the backup. Where it has other
    /// names it must not be changed, because they may lie outside of the target, and only one file of the backup can be it.
    pub(super) fn may_stay(&mut self, link: u64, found: &Found, is_dressed: bool) -> bool {
        !found.has_other_names() || (is_dressed && link != 0 && self.claimed.insert(found.inode()))
    }

    /// Notes the first name of a file: it stays as this inode, or is written anew.
    pub(super) fn note(&mut self, entry: &Entry<'_>, stays: Option<Inode>) {
        if entry.metadata.link != 0 {
            let content = self.content(entry);
            self.firsts.insert(entry.metadata.link, First { content, stays });
        }
    }

    fn content(&self, entry: &Entry<'_>) -> Option<ContentHash> {
        match entry.content {
            Content::None => None,
            Content::Stored(stored) => Some(stored.hash),
            Content::Data(bytes) => {
                let mut hasher = self.hasher.clone();
                hasher.update(bytes);
                Some(hasher.finalize())
            }
        }
    }
}
