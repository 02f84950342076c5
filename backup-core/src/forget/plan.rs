//! Which backups go, and why.

use std::collections::{BTreeMap, HashMap};

use backup_policy::{Backup, Expiry, Verdict};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::{ForgetRequest, failed, kept};
use crate::catalog::{Catalog, Scope};
use crate::format::names::{ManifestName, hash};
use crate::{BackupInfo, Error, Result, RetentionGroup};

/// What a policy makes of the backups that there are.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ForgetPlan {
    /// The time that it was judged by.
    pub now: DateTime<Utc>,
    /// The backups in groups that are judged on their own, by environment and contents.
    pub groups: Vec<ForgetGroup>,
    /// How many backups stay.
    pub kept: u64,
    /// How many go.
    pub removed: u64,
    /// Environments in which nothing is judged and nothing goes, because something in them cannot be read. Of an environment that would lose
    /// something, each backup that stays and counts is read as it is stored.
    pub refused: Vec<RefusedEnvironment>,
    /// Sixteen hexadecimal digits that stand for exactly these backups going by this policy, for [confirming](ForgetRequest::confirmed) it
    /// later. Other backups may come meanwhile, as long as they make no other one go.
    pub fingerprint: String,
    #[serde(skip)]
    pub(super) request: ForgetRequest,
}

/// Backups that a policy counts together.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ForgetGroup {
    /// What they have in common.
    #[serde(flatten)]
    pub group: RetentionGroup,
    /// What becomes of each, oldest first.
    pub decisions: Vec<ForgetDecision>,
}

/// What becomes of one backup.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ForgetDecision {
    /// The backup.
    pub backup: BackupInfo,
    /// Whether it stays.
    pub kept: bool,
    /// Why, in one line.
    pub explanation: String,
    /// For how long it stays if nothing is done to it; `None` if it goes. In JSON `never`, `conditional` or a time.
    #[serde(serialize_with = "as_text")]
    pub expiry: Option<Expiry>,
    /// The hash of its manifest.
    #[serde(skip)]
    pub(super) manifest: [u8; 32],
}

/// An environment in which nothing goes.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RefusedEnvironment {
    /// Its name; `None` if nothing of it can be read.
    pub environment: Option<String>,
    /// The object that cannot be read.
    pub object: String,
    /// Why it cannot.
    pub reason: String,
}

impl ForgetPlan {
    /// The backups that go.
    pub fn removed(&self) -> impl Iterator<Item = &ForgetDecision> {
        self.groups.iter().flat_map(|group| &group.decisions).filter(|decision| !decision.kept)
    }
}

/// Makes a plan from the catalog.
pub(super) async fn make(request: &ForgetRequest, now: DateTime<Utc>) -> Result<ForgetPlan> {
    let repository = &request.repository;
    let catalog = repository.catalog(request.environment.as_deref(), Scope::Confirmed).await?;
    let unreadable = refused(&catalog);
    let mut groups = decide_all(request, now, &catalog, &unreadable)?;
    failed::keep(&mut groups);
    let untrue = kept::refused(repository, &groups, &catalog).await?;
    groups.retain(|group| {
        let environment = Some(&group.group.environment);
        !untrue.iter().any(|refused| refused.environment.as_ref() == environment)
    });
    let mut plan = ForgetPlan {
        now,
        groups,
        kept: 0,
        removed: 0,
        refused: unreadable.into_values().chain(untrue).collect(),
        fingerprint: String::new(),
        request: request.clone(),
    };
    plan.removed = plan.removed().count() as u64;
    plan.kept = plan.groups.iter().map(|group| group.decisions.len() as u64).sum::<u64>() - plan.removed;
    plan.fingerprint = fingerprint(&plan)?;
    Ok(plan)
}

/// Judges the completed backups of all environments that are not refused.
fn decide_all(
    request: &ForgetRequest,
    now: DateTime<Utc>,
    catalog: &Catalog,
    refused: &BTreeMap<[u8; 8], RefusedEnvironment>,
) -> Result<Vec<ForgetGroup>> {
    let mut by_group: BTreeMap<RetentionGroup, Vec<BackupInfo>> = BTreeMap::new();
    let mut hashes = HashMap::new();
    let today = request.repository.clock().now();
    for entry in catalog.completed(today).filter(|entry| !refused.contains_key(&entry.name.environment)) {
        let info = entry.info(today);
        hashes.insert(info.id, entry.name.hash);
        by_group.entry(info.retention_group()).or_default().push(info);
    }
    by_group.into_iter().map(|(group, backups)| decide(request, now, group, backups, &hashes)).collect()
}

/// The environments of which something cannot be read, by their folders.
fn refused(catalog: &Catalog) -> BTreeMap<[u8; 8], RefusedEnvironment> {
    let manifests = catalog.unreadable.iter().filter_map(|(object, error)| {
        let (name, _) = ManifestName::parse(object.name.as_str())?;
        Some((name.environment, object.name.to_string(), error))
    });
    let notes = catalog
        .unreadable_notes
        .iter()
        .map(|(name, error)| (name.environment, name.to_name().to_string(), error));
    let mut refused = BTreeMap::new();
    for (folder, object, error) in manifests.chain(notes) {
        let named = catalog.entries.iter().find(|entry| entry.name.environment == folder);
        let environment = named.map(|entry| entry.body.environment.clone());
        refused.entry(folder).or_insert(RefusedEnvironment { environment, object, reason: error.chain() });
    }
    refused
}

fn decide(
    request: &ForgetRequest,
    now: DateTime<Utc>,
    group: RetentionGroup,
    backups: Vec<BackupInfo>,
    hashes: &HashMap<crate::BackupId, [u8; 32]>,
) -> Result<ForgetGroup> {
    let sound = backups.iter().filter(|backup| !backup.is_damaged());
    let known: Vec<Backup> = sound.map(BackupInfo::to_policy).collect();
    let decisions = request.policy.decide(&known, now).map_err(|error| {
        Error::invalid(format!("the policy cannot be applied to \"{}\"", group.environment))
            .with_source(error)
    })?;
    let decided = backups.into_iter().map(|backup| {
        let manifest = hashes.get(&backup.id).copied()?;
        if backup.is_damaged() {
            let (explanation, expiry) = (DAMAGED.into(), Some(Expiry::Never));
            return Some(ForgetDecision { backup, kept: true, explanation, expiry, manifest });
        }
        let decision = decisions.get(&backup.id.to_string())?;
        let expiry = match decision.verdict() {
            Verdict::Kept { expiry, .. } => Some(expiry),
            Verdict::Removed { .. } => None,
        };
        Some(ForgetDecision {
            backup,
            kept: decision.is_kept(),
            explanation: decision.to_string(),
            expiry,
            manifest,
        })
    });
    Ok(ForgetGroup { group, decisions: decided.flatten().collect() })
}

/// Stands for which backups go, in which repository and by which policy.
fn fingerprint(plan: &ForgetPlan) -> Result<String> {
    let policy = serde_json::to_vec(&plan.request.policy)
        .map_err(|error| Error::invalid("the policy cannot be written as JSON").with_source(error))?;
    let mut removed: Vec<_> =
        plan.removed().map(|decision| (*decision.backup.id.as_bytes(), decision.manifest)).collect();
    removed.sort_unstable();
    let mut all = plan.request.repository.id().0.to_vec();
    all.extend_from_slice(&(policy.len() as u64).to_le_bytes());
    all.extend_from_slice(&policy);
    for (id, manifest) in removed {
        all.extend_from_slice(&id);
        all.extend_from_slice(&manifest);
    }
    Ok(hex::encode(&hash(&all)[..FINGERPRINT]))
}

fn as_text<S: serde::Serializer>(expiry: &Option<Expiry>, serializer: S) -> Result<S::Ok, S::Error> {
    match expiry {
        None => serializer.serialize_none(),
        Some(Expiry::Never) => serializer.serialize_str("never"),
        Some(Expiry::Conditional) => serializer.serialize_str("conditional"),
        Some(Expiry::At(time)) => {
            serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
    }
}

/// Damage is never a reason to delete: what is left of it may be all that there is.
const DAMAGED: &str = "kept: its last verification found damage, so it does not count";
/// Bytes of a fingerprint: enough that no two plans have the same by chance, and few enough to be typed.
const FINGERPRINT: usize = 8;
