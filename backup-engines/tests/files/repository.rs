//! From a folder into a real repository and back.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use backup_core::engine::{Existing, NoQuiesce};
use backup_core::{Clock, Environment, KdfParameters, Passphrase, Repository, SystemClock};
use chrono::{DateTime, Utc};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat, setxattr};

use super::scratch::{Scratch, noise, not_run};

/// A clock that is ahead of the file system's, so that files just made are old.
#[derive(Debug, Default)]
struct Ahead(SystemClock);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() + Duration::from_secs(3600)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

async fn repository(folder: &Scratch) -> Repository {
    Repository::builder(folder.path("repository"))
        .keys(Passphrase::from("open sesame"))
        .kdf(KdfParameters::insecure_for_tests())
        .clock(Arc::new(Ahead::default()))
        .create()
        .await
        .unwrap()
}

/// Something of everything.
fn uploads() -> Scratch {
    let scratch = Scratch::with(&[
        "a/b/c",
        "a.b",
        "empty/",
        "link -> a/b/c",
        "dangling -> nowhere/at/all",
        "caf\u{e9}",
    ]);
    for (number, size) in [0, 1, 4096, 262_143, 262_144, 1_500_000, 5_000_000].into_iter().enumerate() {
        scratch.write(&format!("sizes/{size}"), noise(size, number as u64));
    }
    for number in 0..300 {
        scratch.write(&format!("many/{}/{number}", number % 7), noise(number * 31, number as u64));
    }
    fs::hard_link(scratch.path("a/b/c"), scratch.path("zz")).unwrap();
    fs::hard_link(scratch.path("sizes/5000000"), scratch.path("large link")).unwrap();
    let sparse = File::create(scratch.path("sparse")).unwrap();
    sparse.set_len(20 << 20).unwrap();
    sparse.write_all_at(b"data", 7 << 20).unwrap();
    fs::set_permissions(scratch.path("a.b"), fs::Permissions::from_mode(0o4711)).unwrap();
    fs::set_permissions(scratch.path("empty"), fs::Permissions::from_mode(0o2750)).unwrap();
    mknodat(CWD, scratch.path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let _ = setxattr(scratch.path("a"), "user.note", b"a folder", XattrFlags::empty());
    let _ = setxattr(scratch.path("sizes/4096"), "user.note", b"a file", XattrFlags::empty());
    File::options()
        .write(true)
        .open(scratch.path("a.b"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    scratch
}

/// What rsync would have to do to make the second folder like the first.
fn differences(from: &Path, to: &Path) -> Option<String> {
    let (from, to) = (format!("{}/", from.display()), format!("{}/", to.display()));
    let arguments = ["-aHAXSn", "--delete", "--checksum", "--itemize-changes"];
    let output = Command::new("rsync").args(arguments).args([from, to]).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn assert_equal(from: &Path, to: &Path) {
    match differences(from, to) {
        Some(differences) => assert_eq!(differences.lines().take(20).collect::<Vec<_>>(), [""; 0]),
        None => not_run("comparison of source and restored folder: rsync is missing"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_tree_is_the_one_backed_up() {
    let (scratch, place) = (uploads(), Scratch::new());
    let repository = repository(&place).await;
    let environment = Environment::new("shop").service("uploads", scratch.engine());

    let first = repository.backup(&environment).await.unwrap();
    assert_eq!(first.warnings(), 0, "{:?}", first.notices);
    let target = place.path("restored");
    let plan = repository.restore(first.id).service("uploads").to_directory(&target).plan().await.unwrap();
    plan.execute().await.unwrap();
    assert_equal(scratch.root(), &target);

    // Nothing changed: nothing is read, next to nothing stored.
    let second = repository.backup(&environment).await.unwrap();
    assert_eq!((second.read_bytes, second.logical_bytes), (0, first.logical_bytes));
    assert!(
        second.stored_bytes * 100 < first.stored_bytes,
        "{} of {}",
        second.stored_bytes,
        first.stored_bytes
    );

    // A change on both sides: what is restored in place is what the second backup had.
    let before = place.path("before");
    repository
        .restore(second.id)
        .service("uploads")
        .to_directory(&before)
        .plan()
        .await
        .unwrap()
        .execute()
        .await
        .unwrap();
    scratch.write("a/b/c", "overwritten");
    scratch.write("extra", "extra");
    fs::remove_dir_all(scratch.path("many/3")).unwrap();
    let restore = repository.restore(second.id).in_place(&environment).existing(Existing::Mirror);
    let plan = restore.plan().await.unwrap();
    assert!(plan.is_destructive());
    plan.execute().await.unwrap();
    assert_equal(&before, scratch.root());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_application_is_backed_up_in_two_passes() {
    let (scratch, place) = (uploads(), Scratch::new());
    let repository = repository(&place).await;
    let environment = Environment::new("shop").service("uploads", scratch.engine()).quiesce(NoQuiesce);
    let report = repository.backup(&environment).await.unwrap();
    let target = place.path("restored");
    repository
        .restore(report.id)
        .service("uploads")
        .to_directory(&target)
        .plan()
        .await
        .unwrap()
        .execute()
        .await
        .unwrap();
    assert_equal(scratch.root(), &target);
}

#[tokio::test]
async fn what_is_left_out_is_in_the_report() {
    let (scratch, place) = (Scratch::with(&["shop.db", "shop.db-wal", "a"]), Scratch::new());
    let repository = repository(&place).await;
    let environment = Environment::new("shop").service("uploads", scratch.engine());
    let report = repository.backup(&environment).await.unwrap();
    assert_eq!(report.warnings(), 1);
    let notice = &report.notices[0];
    assert_eq!((notice.service.as_str(), notice.path.as_str()), ("uploads", "shop.db"));
}

/// Files that changed so shortly before a backup that they must be read again lie among others that need not be. What is read and found
/// equal is not stored again, whoever its neighbours are.
#[tokio::test]
async fn equal_content_that_is_read_again_is_not_stored_again() {
    let (folder, home) = (Scratch::new(), Scratch::new());
    for number in 0..400 {
        folder.write(&format!("{number:03}"), noise(6_000, number));
    }
    let repository = repository(&home).await;
    let environment = Environment::new("shop").service("files", backup_engines::Files::tree(folder.path("")));
    repository.backup(&environment).await.unwrap();
    for number in (0..400).step_by(3) {
        let file = File::options().write(true).open(folder.path(&format!("{number:03}"))).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(number)).unwrap();
    }
    let again = repository.backup(&environment).await.unwrap();
    assert!(again.stored_bytes < 64 * 1024, "{again:?}");
    let report = repository.verify(again.id).read_data(true).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
}

/// What patterns leave out must not be deleted because the backup does not have it.
#[tokio::test]
async fn a_mirror_in_place_is_denied_where_patterns_leave_something_out() {
    let (folder, home) = (Scratch::with(&["kept", "cache/made"]), Scratch::new());
    let repository = repository(&home).await;
    let files = backup_engines::Files::tree(folder.path("")).exclude("/cache/");
    let environment = Environment::new("shop").service("files", files);
    let id = repository.backup(&environment).await.unwrap().id;
    fs::remove_file(folder.path("kept")).unwrap();

    let mirror = repository.restore(id).in_place(&environment).existing(Existing::Mirror);
    let error = mirror.await.unwrap_err();
    assert!(error.to_string().contains("patterns"), "{error}");
    assert!(folder.path("cache/made").exists() && !folder.path("kept").exists());
    repository.restore(id).in_place(&environment).existing(Existing::Update).await.unwrap();
    assert!(folder.path("cache/made").exists() && folder.path("kept").exists());
}
