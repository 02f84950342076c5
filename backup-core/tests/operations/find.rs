//! Names of environments and services, and references to backups.

use backup_core::storage::StorageExt as _;
use backup_core::testing::RecordingObserver;
use backup_core::{
    BackupId, Environment, ErrorKind, NoticeLevel, check_environment_name, check_service_name,
};
use std::sync::Arc;

use crate::home::{builder, create, memory, open, shop};
use crate::tree::Tree;

#[tokio::test]
async fn backups_are_found_by_latest_by_id_and_by_a_piece_of_it() {
    let repository = create(&memory()).await;
    let error = repository.find("latest").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let tree = Tree::small();
    let first = repository.backup(&shop(&tree)).await.unwrap().id;
    let other = Environment::new("other/one").service("files", tree.clone());
    let second = repository.backup(&other).await.unwrap().id;

    assert_eq!(repository.find("latest").await.unwrap().id, second);
    assert_eq!(repository.find_in("shop", "latest").await.unwrap().id, first);
    let text = first.to_string();
    let hyphened = format!("{}-{}-{}", &text[..8], &text[8..16], &text[16..]);
    for piece in [&text, &text[20..], &text.to_uppercase(), &hyphened] {
        assert_eq!(repository.find(piece).await.unwrap().id, first, "{piece}");
    }
    assert_eq!(repository.find_in("other/one", &text).await.unwrap_err().kind(), ErrorKind::NotFound);
    let list = repository.backups().of("shop").newest_first().take(5).await.unwrap();
    assert_eq!(list.iter().map(|info| info.id).collect::<Vec<_>>(), [first]);
    assert!(repository.backups().of("nothing").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reference_to_no_backup_or_several_says_so() {
    let repository = create(&memory()).await;
    let tree = Tree::small();
    let first = repository.backup(&shop(&tree)).await.unwrap().id.to_string();
    let second = repository.backup(&shop(&tree)).await.unwrap().id.to_string();
    let common: String =
        first.chars().zip(second.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    let error = repository.find(&common).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains(&first) && error.to_string().contains(&second), "{error}");
    for (reference, kind) in [
        ("ffffffffffff", ErrorKind::NotFound),
        ("", ErrorKind::Invalid),
        ("-", ErrorKind::Invalid),
        ("newest", ErrorKind::Invalid),
        ("../../etc", ErrorKind::Invalid),
    ] {
        let error = repository.find(reference).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(&format!("\"{reference}\"")), "{error}");
        assert!(!error.remedy().is_empty());
    }
    let unknown: BackupId = "0".repeat(32).parse().unwrap();
    for error in [
        repository.service(&unknown, "files").await.err(),
        repository.verify(unknown).await.err(),
        repository.restore(unknown).to_directory("/nonexistent/never").await.err(),
    ] {
        assert_eq!(error.unwrap().kind(), ErrorKind::NotFound);
    }
    let id = first.parse().unwrap();
    let error = repository.service(&id, "database").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("\"database\"") && error.remedy().contains("files"), "{error}");
}

#[tokio::test]
async fn names_that_cannot_be_are_refused_before_anything_is_stored() {
    let storage = memory();
    let repository = create(&storage).await;
    let before = storage.list_all("").await.unwrap().len();
    let long = "x".repeat(201);
    for name in ["", "a/b", ".", "..", "a\0b", "a\nb", long.as_str()] {
        assert_eq!(check_service_name(name).unwrap_err().kind(), ErrorKind::Invalid);
        let environment = Environment::new("shop").service(name, Tree::small());
        let error = repository.backup(&environment).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}");
        assert!(error.to_string().contains("service name") && error.to_string().len() < 200, "{error}");
    }
    let long = "x/".repeat(600);
    for name in ["", "/", "/a", "a/", "a//b", ".", "a/../b", "a/./b", "\u{7f}", long.as_str()] {
        assert_eq!(check_environment_name(name).unwrap_err().kind(), ErrorKind::Invalid);
        let environment = Environment::new(name).service("files", Tree::small());
        let error = repository.backup(&environment).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}");
    }
    for good in ["shop", "shop/production", "a b", "\u{e9}t\u{e9}", "...", "a/.b"] {
        check_environment_name(good).unwrap();
    }
    let twice = shop(&Tree::small()).service("files", Tree::small());
    assert_eq!(repository.backup(&twice).await.unwrap_err().kind(), ErrorKind::Invalid);
    let nothing = Environment::new("shop");
    assert_eq!(repository.backup(&nothing).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(storage.list_all("").await.unwrap().len(), before);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_is_left_out_with_a_warning_that_names_it() {
    let storage = memory();
    let observer = RecordingObserver::new();
    let repository = builder(&storage).observer(Arc::new(observer.clone())).create().await.unwrap();
    let tree = Tree::small();
    let bad = repository.backup(&shop(&tree)).await.unwrap().id;
    let good = repository.backup(&shop(&tree)).await.unwrap().id;
    let manifests = storage.list_all("backups").await.unwrap();
    let name =
        manifests.iter().find(|object| object.size > 0 && object.name.as_str().contains(&bad.to_string()));
    let name = name.unwrap().name.clone();
    let mut bytes = storage.get(&name).await.unwrap().to_vec();
    bytes[100] ^= 1;
    storage.delete(&name).await.unwrap();
    storage.create(&name, bytes.into()).await.unwrap();

    // Another process, which does not remember it.
    let repository = open(&storage).await.observed_by(Arc::new(observer.clone()));
    let listed = repository.backups().await.unwrap();
    assert_eq!(listed.iter().map(|info| info.id).collect::<Vec<_>>(), [good]);
    // It was written again since, so it may be the newest: nobody gets an older one instead without saying so.
    let error = repository.find("latest").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(name.as_str()) && error.remedy().contains("by its id"), "{error}");
    let notices = observer.notices();
    assert!(
        notices.iter().all(|notice| notice.level == NoticeLevel::Warning && notice.path == name.as_str())
    );
    assert_eq!(notices.len(), 2);
    assert_eq!(repository.find(&bad.to_string()).await.unwrap_err().kind(), ErrorKind::Damaged);
    // It hinders nobody: the next backup follows the one that can be read.
    assert_eq!(repository.backup(&shop(&tree)).await.unwrap().parent, Some(good));
}
