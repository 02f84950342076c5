//! `backup policy simulate`: years of virtual time.

use std::fmt::Write as _;

use backup_core::policy::{self, Day, Failures, Life, Plan, Scenario, Simulation, Sizes, Summary, Zone};
use chrono::{DateTime, Months, Utc};
use serde::Serialize;
use serde_json::json;

use super::{date, local, plan, refused};
use crate::arguments::Simulate;
use crate::command::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::size::{count, size};
use crate::output::table::{Align, Table};

pub(super) fn run(arguments: &Simulate, output: Output) -> Result<Outcome, Failure> {
    let plan = plan::scheduled(&arguments.plan, &arguments.schedules)?;
    if plan.routines.is_empty() {
        return Err(Failure::usage(
            "the policy has no schedule, so nothing would be backed up",
            "name one with --cron or --schedule",
        ));
    }
    let start = arguments.now.get();
    check_moments(arguments, start)?;
    let forecast = Forecast::of(&plan, arguments, start);
    let forecast = forecast.map_err(|error| refused("the plan cannot be simulated", error))?;
    output.result(&forecast.document(), || forecast.text(&plan.policy.tz))?;
    Ok(Outcome::Done)
}

/// Nothing is known of what is before and after the simulated years.
fn check_moments(arguments: &Simulate, start: DateTime<Utc>) -> Result<(), Failure> {
    let end = start.checked_add_months(Months::new(arguments.years * 12));
    match arguments.on.iter().find(|on| **on < start || end.is_none_or(|end| **on > end)) {
        None => Ok(()),
        Some(on) => Err(Failure::usage(
            format!("--on {} is not within the simulated years", on.to_rfc3339()),
            "choose a time within them, or simulate more --years",
        )),
    }
}

fn scenario(arguments: &Simulate, start: DateTime<Utc>) -> Scenario {
    let sizes = Sizes {
        shared_bytes: arguments.shared,
        each_bytes: arguments.each,
        growth_bytes_per_day: arguments.growth,
    };
    let failures = Failures { per_mille: u16::from(arguments.failing) * 10, seed: 0 };
    let takes = u32::try_from(arguments.takes.as_secs()).unwrap_or(u32::MAX);
    Scenario::new(start, arguments.years).taking(takes).failing(failures).sized(sizes)
}

/// What a simulation says.
struct Forecast {
    start: DateTime<Utc>,
    years: u32,
    summary: Summary,
    days: Vec<Day>,
    on: Vec<Moment>,
}

/// What can be restored at one instant.
#[derive(Debug, Serialize)]
struct Moment {
    at: DateTime<Utc>,
    backups: Vec<LifeDocument>,
}

#[derive(Debug, Serialize)]
struct LifeDocument {
    time: DateTime<Utc>,
    completed_at: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
    bytes: u64,
}

impl From<&Life> for LifeDocument {
    fn from(life: &Life) -> Self {
        Self {
            time: life.time,
            completed_at: life.completed_at,
            removed_at: life.removed_at,
            bytes: life.size_bytes,
        }
    }
}

impl Moment {
    fn of(simulation: &Simulation, at: DateTime<Utc>) -> Self {
        Self { at, backups: simulation.on(at).map(LifeDocument::from).collect() }
    }
}

impl Forecast {
    fn of(plan: &Plan, arguments: &Simulate, start: DateTime<Utc>) -> policy::Result<Self> {
        let scenario = scenario(arguments, start);
        let simulation = plan.simulate(&scenario)?;
        Ok(Self {
            start: scenario.start,
            years: scenario.years,
            summary: simulation.summary()?,
            days: simulation.days()?,
            on: arguments.on.iter().map(|at| Moment::of(&simulation, *at)).collect(),
        })
    }

    fn document(&self) -> serde_json::Value {
        let Summary { made, missed, failed, steady_count, full_on, peak_bytes, .. } = self.summary;
        let day = |day: &Day| json!({ "at": day.at, "count": day.count, "bytes": day.bytes });
        json!({
            "start": self.start,
            "years": self.years,
            "made": made,
            "missed": missed,
            "failed": failed,
            "steady_count": steady_count,
            "full_on": full_on,
            "peak_bytes": peak_bytes,
            "largest_gap_seconds": self.summary.largest_gap_s,
            "worst_age_seconds": self.summary.worst_age_s,
            "longest_without_seconds": self.summary.longest_bare_s,
            "days": self.days.iter().map(day).collect::<Vec<_>>(),
            "on": self.on,
        })
    }

    fn text(&self, zone: &Zone) -> String {
        let mut text = self.summary_text(zone);
        let _ = write!(text, "\n{}", days_table(&self.days, zone));
        for Moment { at, backups } in &self.on {
            let number = count(backups.len() as u64, "backup", "backups");
            let _ = writeln!(text, "\n{number} can be restored at {}", local(zone, *at));
            for backup in backups.iter().rev() {
                let _ = writeln!(text, "  {}  {}", local(zone, backup.time), size(backup.bytes));
            }
        }
        text
    }

    fn summary_text(&self, zone: &Zone) -> String {
        let summary = &self.summary;
        let mut text = format!(
            "{} from {} on: {} made, {} missed, {} failed\n",
            count(self.years.into(), "year", "years"),
            date(zone, self.start),
            count(summary.made, "backup", "backups"),
            count(summary.missed, "slot", "slots"),
            summary.failed
        );
        let steady = match (summary.steady_count, summary.full_on) {
            (Some(steady), Some(full_on)) => {
                format!("{}, first on {}", count(steady, "backup", "backups"), date(zone, full_on))
            }
            _ => "not reached: their number still grows".into(),
        };
        for (name, value) in [
            ("steady at", steady),
            ("most bytes", size(summary.peak_bytes)),
            ("largest gap", long(summary.largest_gap_s)),
            ("newest at worst", format!("{} old", long(summary.worst_age_s))),
            ("without any", long(summary.longest_bare_s)),
        ] {
            let _ = writeln!(text, "{name:<16} {value}");
        }
        text
    }
}

/// Rows of the table of days.
const ROWS: usize = 12;

/// The first day and others as far from each other, up to the last one.
fn days_table(days: &[Day], zone: &Zone) -> String {
    let mut table = Table::new([("DATE", Align::Left), ("BACKUPS", Align::Right), ("SIZE", Align::Right)]);
    let last = days.len().saturating_sub(1);
    let chosen = (0..=ROWS).filter_map(|row| days.get(last * row / ROWS));
    for day in chosen {
        table.row([date(zone, day.at), day.count.to_string(), size(day.bytes)]);
    }
    table.text()
}

/// A long time: `31 d`, `1 d 2 h`, `45 min`, `0 s`.
fn long(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    if parts.is_empty() { "0 s".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_short_texts() {
        for (seconds, text) in
            [(0, "0 s"), (45, "45 s"), (2_700, "45 min"), (93_600, "1 d 2 h"), (2_678_400, "31 d")]
        {
            assert_eq!(long(seconds), text);
        }
    }
}
