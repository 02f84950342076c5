//! Any tree comes back as it was, into nothing and onto anything.

use std::collections::BTreeMap;

use backup_core::engine::{EntryKind, Existing, Timestamp};
use proptest::prelude::*;

use crate::service::{Item, Part, Service};
use crate::target::{Seen, Target};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_comes_back_as_it_was(items in tree()) {
        block_on(async {
            let target = Target::new();
            let from = Service::of(&items).shared();
            let plan = target.plan(&from, Existing::Refuse).await.unwrap();
            let summary = target.restore(&from, Existing::Refuse).await.unwrap();
            assert_eq!(target.seen(), Seen::of(&items));
            assert_eq!((plan.create, plan.overwrite, plan.delete), (items.len() as u64, 0, 0));
            assert_eq!((summary.written, summary.unchanged, summary.deleted), (items.len() as u64, 0, 0));

            let again = target.restore(&from, Existing::Mirror).await.unwrap();
            assert_eq!((again.written, again.unchanged, again.deleted), (0, items.len() as u64, 0));
            assert_eq!(target.seen(), Seen::of(&items));
        });
    }

    #[test]
    fn a_mirrored_tree_replaces_any_other(old in tree(), new in tree()) {
        block_on(async {
            let target = Target::new();
            target.restore(&Service::of(&old).shared(), Existing::Refuse).await.unwrap();
            let from = Service::of(&new).shared();
            let plan = target.plan(&from, Existing::Mirror).await.unwrap();
            let summary = target.restore(&from, Existing::Mirror).await.unwrap();
            assert_eq!(target.seen(), Seen::of(&new));
            assert_eq!(summary.deleted, plan.delete);
            assert_eq!(summary.written, plan.create + plan.overwrite, "{plan:?}");
            let replanned = target.plan(&from, Existing::Mirror).await.unwrap();
            assert_eq!((replanned.create, replanned.overwrite, replanned.delete), (0, 0, 0));
        });
    }
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test);
}

/// Trees with a root; names of one folder are few, so that two trees meet.
fn tree() -> impl Strategy<Value = Vec<Item>> {
    (attributes(), prop::collection::vec((path(), item()), 1..14)).prop_map(|(root, items)| {
        let mut tree = BTreeMap::new();
        tree.insert(Vec::new(), Item { kind: EntryKind::Directory, ..root });
        for (path, item) in items {
            let folders = (0..path.len()).filter(|at| path[*at] == b'/').map(|at| path[..at].to_vec());
            let folders: Vec<_> = folders.collect();
            if folders
                .iter()
                .any(|folder| tree.get(folder).is_some_and(|item| item.kind != EntryKind::Directory))
            {
                continue;
            }
            for folder in folders {
                tree.entry(folder.clone()).or_insert_with(|| Item::folder(folder));
            }
            tree.entry(path.clone()).or_insert(Item { path, ..item });
        }
        same_links(tree.into_values().collect())
    })
}

/// Makes names of one file agree in all.
fn same_links(mut items: Vec<Item>) -> Vec<Item> {
    let mut firsts: BTreeMap<u64, Item> = BTreeMap::new();
    for item in &mut items {
        if item.kind == EntryKind::Directory {
            item.link = 0;
        }
        if item.link != 0 {
            let first = firsts.entry(item.link).or_insert_with(|| item.clone());
            *item = Item { path: item.path.clone(), ..first.clone() };
        }
    }
    items
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![
        &b"a"[..],
        b"a.b",
        b"b",
        b"caf\xc3\xa9",
        b"\xff\x01",
        b"a!",
        b"..x",
        b" \n",
    ]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join(&b'/'))
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        5 => (attributes(), content()).prop_map(|(item, content)| Item { content, kind: EntryKind::File, ..item }),
        2 => attributes().prop_map(|item| Item { kind: EntryKind::Directory, ..item }),
        2 => (attributes(), prop::sample::select(vec!["a", "../..", "/etc/passwd", "b/a"])).prop_map(|(item, to)| {
            Item {
                kind: EntryKind::Symlink, mode: 0o777, target: to.into(), xattrs: Vec::new(), ..item
            }
        }),
        1 => attributes().prop_map(|item| Item { kind: EntryKind::Fifo, xattrs: Vec::new(), ..item }),
    ]
}

fn attributes() -> impl Strategy<Value = Item> {
    let owner = if rustix::process::geteuid().is_root() {
        prop_oneof![3 => Just((0, 0)), 1 => (0..70_000_u32, 0..70_000_u32)].boxed()
    } else {
        let item = Item::folder("");
        Just((item.uid, item.gid)).boxed()
    };
    let mode = prop::sample::select(vec![0o755, 0o700, 0o644, 0o4755, 0o2770, 0o1777, 0o600, 0o444]);
    let mode = mode.prop_map(|mode| if rustix::process::geteuid().is_root() { mode } else { mode | 0o700 });
    let xattrs = prop::collection::btree_map("user\\.[a-c]", prop::collection::vec(any::<u8>(), 0..40), 0..3);
    let link = prop_oneof![4 => Just(0_u64), 1 => 1..4_u64];
    let seconds = prop_oneof![Just(0_i64), 1_i64..4_000_000_000];
    (owner, mode, xattrs, link, seconds, 0..1_000_000_000_u32).prop_map(
        |((uid, gid), mode, xattrs, link, seconds, nanoseconds)| Item {
            uid,
            gid,
            mode,
            link,
            mtime: Timestamp { seconds, nanoseconds },
            xattrs: xattrs.into_iter().collect(),
            ..Item::folder("")
        },
    )
}

fn content() -> impl Strategy<Value = Vec<Part>> {
    let size = prop::sample::select(vec![0, 1, 4095, 4096, 4097, 65_536, 262_143, 262_144]);
    let data = (size, any::<u8>()).prop_map(|(size, byte)| Part::Data(vec![byte; size]));
    let hole = prop::sample::select(vec![1_u64, 4096, 1 << 20]).prop_map(Part::Hole);
    let parts = prop::collection::vec(prop_oneof![3 => data, 1 => hole], 0..5);
    parts.prop_map(|mut parts| {
        parts.retain(|part| *part != Part::Data(Vec::new()));
        parts
    })
}
