//! What is said about a backup after it was made.

use std::collections::BTreeSet;

use backup_core::storage::StorageExt as _;
use backup_core::{BackupId, BackupStatus, ErrorKind, Hold, Kind};
use chrono::TimeDelta;

use crate::shop::{Shop, whole};

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn what_is_said_later_is_shown_by_everyone() {
    let shop = Shop::new().await;
    let environment = whole("shop");
    let made = shop.repository.backup(&environment).tag("new").tag("old").comment("nightly").await.unwrap();
    let note = || shop.repository.note(&made.id).by("alice");
    let until = shop.now() + TimeDelta::days(30);
    note().hold(Hold::open("case-17")).await.unwrap();
    note().hold(Hold::until("audit", until)).await.unwrap();
    note().tag(["audited", "old"], ["new"]).await.unwrap();
    note().comment("two\nlines").await.unwrap();
    note().convert([Kind::Final, Kind::Weekly]).await.unwrap();
    note().pin("download-3", until).await.unwrap();
    for repository in [&shop.repository, &shop.stranger().await] {
        for info in [repository.find("latest").await.unwrap(), repository.backups().await.unwrap().remove(0)]
        {
            assert_eq!(info.holds, [Hold::until("audit", until), Hold::open("case-17")]);
            assert_eq!(info.tags, words(&["audited", "old"]));
            assert_eq!(info.comment, "two\nlines");
            assert_eq!(info.kinds, [Kind::Final, Kind::Weekly].into());
            assert_eq!(info.pinned_until, Some(until));
        }
    }
    note().release("case-17").await.unwrap();
    note().comment("").await.unwrap();
    note().tag(["new"], ["audited"]).await.unwrap();
    let info = shop.info("latest").await;
    assert_eq!(info.holds, [Hold::until("audit", until)]);
    assert_eq!((info.comment.as_str(), info.tags), ("", words(&["new", "old"])));
    // The manifest says what it always said, and each statement is an object of its own.
    assert_eq!(shop.storage.list_all("notes").await.unwrap().len(), 9);
    let problems = shop.repository.check().await.unwrap().problems;
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn retention_sees_notes_and_counts_alike_with_alike() {
    let shop = Shop::new().await;
    let full = shop.back_up("shop").await;
    shop.pass(1);
    let environment = whole("shop");
    let only = |services: [&'static str; 1]| shop.repository.backup(&environment).only(services);
    let database = only(["database"]).await.unwrap().id;
    let files = only(["uploads"]).await.unwrap().id;
    let other = shop.back_up("blog").await;
    shop.repository.note(&full.id).hold(Hold::open("case")).await.unwrap();
    shop.repository.note(&full.id).convert([Kind::Monthly]).await.unwrap();
    shop.repository.note(&database).pin("reader", shop.now()).await.unwrap();

    let [full, database, files] = [full.id, database, files].map(|id| id.to_string());
    let full = shop.info(&full).await;
    let policy = full.to_policy();
    assert_eq!((policy.id.as_str(), policy.time), (full.id.to_string().as_str(), full.created_at));
    assert_eq!((policy.kinds, policy.holds), ([Kind::Monthly].into(), vec![Hold::open("case")]));
    assert_eq!((policy.status, policy.verified), (backup_core::policy::Status::Completed, false));
    let database = shop.info(&database).await;
    assert_eq!(database.to_policy().holds, [Hold::until("in use", shop.now())]);
    let groups: BTreeSet<_> = [&full, &database, &shop.info(&files).await, &other]
        .map(backup_core::BackupInfo::retention_group)
        .into();
    assert_eq!(groups.len(), 4, "{groups:?}");
    assert_eq!(shop.back_up("shop").await.retention_group(), full.retention_group());
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_and_nothing_is_stored() {
    let shop = Shop::new().await;
    let id = shop.back_up("shop").await.id;
    let before = shop.storage.list_all("").await.unwrap().len();
    let long = "x".repeat(201);
    let note = || shop.repository.note(&id);
    let mut errors = Vec::new();
    for word in ["", "a\nb", "\u{1b}[2J", &long] {
        errors.push(note().hold(Hold::open(word)).await.unwrap_err());
        errors.push(note().tag([word], [] as [&str; 0]).await.unwrap_err());
        errors.push(note().tag([] as [&str; 0], [word]).await.unwrap_err());
        errors.push(note().by(word).comment("fine").await.unwrap_err());
        errors.push(note().pin(word, shop.now()).await.unwrap_err());
        errors.push(note().convert([Kind::Custom(word.into())]).await.unwrap_err());
    }
    errors.push(note().comment("x".repeat(20_000)).await.unwrap_err());
    errors.push(note().comment("a\0b").await.unwrap_err());
    errors.push(note().convert([]).await.unwrap_err());
    errors.push(note().tag([] as [&str; 0], [] as [&str; 0]).await.unwrap_err());
    errors.push(note().tag(["a", "b"], ["b"]).await.unwrap_err());
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(
            error.to_string().len() < 300 && !error.to_string().chars().any(char::is_control),
            "{error:?}"
        );
    }
    assert_eq!(shop.storage.list_all("").await.unwrap().len(), before);
}

#[tokio::test]
async fn a_hold_that_is_not_there_is_named_with_those_that_are() {
    let shop = Shop::new().await;
    let id = shop.back_up("shop").await.id;
    let error = shop.repository.note(&id).release("case").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("\"case\"") && error.remedy().contains("none"), "{error}");
    for name in ["audit", "case-17"] {
        shop.repository.note(&id).hold(Hold::open(name)).await.unwrap();
    }
    let error = shop.repository.note(&id).release("case").await.unwrap_err();
    assert!(error.remedy().contains("\"audit\", \"case-17\""), "{}", error.remedy());
    shop.repository.note(&id).release("audit").await.unwrap();
    assert_eq!(shop.repository.note(&id).release("audit").await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn nothing_is_said_about_a_backup_that_does_not_exist_or_was_deleted() {
    let shop = Shop::new().await;
    let unknown: BackupId = "0".repeat(32).parse().unwrap();
    let error = shop.repository.note(&unknown).hold(Hold::open("case")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains(&unknown.to_string()), "{error}");

    let id = shop.back_up("shop").await.id;
    shop.repository.delete(&id).await.unwrap();
    assert_eq!(shop.info(&id.to_string()).await.status, BackupStatus::Deleted);
    for error in [
        shop.repository.note(&id).hold(Hold::open("case")).await.unwrap_err(),
        shop.repository.note(&id).comment("still here?").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("deleted") && error.remedy().contains("undelete"), "{error}");
    }
    shop.repository.undelete(&id).await.unwrap();
    shop.repository.note(&id).hold(Hold::open("case")).await.unwrap();
    assert_eq!(shop.repository.delete(&id).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_hundred_people_speak_at_once_and_all_are_heard() {
    let shop = Shop::new().await;
    let id = shop.back_up("shop").await.id;
    let speak = |number: u32| {
        let note = shop.repository.note(&id).by(format!("person {number}"));
        async move { note.tag([format!("tag-{number}")], [] as [&str; 0]).await.unwrap() }
    };
    futures_util::future::join_all((0..100).map(speak)).await;
    assert_eq!(shop.info("latest").await.tags.len(), 100);
    assert_eq!(shop.stranger().await.backups().await.unwrap()[0].tags.len(), 100);
}

#[tokio::test]
async fn a_note_that_cannot_be_read_is_a_warning_and_a_problem_but_no_end() {
    let shop = Shop::new().await;
    let info = shop.back_up("shop").await;
    shop.repository.note(&info.id).comment("fine").await.unwrap();
    let damaged = shop.object("notes", &info).await;
    shop.flip(&damaged).await;
    let stranger = shop.stranger().await;
    assert_eq!(stranger.backups().await.unwrap()[0].comment, "");
    assert_eq!(shop.warnings().len(), 1);
    assert_eq!(shop.warnings()[0].path, damaged.as_str());
    stranger.find(&info.id.to_string()).await.unwrap();
    stranger.note(&info.id).hold(Hold::open("now more than ever")).await.unwrap();
    let problems = stranger.check().await.unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((problems[0].object.as_str(), &problems[0].backups), (damaged.as_str(), &vec![info.id]));
    // Whoever deletes does not know whether it is held.
    let error = stranger.delete(&info.id).await.unwrap_err();
    assert!(error.to_string().contains(&info.id.to_string()), "{error}");
}

#[tokio::test]
async fn a_backup_that_notes_speak_of_and_that_is_gone_is_missed() {
    let shop = Shop::new().await;
    let info = shop.back_up("shop").await;
    shop.repository.note(&info.id).comment("important").await.unwrap();
    let manifest = shop.object("backups", &info).await;
    shop.remove(manifest.as_str()).await;
    shop.remove(&format!("{manifest}-ok")).await;
    let problems = shop.repository.check().await.unwrap().problems;
    assert!(problems.iter().any(|problem| problem.object == manifest.as_str()), "{problems:?}");
    assert!(shop.repository.backups().any_status().await.unwrap().is_empty());
}
