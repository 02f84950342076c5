//! `backup policy lint`: what a plan says and cannot mean.

use std::time::Duration;

use backup_core::policy::{Finding, Objective, Plan, Reach};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;

use super::{Worded, plan, refused};
use crate::arguments::Lint;
use crate::command::Outcome;
use crate::failure::Failure;
use crate::output::{Output, plain};

pub(super) fn run(arguments: &Lint, output: Output) -> Result<Outcome, Failure> {
    let plan = plan::scheduled(&arguments.plan, &arguments.schedules)?;
    let now = arguments.now.get();
    // A duration that was typed is no longer than a thousand years.
    let takes = arguments.takes.map(|takes| TimeDelta::from_std(takes).unwrap_or(TimeDelta::MAX));
    let findings = plan.lint(now, takes).map_err(|error| refused("the policy cannot be judged", error))?;
    let objective = arguments.objective.map(|objective| reach(objective, &plan, now, takes)).transpose()?;
    let is_fine = findings.is_empty() && objective.as_ref().is_none_or(|objective| objective.is_possible);
    let findings: Vec<Worded<Finding>> = findings.into_iter().map(Worded::from).collect();
    let document = json!({ "now": now, "findings": findings, "objective": objective });
    output.result(&document, || text(&findings, objective.as_ref()))?;
    Ok(if is_fine { Outcome::Done } else { Outcome::Warnings })
}

/// Whether an objective can be kept.
#[derive(Debug, Serialize)]
struct ObjectiveDocument {
    #[serde(rename = "possible")]
    is_possible: bool,
    objective_seconds: u64,
    worst_loss_seconds: Option<u64>,
    interval_seconds: Option<u64>,
    longest_run_seconds: Option<u64>,
    text: String,
}

fn reach(
    objective: Duration,
    plan: &Plan,
    now: DateTime<Utc>,
    takes: Option<TimeDelta>,
) -> Result<ObjectiveDocument, Failure> {
    let reach = Objective::new(objective.as_secs()).reach(plan, now, takes);
    let reach: Reach = reach.map_err(|error| refused("the objective cannot be judged", error))?;
    Ok(ObjectiveDocument {
        is_possible: reach.is_possible(),
        objective_seconds: reach.rpo_s,
        worst_loss_seconds: reach.worst_loss_s(),
        interval_seconds: reach.interval_s,
        longest_run_seconds: reach.longest_run_s(),
        text: reach.to_string(),
    })
}

fn text(findings: &[Worded<Finding>], objective: Option<&ObjectiveDocument>) -> String {
    let mut lines: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
    if lines.is_empty() {
        lines.push("nothing found");
    }
    lines.extend(objective.map(|objective| objective.text.as_str()));
    lines.iter().map(|line| plain(line) + "\n").collect()
}
