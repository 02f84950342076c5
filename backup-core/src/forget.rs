//! Forgetting backups by retention: which go and why, then exactly those.

mod failed;
mod kept;
mod plan;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use backup_policy::Policy;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use self::plan::{ForgetDecision, ForgetGroup, ForgetPlan, RefusedEnvironment};
use crate::catalog::{Entry, Listed};
use crate::delete::expect_free;
use crate::engine::Context;
use crate::format::names::ManifestName;
use crate::note::{Notes, Statement};
use crate::{BackupId, BackupInfo, BackupStatus, Error, ErrorKind, Repository, Result};

/// A request to forget backups by a policy: plan it, look at the plan, execute it or confirm it later.
#[derive(Debug, Clone)]
#[must_use = "plan it"]
pub struct ForgetRequest {
    repository: Repository,
    policy: Policy,
    environment: Option<String>,
    now: Option<DateTime<Utc>>,
    by: Option<String>,
    cancel: CancellationToken,
}

/// What forgetting did.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct ForgetReport {
    /// Backups that are deleted now. A prune frees what only they need.
    pub deleted: Vec<BackupId>,
    /// Backups that somebody held at the same moment: they stay.
    pub held: Vec<BackupId>,
    /// How many backups the policy keeps.
    pub kept: u64,
}

impl Repository {
    /// Deletes the backups that a policy does not keep. Each environment is judged on its own, and in it full backups, those of databases only and
    /// those of files only (see [`RetentionGroup`](crate::RetentionGroup)). Backups that were never confirmed are neither counted nor
    /// touched, and those that are held or in use stay whatever the policy says.
    ///
    /// Damage is never a reason to delete: a backup in which the last verification found damage stays, and does not count. Of backups in
    /// which a service failed, which do not count either, the newest of each group stays until a complete one has all that it has.
    ///
    /// ```
    /// # use backup_core::policy::{Policy, Rule};
    /// # use backup_core::{Repository, Result};
    /// # async fn example(repository: &Repository) -> Result<()> {
    /// let policy = Policy::keep(Rule::daily(7)).and(Rule::monthly(12));
    /// let plan = repository.forget(&policy).of("shop").plan().await?;
    /// for decision in plan.removed() {
    ///     println!("{}: {}", decision.backup.id, decision.explanation);
    /// }
    /// plan.execute().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn forget(&self, policy: &Policy) -> ForgetRequest {
        ForgetRequest {
            repository: self.clone(),
            policy: policy.clone(),
            environment: None,
            now: None,
            by: None,
            cancel: CancellationToken::new(),
        }
    }
}

impl ForgetRequest {
    /// Only backups of one environment; of all by default.
    pub fn of(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// The time to judge by; the clock's by default.
    pub fn now(mut self, now: DateTime<Utc>) -> Self {
        self.now = Some(now);
        self
    }

    /// Who asks for it: a person's name, or that of a program.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.by = Some(who.into());
        self
    }

    /// Ends with [`Cancelled`](ErrorKind::Cancelled) when the token is cancelled. Backups deleted by then stay deleted.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Works out which backups go and why, without changing anything.
    ///
    /// An environment with a manifest or a note that cannot be read is [refused](ForgetPlan::refused): what cannot be read may be the backup
    /// because of which another one could go, or the hold because of which it may not.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if the policy cannot be one; [`Damaged`](ErrorKind::Damaged) if the environment asked for is one to
    /// be refused.
    pub async fn plan(self) -> Result<ForgetPlan> {
        let context = self.repository.context(&self.cancel);
        let now = self.now.unwrap_or_else(|| self.repository.clock().now());
        let work: BoxFuture<'_, Result<ForgetPlan>> = Box::pin(plan::make(&self, now));
        let plan = context.until_cancelled(work).await?;
        match plan.refused.first().filter(|_| self.environment.is_some()) {
            None => Ok(plan),
            Some(refused) => Err(cannot_judge(refused)),
        }
    }

    /// Does what a plan showed, if it is still the same: it is made again, and executed only if it has this
    /// [fingerprint](ForgetPlan::fingerprint).
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if other backups would go now; then nothing is deleted. Otherwise as [`ForgetPlan::execute`].
    pub async fn confirmed(self, fingerprint: &str) -> Result<ForgetReport> {
        let plan = self.plan().await?;
        if plan.fingerprint == fingerprint.trim().to_ascii_lowercase() {
            return plan.execute().await;
        }
        let count = plan.removed().count();
        Err(Error::invalid(format!(
            "what would be forgotten is not what was confirmed: it is {count} backups now, and the fingerprint is not \"{fingerprint}\""
        ))
        .with_remedy("plan again, look at the plan and confirm its fingerprint"))
    }
}

impl ForgetPlan {
    /// Deletes the backups that the plan removes, and no others. Each is read again as it is stored, and so is each because of which they go;
    /// all are judged again, and if any of them would stay now, none is deleted.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if a backup changed, is held, is gone or would stay now, naming it; [`Damaged`](ErrorKind::Damaged)
    /// if a note about one, or a backup that stays, cannot be read.
    pub async fn execute(self) -> Result<ForgetReport> {
        let request = &self.request;
        let context = request.repository.context(&request.cancel);
        let work: BoxFuture<'_, Result<ForgetReport>> = Box::pin(self.execute_uncancelled(&context));
        context.until_cancelled(work).await
    }

    async fn execute_uncancelled(&self, context: &Context) -> Result<ForgetReport> {
        let request = &self.request;
        let repository = &request.repository;
        self.expect_still_removed().await?;
        let mut listed: HashMap<BackupId, Listed> = HashMap::new();
        let names = repository.manifest_names(request.environment.as_deref()).await?;
        listed.extend(
            names.into_listed().filter(|listed| listed.confirmed).map(|listed| (listed.name.id, listed)),
        );
        let mut notes: BTreeMap<String, Notes> = BTreeMap::new();
        let environments: BTreeSet<&String> =
            self.removed().map(|removed| &removed.backup.environment).collect();
        for environment in environments {
            notes.insert(environment.clone(), repository.notes(Some(environment)).await?);
        }
        // All are looked at before any is deleted.
        let removed: Vec<ForgetDecision> = self.removed().cloned().collect();
        context.expect(removed.len() as u64, 0);
        let (listed, notes) = (&listed, &notes);
        let doomed: Vec<_> = stream::iter(removed)
            .map(|decision| async move {
                context.check()?;
                let name = expect_unchanged(repository, &decision, listed, notes).await?;
                Ok::<_, Error>((decision, name))
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        stream::iter(doomed)
            .map(|(decision, name)| async move { self.delete(&decision, name, notes, context).await })
            .buffered(PARALLEL)
            .try_collect::<Vec<()>>()
            .await?;
        repository.write_digest(context).await;
        self.report(notes).await
    }

    async fn delete(
        &self,
        decision: &ForgetDecision,
        name: ManifestName,
        notes: &BTreeMap<String, Notes>,
        context: &Context,
    ) -> Result<()> {
        let request = &self.request;
        context.check()?;
        if let Some(said) = notes.get(&decision.backup.environment) {
            let statement =
                Statement::Deleted { reason: Some(decision.explanation.clone()), unconfirmed: false };
            let by = request.by.as_deref();
            request.repository.put_note_after(&name, said.about(&name), statement, by).await?;
        }
        context.advance(1, 0);
        Ok(())
    }

    /// Fails unless each backup that the plan removes would be removed by a plan made now, too.
    async fn expect_still_removed(&self) -> Result<()> {
        let again = plan::make(&self.request, self.now).await?;
        let is_of_removed = |refused: &&RefusedEnvironment| {
            self.removed().any(|decision| Some(&decision.backup.environment) == refused.environment.as_ref())
        };
        if let Some(refused) = again.refused.iter().find(is_of_removed) {
            return Err(cannot_judge(refused));
        }
        let removed: BTreeSet<BackupId> = again.removed().map(|decision| decision.backup.id).collect();
        match self.removed().find(|decision| !removed.contains(&decision.backup.id)) {
            None => Ok(()),
            Some(decision) => Err(changed(&decision.backup, "it would stay now")),
        }
    }

    /// Reads the notes once more: whoever held a backup at the same moment wins, and it is deleted no more.
    async fn report(&self, before: &BTreeMap<String, Notes>) -> Result<ForgetReport> {
        let repository = &self.request.repository;
        let mut report = ForgetReport { kept: self.kept, ..ForgetReport::default() };
        let now = repository.clock().now();
        for environment in before.keys() {
            let notes = repository.notes(Some(environment)).await?;
            let of = self.removed().filter(|decision| decision.backup.environment == *environment);
            let ids: BTreeSet<BackupId> = of.map(|decision| decision.backup.id).collect();
            for (name, said) in notes.iter().filter(|(name, _)| ids.contains(&name.id)) {
                if said.state.is_protected(now) {
                    let by = self.request.by.as_deref();
                    repository.take_back_deletion(name, said, by).await?;
                    report.held.push(name.id);
                } else {
                    report.deleted.push(name.id);
                }
            }
        }
        report.deleted.sort_unstable();
        report.held.sort_unstable();
        Ok(report)
    }
}

/// Fails unless a backup is as the plan says, by its manifest and its notes as they are stored.
async fn expect_unchanged(
    repository: &Repository,
    decision: &ForgetDecision,
    listed: &HashMap<BackupId, Listed>,
    notes: &BTreeMap<String, Notes>,
) -> Result<ManifestName> {
    let planned = &decision.backup;
    let now = repository.clock().now();
    let found = listed.get(&planned.id).zip(notes.get(&planned.environment));
    let (found, said) = found.ok_or_else(|| changed(planned, "it is gone"))?;
    said.expect_readable(planned.id)?;
    let said = said.about(&found.name);
    expect_free(planned.id, &said.state, now)?;
    let backup = repository.read_backup(found.name, &found.object).await?;
    let Listed { name, object, confirmed } = found.clone();
    let entry = Entry { name, object, confirmed, body: Arc::new(backup.manifest.body), notes: said.clone() };
    let info = entry.info(now);
    if found.name.hash != decision.manifest
        || info.status != BackupStatus::Completed
        || info.is_damaged()
        || info.to_policy() != planned.to_policy()
        || info.retention_group() != planned.retention_group()
    {
        return Err(changed(planned, "something was said about it"));
    }
    Ok(found.name)
}

fn cannot_judge(refused: &RefusedEnvironment) -> Error {
    let text = format!("nothing is forgotten, because {} cannot be read: {}", refused.object, refused.reason);
    Error::damaged(text).with_remedy("run a check, and bring it back from a copy or delete that backup")
}

fn changed(backup: &BackupInfo, how: &str) -> Error {
    let text = format!(
        "the backup {} is not as it was when this was planned: {how}; nothing was forgotten",
        backup.id
    );
    Error::new(ErrorKind::Invalid, text).with_remedy("plan again")
}

/// Backups looked at, and notes put, at once.
const PARALLEL: usize = 16;
