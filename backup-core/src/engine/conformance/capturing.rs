//! Cases about what a backup holds.

use super::interposed::Moment;
use super::rig::Rig;
use super::tap::{Strike, Tap};
use super::{Flaw, MAX_CALLS, Verdict, expect};
use crate::Environment;

pub(super) async fn kind(rig: Rig) -> Verdict {
    let kind = rig.subject.engine().kind();
    let mut letters = kind.chars();
    let is_word = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter));
    expect(is_word, || format!("it is {kind:?}"))?;
    rig.change().await?;
    rig.back_up().await?;
    let later = rig.subject.engine().kind();
    expect(later == kind, || format!("it was {kind:?} and is {later:?}"))
}

pub(super) async fn preflight(rig: Rig) -> Verdict {
    let before = rig.content().await;
    let environment = Environment::new("conformance").shared_service("subject", rig.subject.engine());
    rig.repository.backup(&environment).preflight().await?;
    expect(rig.content().await == before, || "the content of the service is another one after it".into())
}

pub(super) async fn round_trip(rig: Rig) -> Verdict {
    let content = rig.content().await;
    let backup = rig.back_up().await?;
    rig.change().await?;
    rig.restore(backup.id).await?;
    expect(rig.content().await == content, || "the content after the restore is another one".into())
}

pub(super) async fn parent(rig: Rig) -> Verdict {
    rig.back_up().await?;
    let content = rig.change().await?;
    let backup = rig.back_up().await?;
    expect(backup.parent.is_some(), || "the second backup has no parent".into())?;
    rig.change().await?;
    rig.restore(backup.id).await?;
    expect(rig.content().await == content, || "the second backup did not bring its content back".into())
}

pub(super) async fn damaged_parent(rig: Rig) -> Verdict {
    rig.back_up().await?;
    let content = rig.change().await?;
    for at in 1..=MAX_CALLS {
        let parent = Tap::new(Strike::Damage, at);
        let mut engine = rig.interpose(Strike::Nothing, 0);
        engine.parent = Some(parent.clone());
        let backup = rig.back_up_through(&engine).await?;
        rig.change().await?;
        rig.restore(backup.id).await?;
        expect(rig.content().await == content, || {
            format!("damaged from read {at} on, the backup is not whole")
        })?;
        if !parent.was_struck() {
            break;
        }
    }
    Ok(())
}

pub(super) async fn pause(rig: Rig) -> Verdict {
    let mut engine = rig.interpose(Strike::Nothing, 0);
    let subject = rig.subject.clone();
    engine.before_stream = Moment::new(move || {
        let subject = subject.clone();
        Box::pin(async move { subject.change().await })
    });
    let content = rig.content().await;
    let backup = rig.back_up_held(engine).await?;
    rig.restore(backup.id).await?;
    expect(rig.content().await == content, || "it holds what changed after the freeze".into())
}

pub(super) async fn first_pass(rig: Rig) -> Verdict {
    let mut engine = rig.interpose(Strike::Nothing, 0);
    let subject = rig.subject.clone();
    engine.before_freeze = Moment::new(move || {
        let subject = subject.clone();
        Box::pin(async move { subject.change().await })
    });
    let backup = rig.back_up_held(engine).await?;
    let content = rig.content().await;
    rig.change().await?;
    rig.restore(backup.id).await?;
    expect(rig.content().await == content, || "it lacks what changed before the freeze".into())
}

pub(super) async fn point(rig: Rig) -> Verdict {
    let backup = rig.back_up().await?;
    let info = rig.repository.find(&backup.id.to_string()).await?;
    let service = info.services.first().ok_or_else(|| Flaw("the backup has no service".into()))?;
    expect(!service.point.trim().is_empty(), || "the point is empty".into())
}
