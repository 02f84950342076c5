//! Comparing the entries of one path.

use super::change::{DiffItem, Difference};
use super::content::Edit;
use crate::engine::{Content, Entry};
use crate::format::content::OwnedContent;

impl DiffItem {
    pub(super) fn of_entry(entry: &Entry<'_>) -> Self {
        Self { kind: entry.metadata.kind.into(), entries: 1, bytes: entry.metadata.size }
    }
}

/// How two entries of one path differ; `None` if a restore gives the same for both. Numbers of files and times of status changes are the
/// file system's own and no difference.
pub(super) fn compare(old: &Entry<'_>, new: &Entry<'_>) -> Option<Difference> {
    let (before, after) = (&old.metadata, &new.metadata);
    let kind = before.kind != after.kind;
    let content =
        differs(old.content, new.content) || old.target != new.target || before.special != after.special;
    let metadata = (before.mode, before.uid, before.gid, before.mtime)
        != (after.mode, after.uid, after.gid, after.mtime)
        || differs(old.xattrs, new.xattrs);
    (kind || content || metadata).then_some(Difference::Modified { content, metadata, kind })
}

/// The contents of two files that differ; `None` if neither has one that does.
pub(super) fn edit(old: &Entry<'_>, new: &Entry<'_>) -> Option<Edit> {
    differs(old.content, new.content).then(|| Edit { old: owned(old.content), new: owned(new.content) })
}

fn differs(old: Content<'_>, new: Content<'_>) -> bool {
    match (old, new) {
        (Content::None, Content::None) => false,
        (Content::Stored(old), Content::Stored(new)) => (old.hash, old.size) != (new.hash, new.size),
        _ => true,
    }
}

fn owned(content: Content<'_>) -> Option<OwnedContent> {
    match content {
        Content::Stored(content) => Some(content.into()),
        Content::None | Content::Data(_) => None,
    }
}
