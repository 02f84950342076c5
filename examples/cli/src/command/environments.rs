//! `backup environments`: the environments and how each was last backed up.

use backup_core::{BackupId, BackupInfo, EnvironmentInfo};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::Outcome;
use crate::failure::Failure;
use crate::output::size::size;
use crate::output::table::{Align, Table};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let environments = session.interrupt.ends(repository.environments()).await??;
    let listed: Vec<Listed<'_>> = environments.iter().map(Listed::from).collect();
    let document = json!({ "environments": listed, "notices": session.progress.notices() });
    session.output.result(&document, || text(&environments))?;
    Ok(Outcome::Done)
}

#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    backups: u64,
    logical_bytes: u64,
    latest: Named,
    latest_restorable: Option<Named>,
    latest_verified: Option<Named>,
}

/// A backup by name; `show` has the rest.
#[derive(Debug, Serialize)]
struct Named {
    id: BackupId,
    created_at: DateTime<Utc>,
}

impl From<&BackupInfo> for Named {
    fn from(backup: &BackupInfo) -> Self {
        Self { id: backup.id, created_at: backup.created_at }
    }
}

impl<'a> From<&'a EnvironmentInfo> for Listed<'a> {
    fn from(environment: &'a EnvironmentInfo) -> Self {
        Self {
            name: &environment.name,
            backups: environment.backups,
            logical_bytes: environment.logical_bytes,
            latest: Named::from(&environment.newest),
            latest_restorable: environment.newest_restorable.as_ref().map(Named::from),
            latest_verified: environment.newest_verified.as_ref().map(Named::from),
        }
    }
}

fn text(environments: &[EnvironmentInfo]) -> String {
    if environments.is_empty() {
        return "no environments\n".into();
    }
    let mut table = Table::new([
        ("ENVIRONMENT", Align::Left),
        ("BACKUPS", Align::Right),
        ("SIZE", Align::Right),
        ("LATEST", Align::Left),
        ("LATEST RESTORABLE", Align::Left),
        ("LATEST VERIFIED", Align::Left),
    ]);
    let created = |backup: &Option<BackupInfo>| {
        backup.as_ref().map_or_else(|| "none".into(), |backup| time::local(backup.created_at))
    };
    for environment in environments {
        table.row([
            plain(&environment.name),
            environment.backups.to_string(),
            size(environment.logical_bytes),
            time::local(environment.newest.created_at),
            created(&environment.newest_restorable),
            created(&environment.newest_verified),
        ]);
    }
    table.text()
}
