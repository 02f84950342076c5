//! The course of a restore: plan, write a new file, check it, put it in the place of the old one.

mod aside;
mod draft;
mod openers;
mod planning;
mod seize;
mod switch;

use backup_core::engine::{Context, RestorePlan, RestoreSummary, ServiceReader};
use backup_core::{Error, ErrorKind, Result};
use futures_util::StreamExt;

use self::draft::Draft;
pub(super) use self::planning::plan;
use self::planning::{place, stored};
use super::check::Checked;
use super::database::Database;
use crate::blocking;

/// Carries out a plan.
pub(super) async fn restore(
    database: &Database,
    context: &Context,
    from: &dyn ServiceReader,
    plan: &RestorePlan,
) -> Result<RestoreSummary> {
    if let Some(denied) = plan.denied() {
        return Err(Error::new(ErrorKind::Exists, format!("{}: {}", denied.subject, denied.reason))
            .with_remedy(denied.remedy.clone()));
    }
    context.check()?;
    let artifact = stored(from)?;
    let (database, target, name) = (database.clone(), plan.target.clone(), artifact.name.clone());
    let path = blocking::run(move || place(&database, &target, &name)).await?;
    context.expect(1, artifact.bytes);
    let made = path.clone();
    let mut draft = blocking::run(move || Draft::begin(&made)).await?;
    let mut pieces = from.stream(&artifact.name).await?;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        context.check()?;
        context.advance(0, piece.len() as u64);
        draft = blocking::run(move || draft.write(&piece)).await?;
    }
    let (stop, bytes) = (context.cancellation().child_token(), artifact.bytes);
    let _end_check = stop.clone().drop_guard();
    let (draft, checked) = blocking::run(move || draft.finish(bytes, stop)).await?;
    context.check()?;
    if checked == Checked::Unable {
        context.warn(
            b"",
            "it could not be checked: its schema uses what only its application has; let the application check it before it is used",
        );
    }
    let (planned, telling) = (plan.clone(), context.clone());
    blocking::run(move || switch::switch(draft, &path, &planned, &telling)).await?;
    context.advance(1, 0);
    Ok(RestoreSummary { written: 1, deleted: plan.delete, written_bytes: bytes, ..RestoreSummary::default() })
}
