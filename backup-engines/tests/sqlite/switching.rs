//! The moment in which the new database takes the place of the old one: locks, and kills at every step.

use std::fs;
use std::path::{Path, PathBuf};

use backup_core::engine::Existing;
use backup_core::{KdfParameters, KeyRing, Passphrase, Repository};
use backup_engines::Sqlite;

use super::child::{self, not_run};
use super::crashed::Crashed;
use super::shop::{self, Shop, WAYS, Way, back_up, restore};

/// A folder with a repository that has a backup, for processes that restore it.
struct Stage {
    folder: tempfile::TempDir,
    /// What the backup has.
    new: String,
}

impl Stage {
    async fn new(way: Way) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::builder(folder.path().join("repository").to_str().unwrap())
            .keys(KeyRing::from(Passphrase::from("shop")))
            .kdf(KdfParameters::insecure_for_tests())
            .create()
            .await
            .unwrap();
        let shop = Shop::new(way, 100);
        back_up(&repository, shop.engine()).await.unwrap();
        let stage = Self { folder, new: shop::content(&shop.path()) };
        fs::create_dir(stage.target()).unwrap();
        stage
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn target(&self) -> PathBuf {
        self.folder().join("target")
    }

    fn database(&self) -> PathBuf {
        self.target().join("shop.db")
    }

    /// Makes the target what it was in the beginning.
    fn reset(&self, old: &Crashed) {
        fs::remove_dir_all(self.target()).unwrap();
        fs::create_dir(self.target()).unwrap();
        old.copy_to(&self.target());
    }
}

#[tokio::test]
#[ignore = "run by the tests of this file"]
#[allow(clippy::print_stdout, reason = "the test that runs it reads this")]
async fn child_restores() {
    let folder = child::folder();
    let place = folder.join("repository").to_str().unwrap().to_owned();
    let repository = Repository::open(place.as_str(), Passphrase::from("shop")).await.unwrap();
    let backup = repository.find("latest").await.unwrap();
    let engine = Sqlite::file(folder.join("target/shop.db"));
    match restore(&repository, backup.id, engine, Existing::Update).await {
        Ok(_) => println!("RESTORED"),
        Err(error) => println!("REFUSED: {}", error.chain()),
    }
}

/// Whoever has the database open may live where this process cannot see it, as in another container: the lock tells.
#[tokio::test]
async fn a_database_that_is_locked_out_of_sight_is_not_replaced() {
    let alone = ["unshare", "--pid", "--fork", "--mount-proc"];
    for way in [WAYS[0], WAYS[2]] {
        let stage = Stage::new(way).await;
        let old = Crashed::new(way, 300);
        stage.reset(&old);
        let host = shop::connect(&stage.database());
        // In WAL mode an idle connection suffices.
        let lock = if way.wal { "SELECT count(*) FROM orders" } else { "BEGIN IMMEDIATE" };
        host.execute_batch(lock).unwrap();
        let output =
            child::start(&alone, "switching::child_restores", stage.folder()).wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !text.contains("running") {
            return not_run("a database locked out of sight: this process may not make a pid namespace");
        }
        assert!(text.contains("REFUSED") && text.contains("in use"), "{text}");
        drop(host);
        assert!(shop::content(&stage.database()) == old.content);
        let text = child::passed(child::start(&alone, "switching::child_restores", stage.folder()));
        assert!(text.contains("RESTORED"), "{text}");
        assert!(shop::content(&stage.database()) == stage.new);
    }
}

/// The process is killed at each of the calls that change a file or a name, the first, the second, and so on.
async fn a_kill_leaves_one_of_both_whole(way: Way) {
    let stage = Stage::new(way).await;
    let old = Crashed::new(way, 300);
    let (mut kills, mut outcomes) = (0, [0, 0]);
    for call in 1..=500 {
        stage.reset(&old);
        let inject = format!("inject={CALLS}:signal=SIGKILL:when={call}");
        let trace = format!("trace={CALLS}");
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let Ok(output) = spawn(&strace, stage.folder()) else {
            return not_run("kills during a restore: strace is missing");
        };
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        if text.contains("ptrace") || text.contains("PTRACE") {
            return not_run("kills during a restore: strace may not trace here");
        }
        let found = shop::content(&stage.database());
        let is_new = found == stage.new;
        assert!(is_new || found == old.content, "after a kill at call {call} there is neither");
        outcomes[usize::from(is_new)] += 1;
        if text.contains("RESTORED") && output.status.success() {
            break;
        }
        assert!(!output.status.success(), "{text}");
        kills += 1;
    }
    // Calls are counted for each thread: how many kills there are depends on which threads do the work.
    assert!(kills > 3 && outcomes.iter().all(|count| *count > 0), "{kills} kills, {outcomes:?}");
}

fn spawn(strace: &[&str], folder: &Path) -> std::io::Result<std::process::Output> {
    std::process::Command::new("strace").arg("-V").output()?;
    child::start(strace, "switching::child_restores", folder).wait_with_output()
}

/// What brings changes to the disk, and changes names. SQLite makes its writes between them safe itself.
const CALLS: &str = "ftruncate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2,fchmod,fchown";

#[tokio::test]
async fn killed_while_it_replaces_a_database_with_a_log() {
    a_kill_leaves_one_of_both_whole(WAYS[0]).await;
}

#[tokio::test]
async fn killed_while_it_replaces_a_database_with_a_journal() {
    a_kill_leaves_one_of_both_whole(WAYS[2]).await;
}
