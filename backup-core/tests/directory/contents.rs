//! Contents: sizes, holes, batches, damage, cancellation.

use std::os::unix::fs::MetadataExt;

use backup_core::ErrorKind;
use backup_core::engine::Existing;

use crate::service::{Item, Part, Service};
use crate::target::{Seen, Target};

#[tokio::test]
async fn files_of_every_size_come_back() {
    let target = Target::new();
    let sizes = [0, 1, 4095, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 17 << 20];
    let mut items = vec![Item::folder("")];
    items.extend(sizes.map(|size| Item::file(format!("f{size}"), vec![3; size])));
    let from = Service::of(&items).shared();
    let plan = target.plan(&from, Existing::Refuse).await.unwrap();
    let context = target.context();
    backup_core::restore::directory::restore(&context, &from, &plan, &target.path()).await.unwrap();
    assert!(target.seen() == Seen::of(&items));
    let progress = context.progress();
    assert_eq!((progress.items, Some(progress.bytes)), (plan.create, progress.total_bytes));
    assert_eq!(progress.total_items, Some(plan.create));
}

#[tokio::test]
async fn holes_stay_holes() {
    let target = Target::new();
    let data = || Part::Data(vec![1; 4096]);
    let hole = || Part::Hole(64 << 20);
    let file = |name, content| Item { content, ..Item::file(name, "") };
    let items = [
        Item::folder(""),
        file("between", vec![data(), hole(), data()]),
        file("last", vec![data(), hole()]),
        file("many", vec![hole(), data(), hole(), data()]),
        file("only", vec![hole()]),
    ];
    target.restore(&Service::of(&items).shared(), Existing::Refuse).await.unwrap();
    for item in &items[1..] {
        let found = std::fs::metadata(target.at(std::str::from_utf8(&item.path).unwrap())).unwrap();
        assert_eq!(found.len(), item.size());
        assert!(found.blocks() * 512 < 1 << 20, "{} blocks", found.blocks());
    }
    assert!(target.seen() == Seen::of(&items));
}

#[tokio::test]
async fn many_small_files_come_in_many_batches() {
    let target = Target::new();
    let mut items = vec![Item::folder("")];
    for folder in 0..30 {
        items.push(Item::folder(format!("{folder:02}")));
        items.extend(
            (0..150).map(|file| Item::file(format!("{folder:02}/{file:03}"), format!("{folder}.{file}"))),
        );
    }
    let from = Service::of(&items).shared();
    let summary = target.restore(&from, Existing::Refuse).await.unwrap();
    assert_eq!(summary.written, items.len() as u64);
    assert!(target.seen() == Seen::of(&items));
    let summary = target.restore(&from, Existing::Update).await.unwrap();
    assert_eq!((summary.written, summary.unchanged), (0, items.len() as u64));
}

#[tokio::test]
async fn what_cannot_be_read_leaves_no_half_file() {
    for size in [5, 3_000_000] {
        let target = Target::new();
        let lost = vec![5; size];
        let items = [Item::folder(""), Item::file("a", "a"), Item::file("lost", &lost), Item::file("z", "z")];
        let from = Service::of(&items).lose(&lost).shared();
        let error = target.restore(&from, Existing::Refuse).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        let left = target.seen().paths();
        assert!(left.iter().all(|path| path.is_empty() || path == "a"), "{left:?}");
    }
}

#[tokio::test]
async fn a_cancelled_restore_leaves_no_temporary_file() {
    for size in [5, 3_000_000] {
        let target = Target::new();
        let mut items = vec![Item::folder("")];
        items.extend((0..5_u8).map(|n| Item::file(format!("f{n}"), vec![n; size])));
        let (cancel, mut calls) = (target.cancel.clone(), 0);
        let hook = move || {
            calls += 1;
            if calls == 3 {
                cancel.cancel();
            }
        };
        let from = Service::of(&items).before_contents(hook).shared();
        let error = target.restore(&from, Existing::Refuse).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let seen = target.seen();
        assert!(seen.paths().len() < items.len());
        assert!(!seen.paths().iter().any(|path| path.contains("backup-restore")), "{:?}", seen.paths());
    }
}

#[test]
fn a_dropped_restore_ends_and_leaves_no_temporary_file() {
    for size in [5, 3_000_000] {
        let target = Target::new();
        let mut items = vec![Item::folder("")];
        items.extend((0..5_u8).map(|n| Item::file(format!("f{n}"), vec![n; size])));
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut tell = Some(tell);
        let mut calls = 0;
        let hook = move || {
            calls += 1;
            if calls == 3 {
                tell.take().unwrap().send(()).unwrap();
            }
        };
        let from = Service::of(&items).before_contents(hook).shared();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let restored = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = told => None,
                restored = target.restore(&from, Existing::Refuse) => Some(restored),
            }
        });
        assert!(restored.is_none(), "not dropped: {restored:?}");
        // Waits for what still runs.
        drop(runtime);
        let seen = target.seen();
        assert!(seen.paths().len() < items.len());
        assert!(!seen.paths().iter().any(|path| path.contains("backup-restore")), "{:?}", seen.paths());
    }
}
