//! Each rule, each step of the evaluation, and the retention that known platforms describe.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bad_input;
mod calendar;
mod deprovisioned;
mod exceptions;
mod history;
mod limits;
mod peers;
mod pitr;
mod platforms;
mod protection;
mod rules;

use backup_policy::{Backup, Policy, Rule, Verdict};
use chrono::{DateTime, TimeDelta, Utc};

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// A backup called by its time.
fn backup(time: &str) -> Backup {
    Backup::new(time, at(time))
}

fn backups<const N: usize>(times: [&str; N]) -> Vec<Backup> {
    times.map(backup).to_vec()
}

/// `count` backups, `step` apart, from `first` on.
fn series(first: &str, step: TimeDelta, count: i32) -> Vec<Backup> {
    let times = (0..count).map(|number| at(first) + step * number);
    times.map(|time| Backup::new(time.format("%Y-%m-%dT%H:%M").to_string(), time)).collect()
}

/// No protection but what a test is about.
fn keep(rule: impl Into<Rule>) -> Policy {
    Policy::keep(rule).at_least(0).at_least_verified(0)
}

fn kept(policy: &Policy, backups: &[Backup], now: &str) -> Vec<String> {
    let decisions = policy.decide(backups, at(now)).unwrap();
    decisions.kept().map(|decision| decision.id().to_owned()).collect()
}

fn reasons(policy: &Policy, backups: &[Backup], now: &str, id: &str) -> Vec<String> {
    match policy.decide(backups, at(now)).unwrap().get(id).unwrap().verdict() {
        Verdict::Kept { reasons, .. } => reasons.iter().map(|reason| reason.name()).collect(),
        Verdict::Removed { reasons } => {
            reasons.iter().map(|reason| format!("-{}", reason.as_str())).collect()
        }
    }
}

const NEVER: &str = "2050-01-01T00:00:00Z";
