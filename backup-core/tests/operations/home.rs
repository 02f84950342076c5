//! Where repositories of these tests live, and what is in them.

use std::sync::Arc;

use backup_core::engine::{Content, Piece, TreeReader};
use backup_core::storage::{ObjectStorage, Storage, StorageExt as _};
use backup_core::{BackupId, Environment, KdfParameters, KeyRing, Repository, RepositoryBuilder, Share};
use futures_util::StreamExt as _;

use crate::tree::Tree;

pub(crate) fn memory() -> Arc<dyn Storage> {
    Arc::new(ObjectStorage::memory())
}

pub(crate) fn builder(storage: &Arc<dyn Storage>) -> RepositoryBuilder {
    Repository::builder(storage.clone())
        .keys(KeyRing::passphrase(PASSPHRASE))
        .kdf(KdfParameters::insecure_for_tests())
}

pub(crate) async fn create(storage: &Arc<dyn Storage>) -> Repository {
    builder(storage).create().await.unwrap()
}

pub(crate) async fn open(storage: &Arc<dyn Storage>) -> Repository {
    builder(storage).open().await.unwrap()
}

/// The environment `shop` with one service `files`.
pub(crate) fn shop(tree: &Tree) -> Environment {
    Environment::new("shop").service("files", tree.clone())
}

/// Bytes of all objects below a prefix.
pub(crate) async fn stored(storage: &Arc<dyn Storage>, prefix: &str) -> u64 {
    storage.list_all(prefix).await.unwrap().iter().map(|object| object.size).sum()
}

/// The files of a stored tree, holes as zeros.
pub(crate) async fn files(repository: &Repository, id: BackupId) -> Vec<(String, Vec<u8>)> {
    let service = repository.service(&id, "files").await.unwrap();
    let mut tree: Box<dyn TreeReader> = service.tree("tree", b"").await.unwrap();
    let mut files = Vec::new();
    while let Some(entries) = tree.next().await.unwrap() {
        for entry in
            entries.iter().filter(|entry| entry.metadata.kind == backup_core::engine::EntryKind::File)
        {
            let mut bytes = Vec::new();
            if let Content::Stored(content) = entry.content {
                let mut pieces = service.content(content).await.unwrap();
                while let Some(piece) = pieces.next().await {
                    match piece.unwrap() {
                        Piece::Data(data) => bytes.extend_from_slice(&data),
                        Piece::Hole(length) => {
                            bytes.resize(bytes.len() + usize::try_from(length).unwrap(), 0)
                        }
                    }
                }
            }
            files.push((String::from_utf8(entry.path.to_vec()).unwrap(), bytes));
        }
    }
    files
}

/// Fails unless all that is stored is sound, to the last byte.
pub(crate) async fn expect_sound(repository: &Repository, when: &str) {
    let report = repository.check().read_data(Share::ALL).await.unwrap();
    assert!(report.problems.is_empty(), "{when}: {:#?}", report.problems);
}

/// Fails unless a backup now works and holds the tree.
pub(crate) async fn expect_backup(repository: &Repository, tree: &Tree, when: &str) {
    let backup =
        repository.backup(&shop(tree)).await.unwrap_or_else(|error| panic!("{when}: {}", error.chain()));
    assert_eq!(files(repository, backup.id).await, tree.files(), "{when}");
    expect_sound(repository, when).await;
}

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
