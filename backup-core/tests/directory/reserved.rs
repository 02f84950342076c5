//! What other services of the environment keep to themselves is not touched.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use backup_core::ErrorKind;
use backup_core::engine::{Existing, Selection, ServiceReader, VerdictLevel};

use crate::protected::{filled, subjects, write};
use crate::service::{Item, Service};
use crate::target::Target;

/// The plan must be denied for a name; carried out nevertheless it must fail and leave all as it is.
async fn is_denied(target: &Target, from: &Arc<dyn ServiceReader>, existing: Existing, name: &str) {
    let before = target.path().exists().then(|| target.seen());
    let mut plan = target.plan(from, existing).await.unwrap();
    assert_eq!(subjects(&plan, VerdictLevel::Deny), [name]);
    let denied = plan.denied().unwrap().clone();
    assert!(denied.reason.contains("another service") && denied.remedy.contains("paths beside it"));
    plan.verdicts.clear();
    // As if all had been foreseen.
    plan.overwrite += 1;
    plan.delete += 100;
    let error = target.carry_out(from, &plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{}", error.chain());
    assert!(error.to_string().contains("another service"), "{error}");
    if let Some(before) = before {
        assert_eq!(target.seen().paths(), before.paths());
        let files = |path: &&str| target.at(path).is_file();
        for file in before.paths().iter().map(String::as_str).filter(files) {
            assert_eq!(target.seen().0.get(file.as_bytes()), before.0.get(file.as_bytes()), "{file}");
        }
    }
}

#[tokio::test]
async fn a_reserved_file_and_what_belongs_to_it_are_not_written() {
    for existing in [Existing::Update, Existing::Mirror] {
        for name in ["d/shop.db", "d/shop.db-wal", "d/shop.db-shm", "d/shop.db-journal"] {
            // As it is, with other contents, and where there is none.
            for (content, standing) in
                [("d/shop.db", "d/shop.db"), ("new", "d/shop.db"), ("new", "d/text"), ("new", "text")]
            {
                let target = filled(&[standing]).reserving(&["d/shop.db"]);
                let from = Service::of(&[Item::folder("d"), Item::file(name, content)]).shared();
                is_denied(&target, &from, existing, "d/shop.db").await;
            }
        }
        for item in [Item::symlink("d/shop.db", "x"), Item::folder("d/shop.db")] {
            let target = filled(&["d/shop.db"]).reserving(&["d/shop.db"]);
            is_denied(&target, &Service::of(&[Item::folder("d"), item]).shared(), existing, "d/shop.db")
                .await;
        }
    }
}

#[tokio::test]
async fn nothing_is_put_where_a_reserved_file_will_be() {
    let items = [Item::folder("d"), Item::file("d/shop.db", "x")];
    for existing in [Existing::Refuse, Existing::Update, Existing::Mirror] {
        let target = Target::new().reserving(&["d/shop.db"]);
        is_denied(&target, &Service::of(&items).shared(), existing, "d/shop.db").await;
        let target = Target::new().reserving(&["d/shop.db"]);
        is_denied(&target, &Service::new().stream_of("d/shop.db", b"x").shared(), existing, "d/shop.db")
            .await;
        let from = Service::new()
            .tree("a", &[Item::folder("")])
            .tree("b", &[vec![Item::folder("")], items.to_vec()].concat());
        let target = Target::new().reserving(&["b/d/shop.db"]);
        is_denied(&target, &from.shared(), existing, "b/d/shop.db").await;
    }
}

#[tokio::test]
async fn reserved_folders_are_neither_written_to_nor_deleted() {
    for existing in [Existing::Update, Existing::Mirror] {
        let target = filled(&["cluster/base/1"]).reserving(&["cluster"]);
        let items =
            [Item::folder("cluster"), Item::folder("cluster/base"), Item::file("cluster/base/2", "x")];
        is_denied(&target, &Service::of(&items).shared(), existing, "cluster").await;
        let target = filled(&["deep/cluster/base/1"]).reserving(&["deep/cluster"]);
        is_denied(&target, &Service::of(&[Item::symlink("deep", "x")]).shared(), existing, "deep/cluster")
            .await;
        let target = filled(&["t/d/shop.db"]).reserving(&["t/d/shop.db"]);
        let from = Service::new().tree("t", &[Item::folder(""), Item::file("d", "x")]);
        let from = from.tree("u", &[Item::folder("")]).shared();
        is_denied(&target, &from, existing, "t/d/shop.db").await;
    }
}

#[tokio::test]
async fn mirroring_does_not_delete_what_is_reserved() {
    let from = Service::of(&[]).shared();
    for name in ["shop.db", "extra/deep/shop.db"] {
        let target = filled(&[name]).reserving(&[name]);
        is_denied(&target, &from, Existing::Mirror, name).await;
        target.restore(&from, Existing::Update).await.unwrap();
    }
    let target = filled(&["shop.db-wal"]).reserving(&["shop.db"]);
    is_denied(&target, &from, Existing::Mirror, "shop.db").await;
}

#[tokio::test]
async fn what_lies_beside_reserved_files_is_restored() {
    let target = filled(&["d/shop.db", "d/shop.db-wal", "d/text"]).reserving(&["d/shop.db", "d/new.db"]);
    let items = [Item::folder("d").mode(0o700), Item::file("d/text", "new"), Item::file("d/shop.db2", "x")];
    let from = Service::of(&items).shared();
    target.restore(&from, Existing::Update).await.unwrap();
    assert_eq!(fs::read(target.at("d/text")).unwrap(), b"new");
    assert_eq!(fs::read(target.at("d/shop.db")).unwrap(), b"d/shop.db");

    let from = Service::of(&[Item::file("shop.db", "x"), Item::file("text", "new")]).shared();
    let target = filled(&["shop.db"]).reserving(&["shop.db"]);
    is_denied(&target, &from, Existing::Update, "shop.db").await;
    let text = Selection { paths: vec![b"text".to_vec()], devices: false };
    target.restore_selected(&from, Existing::Update, &text).await.unwrap();
    assert_eq!(
        (fs::read(target.at("shop.db")).unwrap(), fs::read(target.at("text")).unwrap()),
        (b"shop.db".to_vec(), b"new".to_vec())
    );
}

#[tokio::test]
async fn reserved_files_are_known_by_their_other_names() {
    let target = filled(&["shop.db"]);
    fs::hard_link(target.at("shop.db"), target.at("other.db")).unwrap();
    let elsewhere = target.home.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("far.db"), "far").unwrap();
    symlink(&elsewhere, target.at("link")).unwrap();
    let target = target.reserving(&["shop.db", "link/far.db"]);
    for content in ["shop.db", "new"] {
        let from = Service::of(&[Item::file("other.db", content)]).shared();
        is_denied(&target, &from, Existing::Update, "other.db").await;
    }
    // The application would find another file behind the name that it knows.
    for item in [Item::folder("link"), Item::file("link", "x"), Item::symlink("link", "other")] {
        is_denied(&target, &Service::of(&[item]).shared(), Existing::Update, "link/far.db").await;
    }
    let link = Item::symlink("link", elsewhere.as_os_str().as_encoded_bytes());
    let from = Service::of(&[link]).shared();
    target.restore(&from, Existing::Update).await.unwrap();
    fs::remove_file(target.at("link")).unwrap();
    target.restore(&from, Existing::Update).await.unwrap();
    assert!(target.at("link").is_symlink());
    // The same for a link that is itself what is reserved.
    symlink("far.db", target.at("near.db")).unwrap();
    let target = target.reserving(&["near.db"]);
    let from = Service::of(&[Item::symlink("near.db", "far.db")]).shared();
    target.restore(&from, Existing::Update).await.unwrap();
    fs::remove_file(target.at("near.db")).unwrap();
    target.restore(&from, Existing::Update).await.unwrap();
    assert!(target.at("near.db").is_symlink());
    write(&target, "text");
    target.restore(&Service::of(&[Item::file("text", "x")]).shared(), Existing::Update).await.unwrap();
}
