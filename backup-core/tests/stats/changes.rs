//! Differences told by a comparison, and by looking at everything.

use std::collections::{BTreeMap, BTreeSet};

use backup_core::engine::{EntryKind, path_order};
use backup_core::{
    BackupId, Change, DiffKind, DiffRequest, DiffSummary, Difference, Environment, Repository,
};

use crate::memory::{Item, Memory};

/// A difference, without what only the repository knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: Vec<u8>,
    pub(crate) difference: Difference,
    pub(crate) old: Option<(DiffKind, u64)>,
    pub(crate) new: Option<(DiffKind, u64)>,
}

impl From<&Change> for Seen {
    fn from(change: &Change) -> Self {
        let [old, new] = [change.old, change.new].map(|item| item.map(|item| (item.kind, item.bytes)));
        Self { path: change.path.clone(), difference: change.difference, old, new }
    }
}

/// All changes that a comparison gives, and their sum.
pub(crate) async fn all(request: DiffRequest) -> (Vec<Change>, DiffSummary) {
    let mut diff = request.await.unwrap();
    let mut changes = Vec::new();
    while let Some(change) = diff.next().await.unwrap() {
        changes.push(change);
    }
    assert_eq!(diff.next().await.unwrap(), None);
    (changes, diff.summary())
}

/// Backs up a tree and nothing else.
pub(crate) async fn back_up(repository: &Repository, items: &[Item]) -> BackupId {
    let environment = Environment::new("shop").service("files", Memory::tree(items));
    repository.backup(&environment).await.unwrap().id
}

/// Makes items into a tree: in order, below folders.
pub(crate) fn planted(items: impl IntoIterator<Item = Item>) -> Vec<Item> {
    let mut tree: BTreeMap<Vec<u8>, Item> = items.into_iter().map(|item| (item.path.clone(), item)).collect();
    let paths: BTreeSet<Vec<u8>> = tree.keys().cloned().collect();
    for path in paths {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        for end in ends.chain([0]).filter(|end| *end < path.len()) {
            let folder = Item { path: path[..end].to_vec(), ..Item::folder("") };
            match tree.get(&path[..end]) {
                Some(item) if item.metadata.kind == EntryKind::Directory => {}
                _ => drop(tree.insert(path[..end].to_vec(), folder)),
            }
        }
    }
    tree.entry(Vec::new()).or_insert_with(|| Item::folder(""));
    let mut items: Vec<Item> = tree.into_values().collect();
    items.sort_by(|left, right| path_order(&left.path, &right.path));
    items
}

/// The differences by looking at every item of both trees.
pub(crate) fn naive(old: &[Item], new: &[Item]) -> Vec<Seen> {
    let by_path = |items: &[Item]| -> BTreeMap<Vec<u8>, Item> {
        items.iter().map(|item| (item.path.clone(), item.clone())).collect()
    };
    let (old, new) = (by_path(old), by_path(new));
    let mut paths: Vec<&Vec<u8>> = old.keys().chain(new.keys()).collect();
    paths.sort_by(|left, right| path_order(left, right));
    paths.dedup();
    let difference = |path: &Vec<u8>| {
        let (before, after) = (old.get(path), new.get(path));
        let difference = match (before, after) {
            (Some(before), Some(after)) => compare(before, after)?,
            (None, _) => Difference::Added,
            (_, None) => Difference::Removed,
        };
        let side = |item: &Item| (item.metadata.kind.into(), item.metadata.size);
        Some(Seen { path: path.clone(), difference, old: before.map(side), new: after.map(side) })
    };
    paths.into_iter().filter_map(difference).collect()
}

fn compare(old: &Item, new: &Item) -> Option<Difference> {
    let (before, after) = (old.metadata, new.metadata);
    let kind = before.kind != after.kind;
    let content = old.bytes() != new.bytes() || old.target != new.target || before.special != after.special;
    let metadata = (before.mode, before.uid, before.gid, before.mtime, &old.xattrs)
        != (after.mode, after.uid, after.gid, after.mtime, &new.xattrs);
    (kind || content || metadata).then_some(Difference::Modified { content, metadata, kind })
}

/// What some differences come to.
pub(crate) fn counted(changes: &[Seen]) -> [u64; 5] {
    let mut sums = [0; 5];
    for change in changes {
        match change.difference {
            Difference::Added => {
                sums[0] += 1;
                sums[1] += change.new.unwrap().1;
            }
            Difference::Removed => {
                sums[2] += 1;
                sums[3] += change.old.unwrap().1;
            }
            _ => sums[4] += 1,
        }
    }
    sums
}

pub(crate) fn sums(summary: &DiffSummary) -> [u64; 5] {
    [summary.added, summary.added_bytes, summary.removed, summary.removed_bytes, summary.modified]
}
