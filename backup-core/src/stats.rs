//! What backups are in bytes: how much each of them is, shares and adds, and how a repository grows.

mod growth;
mod ledger;
mod owner;
mod report;
mod size;
mod tally;
mod walk;

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use backup_storage::StorageExt as _;
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use self::ledger::Ledger;
pub use self::report::{BackupStats, EnvironmentStats, GrowthMonth, GrowthPoint, Stats, Totals};
use self::tally::Tally;
use self::walk::Walk;
use crate::catalog::ManifestNames;
use crate::engine::Context;
use crate::index::list_packs;
use crate::note::Notes;
use crate::observer::Phase;
use crate::problem::{Problem, is_finding};
use crate::{BackupId, Error, ErrorKind, Repository, Result};

/// A request for statistics; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct StatsRequest {
    repository: Repository,
    environment: Option<String>,
    backup: Option<BackupId>,
    cancel: CancellationToken,
}

impl Repository {
    /// Says what the backups are in bytes: [`Stats`] defines the words.
    ///
    /// All metadata is read and no content: each segment of a tree once, as long as the backups of an environment that have it
    /// follow one another. Besides the index and [`RepositoryBuilder::memory`](crate::RepositoryBuilder::memory) this takes 44 bytes for
    /// each chunk of the repository, and about 50 for each segment and 4 for each reference of the trees of one backup: with ten million chunks, some 500 MB.
    pub fn stats(&self) -> StatsRequest {
        StatsRequest {
            repository: self.clone(),
            environment: None,
            backup: None,
            cancel: CancellationToken::new(),
        }
    }
}

impl StatsRequest {
    /// Tells only of this environment and its backups. It does not take less time: what its backups share with others must be known.
    pub fn of(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Tells only of this backup and its environment. It does not take less time.
    pub fn backup(mut self, id: BackupId) -> Self {
        self.backup = Some(id);
        self
    }

    /// Ends with [`Cancelled`](crate::ErrorKind::Cancelled) when the token is cancelled.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    async fn run(self) -> Result<Stats> {
        let context = self.repository.context(&self.cancel);
        context.until_cancelled(Box::pin(self.run_uncancelled(&context))).await
    }

    async fn run_uncancelled(&self, context: &Context) -> Result<Stats> {
        context.phase(Phase::Index);
        // Manifests before the index before packs: whatever a writer completes meanwhile is found.
        let names = self.repository.manifest_names(None).await?;
        self.expect_backup(&names)?;
        let notes = self.repository.notes(None).await?;
        let reader = self.repository.chunk_reader().await?;
        let index = reader.index();
        let ledger = Ledger::new(&index, &list_packs(self.repository.storage()).await?)?;
        let mut tally = Tally::new(Walk::new(&reader, ledger));
        for (name, error) in &index.unreadable {
            tally.problem(Problem::from_error(name, error));
        }
        for (name, error) in &notes.unreadable {
            tally.problem(Problem::from_error(name.to_name().as_str(), error).of(name.id));
        }
        context.phase(Phase::Structure);
        self.count(&mut tally, names, &notes, context).await?;
        let objects = self.repository.storage().list_all("").await?;
        Ok(self.chosen(tally.finish(&objects)))
    }

    /// Counts all backups, in the order of their names: environment by environment, about in the order of time.
    async fn count(
        &self,
        tally: &mut Tally<'_>,
        names: ManifestNames,
        notes: &Notes,
        context: &Context,
    ) -> Result<()> {
        let now = self.repository.clock().now();
        context.expect(names.confirmed.len() as u64, 0);
        let mut manifests = stream::iter(names.confirmed)
            .map(|(name, object)| async move { (self.repository.read_backup(name, &object).await, name) })
            .buffered(MANIFESTS_AT_ONCE);
        while let Some((backup, name)) = manifests.next().await {
            context.check()?;
            match backup {
                Ok(backup) => {
                    let is_deleted = notes.about(&name).state.is_deleted(now);
                    tally.backup(&backup, is_deleted, context).await?;
                }
                // Removed since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if is_finding(&error) => {
                    tally.problem(Problem::from_error(name.to_name().as_str(), &error).of(name.id));
                }
                Err(error) => return Err(error),
            }
            context.advance(1, 0);
        }
        Ok(())
    }

    fn expect_backup(&self, names: &ManifestNames) -> Result<()> {
        match self.backup {
            Some(id) if !names.confirmed.iter().any(|(name, _)| name.id == id) => {
                Err(Error::new(ErrorKind::NotFound, format!("there is no backup {id}"))
                    .with_remedy("list the backups and use an id from there"))
            }
            _ => Ok(()),
        }
    }

    /// Leaves out what was not asked for.
    fn chosen(&self, mut stats: Stats) -> Stats {
        if let Some(id) = self.backup {
            stats.backups.retain(|backup| backup.id == id);
            stats.environments.retain(|of| stats.backups.iter().any(|one| one.environment == of.environment));
        }
        if let Some(environment) = &self.environment {
            stats.backups.retain(|backup| backup.environment == *environment);
            stats.environments.retain(|of| of.environment == *environment);
        }
        stats
    }
}

impl IntoFuture for StatsRequest {
    type Output = Result<Stats>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Manifests read ahead.
const MANIFESTS_AT_ONCE: usize = 8;

#[cfg(test)]
mod tests;
