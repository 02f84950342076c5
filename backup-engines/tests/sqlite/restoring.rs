//! Restoring: what is replaced, what is kept, what is refused.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;

use async_trait::async_trait;
use backup_core::crypto::ContentHasher;
use backup_core::engine::{
    ArtifactInfo, Context, Engine, Existing, Facts, Piece, RestorePlan, Role, Selection, ServiceReader,
    StoredContent, Target, TreeReader, VerdictLevel,
};
use backup_core::{BackupId, CancellationToken, ErrorKind, Repository, Result, Silent, SystemClock};
use backup_engines::Sqlite;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;

use super::child::{self, not_run};
use super::crashed::Crashed;
use super::mount::Mount;
use super::shop::{self, Shop, WAYS, back_up, repository, restore, stored};

/// A shop, a backup of it, and what the backup has; the shop has gone on since.
async fn backed_up(shop: &Shop) -> (Repository, BackupId, String) {
    let repository = repository().await;
    let backup = back_up(&repository, shop.engine()).await.unwrap();
    let content = shop::content(&shop.path());
    shop.connect()
        .execute_batch("UPDATE account SET cents = 0; DELETE FROM orders WHERE id % 2 = 0")
        .unwrap();
    (repository, backup.id, content)
}

fn context() -> Context {
    Context::new(CancellationToken::new(), Arc::new(SystemClock::default()), Arc::new(Silent))
}

#[tokio::test]
async fn owner_and_mode_of_the_old_file_are_kept_and_nothing_lies_beside() {
    for way in WAYS {
        let shop = Shop::new(way, 500);
        let (repository, backup, content) = backed_up(&shop).await;
        fs::set_permissions(shop.path(), fs::Permissions::from_mode(0o640)).unwrap();
        let root = rustix::process::geteuid().is_root();
        if root {
            std::os::unix::fs::chown(shop.path(), Some(1234), Some(4321)).unwrap();
        }
        let report = restore(&repository, backup, shop.engine(), Existing::Update).await.unwrap();
        assert!(report.notices.is_empty(), "{:?}", report.notices);
        let found = fs::metadata(shop.path()).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o640);
        assert!(!root || (found.uid(), found.gid()) == (1234, 4321));
        assert_eq!(shop.names(), ["shop.db"]);
        assert!(shop::content(&shop.path()) == content);
        assert_eq!(report.services[0].summary.written_bytes, found.len());
    }
}

#[tokio::test]
async fn the_log_and_the_journal_of_the_old_database_are_not_played_into_the_new_one() {
    for way in WAYS {
        let (shop, crashed) = (Shop::new(way, 1000), Crashed::new(way, 500));
        let (repository, backup, content) = backed_up(&shop).await;
        restore(&repository, backup, Sqlite::file(crashed.path()), Existing::Update).await.unwrap();
        assert_eq!(fs::read_dir(crashed.folder()).unwrap().count(), 1);
        assert!(shop::content(&crashed.path()) == content, "{way:?}");
    }
}

#[tokio::test]
async fn what_lies_there_without_its_database_is_removed_if_it_may_be() {
    for (way, beside) in [(WAYS[0], "shop.db-wal"), (WAYS[2], "shop.db-journal")] {
        let (shop, crashed) = (Shop::new(way, 1000), Crashed::new(way, 500));
        let (repository, backup, content) = backed_up(&shop).await;
        fs::remove_file(crashed.path()).unwrap();
        let engine = Sqlite::file(crashed.path());
        let error = restore(&repository, backup, engine.clone(), Existing::Refuse).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists, "{}", error.chain());
        let environment = shop::environment(engine);
        let plan = repository
            .restore(backup)
            .in_place(&environment)
            .existing(Existing::Update)
            .plan()
            .await
            .unwrap();
        let (_, planned) = &plan.services()[0];
        assert_eq!((planned.create, planned.overwrite, planned.delete), (1, 0, 1));
        assert!(planned.examples[0].ends_with(beside), "{:?}", planned.examples);
        plan.execute().await.unwrap();
        assert!(shop::content(&crashed.path()) == content);
    }
}

#[tokio::test]
async fn a_database_that_appears_after_the_plan_is_not_replaced() {
    let shop = Shop::usual();
    let (repository, backup, _) = backed_up(&shop).await;
    for appearing in ["new.db", "new.db-wal"] {
        let folder = tempfile::tempdir().unwrap();
        let environment = shop::environment(Sqlite::file(folder.path().join("new.db")));
        let plan = repository
            .restore(backup)
            .in_place(&environment)
            .existing(Existing::Mirror)
            .plan()
            .await
            .unwrap();
        fs::write(folder.path().join(appearing), "precious").unwrap();
        let error = plan.execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists, "{}", error.chain());
        assert_eq!(fs::read(folder.path().join(appearing)).unwrap(), b"precious");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the new file is gone");
    }
}

#[tokio::test]
async fn what_is_no_database_any_more_is_replaced() {
    for garbage in [&b"not a database at all, and quite long, for many reasons "[..], b""] {
        for way in WAYS {
            let shop = Shop::new(way, 100);
            let (repository, backup, content) = backed_up(&shop).await;
            fs::write(shop.path(), garbage.repeat(50)).unwrap();
            fs::write(shop.folder().join("shop.db-wal"), "left behind").unwrap();
            restore(&repository, backup, shop.engine(), Existing::Update).await.unwrap();
            assert_eq!(shop.names(), ["shop.db"]);
            assert!(shop::content(&shop.path()) == content);
        }
    }
}

#[tokio::test]
async fn an_open_database_is_not_replaced() {
    for way in WAYS {
        let shop = Shop::new(way, 100);
        let (repository, backup, _) = backed_up(&shop).await;
        let now = shop::content(&shop.path());
        let host = shop.connect();
        host.query_row("SELECT count(*) FROM orders", [], |_| Ok(())).unwrap();
        let error = restore(&repository, backup, shop.engine(), Existing::Update).await.unwrap_err();
        assert!(error.chain().contains("open in this process"), "{}", error.chain());
        assert!(error.remedy().contains("stop the application"), "{}", error.remedy());
        drop(host);
        let mut other = child::start(&[], "restoring::child_keeps_it_open", shop.folder());
        let mut lines = BufReader::new(other.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(OPEN) {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the other process ended");
        }
        let error = restore(&repository, backup, shop.engine(), Existing::Update).await.unwrap_err();
        assert!(error.chain().contains(&format!("open in process {}", other.id())), "{}", error.chain());
        drop(other.stdin.take());
        assert!(other.wait().unwrap().success());
        assert!(shop::content(&shop.path()) == now);
        restore(&repository, backup, shop.engine(), Existing::Update).await.unwrap();
    }
}

#[test]
#[ignore = "run by an_open_database_is_not_replaced"]
#[allow(clippy::print_stdout, reason = "the test that runs it waits for this line")]
fn child_keeps_it_open() {
    let connection = shop::connect(&child::folder().join("shop.db"));
    connection.query_row("SELECT count(*) FROM orders", [], |_| Ok(())).unwrap();
    println!("{OPEN}");
    let _ = std::io::stdin().read_line(&mut String::new());
}

const OPEN: &str = "it is open";

/// A plan is made while nobody has the database open; then it is opened.
#[tokio::test]
async fn a_database_opened_after_the_plan_is_not_replaced() {
    for way in WAYS {
        let shop = Shop::new(way, 100);
        let (repository, backup, _) = backed_up(&shop).await;
        let now = shop::content(&shop.path());
        let environment = shop::environment(shop.engine());
        let plan = repository
            .restore(backup)
            .in_place(&environment)
            .existing(Existing::Update)
            .plan()
            .await
            .unwrap();
        let host = shop.connect();
        host.execute_batch("BEGIN; SELECT * FROM orders").unwrap();
        let error = plan.execute().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error.chain());
        assert!(error.chain().contains("in use"), "{}", error.chain());
        drop(host);
        assert!(shop::content(&shop.path()) == now);
        assert!(shop.names().iter().all(|name| name.starts_with("shop.db")), "{:?}", shop.names());
    }
}

#[tokio::test]
async fn an_unsound_backup_replaces_nothing() {
    let shop = Shop::new(WAYS[2], 2000);
    let sound = fs::read(shop.path()).unwrap();
    let mut unsound = sound.clone();
    let page = unsound.chunks(4096).rposition(|page| page[0] == 13).unwrap() * 4096;
    unsound[page + 8..page + 40].fill(0xff);
    fs::write(shop.path(), unsound).unwrap();
    let repository = repository().await;
    let backup = back_up(&repository, shop.engine().without_check()).await.unwrap();
    fs::write(shop.path(), &sound).unwrap();
    let error = restore(&repository, backup.id, shop.engine(), Existing::Update).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{}", error.chain());
    assert!(error.chain().contains("nothing was replaced"), "{}", error.chain());
    assert!(fs::read(shop.path()).unwrap() == sound);
    assert_eq!(shop.names(), ["shop.db"]);
}

#[tokio::test]
async fn a_full_disk_leaves_the_old_database() {
    let Some(mount) = Mount::new(1 << 20) else {
        return not_run("a restore onto a full disk: mounting is not permitted");
    };
    let shop = Shop::new(WAYS[0], 5000);
    let repository = repository().await;
    let backup = back_up(&repository, shop.engine()).await.unwrap();
    assert!(backup.logical_bytes > 1 << 20);
    let path = mount.path("shop.db");
    drop(shop::create(&path, true));
    shop::connect(&path).execute_batch("CREATE TABLE old AS SELECT 1 AS x").unwrap();
    let old = fs::read(&path).unwrap();
    let environment = shop::environment(Sqlite::file(&path));
    let request = || repository.restore(backup.id).in_place(&environment).existing(Existing::Update);
    let plan = request().plan().await.unwrap();
    assert!(
        plan.verdicts().any(|verdict| verdict.level == VerdictLevel::Warn && verdict.reason.contains("free"))
    );
    let error = request().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{}", error.chain());
    assert!(fs::read(&path).unwrap() == old);
    assert_eq!(fs::read_dir(mount.folder()).unwrap().count(), 1);
}

/// Asks the engine itself: the repository has its own way into directories.
async fn plan_with(
    engine: &Sqlite,
    from: &Arc<dyn ServiceReader>,
    target: Target,
    selection: Selection,
) -> RestorePlan {
    engine.plan_restore(&context(), from.clone(), &target, &selection).await.unwrap()
}

#[tokio::test]
async fn a_directory_gets_the_file_under_its_own_name() {
    let shop = Shop::usual();
    let (repository, backup, content) = backed_up(&shop).await;
    let from = repository.service(&backup, "database").await.unwrap();
    let path = shop.folder().join("new/folder");
    let engine = Sqlite::file("/no/such/file.db");
    let into = |existing| Target::Directory { path: path.clone(), existing };
    let plan = plan_with(&engine, &from, into(Existing::Refuse), Selection::default()).await;
    assert_eq!((plan.create, plan.overwrite, plan.denied()), (1, 0, None));
    assert_eq!(plan.write_bytes, stored(&repository, &backup).await.bytes.len() as u64);
    let summary = engine.restore(&context(), from.clone(), plan).await.unwrap();
    assert_eq!((summary.written, summary.deleted), (1, 0));
    assert!(shop::content(&path.join("shop.db")) == content);
    let plan = plan_with(&engine, &from, into(Existing::Refuse), Selection::default()).await;
    assert!(plan.denied().is_some());
    let plan = plan_with(&engine, &from, into(Existing::Mirror), Selection::default()).await;
    assert_eq!((plan.create, plan.overwrite, plan.denied()), (0, 1, None));
    fs::remove_file(path.join("shop.db")).unwrap();
    fs::write(path.join("something"), "else").unwrap();
    let plan = plan_with(&engine, &from, into(Existing::Refuse), Selection::default()).await;
    assert!(plan.denied().is_some_and(|verdict| verdict.reason.contains("not empty")));
}

#[tokio::test]
async fn what_cannot_be_restored_is_denied_with_its_reason() {
    let shop = Shop::usual();
    let (repository, backup, _) = backed_up(&shop).await;
    let from = repository.service(&backup, "database").await.unwrap();
    let target = Target::InPlace { existing: Existing::Update };
    let some_paths = Selection { paths: vec![b"orders".to_vec()], devices: false };
    let plan = plan_with(&shop.engine(), &from, target.clone(), some_paths).await;
    assert!(plan.denied().unwrap().reason.contains("whole"), "{:?}", plan.verdicts);
    let folder = Sqlite::file(shop.folder());
    let plan = plan_with(&folder, &from, target, Selection::default()).await;
    assert!(plan.denied().unwrap().reason.contains("no regular file"), "{:?}", plan.verdicts);
}

#[tokio::test]
async fn versions_are_judged() {
    let shop = Shop::usual();
    let (repository, backup, _) = backed_up(&shop).await;
    let from = repository.service(&backup, "database").await.unwrap();
    let judged = async |name: &str, value: &str| {
        let mut facts = from.facts().clone();
        facts.insert(format!("sqlite.{name}"), value.to_owned());
        let from: Arc<dyn ServiceReader> = Arc::new(Told { facts, from: from.clone() });
        let target = Target::InPlace { existing: Existing::Update };
        let plan = plan_with(&shop.engine(), &from, target, Selection::default()).await;
        plan.verdicts.into_iter().map(|verdict| verdict.level).collect::<Vec<_>>()
    };
    assert_eq!(judged("written_by", rusqlite::version()).await, []);
    assert_eq!(judged("written_by", "3.8.0").await, []);
    assert_eq!(judged("written_by", "3.999.0").await, [VerdictLevel::Warn]);
    assert_eq!(judged("write_version", "3").await, [VerdictLevel::Warn]);
    assert_eq!(judged("read_version", "3").await, [VerdictLevel::Deny]);
    assert_eq!(judged("schema_format", "5").await, [VerdictLevel::Deny]);
    assert_eq!(judged("written_by", "nonsense").await, []);
}

/// A stored service of which other facts were recorded, as a later version would.
#[derive(Debug)]
struct Told {
    facts: Facts,
    from: Arc<dyn ServiceReader>,
}

#[async_trait]
impl ServiceReader for Told {
    fn artifacts(&self) -> &[ArtifactInfo] {
        self.from.artifacts()
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn role(&self) -> Role {
        self.from.role()
    }

    fn started_at(&self) -> DateTime<Utc> {
        self.from.started_at()
    }

    async fn stream(&self, artifact: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.from.stream(artifact).await
    }

    async fn tree(&self, artifact: &str, below: &[u8]) -> Result<Box<dyn TreeReader>> {
        self.from.tree(artifact, below).await
    }

    async fn contents(&self, wanted: &[StoredContent<'_>]) -> Result<Vec<Bytes>> {
        self.from.contents(wanted).await
    }

    async fn content(&self, wanted: StoredContent<'_>) -> Result<BoxStream<'static, Result<Piece>>> {
        self.from.content(wanted).await
    }

    fn content_hasher(&self) -> ContentHasher {
        self.from.content_hasher()
    }
}
