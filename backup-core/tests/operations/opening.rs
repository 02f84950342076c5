//! Opening what is no repository, or not one for us.

use std::sync::Arc;

use backup_core::storage::{Bytes, Name, Storage, StorageExt as _};
use backup_core::{Error, ErrorKind, KeyRing, Repository};

use crate::home::{PASSPHRASE, builder, create, expect_backup, memory, open, shop};
use crate::tree::Tree;

async fn failure(storage: &Arc<dyn Storage>) -> Error {
    builder(storage).open().await.unwrap_err()
}

/// Puts other bytes in the place of an object.
async fn replace(storage: &Arc<dyn Storage>, name: &str, bytes: Vec<u8>) {
    let name: Name = name.parse().unwrap();
    storage.delete(&name).await.unwrap();
    storage.create(&name, Bytes::from(bytes)).await.unwrap();
}

#[tokio::test]
async fn there_must_be_a_repository_and_only_one() {
    let storage = memory();
    let error = failure(&storage).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("there is no repository at memory:"), "{error}");
    create(&storage).await;
    let error = builder(&storage).create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert_eq!(open(&storage).await.id(), builder(&storage).open_or_create().await.unwrap().id());
    let error = Repository::builder(storage.clone()).open().await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, "no key was given"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_who_create_at_once_one_succeeds_and_all_can_open_then() {
    for _ in 0..10 {
        let storage = memory();
        let mut creators = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let builder = builder(&storage);
            creators.spawn(async move { builder.create().await });
        }
        let results = creators.join_all().await;
        let errors: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors.iter().all(|error| error.kind() == ErrorKind::Exists), "{errors:?}");
        let winner = results.iter().find_map(|result| result.as_ref().ok()).unwrap();
        let opened = open(&storage).await;
        assert_eq!(opened.id(), winner.id());
        expect_backup(&opened, &Tree::small(), "after a race of creators").await;
    }
}

#[tokio::test]
async fn a_wrong_passphrase_is_told_as_such() {
    let storage = memory();
    create(&storage).await;
    let error = Repository::open(storage.clone(), KeyRing::passphrase("wrong")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
    assert!(error.chain().contains("passphrase") && !error.chain().contains("wrong\""), "{}", error.chain());
    assert!(!error.is_retryable() && !error.remedy().is_empty());
    let error = Repository::open(storage, KeyRing::passphrase("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", error.chain());
}

#[tokio::test]
async fn a_newer_format_is_told_with_both_numbers() {
    let storage = memory();
    create(&storage).await;
    let text = storage.get(&"repository.json".parse().unwrap()).await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap().replace("\"format\": 1", "\"format\": 70000");
    replace(&storage, "repository.json", text.into_bytes()).await;
    let error = failure(&storage).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.chain().contains("format 70000") && error.chain().contains("knows format 1"),
        "{}",
        error.chain()
    );
    replace(&storage, "repository.json", b"{\"magic\":\"something else\",\"format\":1}".to_vec()).await;
    assert_eq!(failure(&storage).await.kind(), ErrorKind::Damaged);
    replace(&storage, "repository.json", b"not JSON".to_vec()).await;
    assert_eq!(failure(&storage).await.kind(), ErrorKind::Damaged);
}

#[tokio::test]
async fn a_required_feature_that_is_not_known_is_refused_by_name() {
    let storage = memory();
    let id = create(&storage).await.id();
    let slot = storage.list_all("keys").await.unwrap().remove(0).name;
    let slot = storage.get(&slot).await.unwrap();
    let keys = KeyRing::passphrase(PASSPHRASE).open(id, &[slot]).unwrap();
    let first = storage.list_all("config").await.unwrap().remove(0).name;
    let bytes = storage.get(&first).await.unwrap();
    let body = &bytes[HEADER..bytes.len() - SIGNATURE];
    let mut config: serde_json::Value = serde_json::from_slice(body).unwrap();
    config["number"] = 2.into();
    config["required_features"] = serde_json::json!(["tree-deltas"]);
    let body = serde_json::to_vec(&config).unwrap();
    let mut signed = bytes[..HEADER].to_vec();
    signed[64..72].copy_from_slice(&(body.len() as u64).to_le_bytes());
    signed.extend(body);
    let signature = keys.sign_admin("config", &signed).unwrap();
    signed.extend(signature);
    let name = format!("config/00000002-{}", blake3::hash(&signed));
    storage.create(&name.parse().unwrap(), signed.into()).await.unwrap();
    let error = failure(&storage).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", error.chain());
    assert!(error.chain().contains("\"tree-deltas\""), "{}", error.chain());
}

/// Bytes of a record's header.
const HEADER: usize = 80;
/// Bytes of a signature.
const SIGNATURE: usize = 64;

#[tokio::test]
async fn a_repository_is_not_made_among_other_things() {
    let storage = memory();
    let letter: Name = "docs/letter".parse().unwrap();
    storage.create(&letter, Bytes::from_static(b"dear")).await.unwrap();
    let error = builder(&storage).create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert!(error.to_string().contains("docs/letter"), "{error}");
    assert_eq!(storage.list_all("").await.unwrap().len(), 1);
    storage.delete(&letter).await.unwrap();
    builder(&storage).create().await.unwrap();
}

#[tokio::test]
async fn services_are_not_restored_beside_other_things() {
    let repository = create(&memory()).await;
    let id = repository.backup(&shop(&Tree::small())).await.unwrap().id;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "kept").unwrap();
    let error = repository.restore(id).to_directory(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    repository.restore(id).to_directory(folder.path().join("new")).await.unwrap();
}
