//! `backup check`: whether the repository is sound.

use backup_core::{CheckReport, ErrorKind};

use super::Outcome;
use crate::arguments::Check;
use crate::failure::Failure;
use crate::output::damage;
use crate::output::size::{count, size};
use crate::session::Session;

pub(super) async fn run(arguments: &Check, session: &Session) -> Result<Outcome, Failure> {
    let repository =
        session.open().await.map_err(|failure| failure.remedied(ErrorKind::Damaged, REMEDY_IF_SHUT))?;
    let mut request = repository.check().cancel(session.interrupt.token());
    if let Some(share) = arguments.read_data {
        request = request.read_data(share);
    }
    let report = request.await.map_err(|error| Failure::from(error).remedied(ErrorKind::Damaged, REMEDY))?;
    damage::result(session, &report, &report.problems, REMEDY, || text(&report))
}

const REMEDY: &str = "restore what other backups hold, make a new backup, bring the object back from a copy";

/// Without what opens it, a repository neither restores nor stores.
const REMEDY_IF_SHUT: &str = "bring the object back from a copy of the repository";

fn text(report: &CheckReport) -> String {
    format!(
        "{}{}, {}, {}, {}; read {} of data\n",
        damage::text(&report.problems),
        count(report.backups, "backup", "backups"),
        count(report.packs, "pack", "packs"),
        count(report.segments, "index segment", "index segments"),
        count(report.chunks, "chunk", "chunks"),
        size(report.bytes_read),
    )
}
