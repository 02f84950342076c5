//! `backup forget`: deletes the backups that a policy does not keep.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use backup_core::policy::{Kind, Policy};
use backup_core::{
    BackupId, Contents, ForgetDecision, ForgetGroup, ForgetPlan, ForgetReport, ForgetRequest,
    RefusedEnvironment, Repository,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::Outcome;
use super::list::{contents, joined};
use crate::arguments::Forget;
use crate::expiry::{Expires, Policies};
use crate::failure::Failure;
use crate::output::piece::pieces;
use crate::output::size::{count, size};
use crate::output::table::{Align, Table};
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn run(arguments: &Forget, session: &Session) -> Result<Outcome, Failure> {
    let policy = policy(arguments, session)?;
    let repository = session.open().await?;
    let mut request = repository.forget(&policy).cancel(session.interrupt.token());
    request = arguments.environment.iter().fold(request, ForgetRequest::of);
    request = arguments.by.name().into_iter().fold(request, ForgetRequest::by);
    if let Some(fingerprint) = &arguments.confirm {
        let report = request.confirmed(fingerprint).await?;
        result(&Value::Null, Some(&report), session, || report_text(&report))?;
        return Ok(Outcome::Done);
    }
    let plan = request.plan().await?;
    let shown = plan_text(&plan, &all_ids(&repository, session).await?);
    let refused = !plan.refused.is_empty();
    let document = json!(PlanDocument::from(&plan));
    if session.asks() {
        let next = match plan.removed {
            0 => "nothing to delete\n".into(),
            _ => {
                format!("nothing was deleted; to delete exactly these, add: --confirm {}\n", plan.fingerprint)
            }
        };
        result(&document, None, session, || format!("{shown}{next}"))?;
    } else {
        let report = plan.execute().await?;
        result(&document, Some(&report), session, || format!("{shown}{}", report_text(&report)))?;
    }
    Ok(if refused { Outcome::Warnings } else { Outcome::Done })
}

/// The policy that a person means.
fn policy(arguments: &Forget, session: &Session) -> Result<Policy, Failure> {
    let policies = Policies::new(arguments.policy.as_deref(), &session.config)?;
    let environment = arguments.environment.as_deref();
    let policy = environment.map_or_else(|| policies.given(), |name| policies.of(name));
    policy.cloned().ok_or_else(|| match environment {
        Some(name) => Failure::usage(
            format!("no policy says what to keep of \"{}\"", plain(name)),
            "name a policy with --policy, or give the environment one in the file of --config",
        ),
        None => Failure::usage(
            "no policy says what to keep",
            "name a policy with --policy, or an environment that has one in the file of --config with --environment",
        ),
    })
}

async fn all_ids(repository: &Repository, session: &Session) -> Result<Vec<String>, Failure> {
    let all = session.interrupt.ends(repository.backups().any_status()).await??;
    Ok(all.iter().map(|backup| backup.id.to_string()).collect())
}

fn result(
    plan: &Value,
    report: Option<&ForgetReport>,
    session: &Session,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    session.progress.clear();
    let document = json!({ "plan": plan, "report": report, "notices": session.progress.notices() });
    session.output.result(&document, text)
}

/// A plan for programs.
#[derive(Debug, Serialize)]
struct PlanDocument<'a> {
    now: DateTime<Utc>,
    kept: u64,
    removed: u64,
    fingerprint: &'a str,
    groups: Vec<GroupDocument<'a>>,
    refused: &'a [RefusedEnvironment],
}

#[derive(Debug, Serialize)]
struct GroupDocument<'a> {
    environment: &'a str,
    contents: Contents,
    services: &'a BTreeSet<String>,
    backups: Vec<DecisionDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct DecisionDocument<'a> {
    id: BackupId,
    created_at: DateTime<Utc>,
    kinds: &'a BTreeSet<Kind>,
    logical_bytes: u64,
    kept: bool,
    explanation: &'a str,
    #[serde(flatten)]
    expires: Expires,
}

impl<'a> From<&'a ForgetPlan> for PlanDocument<'a> {
    fn from(plan: &'a ForgetPlan) -> Self {
        let decision = |decision: &'a ForgetDecision| DecisionDocument {
            id: decision.backup.id,
            created_at: decision.backup.created_at,
            kinds: &decision.backup.kinds,
            logical_bytes: decision.backup.logical_bytes,
            kept: decision.kept,
            explanation: &decision.explanation,
            expires: decision.expiry.into(),
        };
        let group = |group: &'a ForgetGroup| GroupDocument {
            environment: &group.group.environment,
            contents: group.group.contents,
            services: &group.group.services,
            backups: group.decisions.iter().map(decision).collect(),
        };
        Self {
            now: plan.now,
            kept: plan.kept,
            removed: plan.removed,
            fingerprint: &plan.fingerprint,
            groups: plan.groups.iter().map(group).collect(),
            refused: &plan.refused,
        }
    }
}

fn plan_text(plan: &ForgetPlan, all: &[String]) -> String {
    let mut text = String::new();
    for ForgetGroup { group, decisions, .. } in &plan.groups {
        let _ = writeln!(text, "{} ({})", plain(&group.environment), contents(group.contents));
        text.push_str(&decisions_text(decisions, all));
        text.push('\n');
    }
    for refused in &plan.refused {
        let environment = refused.environment.as_deref().unwrap_or("an environment");
        let (object, reason) = (plain(&refused.object), plain(&refused.reason));
        let _ = writeln!(text, "nothing of {} is judged: {object}: {reason}", plain(environment));
    }
    let removed = count(plan.removed, "backup", "backups");
    let _ = writeln!(text, "keeps {}, deletes {removed}", count(plan.kept, "backup", "backups"));
    text
}

/// The newest first, as in a list.
fn decisions_text(decisions: &[ForgetDecision], all: &[String]) -> String {
    let ids: Vec<String> = decisions.iter().map(|decision| decision.backup.id.to_string()).collect();
    let mut table = Table::new([
        ("ID", Align::Left),
        ("CREATED", Align::Left),
        ("KINDS", Align::Left),
        ("SIZE", Align::Right),
        ("DECISION", Align::Left),
    ]);
    for (ForgetDecision { backup, explanation, .. }, piece) in decisions.iter().zip(pieces(&ids, all)).rev() {
        table.row([
            piece,
            time::local(backup.created_at),
            plain(&joined(backup.kinds.iter().map(Kind::as_str))),
            size(backup.logical_bytes),
            plain(explanation),
        ]);
    }
    table.text()
}

fn report_text(report: &ForgetReport) -> String {
    let mut text = format!(
        "deleted {}, kept {}; `backup prune` frees what only they needed\n",
        count(report.deleted.len() as u64, "backup", "backups"),
        report.kept
    );
    for id in &report.held {
        let _ = writeln!(text, "  backup {id} stays: somebody held it meanwhile");
    }
    text
}
