//! The plan that a question is about.

use backup_core::policy::{Cron, Plan, Preset, Routine};

use super::refused;
use crate::arguments::{PlanChoice, PlanSource, Schedules};
use crate::failure::Failure;
use crate::output::plain;
use crate::text_file::{read_plan, read_schedule};

/// The plan that is named; there must be one.
pub(super) fn chosen(choice: &PlanChoice) -> Result<Plan, Failure> {
    named(choice)?.ok_or_else(|| {
        Failure::usage("no policy was named", "name one with --policy, or a preset with --preset")
    })
}

/// The plan that is named, if one is.
pub(super) fn named(choice: &PlanChoice) -> Result<Option<Plan>, Failure> {
    match (&choice.policy, &choice.preset) {
        (Some(file), _) => read_plan(file).map(Some),
        (None, Some(preset)) => of_preset(preset).map(Some),
        (None, None) => Ok(None),
    }
}

/// The plan that is named, with these schedules too.
pub(super) fn scheduled(choice: &PlanChoice, schedules: &Schedules) -> Result<Plan, Failure> {
    Ok(routines(schedules)?.into_iter().fold(chosen(choice)?, Plan::by))
}

pub(super) fn of_source(source: &PlanSource) -> Result<Plan, Failure> {
    match source {
        PlanSource::File(file) => read_plan(file),
        PlanSource::Preset(preset) => of_preset(preset),
    }
}

pub(super) fn of_preset(preset: &Preset) -> Result<Plan, Failure> {
    preset.plan().map_err(|error| refused(&format!("there is no preset {preset}"), error))
}

/// Automatic backups by each of the schedules.
pub(super) fn routines(schedules: &Schedules) -> Result<Vec<Routine>, Failure> {
    let zone = schedules.zone.clone().unwrap_or_default();
    let cron = schedules.cron.iter().map(|expression| {
        let cron = Cron::new(expression).map(|cron| cron.in_zone(zone.clone()));
        cron.map(Routine::new)
            .map_err(|error| refused(&format!("--cron cannot be \"{}\"", plain(expression)), error))
    });
    let files = schedules.schedule.iter().map(|file| read_schedule(file).map(Routine::new));
    cron.chain(files).collect()
}
