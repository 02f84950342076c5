//! Cases about plans and what becomes of them.

use std::sync::Arc;

use super::rig::{Rig, SERVICE};
use super::{Verdict, expect};
use crate::engine::{Context, Existing, Selection, Target, Verdict as Judgement, VerdictLevel};
use crate::observer::Silent;
use crate::{CancellationToken, SystemClock};

pub(super) async fn plan(rig: Rig) -> Verdict {
    let backup = rig.back_up().await?;
    let content = rig.change().await?;
    for existing in [Existing::Refuse, Existing::Update, Existing::Mirror] {
        drop(rig.plan(backup.id, existing).await?);
        expect(rig.content().await == content, || format!("with {existing:?} the service changed"))?;
    }
    Ok(())
}

pub(super) async fn counts(rig: Rig) -> Verdict {
    let backup = rig.back_up().await?;
    rig.change().await?;
    let plan = rig.plan(backup.id, Existing::Mirror).await?;
    expect(plan.is_destructive(), || {
        "the service differs, and the plan says that nothing will be lost".into()
    })
}

pub(super) async fn refuse(rig: Rig) -> Verdict {
    let backup = rig.back_up().await?;
    rig.change().await?;
    let plan = rig.plan(backup.id, Existing::Refuse).await?;
    expect(plan.denied().is_some(), || "the plan is not denied".into())
}

pub(super) async fn denied(rig: Rig) -> Verdict {
    let backup = rig.back_up().await?;
    rig.change().await?;
    let engine = rig.subject.engine();
    let from = rig.repository.service(&backup.id, SERVICE).await?;
    let context = Context::new(CancellationToken::new(), Arc::new(SystemClock::default()), Arc::new(Silent));
    let target = Target::InPlace { existing: Existing::Mirror };
    let mut plan = engine.plan_restore(&context, from.clone(), &target, &Selection::default()).await?;
    plan.verdicts.push(Judgement::new(VerdictLevel::Deny, SERVICE, "a test says so", ""));
    let content = rig.content().await;
    let result = engine.restore(&context, from, plan).await;
    expect(result.is_err(), || "the restore succeeded".into())?;
    expect(rig.content().await == content, || "the service changed".into())
}
