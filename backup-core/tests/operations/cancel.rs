//! Cancelled before every call of the storage.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use backup_core::storage::Storage;
use backup_core::storage::testing::Recording;
use backup_core::{CancellationToken, ErrorKind, Repository, Result, Share};

use crate::home::{builder, create, expect_backup, expect_sound, memory, open, shop};
use crate::tree::{Data, Tree};

/// A repository with one backup, a token, and the storage that cancels it before the `n`-th call from now.
async fn prepared(
    tree: &Tree,
    n: usize,
) -> (Repository, CancellationToken, Arc<Recording>, Arc<dyn Storage>) {
    let storage = memory();
    create(&storage).await.backup(&shop(tree)).await.unwrap();
    tree.write("a/second", Data::Noise(u64::try_from(n).unwrap() + 100, 300));
    let recording = Arc::new(Recording::new(storage.clone()));
    let watched: Arc<dyn Storage> = recording.clone();
    let repository = builder(&watched).open().await.unwrap();
    recording.clear();
    let token = CancellationToken::new();
    let cancel = token.clone();
    recording.before(n, move || cancel.cancel());
    (repository, token, recording, storage)
}

/// Whether the operation was cancelled; fails if it failed otherwise.
fn was_cancelled<T>(result: Result<T>, n: usize) -> bool {
    match result {
        Ok(_) => false,
        Err(error) if error.kind() == ErrorKind::Cancelled => true,
        Err(error) => panic!("cancelled before call {n}, it failed otherwise: {}", error.chain()),
    }
}

#[tokio::test]
async fn a_backup_cancelled_anywhere_leaves_a_sound_repository() {
    for n in 1.. {
        let tree = Tree::small();
        let (repository, token, recording, storage) = prepared(&tree, n).await;
        let result = repository.backup(&shop(&tree)).cancel(token.clone()).await;
        if recording.calls().len() < n {
            result.unwrap();
            assert!(n > 20, "a backup makes {n} calls");
            break;
        }
        let clean = open(&storage).await;
        let cancelled = was_cancelled(result, n);
        // Only what is cancelled while it is being confirmed, or later, may exist.
        let confirmed = recording.calls()[n..].iter().any(|call| call.subject.ends_with("-ok"));
        assert!(!confirmed, "cancelled before call {n}, it was confirmed all the same");
        let backups = clean.backups().await.unwrap().len();
        assert!(cancelled || backups == 2, "cancelled too late before call {n}, it does not exist");
        expect_sound(&clean, &format!("cancelled before call {n}")).await;
        expect_backup(&clean, &tree, &format!("after a run that was cancelled before call {n}")).await;
    }
}

#[tokio::test]
async fn a_restore_cancelled_anywhere_can_be_done_again() {
    for n in 1.. {
        let tree = Tree::small();
        let home = tempfile::tempdir().unwrap();
        let (repository, token, recording, storage) = prepared(&tree, n).await;
        let id = open(&storage).await.backup(&shop(&tree)).await.unwrap().id;
        let target = home.path().join("target");
        let request =
            repository.restore(id).to_directory(&target).existing(backup_core::engine::Existing::Mirror);
        let result = request.clone().cancel(token).await;
        if recording.calls().len() < n {
            result.unwrap();
            assert!(n > 3, "a restore makes {n} calls");
            break;
        }
        was_cancelled(result, n);
        request.await.unwrap();
        let expected: BTreeMap<_, _> = tree.files().into_iter().collect();
        assert!(
            found(&target.join("files")) == expected,
            "cancelled before call {n}, then restored: it differs"
        );
    }
}

#[tokio::test]
async fn verify_and_check_are_cancelled_anywhere() {
    let tree = Tree::small();
    for n in 1.. {
        let (repository, token, recording, _) = prepared(&tree, n).await;
        let id = repository.find("latest").await.unwrap().id;
        let result = repository.verify(id).read_data(true).cancel(token).await;
        if recording.calls().len() < n {
            result.unwrap();
            break;
        }
        was_cancelled(result, n);
    }
    for n in 1.. {
        let (repository, token, recording, _) = prepared(&tree, n).await;
        let result = repository.check().read_data(Share::ALL).cancel(token).await;
        if recording.calls().len() < n {
            result.unwrap();
            break;
        }
        was_cancelled(result, n);
    }
}

#[tokio::test]
async fn what_is_cancelled_before_it_begins_does_nothing() {
    let storage = memory();
    let repository = create(&storage).await;
    let tree = Tree::small();
    let id = repository.backup(&shop(&tree)).await.unwrap().id;
    let recording = Arc::new(Recording::new(storage));
    let watched: Arc<dyn Storage> = recording.clone();
    let repository = open(&watched).await;
    recording.clear();
    let token = CancellationToken::new();
    token.cancel();
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("never");
    let kinds = [
        repository.backup(&shop(&tree)).cancel(token.clone()).await.unwrap_err().kind(),
        repository.restore(id).to_directory(&target).cancel(token.clone()).await.unwrap_err().kind(),
        repository.verify(id).cancel(token.clone()).await.unwrap_err().kind(),
        repository.check().cancel(token).await.unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Cancelled; 4]);
    assert_eq!((recording.calls(), target.exists()), (vec![], false));
}

/// The files below a directory.
fn found(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}
