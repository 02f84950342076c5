use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    backup::Backup,
    classify::nightly_kinds,
    decision::{Expiry, Verdict},
    due::CatchUp,
    error::{Error, Quoted},
    period::Period,
    policy::Policy,
    retry::Retry,
    schedule::{Cron, Schedule, Slot},
    zone::Zone,
};

/// An answer, or why there is none.
type Answer = Result<Value, String>;

/// Answers one question of a section.
pub(super) fn answer(section: &str, question: Map<String, Value>) -> Answer {
    match section {
        "retention" => retention(&ask(question)?),
        "preview" => preview(&ask(question)?),
        "add_period" => add_period(&ask(question)?),
        "schedule" => schedule(&ask(question)?),
        "due" => due(&ask(question)?),
        "retry" => retry(&ask(question)?),
        "classify" => classify(&ask(question)?),
        "cron_errors" => cron_errors(&ask(question)?),
        _ => Err(format!(
            "unknown section {}: use retention, preview, add_period, schedule, due, retry, classify or cron_errors",
            Quoted(section)
        )),
    }
}

fn ask<Q: DeserializeOwned>(question: Map<String, Value>) -> Result<Q, String> {
    Q::deserialize(Value::Object(question)).map_err(|error| error.to_string())
}

/// What the library says, as an answer.
fn said(result: Result<impl Serialize, Error>) -> Answer {
    let value = result.map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retention {
    policy: Policy,
    now: DateTime<Utc>,
    backups: Vec<Backup>,
    #[serde(default)]
    deprovisioned: bool,
}

#[derive(Serialize)]
struct Kept {
    reasons: BTreeSet<String>,
    expiry: Expiry,
}

fn retention(question: &Retention) -> Answer {
    let Retention { policy, now, backups, deprovisioned } = question;
    let decisions = match deprovisioned {
        true => policy.decide_deprovisioned(backups, *now),
        false => policy.decide(backups, *now),
    }
    .map_err(|error| error.to_string())?;
    let (mut kept, mut removed) = (BTreeMap::new(), BTreeMap::new());
    for decision in decisions.iter() {
        match decision.verdict() {
            Verdict::Kept { reasons, expiry } => {
                let reasons = reasons.iter().map(|reason| reason.name()).collect();
                kept.insert(decision.id(), Kept { reasons, expiry });
            }
            Verdict::Removed { reasons } => {
                let reasons: Vec<&str> = reasons.iter().map(|reason| reason.as_str()).collect();
                removed.insert(decision.id(), reasons);
            }
        }
    }
    Ok(json!({ "kept": kept, "removed": removed, "wal_keep_from": decisions.log_keep_from() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    old: Policy,
    new: Policy,
    now: DateTime<Utc>,
    backups: Vec<Backup>,
}

fn preview(question: &Change) -> Answer {
    let preview = question.old.preview(&question.new, &question.backups, question.now);
    let preview = preview.map_err(|error| error.to_string())?;
    Ok(json!({
        "lost": preview.lost,
        "still_kept": preview.still_kept,
        "bytes_lost": preview.bytes_lost,
        "oldest_before": preview.oldest_before,
        "oldest_after": preview.oldest_after,
        "wal_keep_from_before": preview.log_keep_from_before,
        "wal_keep_from_after": preview.log_keep_from_after,
        "needs_confirmation": preview.needs_confirmation,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    time: DateTime<Utc>,
    period: Period,
    tz: Zone,
}

fn add_period(question: &Sum) -> Answer {
    said(question.period.add(question.time, &question.tz))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NextRuns {
    schedule: Schedule,
    from: DateTime<Utc>,
}

fn schedule(question: &NextRuns) -> Answer {
    const RUNS: usize = 10;
    let slots = question.schedule.after(question.from);
    said(slots.map(|slots| slots.take(RUNS).collect::<Vec<Slot>>()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IsDue {
    schedule: Schedule,
    last_slot: DateTime<Utc>,
    now: DateTime<Utc>,
    #[serde(default)]
    catch_up: CatchUp,
}

fn due(question: &IsDue) -> Answer {
    let IsDue { schedule, last_slot, now, catch_up } = question;
    said(schedule.due(*last_slot, *now, catch_up))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TryAgain {
    retry: Retry,
    failed_at: Vec<DateTime<Utc>>,
    #[serde(default)]
    next_slot: Option<DateTime<Utc>>,
}

fn retry(question: &TryAgain) -> Answer {
    let TryAgain { retry, failed_at, next_slot } = question;
    said(retry.after(failed_at, *next_slot))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Classify {
    slot: DateTime<Utc>,
    tz: Zone,
}

fn classify(question: &Classify) -> Answer {
    said(nightly_kinds(question.slot, &question.tz))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CronErrors {
    expr: String,
}

fn cron_errors(question: &CronErrors) -> Answer {
    Ok(json!(if Cron::new(&question.expr).is_ok() { "accepted" } else { "error" }))
}
