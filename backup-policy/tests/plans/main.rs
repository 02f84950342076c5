//! Presets, lint, previews of changes, and what decisions look like to a host.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod lint;
mod presets;
mod preview;
mod questions;
mod shown;
mod weakens;

use backup_policy::{Backup, Plan, Policy, Preset, Rule};
use chrono::{DateTime, TimeDelta, Utc};

const NOW: &str = "2026-11-20T12:00:00Z";

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// No protection but what a test is about.
fn keep(rule: impl Into<Rule>) -> Policy {
    Policy::keep(rule).at_least(0).at_least_verified(0)
}

fn preset(text: &str) -> Plan {
    text.parse::<Preset>().unwrap().plan().unwrap()
}

/// `count` backups, `step` apart, from `first` on, called by their times.
fn series(first: &str, step: TimeDelta, count: i32) -> Vec<Backup> {
    let times = (0..count).map(|number| at(first) + step * number);
    times.map(|time| Backup::new(time.format("%Y-%m-%dT%H:%M").to_string(), time)).collect()
}

/// What a plan's schedules make from one instant to another, and what its policy keeps of it then.
fn kept_after(plan: &Plan, from: &str, until: &str) -> Vec<Backup> {
    let mut made = Vec::new();
    for routine in &plan.routines {
        for slot in routine.schedule.after(at(from)).unwrap().take_while(|slot| slot.run_at() <= at(until)) {
            let kinds = routine.kinds_of(&slot).unwrap();
            let id = slot.run_at().format("%Y-%m-%dT%H:%M").to_string();
            made.push(Backup::new(id, slot.run_at()).with_kinds(kinds));
        }
    }
    let decisions = plan.policy.decide(&made, at(until)).unwrap();
    decisions.kept().map(|decision| decision.backup().clone()).collect()
}
