//! Holding the application: always let go, measured, and never for too long.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backup_core::engine::{Quiesce, Role};
use backup_core::testing::{Gate, GateCall, SteppingClock};
use backup_core::{
    BackupRequest, CancellationToken, Consistency, Environment, Error, ErrorKind, Event, Observer,
    Repository, Result, RunStatus,
};
use chrono::DateTime;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use crate::home::{builder, create, expect_sound, files, memory, shop};
use crate::probe::{Log, Probe, STEPS, Step};
use crate::tree::{Data, Tree};

fn held(tree: &Tree, gate: &Gate) -> Environment {
    shop(tree).quiesce(gate.clone())
}

async fn expect_nothing(repository: &Repository) {
    assert!(repository.backups().await.unwrap().is_empty());
    expect_sound(repository, "after a backup that was not made").await;
}

const HELD: [GateCall; 2] = [GateCall::Hold(Duration::from_secs(30)), GateCall::Release];

#[tokio::test]
async fn the_application_is_held_while_services_are_frozen_and_the_pause_is_measured() {
    let storage = memory();
    let clock = SteppingClock::fixed(DateTime::UNIX_EPOCH);
    let repository = builder(&storage).clock(Arc::new(clock.clone())).create().await.unwrap();
    let gate = Gate::new();
    let (seen, time) = (gate.clone(), clock.clone());
    let tree = Tree::small().on_freeze(move || {
        assert!(seen.is_held());
        time.advance(Duration::from_millis(250));
        Ok(())
    });
    let report = repository.backup(&held(&tree, &gate)).await.unwrap();
    assert_eq!(gate.calls(), HELD);
    assert_eq!(report.pause, Duration::from_millis(250));
    let info = repository.find("latest").await.unwrap();
    assert_eq!((info.consistency, info.pause), (Consistency::Frozen, report.pause));
    assert_eq!(info.services[0].pause, report.pause);
    assert_eq!(files(&repository, report.id).await, tree.files());
}

#[tokio::test]
async fn a_first_pass_leaves_to_the_pause_only_what_changed_since() {
    let repository = create(&memory()).await;
    let gate = Gate::new();
    let tree = Tree::small();
    let application = tree.clone();
    let engine = tree.clone().on_freeze(move || {
        application.write("a/second", Data::Noise(50, 200));
        Ok(())
    });
    let report = repository.backup(&held(&engine, &gate)).await.unwrap();
    assert_eq!(gate.calls(), HELD);
    // Both passes count, and what the first one stored in vain is no part of the backup.
    assert_eq!((report.unchanged_entries, report.read_bytes), (0, 605_120 + 200));
    assert_eq!(report.logical_bytes, 5_000 + 200 + 600_000 + 1_000_020);
    assert!(report.stored_bytes < 620_000, "{} bytes were stored", report.stored_bytes);
    assert_eq!(files(&repository, report.id).await, tree.files());
    let again = repository.backup(&held(&tree, &gate)).await.unwrap();
    assert_eq!((again.parent, again.unchanged_entries, again.read_bytes), (Some(report.id), 4, 0));
    assert_eq!(files(&repository, again.id).await, tree.files());
    expect_sound(&repository, "after two passes").await;
}

#[tokio::test]
async fn a_refused_hold_and_a_failed_freeze_let_go_and_fail() {
    let repository = create(&memory()).await;
    let gate = Gate::refusing();
    let error = repository.backup(&held(&Tree::small(), &gate)).await.unwrap_err();
    assert!(
        error.is_retryable() && error.chain().contains("hold the application's writes"),
        "{}",
        error.chain()
    );
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;

    let gate = Gate::new();
    let tree = Tree::small().on_freeze(|| Err(Error::new(ErrorKind::Permission, "the tables are locked")));
    let error = repository.backup(&held(&tree, &gate)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(
        error.chain().contains("freeze the service \"files\": the tables are locked"),
        "{}",
        error.chain()
    );
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;
}

#[tokio::test]
async fn a_hold_or_freeze_beyond_the_deadline_aborts_the_backup_and_lets_go() {
    let repository = create(&memory()).await;
    let gate = Gate::hanging();
    let short = Duration::from_millis(5);
    let error = repository.backup(&held(&Tree::small(), &gate).hold_deadline(short)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(gate.calls(), [GateCall::Hold(short), GateCall::Release]);
    expect_nothing(&repository).await;

    let storage = memory();
    let clock = SteppingClock::fixed(DateTime::UNIX_EPOCH);
    let repository = builder(&storage).clock(Arc::new(clock.clone())).create().await.unwrap();
    let gate = Gate::new();
    let tree = Tree::small().on_freeze(move || {
        clock.advance(Duration::from_secs(31));
        Ok(())
    });
    let error = repository.backup(&held(&tree, &gate)).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("30 seconds"), "{}", error.chain());
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;
}

#[tokio::test]
async fn a_cancelled_backup_has_let_go_when_it_returns() {
    let repository = create(&memory()).await;
    let gate = Gate::hanging();
    let token = CancellationToken::new();
    let cancel = async {
        while !gate.is_held() {
            yield_now().await;
        }
        token.cancel();
    };
    let environment = held(&Tree::small(), &gate);
    let (result, ()) = tokio::join!(repository.backup(&environment).cancel(token.clone()), cancel);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;
}

#[tokio::test]
async fn a_dropped_backup_lets_go_soon_and_once() {
    for (gate, let_go_hangs) in [(Gate::hanging(), false), (Gate::stuck(), true)] {
        let repository = create(&memory()).await;
        let environment = held(&Tree::small(), &gate);
        let backup = repository.backup(&environment).into_future();
        let backup = tokio::spawn(backup);
        // Dropped while it holds, and while it lets go.
        while gate.calls().is_empty() || (let_go_hangs && gate.is_held()) {
            yield_now().await;
        }
        backup.abort();
        backup.await.unwrap_err();
        while gate.is_held() {
            yield_now().await;
        }
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!(gate.calls(), HELD);
        expect_nothing(&repository).await;
    }
}

#[tokio::test]
async fn a_gate_that_panics_fails_the_backup_by_name_and_the_host_goes_on() {
    let repository = create(&memory()).await;
    for (gate, word) in [(Gate::panicking(), "`hold`"), (Gate::panicking_in_release(), "`release`")] {
        let error = repository.backup(&held(&Tree::small(), &gate)).await.unwrap_err();
        let text = error.chain();
        assert!(text.contains("gate") && text.contains(word), "{text}");
        assert!(text.contains("a test asked for this panic"), "{text}");
        assert_eq!(text.contains("may still be held"), word == "`release`", "{text}");
        assert!(error.remedy().contains("gate"), "{}", error.remedy());
        assert_eq!(gate.calls(), HELD);
        expect_nothing(&repository).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_never_lets_go_fails_the_backup_and_is_not_waited_for() {
    let repository = create(&memory()).await;
    let gate = Gate::stuck();
    let error = repository.backup(&held(&Tree::small(), &gate)).await.unwrap_err();
    let text = error.chain();
    assert!(text.contains("within 60 seconds") && text.contains("may still be held"), "{text}");
    assert_eq!(gate.calls(), HELD);
    expect_nothing(&repository).await;

    // It is said as well when something else failed before, or the backup was cancelled.
    let tree = Tree::small().on_freeze(|| Err(Error::new(ErrorKind::Permission, "the tables are locked")));
    let error = repository.backup(&held(&tree, &Gate::stuck())).await.unwrap_err();
    let text = error.chain();
    assert!(text.contains("may still be held") && text.contains("the tables are locked"), "{text}");
    let token = CancellationToken::new();
    let cancel = token.clone();
    let tree = Tree::small().on_freeze(move || {
        cancel.cancel();
        Ok(())
    });
    let error = repository.backup(&held(&tree, &Gate::stuck())).cancel(token).await.unwrap_err();
    assert!(error.chain().contains("may still be held"), "{}", error.chain());
    expect_nothing(&repository).await;
}

#[tokio::test]
async fn a_release_that_fails_fails_the_backup_and_says_what_may_still_be_held() {
    let repository = create(&memory()).await;
    for partial in [false, true] {
        let gate = Gate::failing_in_release();
        let environment = held(&Tree::small(), &gate);
        let request = repository.backup(&environment);
        let error = if partial { request.partial() } else { request }.await.unwrap_err();
        let text = error.chain();
        assert!(
            text.contains("may still be held: the application cannot be let go now"),
            "partial: {partial}: {text}"
        );
        assert!(error.remedy().contains("see that the application writes again"), "{}", error.remedy());
        assert_eq!(gate.calls(), HELD);
        assert_eq!(repository.runs().await.unwrap()[0].status, RunStatus::Failed);
        expect_nothing(&repository).await;
    }
    let tree = Tree::small().on_freeze(|| Err(Error::new(ErrorKind::Permission, "the tables are locked")));
    let error = repository.backup(&held(&tree, &Gate::failing_in_release())).await.unwrap_err();
    for words in ["may still be held", "cannot be let go now", "the tables are locked"] {
        assert!(error.chain().contains(words), "{}", error.chain());
    }
}

/// Lets go late, by its clock.
#[derive(Debug)]
struct Late(SteppingClock);

#[async_trait]
impl Quiesce for Late {
    async fn hold(&self, _: Duration) -> Result<()> {
        Ok(())
    }

    async fn release(&self) -> Result<()> {
        self.0.advance(Duration::from_secs(20));
        Ok(())
    }
}

#[tokio::test]
async fn a_release_counts_and_is_named_if_it_is_what_took_too_long() {
    let clock = SteppingClock::fixed(DateTime::UNIX_EPOCH);
    let repository = builder(&memory()).clock(Arc::new(clock.clone())).create().await.unwrap();
    let frozen_after = |seconds| {
        let (clock, late) = (clock.clone(), Late(clock.clone()));
        let tree = Tree::small().on_freeze(move || {
            clock.advance(Duration::from_secs(seconds));
            Ok(())
        });
        repository.backup(&shop(&tree).quiesce(late))
    };
    assert_eq!(frozen_after(10).await.unwrap().pause, Duration::from_secs(30));
    let error = frozen_after(11).await.unwrap_err().chain();
    assert!(error.contains("frozen in time") && error.contains("let go after 31 seconds"), "{error}");
    let error = frozen_after(31).await.unwrap_err().chain();
    assert!(error.contains("not frozen within the 30 seconds"), "{error}");
}

#[tokio::test]
async fn an_engine_that_panics_fails_its_service_and_the_application_is_let_go() {
    for step in STEPS {
        let repository = create(&memory()).await;
        let (gate, log) = (Gate::new(), Log::default());
        let main = Probe::new("main", Role::Database, &log);
        let broken = Probe::new("broken", Role::Database, &log)
            .act(move |at| if at == step { panic!("it panics at {at:?}") } else { Ok(()) });
        let environment =
            Environment::new("shop").service("main", main).service("broken", broken).quiesce(gate.clone());
        let error = repository.backup(&environment).await.unwrap_err();
        let text = error.chain();
        assert!(text.contains("the service \"broken\": the engine `probe` panicked"), "{text}");
        assert!(text.contains(&format!("it panics at {step:?}")), "{text}");
        let once = matches!(step, Step::Freeze | Step::Stream);
        assert_eq!(gate.calls(), if once { &HELD[..] } else { &[] });
        assert_eq!(repository.runs().await.unwrap()[0].status, RunStatus::Failed);
        expect_nothing(&repository).await;

        let report = repository.backup(&environment).partial().await.unwrap();
        assert_eq!(report.left_out[0].name, "broken");
        assert!(!gate.is_held());
        expect_sound(&repository, "after a panic").await;
    }
}

/// Panics when it is told something while the application is held.
#[derive(Debug)]
struct Nervous(Gate);

impl Observer for Nervous {
    fn event(&self, event: &Event<'_>) {
        assert!(!self.0.is_held(), "{event:?}");
    }
}

#[tokio::test]
async fn a_host_that_panics_in_the_pause_has_let_go_when_it_does() {
    let gate = Gate::new();
    let repository = create(&memory()).await.observed_by(Arc::new(Nervous(gate.clone())));
    let tree = Tree::small().on_freeze(|| Err(Error::new(ErrorKind::Permission, "the tables are locked")));
    // That the service is left out is said within the pause.
    let backup = repository.backup(&held(&tree, &gate)).partial().into_future();
    assert!(tokio::spawn(backup).await.unwrap_err().is_panic());
    assert_eq!(gate.calls(), HELD);
}

/// Makes a backup until it holds, in a runtime that does nothing else.
fn until_held(gate: &Gate) -> (Runtime, <BackupRequest as IntoFuture>::IntoFuture) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    #[expect(clippy::async_yields_async, reason = "the backup goes on outside of the runtime's work")]
    let backup = runtime.block_on(async {
        let repository = create(&memory()).await;
        let mut backup = repository.backup(&held(&Tree::small(), gate)).into_future();
        while !gate.is_held() {
            tokio::select! {
                biased;
                ended = &mut backup => panic!("it ended: {ended:?}"),
                () = yield_now() => {}
            }
        }
        backup
    });
    (runtime, backup)
}

#[test]
fn a_backup_that_is_dropped_where_nothing_can_run_lets_go_all_the_same() {
    let drops: [fn(Runtime, <BackupRequest as IntoFuture>::IntoFuture); 3] = [
        |_runtime, backup| drop(backup),
        |runtime, backup| {
            drop(runtime);
            drop(backup);
        },
        // Within a runtime that ends at once.
        |runtime, backup| runtime.block_on(async { drop(backup) }),
    ];
    for drop in drops {
        let gate = Gate::hanging();
        let (runtime, backup) = until_held(&gate);
        drop(runtime, backup);
        while gate.is_held() {
            std::thread::yield_now();
        }
        assert_eq!(gate.calls(), HELD);
    }
}

#[tokio::test]
async fn an_application_that_was_not_held_is_not_let_go() {
    let repository = create(&memory()).await;
    let gate = Gate::new();
    let token = CancellationToken::new();
    token.cancel();
    repository.backup(&held(&Tree::small(), &gate)).cancel(token).await.unwrap_err();
    assert_eq!(gate.calls(), []);
}
