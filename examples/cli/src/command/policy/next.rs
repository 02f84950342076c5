//! `backup policy next`: when schedules run, in UTC and by the clocks of their place.

use backup_core::policy::{self, Preset, Region, Routine, Schedule, Slot, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;

use super::{plan, refused};
use crate::arguments::Next;
use crate::command::Outcome;
use crate::command::list::joined;
use crate::failure::Failure;
use crate::output::table::{Align, Table};
use crate::output::{Output, plain};

pub(super) fn run(arguments: &Next, output: Output) -> Result<Outcome, Failure> {
    let now = arguments.now.get();
    let asked = asked(arguments)?;
    let limit = arguments.limit.unwrap_or(if arguments.regions { 1 } else { 10 });
    let forecasts = asked.iter().map(|asked| asked.forecast(now, limit)).collect::<policy::Result<Vec<_>>>();
    let forecasts = forecasts.map_err(|error| refused("the next runs cannot be told", error))?;
    output.result(&json!({ "now": now, "schedules": forecasts }), || text(&forecasts))?;
    Ok(Outcome::Done)
}

/// A routine, and whose clocks people there look at.
struct Asked {
    name: String,
    region: Option<&'static str>,
    routine: Routine,
    clocks: Zone,
}

fn asked(arguments: &Next) -> Result<Vec<Asked>, Failure> {
    let mut routines = plan::named(&arguments.plan)?.map(|plan| plan.routines).unwrap_or_default();
    routines.extend(plan::routines(&arguments.schedules)?);
    let mut asked: Vec<Asked> = routines.into_iter().map(Asked::from).collect();
    let regions: &[Region] = if arguments.regions { &Region::ALL } else { &arguments.region };
    for region in regions {
        asked.extend(in_region(*region)?);
    }
    if asked.is_empty() {
        return Err(Failure::usage(
            "no schedule was named",
            "name one with --cron, --schedule, --preset or --region, or a plan that has some with --policy",
        ));
    }
    Ok(asked)
}

/// The nightly backups of a region.
fn in_region(region: Region) -> Result<Vec<Asked>, Failure> {
    let plan = plan::of_preset(&Preset::Mendix { region })?;
    let clocks = region.zone().map_err(|error| refused("the region has no time zone", error))?;
    let asked = |routine| Asked {
        name: region.name.into(),
        region: Region::find(region.id).map(|region| region.id),
        routine,
        clocks: clocks.clone(),
    };
    Ok(plan.routines.into_iter().map(asked).collect())
}

impl From<Routine> for Asked {
    fn from(routine: Routine) -> Self {
        let clocks = routine.schedule.zone().clone();
        Self { name: name(&routine.schedule), region: None, routine, clocks }
    }
}

/// A schedule in a few words.
fn name(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Cron(cron) => cron.expr().into(),
        Schedule::Every(every) => format!("every {} s", every.seconds()),
        Schedule::TimesPerDay(times) => format!("{} times a day", times.count()),
        Schedule::Window(window) => format!("window of {} min", window.duration_min()),
        _ => "schedule".into(),
    }
}

/// The next runs of one schedule, and those around the next change of clocks within a year.
#[derive(Debug, Serialize)]
struct Forecast {
    name: String,
    region: Option<&'static str>,
    tz: Zone,
    schedule: Schedule,
    runs: Vec<Run>,
    clock_change: Option<ClockChange>,
}

/// One run. Without a window `start` is `run_at`, and there is no `end`.
#[derive(Debug, Serialize)]
struct Run {
    run_at: DateTime<Utc>,
    local: String,
    start: DateTime<Utc>,
    end: Option<DateTime<Utc>>,
    kinds: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ClockChange {
    at: DateTime<Utc>,
    before: Run,
    after: Run,
}

impl Asked {
    fn forecast(&self, now: DateTime<Utc>, limit: u32) -> policy::Result<Forecast> {
        let schedule = &self.routine.schedule;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let runs = schedule.after(now)?.take(limit).map(|slot| self.run(&slot));
        Ok(Forecast {
            name: self.name.clone(),
            region: self.region,
            tz: self.clocks.clone(),
            schedule: schedule.clone(),
            runs: runs.collect::<policy::Result<_>>()?,
            clock_change: self.clock_change(now)?,
        })
    }

    fn run(&self, slot: &Slot) -> policy::Result<Run> {
        let kinds = self.routine.kinds_of(slot)?;
        Ok(Run {
            run_at: slot.run_at(),
            local: self.clocks.local(slot.run_at()).to_rfc3339(),
            start: slot.start(),
            end: slot.end(),
            kinds: kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        })
    }

    fn clock_change(&self, now: DateTime<Utc>) -> policy::Result<Option<ClockChange>> {
        let Some(at) = next_change(&self.clocks, now) else { return Ok(None) };
        let schedule = &self.routine.schedule;
        let before = self.run(&schedule.previous(at)?)?;
        let after = self.run(&schedule.next(at - TimeDelta::seconds(1))?)?;
        Ok(Some(ClockChange { at, before, after }))
    }
}

/// When the clocks of a zone next change, within a year.
fn next_change(zone: &Zone, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    const DAY: i64 = 86_400;
    let offset = |seconds: i64| zone.local(now + TimeDelta::seconds(seconds)).offset().local_minus_utc();
    let first = offset(0);
    let mut after = (1..=366).map(|day| day * DAY).find(|seconds| offset(*seconds) != first)?;
    let mut before = after - DAY;
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset(middle) == first { before = middle } else { after = middle }
    }
    // Clocks change at a whole second, `now` may be in the middle of one.
    let change = now + TimeDelta::seconds(after);
    Some(change - TimeDelta::nanoseconds(i64::from(change.timestamp_subsec_nanos())))
}

fn text(forecasts: &[Forecast]) -> String {
    let mut table = Table::new([
        ("SCHEDULE", Align::Left),
        ("RUN (UTC)", Align::Left),
        ("LOCAL TIME", Align::Left),
        ("ZONE", Align::Left),
        ("WINDOW ENDS (UTC)", Align::Left),
        ("KINDS", Align::Left),
        ("REMARK", Align::Left),
    ]);
    for Forecast { name, tz, runs, clock_change, .. } in forecasts {
        let runs = runs.iter().map(|run| (run, ""));
        let around = clock_change.iter().flat_map(|change| {
            [(&change.before, "last before the clocks change"), (&change.after, "first after")]
        });
        for (run, remark) in runs.chain(around) {
            table.row([
                plain(name),
                utc(run.run_at),
                tz.local(run.run_at).format("%a %Y-%m-%d %H:%M:%S %:z").to_string(),
                tz.name().into(),
                run.end.map(utc).unwrap_or_default(),
                plain(&joined(run.kinds.iter().map(String::as_str))),
                remark.into(),
            ]);
        }
    }
    table.text()
}

fn utc(instant: DateTime<Utc>) -> String {
    instant.format("%a %Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_change_of_clocks_is_found_to_the_second() {
        let zone = |name: &str| name.parse::<Zone>().expect("a zone");
        let at = |time: &str| time.parse::<DateTime<Utc>>().expect("a time");
        for (name, now, expected) in [
            ("Europe/Berlin", "2026-11-20T12:34:56.789Z", Some("2027-03-28T01:00:00Z")),
            ("Europe/Berlin", "2027-03-28T00:59:59.5Z", Some("2027-03-28T01:00:00Z")),
            ("Europe/Berlin", "2027-03-28T01:00:00Z", Some("2027-10-31T01:00:00Z")),
            ("Australia/Lord_Howe", "2027-03-01T00:00:00Z", Some("2027-04-03T15:00:00Z")),
            ("Asia/Tokyo", "2026-11-20T00:00:00Z", None),
            ("UTC", "2026-11-20T00:00:00Z", None),
        ] {
            assert_eq!(next_change(&zone(name), at(now)), expected.map(at), "{name} {now}");
        }
    }
}
