//! What lies ahead: simulated years, what they cost, objectives, and the life of an environment.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[allow(dead_code, reason = "shared with the properties of retention")]
#[path = "../properties/generate.rs"]
mod generate;
mod lifecycle;
mod objective;
mod pruning;
mod simulation;
mod tariff;

use backup_policy::{Backup, Cron, Every, Plan, Policy, Routine, Rule};
use chrono::{DateTime, Utc};

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// No protection but what a test is about.
fn keep(rule: impl Into<Rule>) -> Policy {
    Policy::keep(rule).at_least(0).at_least_verified(0)
}

fn by_cron(policy: Policy, expr: &str) -> Plan {
    Plan::new(policy).by(Routine::new(Cron::new(expr).unwrap()))
}

fn by_hours(policy: Policy, hours: u64) -> Plan {
    Plan::new(policy).by(Routine::new(Every::new(hours * 3600, at("2026-01-01T00:00:00Z")).unwrap()))
}

fn backup(time: &str) -> Backup {
    Backup::new(time, at(time))
}

const DAY_S: u64 = 86_400;
