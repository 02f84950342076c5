//! Restoring onto what is already there.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use backup_core::ErrorKind;
use backup_core::engine::{Existing, Selection, VerdictLevel};
use backup_core::restore::directory::{plan, restore};

use crate::service::{Item, Service};
use crate::target::{Seen, Target};

fn sample() -> Vec<Item> {
    vec![
        Item::folder(""),
        Item::folder("a"),
        Item::file("a/big", vec![7; 3_000_000]),
        Item::file("a/small", "small"),
        Item::file("empty", ""),
        Item::symlink("link", "a/small"),
    ]
}

fn inode(path: &Path) -> u64 {
    path.symlink_metadata().unwrap().ino()
}

#[tokio::test]
async fn a_directory_that_is_not_empty_is_denied_by_name_and_stays() {
    let target = Target::new();
    std::fs::create_dir(target.path()).unwrap();
    std::fs::write(target.at("mine"), "mine").unwrap();
    let from = Service::of(&sample()).shared();
    let before = target.seen();
    let plan = target.plan(&from, Existing::Refuse).await.unwrap();
    let denied = plan.denied().unwrap();
    assert_eq!(denied.subject, target.path().to_str().unwrap());
    assert_eq!(denied.reason, "it is not empty");
    assert!(denied.remedy.contains("choose an empty directory"));
    let error = target.restore(&from, Existing::Refuse).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert_eq!(target.seen(), before);
}

#[tokio::test]
async fn a_directory_that_is_filled_after_the_plan_is_refused_too() {
    let target = Target::new();
    let from = Service::of(&sample()).shared();
    let plan = target.plan(&from, Existing::Refuse).await.unwrap();
    std::fs::create_dir(target.path()).unwrap();
    std::fs::write(target.at("mine"), "mine").unwrap();
    let restored = target.carry_out(&from, &plan).await;
    assert_eq!(restored.unwrap_err().kind(), ErrorKind::Exists);
    assert_eq!(target.seen().paths(), ["", "mine"]);
}

#[tokio::test]
async fn a_target_that_cannot_be_a_directory_is_denied() {
    let target = Target::new();
    let from = Service::of(&sample()).shared();
    let deny = async |path: &Path| {
        let context = target.context();
        let selection = Selection::default();
        let plan = plan(&context, &from, path, Existing::Mirror, &selection).await.unwrap();
        let denied = plan.denied().cloned().unwrap();
        assert_eq!(denied.level, VerdictLevel::Deny);
        assert!(!denied.remedy.is_empty());
        let error = restore(&context, &from, &plan, path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists);
        denied.reason
    };
    let file = target.home.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert_eq!(deny(&file).await, "it is not a directory");
    assert_eq!(deny(&file.join("below")).await, "something on the way to it is not a directory");
    let dangling = target.home.path().join("dangling");
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    assert_eq!(deny(&dangling).await, "it is a symbolic link to something that does not exist");
    assert_eq!(deny(Path::new("")).await, "no directory is named");
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[tokio::test]
async fn missing_folders_above_the_target_are_made_and_a_link_to_it_is_followed() {
    let target = Target::new();
    let from = Service::of(&sample()).shared();
    let deep = target.home.path().join("not/yet/there");
    let restore_to = async |path: &Path, existing| {
        let (context, selection) = (target.context(), Selection::default());
        let plan = plan(&context, &from, path, existing, &selection).await.unwrap();
        restore(&context, &from, &plan, path).await.unwrap()
    };
    restore_to(&deep, Existing::Refuse).await;
    assert_eq!(Seen::at(&deep), Seen::of(&sample()));
    let link = target.home.path().join("link");
    std::os::unix::fs::symlink(&deep, &link).unwrap();
    assert_eq!(restore_to(&link, Existing::Mirror).await.written, 0);
    assert!(link.is_symlink());
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let target = Target::new();
    let from = Service::of(&sample()).shared();
    target.restore(&from, Existing::Refuse).await.unwrap();
    let (big, small) = (inode(&target.at("a/big")), inode(&target.at("a/small")));

    // Same size and same time, other content: the plan cannot know, the restore finds out.
    let mtime = std::fs::metadata(target.at("a/small")).unwrap().modified().unwrap();
    std::fs::write(target.at("a/small"), "smell").unwrap();
    std::fs::File::open(target.at("a/small")).unwrap().set_modified(mtime).unwrap();
    // Other time, same content: only the time is set.
    std::fs::File::open(target.at("a/big")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();

    let plan = target.plan(&from, Existing::Update).await.unwrap();
    assert_eq!(plan.examples, ["overwrite a/big"]);
    let summary = target.restore(&from, Existing::Update).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&sample()));
    assert_eq!((summary.written, summary.unchanged, summary.written_bytes), (2, 4, 5));
    assert_eq!(inode(&target.at("a/big")), big);
    assert_ne!(inode(&target.at("a/small")), small);
}

#[tokio::test]
async fn updating_keeps_what_the_backup_does_not_have_and_mirroring_deletes_it() {
    let target = Target::new();
    let from = Service::of(&sample()).shared();
    target.restore(&from, Existing::Refuse).await.unwrap();
    std::fs::create_dir_all(target.at("a/extra/deep")).unwrap();
    std::fs::write(target.at("a/extra/deep/x"), "mine").unwrap();
    std::fs::write(target.at("zz"), "mine").unwrap();
    std::fs::write(target.at("a!"), "mine").unwrap();

    let plan = target.plan(&from, Existing::Update).await.unwrap();
    assert_eq!((plan.create, plan.delete), (0, 0));
    target.restore(&from, Existing::Update).await.unwrap();
    assert_eq!(target.seen().paths().len(), 6 + 5);

    let plan = target.plan(&from, Existing::Mirror).await.unwrap();
    assert!(plan.is_destructive());
    assert_eq!(plan.delete, 5);
    assert_eq!(plan.examples, ["delete a/extra", "delete a!", "delete zz"]);
    let summary = target.restore(&from, Existing::Mirror).await.unwrap();
    assert_eq!((summary.written, summary.unchanged, summary.deleted), (0, 6, 5));
    assert_eq!(target.seen(), Seen::of(&sample()));
}

#[tokio::test]
async fn a_folder_where_the_backup_has_a_file_is_replaced_only_by_mirroring() {
    let from = Service::of(&sample()).shared();
    for name in ["a/small", "link"] {
        let target = Target::new();
        std::fs::create_dir_all(target.at(name)).unwrap();
        std::fs::write(target.at(name).join("mine"), "mine").unwrap();

        let plan = target.plan(&from, Existing::Update).await.unwrap();
        let denied = plan.denied().unwrap();
        assert!(denied.subject.ends_with(name), "{denied}");
        let error = target.restore(&from, Existing::Update).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists);
        assert_eq!(std::fs::read(target.at(name).join("mine")).unwrap(), b"mine");

        let plan = target.plan(&from, Existing::Mirror).await.unwrap();
        assert_eq!(plan.delete, 1);
        let summary = target.restore(&from, Existing::Mirror).await.unwrap();
        assert_eq!(summary.deleted, 1);
        assert_eq!(target.seen(), Seen::of(&sample()));
    }
}

#[tokio::test]
async fn a_folder_that_appears_after_the_plan_is_an_error_that_names_it() {
    let from = Service::of(&sample()).shared();
    let target = Target::new();
    std::fs::create_dir(target.path()).unwrap();
    std::fs::write(target.at("mine"), "mine").unwrap();
    let plan = target.plan(&from, Existing::Update).await.unwrap();
    std::fs::create_dir_all(target.at("a/small/mine")).unwrap();
    let restored = target.carry_out(&from, &plan).await;
    let error = restored.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert!(error.to_string().contains("a/small"), "{error}");
    assert!(target.at("a/small/mine").exists());
}

#[tokio::test]
async fn files_and_empty_folders_give_way_also_when_updating() {
    let target = Target::new();
    std::fs::create_dir_all(target.at("empty")).unwrap();
    std::fs::create_dir_all(target.at("link")).unwrap();
    std::fs::write(target.at("a"), "a file").unwrap();
    let from = Service::of(&sample()).shared();
    let plan = target.plan(&from, Existing::Update).await.unwrap();
    assert_eq!((plan.create, plan.overwrite, plan.delete), (2, 4, 0), "{:?}", plan.examples);
    target.restore(&from, Existing::Update).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&sample()));
}

#[tokio::test]
async fn hard_links_are_made_and_broken_as_in_the_backup() {
    let target = Target::new();
    let linked = |link: u64| {
        let names = ["a", "b", "c", "d"].map(|name| Item::file(name, "same").link(link));
        [vec![Item::folder("")], names.to_vec()].concat()
    };
    target.restore(&Service::of(&linked(0)).shared(), Existing::Refuse).await.unwrap();
    let a = inode(&target.at("a"));
    let from = Service::of(&linked(5)).shared();
    assert_eq!(target.plan(&from, Existing::Update).await.unwrap().overwrite, 3);
    let summary = target.restore(&from, Existing::Update).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&linked(5)));
    assert_eq!((inode(&target.at("a")), summary.written, summary.written_bytes), (a, 3, 0));
    assert_eq!(target.restore(&from, Existing::Update).await.unwrap().written, 0);

    // Two pairs where the target has four names of one file.
    let mut pairs = linked(5);
    pairs[3].link = 6;
    pairs[4].link = 6;
    target.restore(&Service::of(&pairs).shared(), Existing::Update).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&pairs));
    target.restore(&Service::of(&linked(0)).shared(), Existing::Update).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&linked(0)));
}

#[tokio::test]
async fn a_first_name_that_vanishes_costs_only_the_link() {
    let target = Target::new();
    let first = target.at("a");
    // Links are in batches after the first name, so that it can vanish before they are made.
    let mut items = vec![Item::folder(""), Item::file("a", "same").link(1)];
    items.extend((0..2_500).map(|n| Item::file(format!("m{n:04}"), format!("{n}"))));
    items.push(Item::file("y", "same").link(1));
    items.push(Item::file("z", "same").link(1));
    let from = Service::of(&items).before_contents(move || _ = std::fs::remove_file(&first)).shared();
    target.restore(&from, Existing::Refuse).await.unwrap();
    assert_eq!(std::fs::read(target.at("y")).unwrap(), b"same");
    assert_eq!(inode(&target.at("y")), inode(&target.at("z")));
    assert!(target.notices().iter().any(|notice| notice.path == "y"));
}
