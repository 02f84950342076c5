//! Several services in one backup: in order, in each mode, some of them, and what is left when one fails.

use std::sync::Arc;
use std::time::Duration;

use backup_core::engine::{Artifact, Role};
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
use backup_core::storage::{ErrorKind as StorageErrorKind, Storage};
use backup_core::testing::{Gate, GateCall, SteppingClock};
use backup_core::{
    BackupInfo, BackupReport, CancellationToken, Consistency, Contents, Environment, Error, ErrorKind,
    NoticeLevel, Repository, RunStatus,
};
use chrono::DateTime;
use futures_util::TryStreamExt as _;

use crate::home::{builder, create, expect_sound, memory};
use crate::probe::{Log, Probe, STEPS, Step};
use crate::stream::Scripted;

const HELD: [GateCall; 2] = [GateCall::Hold(Duration::from_secs(30)), GateCall::Release];

/// Files, a database, more files, another database: in this order.
struct Shop {
    uploads: Probe,
    main: Probe,
    assets: Probe,
    stock: Probe,
    log: Log,
}

impl Shop {
    fn new() -> Self {
        let log = Log::default();
        Self {
            uploads: Probe::new("uploads", Role::Files, &log),
            main: Probe::new("main", Role::Database, &log),
            assets: Probe::new("assets", Role::Files, &log),
            stock: Probe::new("stock", Role::Database, &log),
            log,
        }
    }

    fn environment(&self) -> Environment {
        Environment::new("shop")
            .service("uploads", self.uploads.clone())
            .service("main", self.main.clone())
            .service("assets", self.assets.clone())
            .service("stock", self.stock.clone())
    }

    fn steps(&self) -> Vec<(&'static str, Step)> {
        self.log.lock().unwrap().clone()
    }
}

/// The backup that there is, and its contents read back.
async fn only_backup(repository: &Repository, report: &BackupReport, services: &[&Probe]) -> BackupInfo {
    let info = repository.find("latest").await.unwrap();
    assert_eq!((info.id, info.contents, info.gap), (report.id, report.contents, report.gap));
    assert_eq!(info.left_out, report.left_out);
    let names: Vec<_> = services.iter().map(|probe| probe.content()).collect();
    let mut found = Vec::new();
    for service in &info.services {
        let reader = repository.service(&info.id, &service.name).await.unwrap();
        let pieces: Vec<_> = reader.stream("dump").await.unwrap().try_collect().await.unwrap();
        found.push(pieces.concat());
    }
    assert!(found == names, "other services, or another order: {:?}", info.services);
    expect_sound(repository, "after a backup of several services").await;
    info
}

#[tokio::test]
async fn databases_come_before_files_and_otherwise_the_order_is_that_of_the_environment() {
    let repository = create(&memory()).await;
    let shop = Shop::new();
    let report = repository.backup(&shop.environment()).await.unwrap();
    let order = ["main", "stock", "uploads", "assets"];
    let expected: Vec<_> = STEPS.iter().flat_map(|step| order.map(|name| (name, *step))).collect();
    assert_eq!(shop.steps(), expected);
    let info =
        only_backup(&repository, &report, &[&shop.main, &shop.stock, &shop.uploads, &shop.assets]).await;
    assert_eq!((info.contents, info.restorable), (Contents::Full, true));
    assert_eq!(info.services[0].role, Role::Database);
    assert_eq!(info.services[3].role, Role::Files);
}

/// A shop of which each step of each service takes a second, and its gate.
async fn timed(live: bool, gate: bool) -> (Repository, BackupReport, Gate) {
    let clock = SteppingClock::fixed(DateTime::UNIX_EPOCH);
    let repository = builder(&memory()).clock(Arc::new(clock.clone())).create().await.unwrap();
    let mut shop = Shop::new();
    for probe in [&mut shop.uploads, &mut shop.main, &mut shop.assets, &mut shop.stock] {
        let clock = clock.clone();
        *probe = probe.clone().act(move |_| {
            clock.advance(Duration::from_secs(1));
            Ok(())
        });
    }
    let held = Gate::new();
    let environment = if gate { shop.environment().quiesce(held.clone()) } else { shop.environment() };
    let request = repository.backup(&environment);
    let report = if live { request.live() } else { request }.await.unwrap();
    let steps = shop.steps();
    assert_eq!(steps.len(), 16);
    (repository, report, held)
}

#[tokio::test]
async fn each_mode_records_what_it_promises_and_how_long_it_took() {
    let seconds = Duration::from_secs;
    // Frozen: four freezes of a second each; the first and the last point are three seconds apart.
    let (repository, report, gate) = timed(false, true).await;
    assert_eq!(gate.calls(), HELD);
    assert_eq!((report.consistency, report.pause, report.gap), (Consistency::Frozen, seconds(4), seconds(3)));
    let info = repository.find("latest").await.unwrap();
    assert_eq!((info.consistency, info.pause, info.gap), (Consistency::Frozen, seconds(4), seconds(3)));
    assert_eq!(info.services.iter().map(|service| service.pause).collect::<Vec<_>>(), [seconds(1); 4]);
    let apart = info.services[3].frozen_at - info.services[0].frozen_at;
    assert_eq!(apart.to_std().unwrap(), seconds(3));

    // Ordered and live: files are as they are while they are read, the last after four more seconds.
    for (live, has_gate, expected) in [
        (false, false, Consistency::Ordered),
        (true, false, Consistency::Live),
        (true, true, Consistency::Live),
    ] {
        let (repository, report, gate) = timed(live, has_gate).await;
        assert_eq!(gate.calls(), []);
        assert_eq!((report.consistency, report.pause, report.gap), (expected, Duration::ZERO, seconds(7)));
        let info = repository.find("latest").await.unwrap();
        assert_eq!((info.consistency, info.pause, info.gap), (expected, Duration::ZERO, seconds(7)));
    }
}

#[tokio::test]
async fn each_service_is_told_what_the_others_keep_to_themselves() {
    let repository = create(&memory()).await;
    let mut shop = Shop::new();
    shop.main = shop.main.reserves("/srv/main.db");
    shop.stock = shop.stock.reserves("/srv/stock.db");
    repository.backup(&shop.environment()).await.unwrap();
    let paths = |names: &[&str]| vec![names.iter().map(Into::into).collect::<Vec<std::path::PathBuf>>(); 4];
    assert_eq!(shop.main.saw_reserved(), paths(&["/srv/stock.db"]));
    assert_eq!(shop.uploads.saw_reserved(), paths(&["/srv/main.db", "/srv/stock.db"]));

    // A database that is not backed up this time is the application's all the same.
    let shop = Shop { uploads: Shop::new().uploads, ..shop };
    repository.backup(&shop.environment()).only(["uploads"]).await.unwrap();
    assert_eq!(shop.uploads.saw_reserved(), paths(&["/srv/main.db", "/srv/stock.db"]));
}

#[tokio::test]
async fn only_some_services_are_a_backup_that_says_what_it_lacks() {
    let repository = create(&memory()).await;
    let shop = Shop::new();
    let environment = shop.environment();
    for (only, contents) in [
        (&["stock", "main"][..], Contents::DatabaseOnly),
        (&["assets", "uploads"], Contents::FilesOnly),
        (&["main"], Contents::Partial),
        (&["main", "uploads"], Contents::Partial),
        (&["main", "uploads", "assets", "stock"], Contents::Full),
    ] {
        let report = repository.backup(&environment).only(only.iter().copied()).await.unwrap();
        let info = repository.find(&report.id.to_string()).await.unwrap();
        assert_eq!((report.contents, info.contents), (contents, contents), "{only:?}");
        let whole = matches!(contents, Contents::Full | Contents::DatabaseOnly);
        assert_eq!(info.restorable, whole, "{only:?}");
        let mut names: Vec<_> = info.services.iter().map(|service| service.name.as_str()).collect();
        let mut expected = only.to_vec();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
        let mut lacks: Vec<_> = info.left_out.iter().map(|service| service.name.as_str()).collect();
        lacks.extend(&names);
        lacks.sort_unstable();
        assert_eq!(lacks, ["assets", "main", "stock", "uploads"]);
        assert!(info.left_out.iter().all(|service| service.failure.is_none() && service.engine == "probe"));
    }
}

#[tokio::test]
async fn a_service_that_does_not_exist_is_refused_before_anything_is_done() {
    let storage = memory();
    let repository = create(&storage).await;
    let shop = Shop::new();
    let error = repository.backup(&shop.environment()).only(["main", "mian"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("\"mian\""), "{error}");
    assert!(error.remedy().contains("uploads, main, assets, stock"), "{}", error.remedy());
    let error = repository.backup(&shop.environment()).only([""; 0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let twice = shop.environment().service("main", shop.main.clone());
    let error = repository.backup(&twice).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("two services named \"main\""), "{error}");
    assert_eq!(shop.steps(), []);
    assert_eq!(repository.runs().await.unwrap(), []);
}

#[tokio::test]
async fn one_service_that_fails_fails_the_backup_wherever_it_does() {
    for (gate, step) in [true, false].into_iter().flat_map(|gate| STEPS.map(|step| (gate, step))) {
        let repository = create(&memory()).await;
        let mut shop = Shop::new();
        shop.assets = shop.assets.fails_at(step, ErrorKind::Permission);
        let held = Gate::new();
        let environment = if gate { shop.environment().quiesce(held.clone()) } else { shop.environment() };
        let error = repository.backup(&environment).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permission);
        let text = error.chain();
        assert!(text.contains("\"assets\"") && text.contains(&format!("it fails at {step:?}")), "{text}");
        assert!(repository.backups().await.unwrap().is_empty());
        let run = repository.runs().await.unwrap().remove(0);
        assert_eq!(run.status, RunStatus::Failed);
        assert_eq!(run.failure.unwrap().message, text);
        let held_before = gate && matches!(step, Step::Freeze | Step::Stream);
        assert_eq!(held.calls(), if held_before { &HELD[..] } else { &[] });
        expect_sound(&repository, "after a service failed").await;
    }
}

#[tokio::test]
async fn a_partial_backup_leaves_out_what_fails_wherever_it_does_and_says_so() {
    for (gate, step) in [true, false].into_iter().flat_map(|gate| STEPS.map(|step| (gate, step))) {
        let repository = create(&memory()).await;
        let mut shop = Shop::new();
        shop.stock = shop.stock.fails_at(step, ErrorKind::Permission);
        let held = Gate::new();
        let environment = if gate { shop.environment().quiesce(held.clone()) } else { shop.environment() };
        let report = repository.backup(&environment).partial().await.unwrap();
        assert_eq!(held.calls(), if gate { &HELD[..] } else { &[] });
        let [left_out] = report.left_out.as_slice() else { panic!("{:?}", report.left_out) };
        assert_eq!((left_out.name.as_str(), left_out.role), ("stock", Role::Database));
        let failure = left_out.failure.as_deref().unwrap();
        assert!(failure.ends_with(&format!("it fails at {step:?}")), "{failure}");
        let warnings: Vec<_> =
            report.notices.iter().filter(|notice| notice.level == NoticeLevel::Warning).collect();
        assert_eq!((warnings.len(), warnings[0].service.as_str()), (1, "stock"));
        let info = only_backup(&repository, &report, &[&shop.main, &shop.uploads, &shop.assets]).await;
        assert_eq!((info.contents, info.restorable, info.warnings), (Contents::Partial, false, 1));
        assert_eq!(repository.runs().await.unwrap()[0].status, RunStatus::Completed);
        // Nothing is done with it after it failed.
        let steps: Vec<_> = shop.steps().into_iter().filter(|(name, _)| *name == "stock").collect();
        assert_eq!(steps.last(), Some(&("stock", step)));
    }
}

#[tokio::test]
async fn a_partial_backup_of_nothing_fails() {
    let repository = create(&memory()).await;
    let mut shop = Shop::new();
    shop.main = shop.main.fails_at(Step::Look, ErrorKind::Permission);
    shop.stock = shop.stock.fails_at(Step::Freeze, ErrorKind::Invalid);
    shop.uploads = shop.uploads.fails_at(Step::Stream, ErrorKind::Full);
    let gate = Gate::new();
    let environment = shop.environment().quiesce(gate.clone());
    let request = repository.backup(&environment).partial();
    let error = request.clone().only(["main", "stock", "uploads"]).await.unwrap_err();
    assert_eq!((error.kind(), gate.calls().as_slice()), (ErrorKind::Permission, &HELD[..]));
    assert!(
        error.chain().starts_with("every service failed: look at the service \"main\""),
        "{}",
        error.chain()
    );
    assert!(repository.backups().await.unwrap().is_empty());
    // Those that failed at once are not held for.
    let error = request.only(["main"]).await.unwrap_err();
    assert_eq!((error.kind(), gate.calls().len()), (ErrorKind::Permission, 2));
}

#[tokio::test]
async fn what_fails_the_whole_run_is_never_left_out() {
    // Cancelled by the service that notices.
    let repository = create(&memory()).await;
    let token = CancellationToken::new();
    let mut shop = Shop::new();
    let cancel = token.clone();
    shop.main = shop.main.act(move |step| {
        if step == Step::Stream {
            cancel.cancel();
            return Err(Error::cancelled());
        }
        Ok(())
    });
    let error = repository.backup(&shop.environment()).partial().cancel(token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(repository.backups().await.unwrap().is_empty());
    assert_eq!(repository.runs().await.unwrap()[0].failure.as_ref().unwrap().kind, "cancelled");

    // A storage that takes no packs fails the engine that writes, and is no fault of it.
    let storage = memory();
    create(&storage).await;
    let faulty = Arc::new(Faulty::new(storage.clone()));
    let shared: Arc<dyn Storage> = faulty.clone();
    let repository = builder(&shared).open().await.unwrap();
    faulty.plan(Fault::new(Harm::FailBefore(StorageErrorKind::Full)).on(Operation::PutNew).named("packs"));
    let large = Scripted::new(|sink| async move {
        let mut writer = sink.stream(Artifact::new("dump")).await?;
        for number in 0..40 {
            writer.write(crate::tree::noise(number, 1024 * 1024)).await?;
        }
        writer.commit().await.map(drop)
    });
    let environment = Shop::new().environment().service("large", large);
    let error = repository.backup(&environment).partial().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{}", error.chain());
    assert!(repository.backups().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_service_that_abandons_a_write_is_left_out_alone() {
    let repository = create(&memory()).await;
    let careless = Scripted::new(|sink| async move {
        let mut writer = sink.stream(Artifact::new("dump")).await?;
        // More than may wait: the future is dropped while it waits.
        let bytes = crate::tree::noise(1, 64 * 1024 * 1024);
        drop(tokio::time::timeout(Duration::ZERO, writer.write(bytes)).await);
        writer.commit().await.map(drop)
    });
    let shop = Shop::new();
    let environment = shop.environment().service("careless", careless);
    let report = repository.backup(&environment).partial().await.unwrap();
    assert_eq!(report.left_out[0].name, "careless");
    assert!(report.left_out[0].failure.as_deref().unwrap().contains("a write was abandoned"));
    only_backup(&repository, &report, &[&shop.main, &shop.stock, &shop.uploads, &shop.assets]).await;
}

#[tokio::test]
async fn a_service_that_was_left_out_follows_the_newest_backup_that_has_it() {
    let repository = create(&memory()).await;
    let shop = Shop::new();
    let environment = shop.environment();
    let first = repository.backup(&environment).await.unwrap();
    let second = repository.backup(&environment).only(["main"]).await.unwrap();
    let third = repository.backup(&environment).await.unwrap();
    assert_eq!((second.parent, third.parent), (Some(first.id), Some(second.id)));
    assert_eq!(shop.main.had_parents(), [false, true, true]);
    assert_eq!(shop.uploads.had_parents(), [false, true]);
}
