//! `backup delete` and `backup undelete`.

use std::fmt::Write as _;

use backup_core::{
    BackupId, DeletePlan, DeleteRequest, ErrorKind, Event, Notice, NoticeLevel, Observer as _, Repository,
    UndeleteRequest,
};
use serde_json::json;

use super::{Outcome, show};
use crate::arguments::{Choice, Delete, Undelete};
use crate::failure::Failure;
use crate::output::size::size;
use crate::output::{plain, remark, time};
use crate::session::Session;

pub(super) async fn run(arguments: &Delete, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let id = find(&repository, &arguments.backup, session).await?;
    let mut request = repository.delete(&id);
    request = arguments.reason.iter().fold(request, DeleteRequest::reason);
    request = arguments.by.name().into_iter().fold(request, DeleteRequest::by);
    let plan = session.interrupt.ends(request.plan()).await??;
    if session.asks() {
        remark(plan_text(&plan).trim_end());
        session.confirm("Delete it?").await?;
    }
    for warning in &plan.warnings {
        session.progress.event(&Event::Notice(&Notice {
            level: NoticeLevel::Warning,
            service: String::new(),
            path: String::new(),
            message: warning.clone(),
        }));
    }
    session.interrupt.ends(plan.execute()).await??;
    let text = || format!("deleted backup {id}: until a prune, `backup undelete {id}` brings it back\n");
    match session.interrupt.ends(repository.find(&id.to_string())).await? {
        Ok(backup) => show::result(&backup, &repository, session, |_| text()).await,
        Err(_) => {
            let document = json!({ "backup": null, "notices": session.progress.notices() });
            session.output.result(&document, text)?;
            Ok(Outcome::Done)
        }
    }
}

/// A backup whose manifest is lost or damaged can be deleted too, by its whole id.
async fn find(repository: &Repository, choice: &Choice, session: &Session) -> Result<BackupId, Failure> {
    let found = match &choice.environment {
        Some(environment) => session.interrupt.ends(repository.find_in(environment, &choice.id)).await?,
        None => session.interrupt.ends(repository.find(&choice.id)).await?,
    };
    match (found, choice.id.parse()) {
        (Ok(backup), _) => Ok(backup.id),
        (Err(error), Ok(id)) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Damaged) => Ok(id),
        (Err(error), _) => Err(error.into()),
    }
}

fn plan_text(plan: &DeletePlan) -> String {
    let mut text = match &plan.backup {
        Some(backup) => format!(
            "delete of backup {}: {}, {}, {}\n",
            plan.id,
            plain(&backup.environment),
            time::local(backup.created_at),
            size(backup.logical_bytes),
        ),
        None => format!("delete of backup {}\n", plan.id),
    };
    for warning in &plan.warnings {
        let _ = writeln!(text, "warning: {}", plain(warning));
    }
    text
}

pub(super) async fn undo(arguments: &Undelete, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let found = session.find(&repository, &arguments.backup).await?;
    let request = repository.undelete(&found.id).cancel(session.interrupt.token());
    let backup = arguments.by.name().into_iter().fold(request, UndeleteRequest::by).await?;
    show::result(&backup, &repository, session, |_| {
        format!("backup {} is back, and all of it is there\n", backup.id)
    })
    .await
}
