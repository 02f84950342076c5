//! What a case works with: the subject and an empty repository.

use std::sync::Arc;

use super::interposed::Interposed;
use super::tap::{Strike, Tap};
use super::{Flaw, Subject};
use crate::engine::{Engine, Existing, NoQuiesce};
use crate::restore::{PlannedRestore, RestoreRequest};
use crate::storage::{ObjectStorage, Storage};
use crate::{BackupId, BackupReport, Environment, KdfParameters, KeyRing, Repository, Result};

pub(super) struct Rig {
    pub(super) subject: Arc<dyn Subject>,
    pub(super) repository: Repository,
}

impl Rig {
    pub(super) async fn new(subject: Arc<dyn Subject>) -> Result<Self> {
        let storage: Arc<dyn Storage> = Arc::new(ObjectStorage::memory());
        let repository = Repository::builder(storage)
            .keys(KeyRing::passphrase("conformance"))
            .kdf(KdfParameters::insecure_for_tests())
            .create()
            .await?;
        Ok(Self { subject, repository })
    }

    pub(super) async fn content(&self) -> Vec<u8> {
        self.subject.content().await
    }

    /// Changes the service, and fails if that is not to be seen.
    pub(super) async fn change(&self) -> Result<Vec<u8>, Flaw> {
        let before = self.content().await;
        self.subject.change().await;
        let after = self.content().await;
        if before == after {
            return Err(Flaw("the subject is the same after `change` as before".into()));
        }
        Ok(after)
    }

    pub(super) async fn back_up(&self) -> Result<BackupReport> {
        self.repository.backup(&environment(self.subject.engine())).await
    }

    /// Backs up with the application held.
    pub(super) async fn back_up_held(&self, engine: Interposed) -> Result<BackupReport> {
        self.repository.backup(&environment(Arc::new(engine)).quiesce(NoQuiesce)).await
    }

    /// Backs up through an engine that stands in between.
    pub(super) async fn back_up_through(&self, engine: &Interposed) -> Result<BackupReport> {
        self.repository.backup(&environment(Arc::new(engine.clone()))).await
    }

    pub(super) async fn plan(&self, id: BackupId, existing: Existing) -> Result<PlannedRestore> {
        self.restoring(id, self.subject.engine(), existing).plan().await
    }

    /// Makes the service what it was.
    pub(super) async fn restore(&self, id: BackupId) -> Result<()> {
        self.restoring(id, self.subject.engine(), Existing::Mirror).await.map(drop)
    }

    pub(super) async fn restore_through(&self, id: BackupId, engine: &Interposed) -> Result<()> {
        self.restoring(id, Arc::new(engine.clone()), Existing::Mirror).await.map(drop)
    }

    pub(super) fn interpose(&self, strike: Strike, at: u64) -> Interposed {
        Interposed::new(self.subject.engine(), Tap::new(strike, at))
    }

    fn restoring(&self, id: BackupId, engine: Arc<dyn Engine>, existing: Existing) -> RestoreRequest {
        self.repository.restore(id).in_place(&environment(engine)).existing(existing)
    }
}

fn environment(engine: Arc<dyn Engine>) -> Environment {
    Environment::new("conformance").shared_service(SERVICE, engine)
}

pub(super) const SERVICE: &str = "subject";
