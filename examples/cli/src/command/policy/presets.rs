//! `backup policy presets`: the plans of known platforms.

use backup_core::policy::{Preset, PresetEntry};
use serde_json::json;

use super::plan;
use crate::command::Outcome;
use crate::failure::Failure;
use crate::output::table::{Align, Table};
use crate::output::{Output, print_document};

pub(super) fn run(preset: Option<&Preset>, output: Output) -> Result<Outcome, Failure> {
    match preset {
        // A policy file, whoever reads it.
        Some(preset) => print_document(&plan::of_preset(preset)?)?,
        None => {
            let entries: Vec<_> = Preset::CATALOGUE.iter().map(document).collect();
            output.result(&json!({ "presets": entries }), text)?;
        }
    }
    Ok(Outcome::Done)
}

fn document(entry: &PresetEntry) -> serde_json::Value {
    json!({ "id": entry.id, "summary": entry.summary, "settings": entry.settings })
}

fn text() -> String {
    let mut table = Table::new([("ID", Align::Left), ("SETTINGS", Align::Left), ("SUMMARY", Align::Left)]);
    for entry in &Preset::CATALOGUE {
        table.row([entry.id.into(), entry.settings.join(", "), entry.summary.into()]);
    }
    table.text()
}
