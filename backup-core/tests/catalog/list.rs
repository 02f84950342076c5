//! Listing and filtering.

use std::collections::BTreeSet;

use backup_core::{BackupId, BackupStatus, Contents, Hold, Kind, ListRequest};
use chrono::TimeDelta;

use crate::shop::{Shop, broken, whole};

async fn ids(request: ListRequest) -> Vec<BackupId> {
    request.await.unwrap().iter().map(|info| info.id).collect()
}

#[tokio::test]
async fn every_filter_narrows_the_list() {
    let shop = Shop::new().await;
    let (shop_env, list) = (whole("shop"), || shop.repository.backups());
    let backup = || shop.repository.backup(&shop_env);
    let nightly = backup().kind(Kind::Nightly).kind(Kind::Weekly).tag("a").tag("b").await.unwrap().id;
    shop.pass(1);
    let database = backup().only(["database"]).tag("a").await.unwrap().id;
    shop.pass(1);
    let files = backup().only(["uploads"]).await.unwrap().id;
    shop.pass(1);
    let partial = shop.repository.backup(&broken("shop")).partial().await.unwrap().id;
    let blog = shop.back_up("blog").await;

    assert_eq!(ids(list()).await, [nightly, database, files, partial, blog.id]);
    assert_eq!(ids(list().newest_first().take(2)).await, [blog.id, partial]);
    assert_eq!(ids(list().take(0)).await, []);
    assert_eq!(ids(list().of("blog")).await, [blog.id]);
    assert_eq!(ids(list().of("nothing")).await, []);
    assert_eq!(ids(list().service("uploads")).await, [nightly, files, blog.id]);
    assert_eq!(ids(list().service("cache")).await, []);
    assert_eq!(ids(list().kind(Kind::Weekly)).await, [nightly]);
    assert_eq!(ids(list().kind(Kind::Manual).of("shop")).await, [database, files, partial]);
    assert_eq!(ids(list().tag("a")).await, [nightly, database]);
    assert_eq!(ids(list().tag("a").tag("b")).await, [nightly]);
    assert_eq!(ids(list().contents(Contents::Full)).await, [nightly, blog.id]);
    assert_eq!(ids(list().contents(Contents::DatabaseOnly)).await, [database]);
    assert_eq!(ids(list().contents(Contents::FilesOnly)).await, [files]);
    assert_eq!(ids(list().contents(Contents::Partial)).await, [partial]);
    assert_eq!(ids(list().restorable()).await, [nightly, database, blog.id]);
    assert_eq!(ids(list().orphans(["shop", "wiki"])).await, [blog.id]);
    assert_eq!(ids(list().orphans([] as [&str; 0])).await.len(), 5);
    let begun = shop.info(&files.to_string()).await.created_at;
    assert_eq!(ids(list().since(begun).until(blog.created_at)).await, [files, partial]);
    assert_eq!(ids(list().until(begun)).await, [nightly, database]);
    assert_eq!(ids(list().since(blog.created_at + TimeDelta::milliseconds(1))).await, []);
    let failed = shop.info(&partial.to_string()).await;
    assert_eq!(failed.to_policy().status, backup_core::policy::Status::Failed);
    assert!(failed.left_out[0].failure.as_ref().unwrap().contains("does not answer"), "{failed:?}");
}

#[tokio::test]
async fn only_completed_backups_are_listed_unless_others_are_asked_for() {
    let shop = Shop::new().await;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(shop.back_up("shop").await);
    }
    let confirmation = format!("{}-ok", shop.object("backups", &made[1]).await);
    shop.remove(&confirmation).await;
    shop.repository.delete(&made[2].id).await.unwrap();
    let list = || shop.repository.backups();
    let [first, unconfirmed, deleted, last] = [0, 1, 2, 3].map(|number: usize| made[number].id);
    assert_eq!(ids(list()).await, [first, last]);
    assert_eq!(ids(list().status(BackupStatus::Deleted)).await, [deleted]);
    assert_eq!(ids(list().status(BackupStatus::Unconfirmed)).await, [unconfirmed]);
    let both = list().status(BackupStatus::Unconfirmed).status(BackupStatus::Completed);
    assert_eq!(ids(both).await, [first, unconfirmed, last]);
    let all = list().any_status().await.unwrap();
    assert_eq!(all.iter().map(|info| info.id).collect::<Vec<_>>(), [first, unconfirmed, deleted, last]);
    assert_eq!(all.iter().map(|info| info.restorable).collect::<Vec<_>>(), [true, false, false, true]);
    assert!(all[2].deleted_at.is_some() && all[0].deleted_at.is_none());
}

#[tokio::test]
async fn environments_are_told_with_their_newest_backups() {
    let shop = Shop::new().await;
    assert!(shop.repository.environments().await.unwrap().is_empty());
    let first = shop.back_up("shop").await;
    shop.repository.verify(first.id).read_data(true).await.unwrap();
    let second = shop.back_up("shop").await;
    shop.pass(1);
    let partial = shop.repository.backup(&broken("shop")).partial().await.unwrap().id;
    let deleted = shop.back_up("shop").await;
    shop.repository.delete(&deleted.id).await.unwrap();
    let blog = shop.back_up("blog").await;
    let all = shop.repository.environments().await.unwrap();
    assert_eq!(all.iter().map(|environment| environment.name.as_str()).collect::<Vec<_>>(), ["blog", "shop"]);
    assert_eq!((all[0].backups, all[0].newest.id, all[0].logical_bytes), (1, blog.id, blog.logical_bytes));
    assert_eq!((all[1].backups, all[1].newest.id), (3, partial));
    assert_eq!(all[1].newest_restorable.as_ref().map(|info| info.id), Some(second.id));
    assert_eq!(all[1].newest_verified.as_ref().map(|info| info.id), Some(first.id));
    assert!(all[0].newest_verified.is_none());
    assert!(all[1].logical_bytes < second.logical_bytes);
}

#[tokio::test]
async fn a_list_as_json_has_every_field() {
    let shop = Shop::new().await;
    let info = shop.back_up("shop").await;
    shop.repository.note(&info.id).hold(Hold::open("case")).await.unwrap();
    let json = serde_json::to_value(shop.info("latest").await).unwrap();
    let found: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "changed_bytes",
        "comment",
        "consistency",
        "contents",
        "created_at",
        "created_by",
        "deleted_at",
        "entries",
        "environment",
        "facts",
        "files",
        "finished_at",
        "gap_seconds",
        "holds",
        "id",
        "kinds",
        "left_out",
        "logical_bytes",
        "parent",
        "pause_seconds",
        "pinned_until",
        "program",
        "restorable",
        "services",
        "status",
        "stored_bytes",
        "tags",
        "verified",
        "warnings",
    ];
    assert_eq!(found, expected.into());
    assert_eq!((&json["status"], &json["contents"]), (&"completed".into(), &"full".into()));
    assert_eq!(json["holds"][0]["id"], "case");
}
