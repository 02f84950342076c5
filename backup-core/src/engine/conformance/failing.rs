//! Cases about calls that fail, are cancelled or are dropped.

use tokio::task::{spawn_blocking, yield_now};

use super::interposed::Interposed;
use super::rig::Rig;
use super::tap::Strike;
use super::{Flaw, MAX_CALLS, Verdict, expect};
use crate::{ErrorKind, Result};

pub(super) async fn sink_error(rig: Rig) -> Verdict {
    fail_each_sink_call(&rig, Strike::Fail, ErrorKind::Unavailable).await
}

pub(super) async fn cancelled_backup(rig: Rig) -> Verdict {
    fail_each_sink_call(&rig, Strike::Cancel, ErrorKind::Cancelled).await
}

async fn fail_each_sink_call(rig: &Rig, strike: Strike, kind: ErrorKind) -> Verdict {
    for at in 1..=MAX_CALLS {
        let engine = rig.interpose(strike, at);
        let result = rig.back_up_through(&engine).await;
        if !engine.tap.was_struck() {
            result?;
            return expect(at > 1, || "the engine never used its sink".into());
        }
        expect_failure(result, kind, &format!("call {at} of the sink"))?;
        let backups = rig.repository.backups().await?;
        expect(backups.is_empty(), || format!("there is a backup although call {at} of the sink failed"))?;
    }
    Ok(())
}

pub(super) async fn nothing_left(rig: Rig) -> Verdict {
    for at in 1..=MAX_CALLS {
        let engine = rig.interpose(Strike::Fail, at);
        let result = rig.back_up_through(&engine).await;
        expect_released(&engine, at).await?;
        if !engine.tap.was_struck() {
            result?;
            break;
        }
    }
    Ok(())
}

/// Gives what was started elsewhere the time to end; what it holds on to then, it holds for ever.
async fn expect_released(engine: &Interposed, at: u64) -> Verdict {
    for _ in 0..PATIENCE {
        if !engine.holds_sink() {
            return Ok(());
        }
        yield_now().await;
        let _ = spawn_blocking(std::thread::yield_now).await;
    }
    Err(Flaw(format!("the engine kept the sink after call {at} of it had failed and the backup with it")))
}

pub(super) async fn dropped_backup(rig: Rig) -> Verdict {
    let content = rig.content().await;
    for at in 1..=MAX_CALLS {
        let engine = rig.interpose(Strike::Hang, at);
        if let Some(result) = until_struck(&engine, rig.back_up_through(&engine)).await {
            let backup = result?;
            rig.change().await?;
            rig.restore(backup.id).await?;
            break;
        }
    }
    expect(rig.content().await == content, || "the content of the service is another one after it".into())
}

pub(super) async fn reader_error(rig: Rig) -> Verdict {
    fail_each_read(&rig, Strike::Fail, ErrorKind::Unavailable).await
}

pub(super) async fn cancelled_restore(rig: Rig) -> Verdict {
    fail_each_read(&rig, Strike::Cancel, ErrorKind::Cancelled).await
}

async fn fail_each_read(rig: &Rig, strike: Strike, kind: ErrorKind) -> Verdict {
    let backup = rig.back_up().await?;
    for at in 1..=MAX_CALLS {
        rig.subject.change().await;
        let engine = rig.interpose(strike, at);
        let result = rig.restore_through(backup.id, &engine).await;
        if !engine.tap.was_struck() {
            result?;
            return expect(at > 1, || "the engine never read the backup".into());
        }
        expect_failure(result, kind, &format!("read {at}"))?;
    }
    Ok(())
}

pub(super) async fn dropped_restore(rig: Rig) -> Verdict {
    let content = rig.content().await;
    let backup = rig.back_up().await?;
    for at in 1..=MAX_CALLS {
        rig.subject.change().await;
        let engine = rig.interpose(Strike::Hang, at);
        if let Some(result) = until_struck(&engine, rig.restore_through(backup.id, &engine)).await {
            result?;
            break;
        }
    }
    rig.restore(backup.id).await?;
    expect(rig.content().await == content, || "the content after the restore is another one".into())
}

/// Drops the work when the strike comes to pass; otherwise its result.
async fn until_struck<T>(engine: &Interposed, work: impl Future<Output = Result<T>>) -> Option<Result<T>> {
    tokio::select! {
        biased;
        () = engine.tap.struck() => None,
        result = work => Some(result),
    }
}

fn expect_failure<T>(result: Result<T>, kind: ErrorKind, what: &str) -> Verdict {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => {
            let text = error.chain();
            Err(Flaw(format!("{what} failed as {kind:?}, but the operation as {:?}: {text}", error.kind())))
        }
        Ok(_) => Err(Flaw(format!("{what} failed as {kind:?}, but the operation succeeded"))),
    }
}

/// How often others get a turn before something counts as left running.
const PATIENCE: usize = 10_000;
