//! What a restore does not touch: databases in use, other file systems, and what was not planned.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use backup_core::ErrorKind;
use backup_core::engine::{Existing, RestorePlan, ServiceReader, VerdictLevel};

use crate::limits::Mounted;
use crate::service::{Item, Service};
use crate::target::{Seen, Target, is_root};

/// A target that has these files, each with its own name as content.
pub(crate) fn filled(names: &[&str]) -> Target {
    let target = Target::new();
    fs::create_dir(target.path()).unwrap();
    for name in names {
        write(&target, name);
    }
    target
}

pub(crate) fn write(target: &Target, name: &str) {
    fs::create_dir_all(target.at(name).parent().unwrap()).unwrap();
    fs::write(target.at(name), name).unwrap();
}

pub(crate) fn subjects(plan: &RestorePlan, level: VerdictLevel) -> Vec<String> {
    let verdicts = plan.verdicts.iter().filter(|verdict| verdict.level == level);
    verdicts.map(|verdict| verdict.subject.rsplit_once("/target/").unwrap().1.to_owned()).collect()
}

/// The plan must be denied for a name; carried out nevertheless it must fail and leave all as it is.
async fn is_denied(target: &Target, from: &Arc<dyn ServiceReader>, existing: Existing, name: &str) {
    let before = target.seen();
    let mut plan = target.plan(from, existing).await.unwrap();
    assert_eq!(subjects(&plan, VerdictLevel::Deny), [name]);
    assert!(plan.denied().unwrap().reason.contains("SQLite"));
    plan.verdicts.clear();
    let error = target.carry_out(from, &plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{}", error.chain());
    assert!(error.to_string().contains(name) && error.to_string().contains("SQLite"), "{error}");
    let after = target.seen();
    assert_eq!(after.0.get(name.as_bytes()), before.0.get(name.as_bytes()));
    assert_eq!(after.paths(), before.paths());
}

#[tokio::test]
async fn mirroring_leaves_databases_in_use_and_names_them() {
    let stays = ["app.db", "app.db-shm", "app.db-wal", "extra/deep/jobs", "extra/deep/jobs-journal"];
    let target = filled(&[&stays[..], &["extra/deep/text", "extra/text", "idle.db", "lone-wal"]].concat());
    let from = Service::of(&[]).shared();
    let plan = target.plan(&from, Existing::Mirror).await.unwrap();
    assert_eq!(plan.delete, 4);
    assert_eq!(subjects(&plan, VerdictLevel::Warn), stays);
    let summary = target.restore(&from, Existing::Mirror).await.unwrap();
    assert_eq!(summary.deleted, 4);
    let left = [&["", "app.db", "app.db-shm", "app.db-wal", "extra", "extra/deep"], &stays[3..]].concat();
    assert_eq!(target.seen().paths(), left);
    let named: Vec<_> = target.notices().into_iter().map(|notice| notice.path).collect();
    assert_eq!(named, stays);
}

#[tokio::test]
async fn a_database_in_use_is_neither_replaced_nor_given_other_attributes() {
    let from = Service::of(&[Item::file("app.db", "other")]).shared();
    for companion in ["app.db-wal", "app.db-shm", "app.db-journal"] {
        let target = filled(&["app.db", companion]);
        is_denied(&target, &from, Existing::Update, "app.db").await;
        is_denied(&target, &from, Existing::Mirror, "app.db").await;
    }
    let from = Service::of(&[Item::file("app.db", "app.db")]).shared();
    is_denied(&filled(&["app.db", "app.db-wal"]), &from, Existing::Update, "app.db").await;
    let from = Service::of(&[Item::folder("app.db")]).shared();
    is_denied(&filled(&["app.db", "app.db-wal"]), &from, Existing::Update, "app.db").await;
    let from = Service::new().stream_of("app.db", b"other").shared();
    is_denied(&filled(&["app.db", "app.db-wal"]), &from, Existing::Update, "app.db").await;
    let from = Service::of(&[Item::file("app.db-shm", "other")]).shared();
    is_denied(&filled(&["app.db", "app.db-shm"]), &from, Existing::Update, "app.db-shm").await;
}

#[tokio::test]
async fn no_database_is_put_beside_the_log_of_another() {
    let target = filled(&["app.db-wal"]);
    is_denied(&target, &Service::of(&[Item::file("app.db", "new")]).shared(), Existing::Update, "app.db")
        .await;
    is_denied(&target, &Service::new().stream_of("app.db", b"new").shared(), Existing::Update, "app.db")
        .await;
    // A folder is no database.
    let from = Service::of(&[Item::folder("app.db")]).shared();
    target.restore(&from, Existing::Update).await.unwrap();
}

#[tokio::test]
async fn a_folder_with_a_database_in_use_is_not_replaced() {
    let target = filled(&["data/app.db", "data/app.db-wal", "data/text"]);
    let from = Service::of(&[Item::file("data", "file")]).shared();
    is_denied(&target, &from, Existing::Mirror, "data/app.db").await;
}

/// Only its engine can tell whether a database is open that has nothing beside it.
#[tokio::test]
async fn the_stream_of_a_database_replaces_nothing() {
    for existing in [Existing::Update, Existing::Mirror] {
        for name in ["shop.db", "data/shop.db"] {
            let from = Service::new().stream_of(name, b"other").database().shared();
            let target = filled(&[name, "text"]);
            let before = target.seen();
            let mut plan = target.plan(&from, existing).await.unwrap();
            assert_eq!(subjects(&plan, VerdictLevel::Deny), [name]);
            assert!(plan.denied().unwrap().remedy.contains("in place through its engine"));
            plan.verdicts.clear();
            let error = target.carry_out(&from, &plan).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Exists, "{}", error.chain());
            assert!(error.to_string().contains("shop.db"), "{error}");
            let after = target.seen();
            assert_eq!(after.0.get(name.as_bytes()), before.0.get(name.as_bytes()));
            assert_eq!(after.paths(), before.paths());

            fs::remove_file(target.at(name)).unwrap();
            assert_eq!(target.restore(&from, existing).await.unwrap().written, 1);
            assert_eq!(fs::read(target.at(name)).unwrap(), b"other");
        }
    }
    // A symbolic link is how the application finds its database.
    let target = filled(&["real.db"]);
    std::os::unix::fs::symlink("real.db", target.at("shop.db")).unwrap();
    let from = Service::new().stream_of("shop.db", b"other").database().shared();
    assert_eq!(
        subjects(&target.plan(&from, Existing::Update).await.unwrap(), VerdictLevel::Deny),
        ["shop.db"]
    );
    // Streams that are no databases are replaced.
    let from = Service::new().stream_of("shop.db", b"other").shared();
    assert_eq!(target.restore(&from, Existing::Update).await.unwrap().written, 1);
}

#[tokio::test]
async fn what_looks_like_a_database_in_use_stays_unopened_when_it_is_as_in_the_backup() {
    let target = filled(&["mine"]);
    let items = [Item::folder(""), Item::file("jobs", "table"), Item::file("jobs-journal", "log")];
    let from = Service::of(&items).shared();
    target.restore(&from, Existing::Update).await.unwrap();
    // If it were opened and read, the other content would be found.
    let mtime = fs::metadata(target.at("jobs")).unwrap().modified().unwrap();
    fs::write(target.at("jobs"), "TABLE").unwrap();
    fs::File::open(target.at("jobs")).unwrap().set_modified(mtime).unwrap();
    for existing in [Existing::Update, Existing::Mirror] {
        let plan = target.plan(&from, existing).await.unwrap();
        assert_eq!((plan.denied(), plan.overwrite), (None, 0));
        let summary = target.carry_out(&from, &plan).await.unwrap();
        assert_eq!((summary.written, summary.unchanged), (0, 3));
        assert_eq!(fs::read(target.at("jobs")).unwrap(), b"TABLE");
    }
    let told = target.notices().into_iter().filter(|notice| notice.path == "jobs");
    assert!(told.clone().count() == 2 && told.clone().all(|notice| notice.message.contains("not opened")));
}

#[tokio::test]
async fn what_is_mounted_on_a_folder_of_the_backup_stays() {
    if !is_root("a mount on a folder") {
        return;
    }
    let target = filled(&["extra"]);
    let mount = target.at("mount");
    let Some(_mounted) = Mounted::at(&mount, "1m") else {
        eprintln!("NOT RUN: a mount on a folder: nothing can be mounted here");
        return;
    };
    write(&target, "mount/mine/deep");
    let from = Service::of(&[Item::folder("mount")]).shared();
    let plan = target.plan(&from, Existing::Mirror).await.unwrap();
    assert_eq!((plan.delete, subjects(&plan, VerdictLevel::Warn)), (1, vec!["mount".to_owned()]));
    assert_eq!(target.carry_out(&from, &plan).await.unwrap().deleted, 1);
    assert_eq!(target.seen().paths(), ["", "mount", "mount/mine", "mount/mine/deep"]);
    assert!(target.notices().iter().any(|notice| notice.path == "mount"));
}

#[tokio::test]
async fn what_appears_after_the_plan_is_not_deleted() {
    let target = filled(&["a", "b"]);
    let from = Service::of(&[]).shared();
    let plan = target.plan(&from, Existing::Mirror).await.unwrap();
    assert_eq!(plan.delete, 2);
    write(&target, "b2/mine/deep");
    let error = target.carry_out(&from, &plan).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Exists, "plan again"));
    assert!(error.to_string().contains("b2"), "{error}");
    assert_eq!(target.seen().paths(), ["", "b2", "b2/mine", "b2/mine/deep"]);
    target.restore(&from, Existing::Mirror).await.unwrap();
    assert_eq!(target.seen().paths(), [""]);

    // The same where a file replaces a folder.
    let target = filled(&["a/planned"]);
    let from = Service::of(&[Item::file("a", "file")]).shared();
    let plan = target.plan(&from, Existing::Mirror).await.unwrap();
    write(&target, "a/mine");
    let error = target.carry_out(&from, &plan).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Exists, "plan again"));
    assert_eq!(target.seen().paths(), ["", "a", "a/mine", "a/planned"]);
}

#[tokio::test]
async fn a_target_that_is_filled_after_the_plan_loses_nothing() {
    let items = [Item::folder(""), Item::file("f", "new"), Item::folder("d"), Item::symlink("l", "f")];
    let from = Service::of(&items).shared();
    for existing in [Existing::Update, Existing::Mirror] {
        for name in ["f", "d", "l"] {
            let target = Target::new();
            let plan = target.plan(&from, existing).await.unwrap();
            assert!(!plan.is_destructive());
            fs::create_dir(target.path()).unwrap();
            write(&target, name);
            let before = fs::metadata(target.at(name)).unwrap().ino();
            let error = target.carry_out(&from, &plan).await.unwrap_err();
            assert_eq!((error.kind(), error.remedy()), (ErrorKind::Exists, "plan again"), "{name}");
            assert_eq!(fs::read(target.at(name)).unwrap(), name.as_bytes());
            assert_eq!(fs::metadata(target.at(name)).unwrap().ino(), before);
        }
        let target = Target::new();
        let plan = target.plan(&from, existing).await.unwrap();
        fs::create_dir_all(target.path()).unwrap();
        write(&target, "mine");
        let carried_out = target.carry_out(&from, &plan).await;
        assert_eq!(carried_out.is_err(), existing == Existing::Mirror);
        assert_eq!(fs::read(target.at("mine")).unwrap(), b"mine");
    }
}

#[tokio::test]
async fn contents_that_differ_unseen_are_written_though_the_plan_could_not_tell() {
    let target = Target::new();
    let items = [Item::folder(""), Item::file("f", "right")];
    let from = Service::of(&items).shared();
    target.restore(&from, Existing::Refuse).await.unwrap();
    let mtime = fs::metadata(target.at("f")).unwrap().modified().unwrap();
    fs::write(target.at("f"), "wrong").unwrap();
    fs::File::open(target.at("f")).unwrap().set_modified(mtime).unwrap();
    let plan = target.plan(&from, Existing::Update).await.unwrap();
    assert!(!plan.is_destructive());
    target.carry_out(&from, &plan).await.unwrap();
    assert_eq!(target.seen(), Seen::of(&items));
}
