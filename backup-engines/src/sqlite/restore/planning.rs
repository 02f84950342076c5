//! What a restore would do.

use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};

use backup_core::engine::{
    ArtifactInfo, ArtifactKind, Context, Existing, Facts, RestorePlan, Selection, ServiceReader, Target,
    Verdict, VerdictLevel,
};
use backup_core::{Error, ErrorKind, Result};

use super::super::database::{Database, companions, found, label};
use super::super::header::{READ_VERSION, SCHEMA_FORMAT, WRITE_VERSION, WRITER, parts};
use super::openers::{self, Seen};
use crate::blocking;

/// Says what a restore would do, and changes nothing.
pub(in super::super) async fn plan(
    database: &Database,
    context: &Context,
    from: &dyn ServiceReader,
    target: &Target,
    selection: &Selection,
) -> Result<RestorePlan> {
    context.check()?;
    let artifact = stored(from)?;
    let mut plan = RestorePlan::new(target.clone(), selection.clone());
    plan.write_bytes = artifact.bytes;
    let (database, name) = (database.clone(), artifact.name.clone());
    let mut plan = blocking::run(move || {
        let path = place(&database, &plan.target, &name)?;
        look(&path, &mut plan)?;
        Ok(plan)
    })
    .await?;
    if !selection.paths.is_empty() {
        plan.verdicts.push(deny(
            &artifact.name,
            "a database is restored whole: there are no paths in it",
            "restore it without paths",
        ));
    }
    plan.verdicts.extend(judge_versions(from.facts(), &artifact.name));
    Ok(plan)
}

/// The one stream of a backup of a database.
pub(super) fn stored(from: &dyn ServiceReader) -> Result<ArtifactInfo> {
    match from.artifacts() {
        [artifact] if artifact.kind == ArtifactKind::Stream => Ok(artifact.clone()),
        _ => {
            Err(Error::new(ErrorKind::Damaged, "the backup of the service is not that of a SQLite database"))
        }
    }
}

/// The file that a restore makes or replaces; no symbolic link.
pub(super) fn place(database: &Database, target: &Target, name: &str) -> Result<PathBuf> {
    let path = match target {
        Target::InPlace { .. } => database.path().to_owned(),
        Target::Directory { path, .. } => directory(path)?.join(plain(name)?),
        _ => return Err(Error::new(ErrorKind::Unsupported, "databases are restored into files only")),
    };
    match found(&path) {
        Ok(Some(metadata)) if metadata.is_symlink() => std::fs::canonicalize(&path).map_err(|error| {
            Error::io(format!("cannot follow the symbolic link \"{}\"", label(&path)), error)
        }),
        Ok(_) => Ok(path),
        Err(error) => Err(Error::io(format!("cannot look at \"{}\"", label(&path)), error)),
    }
}

fn directory(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io("no directory is named", error))
}

/// A stored name that leads nowhere else.
fn plain(name: &str) -> Result<&str> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(name),
        _ => Err(Error::new(ErrorKind::Damaged, format!("the backup has a database with the name {name:?}"))),
    }
}

/// Looks at the place, and completes the plan.
fn look(path: &Path, plan: &mut RestorePlan) -> Result<()> {
    let name = label(path);
    let see = |path: &Path| {
        found(path).map_err(|error| Error::io(format!("cannot look at \"{}\"", label(path)), error))
    };
    let there = see(path)?;
    let mut orphans = 0;
    match &there {
        Some(file) => {
            plan.overwrite = 1;
            plan.examples.push(name.clone());
            plan.verdicts.extend(judge_old(path, file));
        }
        None => {
            plan.create = 1;
            for companion in companions(path) {
                if see(&companion)?.is_some() {
                    orphans += 1;
                    plan.examples.push(label(&companion));
                }
            }
        }
    }
    plan.delete = orphans;
    if plan.target.existing() == Existing::Refuse && (there.is_some() || orphans > 0) {
        plan.verdicts.push(deny(
            name,
            "it exists",
            "allow the restore to replace it, or restore it elsewhere",
        ));
    }
    plan.verdicts.extend(judge_directory(&plan.target));
    plan.verdicts.extend(judge_space(path, plan.write_bytes));
    Ok(())
}

fn judge_old(path: &Path, file: &Metadata) -> Option<Verdict> {
    if !file.is_file() {
        return Some(deny(label(path), "it is no regular file", "restore elsewhere, or remove it"));
    }
    let unseen = match openers::look(path, file) {
        Seen::NotOpen { hidden: 0 } => return None,
        Seen::NotOpen { hidden } => {
            format!("{hidden} processes could not be looked into, and may have it open")
        }
        Seen::Nothing => {
            "the processes of this host could not be looked into, and one may have it open".to_owned()
        }
        Seen::Open(process) => {
            return Some(deny(
                label(path),
                format!("it is open in {}, which would go on with the old database", openers::label(process)),
                "close all connections to it: stop the application, restore, start the application",
            ));
        }
    };
    let remedy = "make sure that its application is stopped, or restore as root, who sees all processes";
    Some(Verdict::new(VerdictLevel::Warn, label(path), unseen, remedy))
}

/// A directory that may not be changed must be empty.
fn judge_directory(target: &Target) -> Option<Verdict> {
    let Target::Directory { path, existing: Existing::Refuse } = target else { return None };
    let filled = std::fs::read_dir(path).is_ok_and(|mut names| names.next().is_some());
    filled.then(|| {
        let remedy = "choose an empty directory, or allow the restore to change what is there";
        deny(label(path), "it is not empty", remedy)
    })
}

fn judge_space(path: &Path, bytes: u64) -> Option<Verdict> {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir())?;
    let space = rustix::fs::statvfs(folder).ok()?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    (free < bytes).then(|| {
        let reason = format!("{bytes} bytes will be written beside the old file, and {free} bytes are free");
        Verdict::new(VerdictLevel::Warn, label(folder), reason, "make room, or restore elsewhere")
    })
}

/// Whether this library can use a database that another one wrote.
fn judge_versions(facts: &Facts, name: &str) -> Option<Verdict> {
    let is_above = |fact: &str, known: u32| {
        facts.get(fact).and_then(|value| value.parse::<u32>().ok()).is_some_and(|value| value > known)
    };
    let library = rusqlite::version();
    if is_above(READ_VERSION, 2) || is_above(SCHEMA_FORMAT, 4) {
        let reason = format!("it is in a format that SQLite {library} does not know");
        return Some(deny(name, reason, "restore it with a newer version of SQLite"));
    }
    let writer = facts.get(WRITER)?;
    let warning =
        |reason| Some(Verdict::new(VerdictLevel::Warn, name, reason, "use a newer version of SQLite"));
    if is_above(WRITE_VERSION, 2) {
        return warning(format!("SQLite {library} can read its format, but not write it"));
    }
    if parts(writer) > parts(library) {
        return warning(format!(
            "it was written by SQLite {writer}, which is newer than this one, {library}"
        ));
    }
    None
}

fn deny(subject: impl Into<String>, reason: impl Into<String>, remedy: &str) -> Verdict {
    Verdict::new(VerdictLevel::Deny, subject, reason, remedy)
}
