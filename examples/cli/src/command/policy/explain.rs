//! `backup policy explain`: whether each backup is kept, why, and until when.

use std::fs;
use std::path::Path;

use backup_core::policy::{Decision, Decisions, Expiry, Kind, Verdict, Zone};
use serde_json::json;

use super::timeline::{self, svg};
use super::{history, local, plan, refused};
use crate::arguments::Explain;
use crate::command::Outcome;
use crate::command::list::joined;
use crate::failure::Failure;
use crate::output::size::count;
use crate::output::table::{Align, Table};
use crate::output::{Output, plain, plain_path};

pub(super) fn run(arguments: &Explain, output: Output) -> Result<Outcome, Failure> {
    let policy = plan::chosen(&arguments.plan)?.policy;
    let backups = history::read(&arguments.history)?;
    let now = arguments.now.get();
    let decisions = match arguments.deprovisioned {
        true => policy.decide_deprovisioned(&backups, now),
        false => policy.decide(&backups, now),
    }
    .map_err(|error| refused("the policy cannot be applied", error))?;
    let timeline = decisions.timeline();
    if let Some(file) = &arguments.svg {
        save(file, &svg::draw(&timeline, &policy.tz))?;
    }
    let document = json!({
        "now": now,
        "tz": policy.tz,
        "kept": decisions.kept().count(),
        "removed": decisions.removed().count(),
        "wal_keep_from": decisions.log_keep_from(),
        "backups": decisions,
        "timeline": timeline.lanes,
    });
    output.result(&document, || {
        format!("{}\n{}", table(&decisions, &policy.tz), timeline::text(&timeline, &policy.tz))
    })?;
    Ok(Outcome::Done)
}

fn save(file: &Path, drawing: &str) -> Result<(), Failure> {
    let what = || format!("cannot write the timeline {}", plain_path(file));
    fs::write(file, drawing).map_err(|error| Failure::unreadable(what(), error))
}

/// The newest first, as in a list.
fn table(decisions: &Decisions<'_>, zone: &Zone) -> String {
    let mut table = Table::new([
        ("ID", Align::Left),
        ("TIME", Align::Left),
        ("KINDS", Align::Left),
        ("EXPIRES", Align::Left),
        ("DECISION", Align::Left),
    ]);
    for decision in decisions.iter().rev() {
        let backup = decision.backup();
        table.row([
            plain(&backup.id),
            local(zone, backup.time),
            plain(&joined(backup.kinds.iter().map(Kind::as_str))),
            expires(&decision, zone),
            plain(&decision.to_string()),
        ]);
    }
    let mut text = table.text();
    let removed = count(decisions.removed().count() as u64, "backup", "backups");
    let kept = count(decisions.kept().count() as u64, "backup", "backups");
    text.push_str(&format!("\nkeeps {kept}, removes {removed}\n"));
    if let Some(from) = decisions.log_keep_from() {
        text.push_str(&format!("the log must be kept from {} on\n", local(zone, from)));
    }
    text
}

/// In the words of `list`.
fn expires(decision: &Decision<'_>, zone: &Zone) -> String {
    match decision.verdict() {
        Verdict::Removed { .. } => "now".into(),
        Verdict::Kept { expiry: Expiry::Never, .. } => "never".into(),
        Verdict::Kept { expiry: Expiry::Conditional, .. } => "depends".into(),
        Verdict::Kept { expiry: Expiry::At(at), .. } => local(zone, at),
    }
}
