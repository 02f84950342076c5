//! When backups expire, by the policies that are known here: the repository stores none.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use backup_core::policy::{Backup, Expiry, Policy, Verdict};
use backup_core::{
    BackupId, BackupInfo, BackupStatus, Clock as _, Error, ErrorKind, Repository, SystemClock,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::time;
use crate::session::Session;
use crate::text_file::read_policy;

/// The policies that are known: one of `--policy` for all environments, otherwise those of the configuration.
#[derive(Debug)]
pub(crate) struct Policies<'a> {
    given: Option<Policy>,
    config: &'a Config,
}

impl<'a> Policies<'a> {
    pub(crate) fn new(given: Option<&Path>, config: &'a Config) -> Result<Self, Failure> {
        Ok(Self { given: given.map(read_policy).transpose()?, config })
    }

    /// The one for all environments.
    pub(crate) fn given(&self) -> Option<&Policy> {
        self.given.as_ref()
    }

    /// The one that an environment is under.
    pub(crate) fn of(&self, environment: &str) -> Option<&Policy> {
        self.given().or_else(|| self.config.policy(environment))
    }

    /// When these backups expire; they must be all of their environments.
    pub(crate) fn expiries(&self, backups: &[BackupInfo]) -> Result<Expiries, Failure> {
        let mut groups = BTreeMap::<_, Vec<&BackupInfo>>::new();
        for backup in backups.iter().filter(|backup| backup.status == BackupStatus::Completed) {
            groups.entry(backup.retention_group()).or_default().push(backup);
        }
        let mut expiries = HashMap::new();
        for (group, backups) in groups {
            if let Some(policy) = self.of(&group.environment) {
                expiries.extend(decide(policy, &backups)?);
            }
        }
        Ok(Expiries(expiries))
    }
}

fn decide(policy: &Policy, backups: &[&BackupInfo]) -> Result<Vec<(BackupId, Expires)>, Failure> {
    let group: Vec<Backup> = backups.iter().map(|backup| backup.to_policy()).collect();
    let ids: HashMap<String, BackupId> =
        backups.iter().map(|backup| (backup.id.to_string(), backup.id)).collect();
    let decisions = policy
        .decide(&group, SystemClock::default().now())
        .map_err(|error| Error::new(ErrorKind::Invalid, "the policy cannot be applied").with_source(error))?;
    let expires = decisions.iter().map(|decision| match decision.verdict() {
        Verdict::Kept { expiry, .. } => (decision.id(), Expires::from(Some(expiry))),
        Verdict::Removed { .. } => (decision.id(), Expires::from(None)),
    });
    Ok(expires.filter_map(|(id, expires)| Some((*ids.get(id)?, expires))).collect())
}

/// When each of some backups expires.
#[derive(Debug)]
pub(crate) struct Expiries(HashMap<BackupId, Expires>);

impl Expiries {
    pub(crate) fn get(&self, backup: &BackupInfo) -> Expires {
        self.0.get(&backup.id).copied().unwrap_or_default()
    }
}

/// When a backup expires. Both members are null where no policy says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Expires {
    expires: Option<&'static str>,
    expires_at: Option<DateTime<Utc>>,
}

impl Expires {
    /// When one backup expires, by the policy of the configuration.
    pub(crate) async fn one(
        backup: &BackupInfo,
        repository: &Repository,
        session: &Session,
    ) -> Result<Self, Failure> {
        let policies = Policies::new(None, &session.config)?;
        if policies.of(&backup.environment).is_none() {
            return Ok(Self::default());
        }
        let all = session.interrupt.ends(repository.backups().of(&backup.environment)).await??;
        Ok(policies.expiries(&all)?.get(backup))
    }

    /// For people.
    pub(crate) fn text(self) -> String {
        match (self.expires, self.expires_at) {
            (_, Some(at)) => time::local(at),
            (Some("conditional"), _) => "depends".into(),
            (word, None) => word.unwrap_or_default().into(),
        }
    }
}

impl From<Option<Expiry>> for Expires {
    /// Of a decision: `None` if the backup goes.
    fn from(expiry: Option<Expiry>) -> Self {
        match expiry {
            None => Self { expires: Some("now"), expires_at: None },
            Some(Expiry::Never) => Self { expires: Some("never"), expires_at: None },
            Some(Expiry::Conditional) => Self { expires: Some("conditional"), expires_at: None },
            Some(Expiry::At(at)) => Self { expires: Some("at"), expires_at: Some(at) },
        }
    }
}
