//! Backups and targets that try to lead a restore elsewhere.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use backup_core::ErrorKind;
use backup_core::engine::{Existing, Selection, ServiceReader};

use crate::service::{Item, Service};
use crate::target::{Seen, Target};

/// Restores a tree as it is; it must be refused as damaged, naming the path, and touch nothing outside of the target.
async fn is_refused(name: &str, items: &[Item]) {
    let target = Target::new();
    std::fs::write(target.home.path().join("neighbour"), "untouched").unwrap();
    let from = Service::new().tree("tree", items).shared();
    let error = target.restore(&from, Existing::Refuse).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{name}: {}", error.chain());
    assert!(error.to_string().contains(name), "{name}: {error}");
    std::fs::remove_dir_all(target.path()).unwrap();
    assert_eq!(Seen::at(target.home.path()).paths(), ["", "neighbour"], "{name}");
    assert_eq!(std::fs::read(target.home.path().join("neighbour")).unwrap(), b"untouched");
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let root = || Item::folder("");
    for name in ["..", "../neighbour", "a/../../neighbour", "/etc/x", "a//b", "a/", ".", "a/./b", "/"] {
        is_refused(name, &[root(), Item::folder("a"), Item::file(name, "evil")]).await;
        is_refused(name, &[root(), Item::folder("a"), Item::folder(name)]).await;
        is_refused(name, &[root(), Item::folder("a"), Item::symlink(name, "/etc")]).await;
    }
    is_refused("a\\x00b", &[root(), Item::file("a\0b", "evil")]).await;
    let long = "x/".repeat(40_000);
    is_refused(&long, &[root(), Item::file(&long, "evil")]).await;
}

#[tokio::test]
async fn entries_in_something_that_is_no_folder_are_refused() {
    let root = || Item::folder("");
    is_refused("a/x", &[root(), Item::symlink("a", ".."), Item::file("a/x", "evil")]).await;
    is_refused("a/x", &[root(), Item::file("a", "file"), Item::file("a/x", "evil")]).await;
    is_refused("a/x", &[root(), Item::file("a/x", "evil")]).await;
    is_refused("a/b/x", &[root(), Item::folder("a"), Item::file("a/b/x", "evil")]).await;
    is_refused("b/x", &[root(), Item::folder("a"), Item::folder("b.x"), Item::file("b/x", "evil")]).await;
}

#[tokio::test]
async fn entries_that_come_twice_or_out_of_order_are_refused() {
    let root = || Item::folder("");
    is_refused("a", &[root(), Item::symlink("a", ".."), Item::folder("a")]).await;
    is_refused("a", &[root(), Item::file("a", "1"), Item::file("a", "2")]).await;
    is_refused("a", &[root(), Item::file("b", "1"), Item::file("a", "2")]).await;
    is_refused("a/x", &[root(), Item::folder("a"), Item::file("a.b", "1"), Item::file("a/x", "2")]).await;
    is_refused("", &[root(), root()]).await;
}

#[tokio::test]
async fn entries_that_contradict_themselves_are_refused() {
    let root = || Item::folder("");
    is_refused("", &[Item::file("", "a root that is a file")]).await;
    is_refused("l", &[root(), Item::symlink("l", "")]).await;
    is_refused("l", &[root(), Item::symlink("l", "a\0b")]).await;
    let mut late = Item::file("late", "x");
    late.mtime.nanoseconds = 1_000_000_000;
    is_refused("late", &[root(), late]).await;
}

#[tokio::test]
async fn damaged_extended_attributes_are_refused() {
    let root = || Item::folder("");
    let twice = |item: Item| Item {
        xattrs: vec![("user.a".into(), b"1".to_vec()), ("user.a".into(), b"2".to_vec())],
        ..item
    };
    is_refused("f", &[root(), twice(Item::file("f", "x"))]).await;
    is_refused("f", &[root(), twice(Item::folder("f"))]).await;
    is_refused("f", &[root(), Item::file("f", "x").xattr("", b"no name")]).await;
    is_refused("f", &[root(), Item::file("f", "x").xattr("user.a\0b", b"NUL")]).await;
}

#[tokio::test]
async fn names_that_only_claim_to_be_of_one_file_are_not_linked() {
    let target = Target::new();
    let mut items = [
        Item::folder(""),
        Item::file("a", "one").link(1),
        Item::file("b", "two").link(1),
        Item::file("c", "two").link(1),
        Item::symlink("d", "one").link(1),
        Item::symlink("e", "two").link(1),
        Item::symlink("f", "two").link(1),
    ];
    let from = Service::of(&items).shared();
    for existing in [Existing::Refuse, Existing::Update, Existing::Mirror] {
        target.restore(&from, existing).await.unwrap();
        for (item, link) in items.iter_mut().zip([0, 0, 2, 2, 0, 3, 3]) {
            item.link = link;
        }
        assert_eq!(target.seen(), Seen::of(&items));
    }
}

#[tokio::test]
async fn artifacts_whose_names_lead_elsewhere_are_refused() {
    for name in ["../x", "/x", "", "a//b", "."] {
        let target = Target::new();
        let from = Service::new().stream_of(name, b"evil").shared();
        let error = target.restore(&from, Existing::Refuse).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert_eq!(Seen::at(target.home.path()).paths(), [""]);
    }
    let both = Service::new().stream_of("a", b"file").stream_of("a/b", b"in it").shared();
    let error = Target::new().restore(&both, Existing::Refuse).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
}

fn tree_in_a() -> Arc<dyn ServiceReader> {
    let items =
        [Item::folder("a"), Item::file("a/x", "new"), Item::folder("a/deep"), Item::file("a/deep/y", "new")];
    Service::of(&items).shared()
}

#[tokio::test]
async fn a_link_in_the_target_is_replaced_not_followed() {
    for existing in [Existing::Update, Existing::Mirror] {
        let target = Target::new();
        let outside = target.home.path().join("outside");
        std::fs::create_dir_all(outside.join("deep")).unwrap();
        std::fs::write(outside.join("x"), "old").unwrap();
        std::fs::write(outside.join("deep/y"), "old").unwrap();
        let before = Seen::at(&outside);
        std::fs::create_dir(target.path()).unwrap();
        symlink("../outside", target.at("a")).unwrap();

        let plan = target.plan(&tree_in_a(), existing).await.unwrap();
        assert_eq!((plan.create, plan.overwrite, plan.delete), (3, 2, 0), "{:?}", plan.examples);
        assert!(plan.examples.contains(&"overwrite a".to_owned()));
        target.restore(&tree_in_a(), existing).await.unwrap();
        assert_eq!(Seen::at(&outside), before);
        assert_eq!(target.seen().paths(), ["", "a", "a/deep", "a/deep/y", "a/x"]);
        assert!(target.at("a").symlink_metadata().unwrap().is_dir());
    }
}

#[tokio::test]
async fn a_link_in_the_place_of_a_file_is_replaced_not_written_through() {
    let target = Target::new();
    let outside = target.home.path().join("outside");
    std::fs::write(&outside, "old").unwrap();
    std::fs::create_dir(target.path()).unwrap();
    symlink("../outside", target.at("f")).unwrap();
    let from = Service::of(&[Item::file("f", "new")]).shared();
    target.restore(&from, Existing::Update).await.unwrap();
    assert_eq!(std::fs::read(&outside).unwrap(), b"old");
    assert_eq!(std::fs::read(target.at("f")).unwrap(), b"new");
    assert!(target.at("f").symlink_metadata().unwrap().is_file());
}

#[tokio::test]
async fn mirroring_deletes_a_link_not_what_it_points_to() {
    let target = Target::new();
    let outside = target.home.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("x"), "old").unwrap();
    std::fs::create_dir_all(target.at("extra")).unwrap();
    symlink("../../outside", target.at("extra/link")).unwrap();
    symlink("../outside", target.at("link")).unwrap();
    let summary = target.restore(&Service::of(&[]).shared(), Existing::Mirror).await.unwrap();
    assert_eq!(summary.deleted, 3);
    assert_eq!(target.seen().paths(), [""]);
    assert_eq!(std::fs::read(outside.join("x")).unwrap(), b"old");
}

#[tokio::test]
async fn a_file_with_names_outside_of_the_target_is_not_changed() {
    let target = Target::new();
    let outside = target.home.path().join("outside");
    std::fs::write(&outside, "same content").unwrap();
    std::fs::create_dir(target.path()).unwrap();
    std::fs::hard_link(&outside, target.at("f")).unwrap();
    std::fs::hard_link(&outside, target.at("g")).unwrap();
    let before = std::fs::metadata(&outside).unwrap();
    let items = [
        Item::folder(""),
        Item::file("f", "same content").mode(0o600),
        Item::file("g", "same content").mode(0o640),
    ];
    target.restore(&Service::of(&items).shared(), Existing::Update).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&items));
    let after = std::fs::metadata(&outside).unwrap();
    assert_eq!(
        (before.permissions(), before.modified().unwrap()),
        (after.permissions(), after.modified().unwrap())
    );
}

#[tokio::test]
async fn a_target_that_is_swapped_for_a_link_meanwhile_leads_nowhere() {
    let target = Target::new();
    let outside = target.home.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let (path, moved, to) = (target.path(), target.home.path().join("moved"), outside.clone());
    let swap = move || {
        if !moved.exists() {
            std::fs::rename(&path, &moved).unwrap();
            symlink(&to, &path).unwrap();
        }
    };
    let items = [Item::folder(""), Item::folder("a"), Item::file("a/x", "new"), Item::symlink("l", "a")];
    let from = Service::of(&items).before_contents(swap).shared();
    target.restore(&from, Existing::Refuse).await.unwrap();
    assert_eq!(Seen::at(&outside).paths(), [""]);
    assert_eq!(Seen::at(&target.home.path().join("moved")), Seen::of(&items));
}

#[tokio::test]
async fn a_folder_that_is_swapped_for_a_link_meanwhile_leads_nowhere() {
    let target = Target::new();
    let outside = target.home.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    // The double gives 300 entries at a time. By the time the third 300 are fetched the first are being written, and the second
    // wait: the folder, the last of the first, is swapped as soon as it is there, before anything is put in it.
    let (folder, to, mut calls) = (target.at("b"), outside.clone(), 0);
    let swap = move || {
        calls += 1;
        if calls == 700 {
            assert!((0..100_000_000).any(|_| folder.is_dir()), "the folder never came");
            std::fs::remove_dir(&folder).unwrap();
            symlink(&to, &folder).unwrap();
        }
    };
    let mut items = vec![Item::folder("")];
    items.extend((0..298).map(|n| Item::file(format!("a{n:03}"), format!("{n}"))));
    items.push(Item::folder("b"));
    items.extend((0..600).map(|n| Item::file(format!("b/{n:03}"), format!("b{n}"))));
    let from = Service::of(&items).before_contents(swap).shared();
    let error = target.restore(&from, Existing::Refuse).await.unwrap_err();
    assert!(error.to_string().contains("b/000"), "{}", error.chain());
    assert_eq!(Seen::at(&outside).paths(), [""]);
}

#[tokio::test]
async fn a_selected_path_that_leads_elsewhere_is_refused() {
    let target = Target::new();
    for path in ["../x", "/etc", "a//b", "a/"] {
        let selection = Selection { paths: vec![path.into()], devices: false };
        let error = target.restore_selected(&tree_in_a(), Existing::Refuse, &selection).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(path), "{error}");
    }
}
