//! `backup verify`: whether one backup can be restored.

use backup_core::VerifyReport;

use super::Outcome;
use crate::arguments::Verify;
use crate::failure::Failure;
use crate::output::damage;
use crate::output::size::{count, size};
use crate::session::Session;

pub(super) async fn run(arguments: &Verify, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let backup = session.find(&repository, &arguments.backup).await?;
    let report =
        repository.verify(backup.id).read_data(arguments.read_data).cancel(session.interrupt.token()).await?;
    damage::result(session, &report, &report.problems, REMEDY, || text(&report))
}

const REMEDY: &str =
    "run a check to see what else is affected, restore another backup, or bring the object back from a copy";

fn text(report: &VerifyReport) -> String {
    let read = match (report.data_read, report.problems.is_empty()) {
        (false, _) => "  the data itself was not read (--read-data reads it)\n",
        (true, true) => "  all data was read and is what was stored\n",
        (true, false) => "",
    };
    format!(
        "{}backup {}: {}, {}, {}\n{read}",
        damage::text(&report.problems),
        report.id,
        count(report.entries, "entry", "entries"),
        count(report.chunks, "chunk", "chunks"),
        size(report.bytes),
    )
}
