//! When schedules run: notations, clock changes, windows, catching up, retries, and the regions of known platforms.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bad_input;
mod clock_changes;
mod cron;
mod due;
mod every;
mod generate;
mod kinds;
mod oracle;
mod peers;
mod properties;
mod regions;
mod retry;
mod times_per_day;
mod window;

use backup_policy::{Cron, DayMatch, Schedule, Zone};
use chrono::{DateTime, SecondsFormat, Utc};

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn cron(expr: &str, tz: &str) -> Schedule {
    Cron::new(expr).unwrap().in_zone(zone(tz)).into()
}

fn cron_matching(expr: &str, day_match: DayMatch) -> Schedule {
    Cron::new(expr).unwrap().matching(day_match).unwrap().into()
}

fn schedule(json: &str) -> Schedule {
    serde_json::from_str(json).unwrap()
}

/// The runs after `from`, as UTC.
fn runs(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    schedule.after(at(from)).unwrap().take(count).map(|slot| text(slot.run_at())).collect()
}

/// The runs in the half-open stretch, as UTC.
fn runs_between(schedule: &Schedule, from: &str, until: &str) -> Vec<String> {
    let just_before = at(from) - chrono::TimeDelta::nanoseconds(1);
    let slots = schedule.after(just_before).unwrap().take_while(|slot| slot.run_at() < at(until));
    slots.map(|slot| text(slot.run_at())).collect()
}
