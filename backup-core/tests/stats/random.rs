//! Random trees, compared by the repository and by looking at everything.

use backup_core::engine::{EntryKind, Timestamp};
use backup_core::{Difference, Repository};
use proptest::prelude::*;

use crate::changes::{Seen, all, back_up, counted, naive, planted, sums};
use crate::home::{create, memory};
use crate::memory::Item;
use crate::tree::noise;

/// What happens to an item on its way into the second tree.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Kept,
    Gone,
    Rewritten(u8),
    Chmod,
    Touched,
    Tagged,
    Renumbered,
    Replaced(EntryKind),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Kept),
        1 => Just(Fate::Gone),
        1 => any::<u8>().prop_map(Fate::Rewritten),
        1 => Just(Fate::Chmod),
        1 => Just(Fate::Touched),
        1 => Just(Fate::Tagged),
        1 => Just(Fate::Renumbered),
        1 => kind().prop_map(Fate::Replaced),
    ]
}

fn kind() -> impl Strategy<Value = EntryKind> {
    prop::sample::select(vec![
        EntryKind::File,
        EntryKind::Directory,
        EntryKind::Symlink,
        EntryKind::Fifo,
        EntryKind::CharacterDevice,
    ])
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![&b"a"[..], b"a.b", b"a!", b"b", b"\xff", b"caf\xc3\xa9"]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join(&b'/'))
}

fn item() -> impl Strategy<Value = Item> {
    (path(), kind(), any::<u8>()).prop_map(|(path, kind, content)| made(path, kind, content))
}

fn made(path: Vec<u8>, kind: EntryKind, content: u8) -> Item {
    let text = format!("target {content}");
    let mut item = match kind {
        EntryKind::File => Item::file("", &noise(u64::from(content), usize::from(content) * 17)),
        EntryKind::Symlink => Item::link("", &text),
        other => Item::new("", other),
    };
    if kind == EntryKind::CharacterDevice {
        item.metadata.special = u64::from(content);
    }
    item.path = path;
    item
}

fn after(item: &Item, fate: Fate) -> Option<Item> {
    let (mut item, before) = (item.clone(), item.metadata);
    match fate {
        Fate::Kept => {}
        Fate::Gone => return None,
        Fate::Rewritten(content) => return Some(made(item.path, before.kind, content)),
        Fate::Chmod => item.metadata.mode ^= 0o111,
        Fate::Touched => item.metadata.mtime = Timestamp { seconds: 5, nanoseconds: 6 },
        Fate::Tagged => item.xattrs = b"\x06\x00\x01\x00\x00\x00user.ax".to_vec(),
        Fate::Renumbered => {
            (item.metadata.inode, item.metadata.device) = (before.inode + 1, before.device + 1);
            item.metadata.ctime = Timestamp { seconds: 9, nanoseconds: 9 };
        }
        Fate::Replaced(kind) => return Some(made(item.path, kind, 3)),
    }
    Some(item)
}

/// Compares both ways, and parts of it.
async fn expect_the_same(repository: &Repository, old: &[Item], new: &[Item], folders: &[Vec<u8>]) {
    let (old_id, new_id) = (back_up(repository, old).await, back_up(repository, new).await);
    for (from, to, left, right) in [(old_id, new_id, old, new), (new_id, old_id, new, old)] {
        let (changes, summary) = all(repository.diff(from, to)).await;
        let seen: Vec<Seen> = changes.iter().map(Seen::from).collect();
        let expected = naive(left, right);
        assert_eq!(seen, expected);
        assert_eq!(sums(&summary), counted(&expected));
        for change in &changes {
            let is_edit = matches!(change.difference, Difference::Modified { content: true, .. });
            let of_files = [change.old, change.new].iter().flatten().any(|item| item.bytes > 0);
            assert_eq!(change.changed_bytes.is_some(), is_edit && of_files, "{change:?}");
            assert!(change.changed_bytes <= change.new.map(|item| item.bytes), "{change:?}");
        }
    }
    if !folders.is_empty() {
        let (changes, _) = all(repository.diff(old_id, new_id).paths(folders.to_vec())).await;
        let seen: Vec<Seen> = changes.iter().map(Seen::from).collect();
        let is_below = |seen: &Seen| {
            folders.iter().any(|folder| {
                let rest = seen.path.strip_prefix(&folder[..]);
                rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
            })
        };
        let expected: Vec<Seen> = naive(old, new).into_iter().filter(is_below).collect();
        assert_eq!(seen, expected);
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn small_trees_differ_as_looking_at_everything_says(
        items in prop::collection::vec((item(), fate()), 0..40),
        added in prop::collection::vec(item(), 0..8),
        folders in prop::collection::vec(path(), 0..3),
    ) {
        let old = planted(items.iter().map(|(item, _)| item.clone()));
        let kept = items.iter().filter_map(|(item, fate)| after(item, *fate));
        let new = planted(kept.chain(added));
        run(async { expect_the_same(&create(&memory()).await, &old, &new, &folders).await });
    }
}

/// An edit of a large tree.
#[derive(Debug, Clone)]
enum Edit {
    Remove(usize, usize),
    Insert(usize, usize),
    Chmod(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0..LARGE, 1_usize..3000).prop_map(|(at, count)| Edit::Remove(at, count)),
        (0..LARGE, 1_usize..3000).prop_map(|(at, count)| Edit::Insert(at, count)),
        (0..LARGE).prop_map(Edit::Chmod),
    ]
}

/// So many folders with long names, from which some differ: enough for nodes above nodes.
pub(crate) fn large(count: usize) -> Vec<Item> {
    let folder = |number: usize| Item::folder(&long_name(number, 0));
    let mut items: Vec<Item> = (0..count).map(folder).collect();
    items.insert(0, Item::folder(""));
    items
}

fn long_name(number: usize, below: usize) -> String {
    let seed = u64::try_from(number * 10_000 + below).unwrap();
    let digits: String = noise(seed, 60).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{number:06}-{below:04}-{digits}")
}

fn edited(edits: &[Edit]) -> Vec<Item> {
    let mut items = large(LARGE);
    for edit in edits {
        let last = items.len() - 1;
        match edit {
            Edit::Remove(at, count) => drop(items.drain((*at).clamp(1, last)..(at + count).clamp(1, last))),
            Edit::Insert(at, count) => {
                let new = (1..=*count).map(|below| Item::folder(&long_name(*at, below)));
                items.extend(new);
            }
            Edit::Chmod(at) => items[(*at).clamp(1, last)].metadata.mode ^= 0o111,
        }
    }
    items.sort_by(|left, right| left.path.cmp(&right.path));
    items.dedup_by(|left, right| left.path == right.path);
    items
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn large_trees_differ_as_looking_at_everything_says(edits in prop::collection::vec(edit(), 0..4)) {
        let (old, new) = (large(LARGE), edited(&edits));
        let folders = [long_name(17, 0).into_bytes(), long_name(9000, 0).into_bytes()];
        run(async { expect_the_same(&create(&memory()).await, &old, &new, &folders).await });
    }
}

#[tokio::test]
async fn trees_of_different_heights_are_compared() {
    let repository = create(&memory()).await;
    expect_the_same(&repository, &large(3), &large(LARGE), &[long_name(2, 0).into_bytes()]).await;
    expect_the_same(&repository, &large(500), &large(LARGE), &[]).await;
    expect_the_same(&repository, &[Item::folder("")], &large(2000), &[]).await;
}

const LARGE: usize = 12_000;
