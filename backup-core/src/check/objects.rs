//! Looking at every object: that its name is one of this format, and into those that nothing else leads to.

use std::collections::HashSet;

use backup_storage::{Object, StorageExt as _};
use futures_util::{StreamExt as _, stream};

use super::CheckReport;
use crate::engine::Context;
use crate::format::limit;
use crate::format::names::{self, ManifestName, NoteName, PackName, RunName};
use crate::problem::{Problem, cannot_read, is_finding};
use crate::prune::read_sweep_record;
use crate::run::open_run;
use crate::{ErrorKind, Repository, Result, RunId};

/// What an object turned out to be.
enum Seen {
    Sound,
    /// An object that this format does not know.
    Foreign,
    /// The record of a prune.
    Sweep(RunId),
}

/// Looks at all objects, and into configurations, key slots, runs and sweep records.
pub(super) async fn check(
    repository: &Repository,
    context: &Context,
    report: &mut CheckReport,
) -> Result<()> {
    let objects = repository.storage().list_all("").await?;
    let mut sweeps = Vec::new();
    let mut looks = stream::iter(objects)
        .map(|object| async move { (look_at(repository, &object).await, object) })
        .buffered(PARALLEL);
    while let Some((seen, object)) = looks.next().await {
        context.check()?;
        let name = object.name.as_str();
        match seen {
            Ok(Seen::Sound) => {}
            Ok(Seen::Sweep(run)) => sweeps.push((object, run)),
            Ok(Seen::Foreign) => {
                report.problems.push(Problem::new(name, "is not an object that this format knows"));
            }
            // Removed by a prune since it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound && is_passing(name) => {}
            Err(error) if is_finding(&error) => report.problems.push(Problem::from_error(name, &error)),
            Err(error) => return Err(error),
        }
    }
    drop(looks);
    check_sweeps(repository, sweeps, report).await
}

/// A sweep record of a prune that is not under way is one that was interrupted.
async fn check_sweeps(
    repository: &Repository,
    sweeps: Vec<(Object, RunId)>,
    report: &mut CheckReport,
) -> Result<()> {
    if sweeps.is_empty() {
        return Ok(());
    }
    let alive: HashSet<RunId> = repository.alive_runs().await?.into_iter().map(|run| run.id).collect();
    for (object, run) in sweeps.into_iter().filter(|(_, run)| !alive.contains(run)) {
        // It may have ended meanwhile.
        if repository.storage().exists(&object.name).await? {
            let text =
                format!("is of a prune that was interrupted (run {run}): run prune, which completes it");
            report.problems.push(Problem::new(object.name.as_str(), text));
        }
    }
    Ok(())
}

async fn look_at(repository: &Repository, object: &Object) -> Result<Seen> {
    let text = object.name.as_str();
    let known = match text.split('/').next().unwrap_or("") {
        names::REPOSITORY => text == names::REPOSITORY,
        names::PACKS => PackName::parse(text).is_some() && object.size <= limit::PACK,
        names::BACKUPS => ManifestName::parse(text).is_some(),
        names::INDEX => names::parse_hashed(text, names::INDEX).is_some(),
        names::KEYS => {
            plain(repository, object, names::parse_hashed(text, names::KEYS), limit::KEY_SLOT).await?
        }
        names::CONFIG => {
            let hash = names::parse_config(text).map(|(_, hash)| hash);
            plain(repository, object, hash, limit::CONFIG).await?
        }
        names::NOTES => NoteName::parse(text).is_some(),
        names::CATALOG => names::parse_hashed(text, names::CATALOG).is_some(),
        names::RUNS => run(repository, object).await?,
        names::SWEEPS => return Ok(Seen::Sweep(read_sweep_record(repository, object).await?.run)),
        _ => false,
    };
    Ok(if known { Seen::Sound } else { Seen::Foreign })
}

async fn plain(repository: &Repository, object: &Object, hash: Option<[u8; 32]>, limit: u64) -> Result<bool> {
    let Some(hash) = hash.filter(|_| object.size <= limit) else { return Ok(false) };
    read(repository, object, &hash).await.map(|_| true)
}

async fn run(repository: &Repository, object: &Object) -> Result<bool> {
    let Some(name) = RunName::parse(object.name.as_str()) else { return Ok(false) };
    names::expect_size(object, limit::RUN)?;
    let bytes = read(repository, object, &name.hash).await?;
    open_run(repository, &name, &bytes).map(|_| true)
}

/// Reads an object whole and compares it with its name.
async fn read(repository: &Repository, object: &Object, hash: &[u8; 32]) -> Result<bytes::Bytes> {
    let read = repository.storage().get(&object.name).await;
    let bytes = read.map_err(|error| cannot_read(&object.name, error))?;
    names::expect_hash(object.name.as_str(), hash, &bytes).map(|()| bytes)
}

/// Whether objects like this one are removed while a repository is used.
fn is_passing(name: &str) -> bool {
    let folder = name.split('/').next().unwrap_or("");
    [names::RUNS, names::SWEEPS].contains(&folder)
}

/// Objects looked at at once.
const PARALLEL: usize = 16;
