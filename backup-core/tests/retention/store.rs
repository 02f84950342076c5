//! Repositories with something to delete, and what must hold of them.

use std::sync::Arc;
use std::time::Duration;

use backup_core::storage::{Storage, StorageExt as _};
use backup_core::{BackupId, PruneReport, Repository, Result, Share};

use crate::home::{builder, create, files, memory, open, shop};
use crate::tree::{Data, Tree};

/// A repository with two backups, of which the first holds what the second does not.
pub(crate) struct Store {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) repository: Repository,
    /// As it is now, with something in it that only the first backup has.
    pub(crate) tree: Tree,
    pub(crate) first: BackupId,
    pub(crate) second: BackupId,
    second_files: Vec<(String, Vec<u8>)>,
}

impl Store {
    pub(crate) async fn new() -> Self {
        let (storage, tree) = (memory(), Tree::default());
        let repository = create(&storage).await;
        tree.write("both", Data::Noise(1, 300_000));
        tree.write("only", Data::Noise(2, 300_000));
        tree.write("small/one", Data::Noise(3, 700));
        tree.write("small/two", Data::Noise(4, 700));
        let first = repository.backup(&shop(&tree)).await.unwrap().id;
        tree.write("only", Data::Noise(5, 1000));
        tree.write("small/two", Data::Noise(6, 700));
        let second = repository.backup(&shop(&tree)).await.unwrap().id;
        let second_files = tree.files();
        tree.write("only", Data::Noise(2, 300_000));
        tree.write("small/two", Data::Noise(4, 700));
        Self { storage, repository, tree, first, second, second_files }
    }

    /// The same with the first backup deleted.
    pub(crate) async fn with_deleted() -> Self {
        let store = Self::new().await;
        store.repository.delete(&store.first).await.unwrap();
        store
    }

    /// Fails unless the second backup holds what it did, and nothing is wrong but, perhaps, that a prune was interrupted.
    pub(crate) async fn expect_kept(&self, when: &str) {
        let repository = open(&self.storage).await;
        let mut report = repository.check().read_data(Share::ALL).await.unwrap();
        report.problems.retain(|problem| !problem.object.starts_with("sweeps/"));
        assert!(report.problems.is_empty(), "{when}: {:#?}", report.problems);
        assert_eq!(files(&repository, self.second).await, self.second_files, "{when}");
    }

    /// Fails unless nothing at all is wrong.
    pub(crate) async fn expect_sound(&self, when: &str) {
        self.expect_kept(when).await;
        let report = open(&self.storage).await.check().await.unwrap();
        assert!(report.problems.is_empty(), "{when}: {:#?}", report.problems);
    }

    /// Opens the repository through another storage.
    pub(crate) async fn through<S: Storage>(storage: &Arc<S>) -> Repository {
        let storage: Arc<dyn Storage> = storage.clone();
        builder(&storage).open().await.unwrap()
    }

    pub(crate) async fn names(&self, prefix: &str) -> Vec<String> {
        names(&self.storage, prefix).await
    }

    /// Makes all runs look as if nobody did them: as if their hosts were gone.
    pub(crate) async fn forget_runs(&self) {
        for object in self.storage.list_all("runs").await.unwrap() {
            self.storage.delete(&object.name).await.unwrap();
        }
    }

    pub(crate) async fn delete_all(&self, prefix: &str, which: impl Fn(&str) -> bool) {
        for object in self.storage.list_all(prefix).await.unwrap() {
            if which(object.name.as_str()) {
                self.storage.delete(&object.name).await.unwrap();
            }
        }
    }
}

pub(crate) async fn names(storage: &Arc<dyn Storage>, prefix: &str) -> Vec<String> {
    storage.list_all(prefix).await.unwrap().iter().map(|object| object.name.to_string()).collect()
}

/// Prunes with nothing left alone, and nothing unused left.
pub(crate) async fn prune_all(repository: &Repository) -> Result<PruneReport> {
    repository.prune().grace(Duration::ZERO).max_unused(0).plan().await?.execute().await
}
