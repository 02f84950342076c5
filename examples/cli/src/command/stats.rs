//! `backup stats`: what backups cost, and what deleting each would free.

use std::fmt::Write as _;

use backup_core::{EnvironmentStats, Stats as Found, Totals};

use super::Outcome;
use crate::arguments::{Choice, Stats};
use crate::failure::Failure;
use crate::output::damage;
use crate::output::piece::pieces;
use crate::output::size::{count, size};
use crate::output::table::{Align, Table};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(arguments: &Stats, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let mut request = repository.stats().cancel(session.interrupt.token());
    if let Some(environment) = &arguments.environment {
        request = request.of(environment);
    }
    if let Some(id) = &arguments.id {
        let choice = Choice { id: id.clone(), environment: arguments.environment.clone() };
        request = request.backup(session.find(&repository, &choice).await?.id);
    }
    let found = request.await?;
    damage::result(session, &found, &found.problems, REMEDY, || text(&found))
}

const REMEDY: &str = "run a check to see what is affected; what could not be read counts for nothing";

fn text(found: &Found) -> String {
    let mut text = damage::text(&found.problems);
    text.push_str(&backups(found));
    for environment in &found.environments {
        text.push_str(&months(environment));
    }
    text.push('\n');
    write_totals(&mut text, &found.total);
    text
}

fn backups(found: &Found) -> String {
    let ids: Vec<String> = found.backups.iter().map(|backup| backup.id.to_string()).collect();
    let mut table = Table::new([
        ("ID", Align::Left),
        ("CREATED", Align::Left),
        ("ENVIRONMENT", Align::Left),
        ("SIZE", Align::Right),
        ("UNIQUE", Align::Right),
        ("STORED", Align::Right),
        ("ADDED", Align::Right),
        ("FREED IF DELETED", Align::Right),
        ("", Align::Left),
    ]);
    // As in a list, the newest first.
    for (backup, piece) in found.backups.iter().zip(pieces(&ids, &ids)).rev() {
        table.row([
            piece,
            time::local(backup.created_at),
            plain(&backup.environment),
            size(backup.logical_bytes),
            size(backup.unique_bytes),
            size(backup.stored_bytes),
            size(backup.added_bytes),
            size(backup.freed_bytes),
            if backup.deleted { "deleted" } else { "" }.into(),
        ]);
    }
    table.text()
}

/// How an environment grew.
fn months(environment: &EnvironmentStats) -> String {
    let mut table = Table::new([
        ("MONTH", Align::Left),
        ("BACKUPS", Align::Right),
        ("SIZE", Align::Right),
        ("ADDED", Align::Right),
        ("ADDED SO FAR", Align::Right),
    ]);
    for month in &environment.months {
        table.row([
            month.month.clone(),
            month.backups.to_string(),
            size(month.logical_bytes),
            size(month.added_bytes),
            size(month.total_added_bytes),
        ]);
    }
    format!("\n{}\n{}", plain(&environment.environment), table.text())
}

fn write_totals(text: &mut String, total: &Totals) {
    let ratio =
        total.ratio.map(|ratio| format!(", {ratio:.1} times as much as is stored")).unwrap_or_default();
    let lines = [
        ("backups", count(total.backups, "backup", "backups")),
        ("size", format!("{}{ratio}", size(total.logical_bytes))),
        ("unique", size(total.unique_bytes)),
        ("stored", size(total.stored_bytes)),
        (
            "deleted",
            format!("{} of {}", size(total.deleted_bytes), count(total.deleted_backups, "backup", "backups")),
        ),
        ("unused", size(total.unused_bytes)),
        ("packs", size(total.packs_bytes)),
        ("index", size(total.index_bytes)),
        ("other", size(total.other_bytes)),
    ];
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<12} {value}");
    }
}
