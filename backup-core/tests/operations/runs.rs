//! Runs: how they are recorded, listed, queued, and recognised when nobody ends them.

use std::future::IntoFuture as _;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use backup_core::engine::{Artifact, Role};
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation as Call, Recording};
use backup_core::storage::{Bytes, ErrorKind as StorageErrorKind, Name, Storage, StorageExt as _};
use backup_core::testing::{RecordingObserver, SteppingClock};
use backup_core::{
    BackupReport, Environment, Error, ErrorKind, Kind, NoticeLevel, Operation, Repository, Result, RunInfo,
    RunStatus,
};
use chrono::TimeDelta;
use tokio::task::yield_now;

use crate::home::{builder, create, expect_backup, expect_sound, memory, open, shop};
use crate::probe::{Log, Probe, Step};
use crate::stamping::Stamping;
use crate::stream::Scripted;
use crate::tree::Tree;

/// A repository in a storage whose stamps the test decides; the host's clock says something else.
async fn stamped() -> (Arc<Stamping>, Repository) {
    let stamping = Stamping::new();
    let storage: Arc<dyn Storage> = stamping.clone();
    let clock = SteppingClock::fixed(stamping.now() - TimeDelta::hours(7));
    (stamping, builder(&storage).clock(Arc::new(clock)).create().await.unwrap())
}

/// An environment whose only service never ends.
fn endless() -> Environment {
    Environment::new("shop").service("endless", Scripted::new(|_| std::future::pending()))
}

/// Begins a backup that never ends; it streams.
async fn begin(repository: &Repository) -> tokio::task::JoinHandle<Result<BackupReport>> {
    let observer = RecordingObserver::new();
    let observed = repository.observed_by(Arc::new(observer.clone()));
    let environment = endless();
    let run = tokio::spawn(observed.backup(&environment).into_future());
    while observer.phases().last() != Some(&backup_core::Phase::Stream) {
        yield_now().await;
    }
    run
}

async fn only_run(repository: &Repository) -> RunInfo {
    let mut runs = repository.runs().await.unwrap();
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs.remove(0)
}

#[tokio::test]
async fn a_backup_is_a_run_of_the_same_id_with_all_that_is_asked_about_it() {
    let (stamping, repository) = stamped().await;
    let log = Log::default();
    let time = stamping.clone();
    let probe = Probe::new("db", Role::Database, &log).act(move |_| {
        time.pass(TimeDelta::minutes(1));
        Ok(())
    });
    let environment = Environment::new("shop").service("db", probe);
    let begun = stamping.now();
    let request = repository.backup(&environment).kind(Kind::Nightly).created_by("cron").comment("as ever");
    let report = request.program("shop 1.0").await.unwrap();
    let run = only_run(&repository).await;
    assert_eq!((run.id, run.backup), (report.id.run(), Some(report.id)));
    assert_eq!((run.operation, run.status), (Operation::Backup, RunStatus::Completed));
    assert_eq!(run.environment.as_deref(), Some("shop"));
    assert_eq!((run.created_at, run.started_at), (begun, Some(begun)));
    assert_eq!((run.heartbeat_at, run.finished_at), (stamping.now(), Some(stamping.now())));
    assert_eq!(run.duration, Duration::from_secs(240));
    assert_eq!((run.kinds, run.created_by.as_deref()), ([Kind::Nightly].into(), Some("cron")));
    assert_eq!((run.comment.as_str(), run.program.as_str()), ("as ever", "shop 1.0"));
    assert_eq!((run.progress.items, run.progress.bytes, run.failure), (1, 2000, None));
    assert_eq!(run.pid, Some(std::process::id()));
    assert!(run.host.is_some_and(|host| !host.is_empty()));
    // The backup is of the time at which its run began, by the storage.
    assert_eq!(repository.find("latest").await.unwrap().created_at, begun);
    assert_eq!(repository.run(report.id.run()).await.unwrap().id, report.id.run());
}

#[tokio::test]
async fn a_failed_run_says_why_and_what_to_do() {
    let (stamping, repository) = stamped().await;
    let time = stamping.clone();
    let probe = Probe::new("db", Role::Database, &Log::default()).act(move |step| {
        time.pass(TimeDelta::minutes(1));
        let error = || Error::new(ErrorKind::Permission, "x".repeat(9_000)).with_remedy("grant it");
        if step == Step::Freeze { Err(error()) } else { Ok(()) }
    });
    let environment = Environment::new("shop").service("db", probe);
    repository.backup(&environment).await.unwrap_err();
    let run = only_run(&repository).await;
    assert_eq!((run.status, run.finished_at), (RunStatus::Failed, Some(stamping.now())));
    assert_eq!(run.duration, Duration::from_secs(180));
    let failure = run.failure.unwrap();
    assert_eq!((failure.kind.as_str(), failure.remedy.as_str()), ("permission", "grant it"));
    assert!(failure.message.starts_with("freeze the service \"db\": xxx"), "{}", failure.message);
    assert_eq!(failure.message.len(), 4_003);
}

#[tokio::test]
async fn a_run_whose_future_was_dropped_is_stale_and_one_that_nobody_hears_of_is_after_a_day() {
    let (stamping, repository) = stamped().await;
    let tree = Tree::small();
    let begun = begin(&repository).await;
    let id = only_run(&repository).await.id;
    for (time, status) in
        [(TimeDelta::hours(24), RunStatus::Running), (TimeDelta::milliseconds(1), RunStatus::Stale)]
    {
        stamping.pass(time);
        // Another run puts the newest stamp.
        repository.backup(&shop(&tree)).await.unwrap();
        let runs = repository.runs().await.unwrap();
        assert_eq!(runs.iter().find(|run| run.id == id).unwrap().status, status);
    }
    begun.abort();
    begun.await.unwrap_err();

    let begun = begin(&repository).await;
    let run = repository.runs().active().await.unwrap().remove(0);
    assert_eq!(run.status, RunStatus::Running);
    begun.abort();
    begun.await.unwrap_err();
    let run = repository.run(run.id).await.unwrap();
    assert_eq!((run.status, run.finished_at, run.failure), (RunStatus::Stale, None, None));
    assert_eq!(repository.runs().active().await.unwrap(), []);
    assert_eq!(repository.runs().status(RunStatus::Stale).await.unwrap().len(), 2);
    expect_backup(&repository, &tree, "after runs that nobody ended").await;
}

#[tokio::test(start_paused = true)]
async fn a_long_run_says_every_quarter_of_an_hour_that_it_goes_on() {
    let storage = memory();
    let repository = create(&storage).await;
    let engine = Scripted::new(|sink| async move {
        let mut writer = sink.stream(Artifact::new("dump")).await?;
        for _ in 0..4 {
            writer.write(Bytes::from_static(b"and more")).await?;
            tokio::time::sleep(Duration::from_secs(10 * 60)).await;
        }
        writer.commit().await.map(drop)
    });
    let environment = Environment::new("shop").service("long", engine);
    let report = repository.backup(&environment).await.unwrap();
    let statuses = storage.list_all("runs").await.unwrap();
    // It began, after 15 and 30 minutes, and it ended.
    assert_eq!(statuses.len(), 4);
    for (place, status) in statuses.iter().enumerate() {
        let expected = format!("runs/{}/{:08}-", report.id, place + 1);
        assert!(status.name.as_str().starts_with(&expected), "{}", status.name);
    }
    // What the heartbeat said, when the last word is lost: the fourth piece was written right before.
    storage.delete(&statuses[3].name).await.unwrap();
    let confirmation = storage.list_all("backups").await.unwrap().pop().unwrap();
    assert!(confirmation.name.as_str().ends_with("-ok"));
    storage.delete(&confirmation.name).await.unwrap();
    let run = only_run(&repository).await;
    assert_eq!((run.status, run.progress.bytes), (RunStatus::Stale, 32));
    assert_eq!(report.warnings(), 0);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_that_cannot_be_put_are_one_warning() {
    let storage = memory();
    create(&storage).await;
    let faulty = Arc::new(Faulty::new(storage.clone()));
    let shared: Arc<dyn Storage> = faulty.clone();
    let repository = open(&shared).await;
    let harm = Harm::FailBefore(StorageErrorKind::Permission);
    let engine = Scripted::new(move |sink| {
        let faulty = faulty.clone();
        async move {
            faulty.plan(Fault::new(harm).on(Call::PutNew).named("runs"));
            tokio::time::sleep(Duration::from_secs(61 * 60)).await;
            faulty.heal();
            sink.stream(Artifact::new("dump")).await?.commit().await.map(drop)
        }
    });
    let environment = Environment::new("shop").service("long", engine);
    let report = repository.backup(&environment).await.unwrap();
    let warnings: Vec<_> =
        report.notices.iter().filter(|notice| notice.level == NoticeLevel::Warning).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].message.contains("goes on could not be recorded"), "{}", warnings[0].message);
    assert_eq!(only_run(&repository).await.status, RunStatus::Completed);
    expect_sound(&repository, "after heartbeats that were not put").await;
}

#[tokio::test(start_paused = true)]
async fn a_last_word_that_is_lost_or_never_answered_hurts_nothing() {
    for harm in [Harm::FailBefore(StorageErrorKind::Full), Harm::Hang] {
        let storage = memory();
        create(&storage).await;
        let faulty = Arc::new(Faulty::new(storage.clone()));
        let shared: Arc<dyn Storage> = faulty.clone();
        let repository = open(&shared).await;
        let engine = Scripted::new(move |sink| {
            let faulty = faulty.clone();
            async move {
                faulty.plan(Fault::new(harm).on(Call::PutNew).named("runs"));
                sink.stream(Artifact::new("dump")).await?.commit().await.map(drop)
            }
        });
        let report = repository.backup(&Environment::new("shop").service("db", engine)).await.unwrap();
        assert_eq!(report.warnings(), 0);
        let said = report.notices.iter().filter(|notice| notice.message.contains("could not be recorded"));
        assert_eq!(said.count(), 1, "{:?}", report.notices);
        // The backup is confirmed, so its run is completed.
        let run = only_run(&open(&storage).await).await;
        assert_eq!((run.status, run.finished_at.is_some()), (RunStatus::Completed, true));
    }
    // A failure is not masked by another one.
    let storage = memory();
    create(&storage).await;
    let faulty = Arc::new(Faulty::new(storage.clone()));
    let shared: Arc<dyn Storage> = faulty.clone();
    let repository = open(&shared).await;
    let engine = Scripted::new(move |_| {
        faulty.plan(Fault::new(Harm::FailBefore(StorageErrorKind::Full)).on(Call::PutNew).named("runs"));
        async { Err(Error::new(ErrorKind::Invalid, "it is so")) }
    });
    let error = repository.backup(&Environment::new("shop").service("db", engine)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(only_run(&open(&storage).await).await.status, RunStatus::Stale);
}

#[tokio::test]
async fn a_run_is_recorded_before_anything_else_and_without_it_nothing_is_done() {
    let storage = memory();
    create(&storage).await;
    let faulty = Arc::new(Faulty::new(storage.clone()));
    let shared: Arc<dyn Storage> = faulty.clone();
    let repository = open(&shared).await;
    faulty.plan(Fault::new(Harm::FailBefore(StorageErrorKind::Permission)).on(Call::PutNew));
    let log = Log::default();
    let environment = Environment::new("shop").service("db", Probe::new("db", Role::Database, &log));
    let error = repository.backup(&environment).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(error.chain().starts_with("record the run "), "{}", error.chain());
    assert!(log.lock().unwrap().is_empty());
    faulty.heal();
    let error = repository.backup(&environment).comment("x".repeat(70_000)).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Invalid, "shorten the comment"));
    assert!(log.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_queued_run_is_continued_under_its_id_once() {
    let (stamping, repository) = stamped().await;
    let tree = Tree::small();
    let environment = shop(&tree);
    let request = repository.queue(&environment).kind(Kind::Monthly).created_by("alice").comment("tonight");
    let id = request.program("console 1").await.unwrap();
    let queued = only_run(&repository).await;
    assert_eq!((queued.id, queued.status, queued.backup), (id, RunStatus::Queued, Some(id.backup())));
    assert_eq!((queued.started_at, queued.pid, queued.host), (None, None, None));
    assert_eq!(repository.runs().active().await.unwrap().len(), 1);
    let announced = stamping.now();
    stamping.pass(TimeDelta::hours(9));

    let report = repository.backup(&environment).run(id).created_by("worker").await.unwrap();
    assert_eq!(report.id, id.backup());
    let run = only_run(&repository).await;
    assert_eq!(
        (run.status, run.created_at, run.started_at),
        (RunStatus::Completed, announced, Some(stamping.now()))
    );
    let info = repository.find("latest").await.unwrap();
    assert_eq!((info.created_at, info.comment.as_str()), (stamping.now(), "tonight"));
    assert_eq!((info.kinds, info.created_by.as_deref()), ([Kind::Monthly].into(), Some("worker")));

    let error = repository.backup(&environment).run(id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{}", error.chain());
    assert_eq!(repository.runs().await.unwrap(), [run]);
}

#[tokio::test]
async fn a_run_that_is_not_queued_or_of_another_environment_is_refused() {
    let repository = create(&memory()).await;
    let tree = Tree::small();
    let other = Environment::new("other").service("files", tree.clone());
    let id = repository.queue(&other).await.unwrap();
    let error = repository.backup(&shop(&tree)).run(id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("no backup of \"shop\""), "{error}");
    let unknown = "00".repeat(16).parse().unwrap();
    for error in [
        repository.backup(&other).run(unknown).await.unwrap_err(),
        repository.run(unknown).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(only_run(&repository).await.status, RunStatus::Queued);
    let nothing = Environment::new("empty");
    assert_eq!(repository.queue(&nothing).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn of_two_that_begin_a_queued_run_at_most_one_makes_the_backup() {
    for _ in 0..10 {
        let storage = memory();
        let repository = create(&storage).await;
        let tree = Tree::small();
        let environment = shop(&tree);
        let id = repository.queue(&environment).await.unwrap();
        let runs = [(); 2].map(|()| {
            let repository = repository.clone();
            tokio::spawn(repository.backup(&environment).run(id).into_future())
        });
        let mut made = 0;
        for run in runs {
            match run.await.unwrap() {
                Ok(_) => made += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Exists, "{}", error.chain()),
            }
        }
        assert!(made <= 1);
        assert_eq!(repository.backups().await.unwrap().len(), made);
        let run = only_run(&repository).await;
        let expected = if made == 1 { RunStatus::Completed } else { RunStatus::Stale };
        assert_eq!(run.status, expected);
    }
}

#[tokio::test]
async fn a_queued_run_that_nobody_begins_is_stale_after_a_day_and_may_still_be_begun() {
    let (stamping, repository) = stamped().await;
    let tree = Tree::small();
    let id = repository.queue(&shop(&tree)).await.unwrap();
    stamping.pass(TimeDelta::hours(25));
    // By itself it has the newest stamp, and the clock of this host is behind.
    assert_eq!(only_run(&repository).await.status, RunStatus::Queued);
    repository.backup(&shop(&tree)).await.unwrap();
    assert_eq!(repository.runs().status(RunStatus::Stale).await.unwrap()[0].id, id);
    repository.backup(&shop(&tree)).run(id).await.unwrap();
    assert_eq!(repository.run(id).await.unwrap().status, RunStatus::Completed);
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_no_more_are_read_than_asked_for() {
    let storage = memory();
    let tree = Tree::small();
    let clock = SteppingClock::stepping(chrono::Utc::now(), Duration::from_millis(10));
    let repository = builder(&storage).clock(Arc::new(clock)).create().await.unwrap();
    let other = Environment::new("other").service("files", tree.clone());
    let failing = Environment::new("shop").service(
        "db",
        Probe::new("db", Role::Database, &Log::default()).fails_at(Step::Look, ErrorKind::Invalid),
    );
    let mut ids = Vec::new();
    for number in 0..24 {
        ids.push(match number % 4 {
            0 => repository.backup(&other).await.unwrap().id.run(),
            1 => repository.queue(&shop(&tree)).await.unwrap(),
            2 => repository.backup(&shop(&tree)).await.unwrap().id.run(),
            _ => {
                repository.backup(&failing).await.unwrap_err();
                repository.runs().take(1).await.unwrap()[0].id
            }
        });
    }
    ids.reverse();
    let listed = |runs: Vec<RunInfo>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(listed(repository.runs().await.unwrap()), ids[..20]);
    assert_eq!(listed(repository.runs().take(100).await.unwrap()), ids);
    let of = |place: usize| ids.iter().copied().skip(3 - place).step_by(4).collect::<Vec<_>>();
    assert_eq!(listed(repository.runs().of("other").await.unwrap()), of(0));
    assert_eq!(listed(repository.runs().active().await.unwrap()), of(1));
    assert_eq!(listed(repository.runs().status(RunStatus::Failed).take(3).await.unwrap()), of(3)[..3]);
    let done = repository.runs().of("shop").status(RunStatus::Completed).await.unwrap();
    assert_eq!(listed(done), of(2));
    assert_eq!(repository.runs().of("nowhere").await.unwrap(), []);
    assert_eq!(repository.runs().take(0).await.unwrap(), []);

    let recording = Arc::new(Recording::new(storage.clone()));
    let watched: Arc<dyn Storage> = recording.clone();
    let repository = open(&watched).await;
    for limit in [1, 5, 24, 100] {
        recording.clear();
        let count = repository.runs().take(limit).await.unwrap().len();
        assert_eq!(
            (count, recording.count(Call::Get), recording.count(Call::List)),
            (limit.min(24), count, 1)
        );
    }
}

#[tokio::test]
async fn a_run_that_cannot_be_read_is_told_and_left_out() {
    let storage = memory();
    let observer = RecordingObserver::new();
    let repository = create(&storage).await.observed_by(Arc::new(observer.clone()));
    let tree = Tree::small();
    let first = repository.backup(&shop(&tree)).await.unwrap().id.run();
    let second = repository.backup(&shop(&tree)).await.unwrap().id.run();
    let foreign = Bytes::from_static(b"something else");
    let name: Name = format!("runs/{second}/00000009-{}", "ab".repeat(32)).parse().unwrap();
    storage.put_new(&name, foreign.clone()).await.unwrap();
    let name: Name = format!("runs/{first}/no-status").parse().unwrap();
    storage.put_new(&name, foreign).await.unwrap();
    let runs = repository.runs().await.unwrap();
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [first]);
    let told = observer.notices();
    assert!(told.iter().any(|notice| notice.path.contains(&second.to_string())), "{told:?}");
    assert_eq!(repository.run(second).await.unwrap_err().kind(), ErrorKind::Damaged);
    // A status of one run is none of another.
    let status = storage.list_all(&format!("runs/{first}")).await.unwrap().remove(1);
    let moved: Name = status.name.as_str().replace(&first.to_string(), &"07".repeat(16)).parse().unwrap();
    storage.put_new(&moved, storage.get(&status.name).await.unwrap()).await.unwrap();
    assert_eq!(
        repository.run("07".repeat(16).parse().unwrap()).await.unwrap_err().kind(),
        ErrorKind::Damaged
    );
}

#[test]
fn a_run_of_a_process_that_was_killed_is_stale_at_once() {
    if !std::path::Path::new("/proc/self/ns/pid").exists() {
        println!("NOT RUN: a killed process, because this system does not tell whether it still exists");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("repository");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let look = |place: std::path::PathBuf| async move {
        let storage = backup_core::Location::parse(place.to_str().unwrap()).unwrap().open().unwrap();
        let repository = open(&storage).await;
        (only_run(&repository).await, repository)
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "runs::begin_a_run_and_wait", "--ignored", "--nocapture"])
        .env(PLACE, &place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.into_iter().any(|line| line.contains(STREAMING)), "the other process did not begin");
    let (run, _) = runtime().block_on(look(place.clone()));
    assert_eq!((run.status, run.pid), (RunStatus::Running, Some(child.id())));
    child.kill().unwrap();
    child.wait().unwrap();
    runtime().block_on(async {
        let (run, repository) = look(place).await;
        assert_eq!((run.status, run.finished_at), (RunStatus::Stale, None));
        expect_backup(&repository, &Tree::small(), "after a process was killed").await;
    });
}

/// The other process of the test above.
#[tokio::test]
#[ignore = "another test runs it, and kills it"]
async fn begin_a_run_and_wait() {
    let place = std::env::var_os(PLACE).expect("only to be run by another test");
    let storage = backup_core::Location::parse(place.to_str().unwrap()).unwrap().open().unwrap();
    let repository = create(&storage).await;
    let engine = Scripted::new(|_| {
        println!("{STREAMING}");
        std::future::pending()
    });
    repository.backup(&Environment::new("shop").service("endless", engine)).await.unwrap();
}

const PLACE: &str = "BACKUP_TEST_PLACE";
const STREAMING: &str = "the run is under way";
