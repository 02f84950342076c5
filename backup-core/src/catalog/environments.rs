//! The environments that a repository has backups of.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{BackupInfo, Scope};
use crate::{Repository, Result};

/// One environment, by its completed backups.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentInfo {
    /// Its name.
    pub name: String,
    /// How many completed backups of it there are; at least one.
    pub backups: u64,
    /// Bytes of everything in the newest one.
    pub logical_bytes: u64,
    /// The newest one.
    pub newest: BackupInfo,
    /// The newest one that can be restored whole.
    pub newest_restorable: Option<BackupInfo>,
    /// The newest one that was read whole and found sound.
    pub newest_verified: Option<BackupInfo>,
}

impl Repository {
    /// All environments with completed backups, by name.
    ///
    /// # Errors
    /// When the catalog cannot be read. Backups that cannot be read are told to the observer as warnings and left out.
    pub async fn environments(&self) -> Result<Vec<EnvironmentInfo>> {
        let catalog = self.catalog(None, Scope::Confirmed).await?;
        let now = self.clock().now();
        let mut environments: BTreeMap<String, EnvironmentInfo> = BTreeMap::new();
        for entry in catalog.completed(now) {
            let info = entry.info(now);
            match environments.get_mut(&info.environment) {
                Some(environment) => environment.add(info),
                None => drop(environments.insert(info.environment.clone(), EnvironmentInfo::of(info))),
            }
        }
        Ok(environments.into_values().collect())
    }
}

impl EnvironmentInfo {
    /// An environment with one backup.
    fn of(info: BackupInfo) -> Self {
        Self {
            name: info.environment.clone(),
            backups: 1,
            logical_bytes: info.logical_bytes,
            newest_restorable: info.restorable.then(|| info.clone()),
            newest_verified: info.is_verified().then(|| info.clone()),
            newest: info,
        }
    }

    /// Adds a newer backup.
    fn add(&mut self, info: BackupInfo) {
        let Self { newest_restorable, newest_verified, .. } = Self::of(info.clone());
        self.backups += 1;
        self.logical_bytes = info.logical_bytes;
        self.newest_restorable = newest_restorable.or(self.newest_restorable.take());
        self.newest_verified = newest_verified.or(self.newest_verified.take());
        self.newest = info;
    }
}
