//! A repository whose times a test decides, and an application with a database and a folder.

use std::sync::Arc;
use std::time::Duration;

use backup_core::storage::{Storage, StorageExt as _};
use backup_core::testing::{RecordingObserver, SteppingClock};
use backup_core::{BackupInfo, Environment, Error, ErrorKind, Notice, Repository};
use chrono::{DateTime, TimeDelta, Utc};

use crate::home::builder;
use crate::memory::{Item, Memory};
use crate::stamping::Stamping;
use crate::tree::Tree;

pub(crate) struct Shop {
    pub(crate) storage: Arc<Stamping>,
    pub(crate) clock: SteppingClock,
    pub(crate) observer: RecordingObserver,
    pub(crate) repository: Repository,
}

impl Shop {
    pub(crate) async fn new() -> Self {
        let (storage, observer) = (Stamping::new(), RecordingObserver::new());
        let clock = SteppingClock::fixed(storage.now());
        let repository = builder(&(storage.clone() as Arc<dyn Storage>))
            .observer(Arc::new(observer.clone()))
            .clock(Arc::new(clock.clone()))
            .create()
            .await
            .unwrap();
        Self { storage, clock, observer, repository }
    }

    /// The repository as somebody sees it who remembers nothing of it.
    pub(crate) async fn stranger(&self) -> Repository {
        let storage = self.storage.clone() as Arc<dyn Storage>;
        let opened =
            builder(&storage).observer(Arc::new(self.observer.clone())).clock(Arc::new(self.clock.clone()));
        opened.open().await.unwrap()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.storage.now()
    }

    pub(crate) fn pass(&self, hours: u32) {
        self.storage.pass(TimeDelta::hours(hours.into()));
        self.clock.advance(Duration::from_secs(3_600 * u64::from(hours)));
    }

    /// Backs up a whole environment, an hour after whatever was before.
    pub(crate) async fn back_up(&self, environment: &str) -> BackupInfo {
        self.pass(1);
        let made = self.repository.backup(&whole(environment)).await.unwrap();
        self.info(&made.id.to_string()).await
    }

    pub(crate) async fn info(&self, reference: &str) -> BackupInfo {
        self.repository.find(reference).await.unwrap()
    }

    /// The one object of a backup below a folder.
    pub(crate) async fn object(&self, folder: &str, backup: &BackupInfo) -> backup_core::storage::Name {
        let (objects, id) = (self.storage.list_all(folder).await.unwrap(), backup.id.to_string());
        let mut of =
            objects.into_iter().filter(|object| object.size > 0 && object.name.as_str().contains(&id));
        let only = of.next().unwrap().name;
        assert!(of.next().is_none());
        only
    }

    pub(crate) async fn remove(&self, name: &str) {
        self.storage.delete(&name.parse().unwrap()).await.unwrap();
    }

    pub(crate) async fn flip(&self, name: &backup_core::storage::Name) {
        let mut bytes = self.storage.get(name).await.unwrap().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        self.storage.delete(name).await.unwrap();
        self.storage.create(name, bytes.into()).await.unwrap();
    }

    pub(crate) fn warnings(&self) -> Vec<Notice> {
        let notices = self.observer.notices();
        notices.into_iter().filter(|notice| notice.level == backup_core::NoticeLevel::Warning).collect()
    }
}

pub(crate) fn database() -> Memory {
    Memory::tree(&[Item::folder(""), Item::file("rows", b"1, 2, 3")])
}

/// A database and uploads.
pub(crate) fn whole(environment: &str) -> Environment {
    Environment::new(environment).service("database", database()).service("uploads", Tree::small())
}

/// Uploads that cannot be read.
pub(crate) fn broken(environment: &str) -> Environment {
    let fails = || Err(Error::new(ErrorKind::Unavailable, "the disk does not answer"));
    Environment::new(environment)
        .service("database", database())
        .service("uploads", Tree::small().on_freeze(fails))
}
