//! `backup policy preview`: what changing one policy for another would lose.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use backup_core::policy::{Backup, Kind, Preview, Weakening, Zone};
use serde_json::json;

use super::{Worded, history, local, plan, refused};
use crate::arguments::Preview as Arguments;
use crate::command::Outcome;
use crate::command::list::joined;
use crate::failure::Failure;
use crate::output::size::size;
use crate::output::table::{Align, Table};
use crate::output::{Output, plain};

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<Outcome, Failure> {
    let (old, new) = (plan::of_source(&arguments.old)?, plan::of_source(&arguments.new)?);
    let now = arguments.now.get();
    let backups = arguments.history.as_deref().map(history::read).transpose()?;
    let preview = backups.as_ref().map(|backups| old.preview(&new, backups, now)).transpose();
    let preview = preview.map_err(|error| refused("the policies cannot be compared", error))?;
    if let (Some(preview), Some(confirmed)) = (&preview, &arguments.confirm) {
        preview.confirm(confirmed).map_err(|error| refused("the change is not what was confirmed", error))?;
    }
    let weakens: Vec<Worded<Weakening>> = old.weakens(&new).into_iter().map(Worded::from).collect();
    let document = json!({ "now": now, "weakens": weakens, "preview": preview.as_ref().map(Worded::from) });
    output.result(&document, || {
        let mut text = match (&preview, &backups) {
            (Some(preview), Some(backups)) => preview_text(preview, backups, &new.policy.tz),
            _ => String::new(),
        };
        text.push_str(&weakens_text(&weakens));
        text
    })?;
    Ok(Outcome::Done)
}

fn preview_text(preview: &Preview, backups: &[Backup], zone: &Zone) -> String {
    let mut text = plain(&preview.to_string()) + "\n";
    if !preview.lost.is_empty() {
        let _ = write!(text, "\n{}\n", lost_table(preview, backups, zone));
    }
    for (location, ids) in &preview.replicas_lost {
        let _ = writeln!(text, "copies lost in {}: {}", plain(location), plain(&ids.join(", ")));
    }
    if preview.needs_confirmation {
        let _ = writeln!(text, "to be confirmed as: {}", preview.fingerprint);
    }
    text
}

/// The newest first, as in a list.
fn lost_table(preview: &Preview, backups: &[Backup], zone: &Zone) -> String {
    let ids: BTreeSet<&str> = preview.lost.iter().map(String::as_str).collect();
    let mut lost: Vec<&Backup> = backups.iter().filter(|backup| ids.contains(backup.id.as_str())).collect();
    lost.sort_by(|a, b| (b.time, &b.id).cmp(&(a.time, &a.id)));
    let mut table = Table::new([
        ("LOST", Align::Left),
        ("TIME", Align::Left),
        ("KINDS", Align::Left),
        ("VERIFIED", Align::Left),
        ("SIZE", Align::Right),
    ]);
    for backup in lost {
        table.row([
            plain(&backup.id),
            local(zone, backup.time),
            plain(&joined(backup.kinds.iter().map(Kind::as_str))),
            if backup.verified { "yes" } else { "no" }.into(),
            size(backup.size),
        ]);
    }
    table.text()
}

fn weakens_text(weakens: &[Worded<Weakening>]) -> String {
    if weakens.is_empty() {
        return "whatever backups there are: nothing will ever be lost by this change\n".into();
    }
    let mut text = "whatever backups there are, this may keep less:\n".to_owned();
    weakens.iter().for_each(|weakening| {
        let _ = writeln!(text, "  {}", plain(&weakening.text));
    });
    text
}
