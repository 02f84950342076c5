//! `backup check`: whether the repository is sound.

use backup_core::CheckReport;

use super::Outcome;
use crate::arguments::Check;
use crate::failure::Failure;
use crate::output::damage;
use crate::output::size::{count, size};
use crate::session::Session;

pub(super) async fn run(arguments: &Check, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let mut request = repository.check().cancel(session.interrupt.token());
    if let Some(share) = arguments.read_data {
        request = request.read_data(share);
    }
    let report = request.await?;
    damage::result(session, &report, &report.problems, || text(&report))
}

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
