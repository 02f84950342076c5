//! What cannot be backed up is refused with its name, the reason and a remedy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use backup_core::{Error, ErrorKind};
use backup_engines::Sqlite;

use super::child::not_run;
use super::crashed::Crashed;
use super::mount::Mount;
use super::shop::{self, Shop, WAYS, Way, back_up, repository, stored};

async fn refused(path: &Path, way: Way) -> Error {
    let repository = repository().await;
    let error = back_up(&repository, shop::engine(path, way)).await.unwrap_err();
    assert!(repository.backups().await.unwrap().is_empty());
    let name = path.file_name().unwrap().to_string_lossy();
    assert!(error.chain().contains(&*name), "{}", error.chain());
    assert!(!error.remedy().is_empty());
    error
}

/// A folder with one file.
fn file(name: &str, content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

#[tokio::test]
async fn what_is_no_database_may_be_an_encrypted_one() {
    let noise: Vec<u8> = blake3_noise(3 * 4096);
    let text = b"To whom it may concern, ".repeat(400);
    for content in [&noise[..], &text, &noise[..700], b"xy"] {
        for way in WAYS {
            let (_folder, path) = file("shop.db", content);
            let error = refused(&path, way).await;
            assert_eq!(error.kind(), ErrorKind::Invalid, "{}", error.chain());
            assert!(error.chain().contains("encrypted"), "{}", error.chain());
        }
    }
}

fn blake3_noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(b"a key").finalize_xof().fill(&mut bytes);
    bytes
}

#[tokio::test]
async fn a_malformed_database_is_damaged() {
    for way in WAYS {
        let shop = Shop::new(way, 2000);
        let file = shop.checkpointed();
        // Shorter than its header says.
        fs::write(shop.path(), &file[..file.len() / 2]).unwrap();
        let error = refused(&shop.path(), way).await;
        assert_eq!(error.kind(), ErrorKind::Damaged, "{}", error.chain());
        // Without sense on its first page.
        let mut senseless = file;
        senseless[100..4096].fill(0xaa);
        fs::write(shop.path(), senseless).unwrap();
        let error = refused(&shop.path(), way).await;
        assert_eq!(error.kind(), ErrorKind::Damaged, "{}", error.chain());
    }
}

#[tokio::test]
async fn what_is_no_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
    for (name, kind) in [
        ("missing", ErrorKind::NotFound),
        ("missing/shop.db", ErrorKind::NotFound),
        ("dangling", ErrorKind::NotFound),
        ("folder", ErrorKind::Invalid),
        ("pipe", ErrorKind::Invalid),
    ] {
        let error = refused(&at(name), WAYS[0]).await;
        assert_eq!(error.kind(), kind, "{name}: {}", error.chain());
    }
    assert!(!at("missing").exists(), "nothing is made");
}

#[tokio::test]
async fn a_name_that_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"shop\xff.db"));
    drop(shop::create(&path, true));
    fs::write(&path, "").unwrap();
    let error = back_up(&repository().await, Sqlite::file(&path)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", error.chain());
    assert!(error.remedy().contains("symbolic link"));
}

/// What a crash left is undone first, as any application would.
#[tokio::test]
async fn a_database_that_was_not_closed_is_backed_up_as_it_was_committed() {
    for way in WAYS {
        let crashed = Crashed::new(way, 500);
        let look = || (fs::read(crashed.path()).unwrap(), fs::read_dir(crashed.folder()).unwrap().count());
        let before = look();
        let repository = repository().await;
        let environment = shop::environment(shop::engine(&crashed.path(), way));
        repository.backup(&environment).preflight().await.unwrap();
        assert!(look() == before, "preflight changes nothing");
        let backup = back_up(&repository, shop::engine(&crashed.path(), way)).await.unwrap();
        assert_eq!(backup.notices.iter().any(|notice| notice.message.contains("not closed")), !way.wal);
        let target = crashed.folder().join("restored");
        repository.restore(backup.id).service("database").to_directory(&target).await.unwrap();
        assert!(shop::content(&target.join("shop.db")) == crashed.content, "{way:?}");
        assert!(shop::content(&crashed.path()) == crashed.content);
    }
}

#[tokio::test]
async fn a_read_only_file_system_needs_no_write_in_rollback_mode() {
    for way in WAYS {
        let Some(mount) = Mount::new(8 << 20) else {
            return not_run("databases on a read-only file system: mounting is not permitted");
        };
        let shop = Shop::new(way, 500);
        fs::copy(shop.path(), mount.path("shop.db")).unwrap();
        mount.make_read_only();
        let repository = repository().await;
        let engine = shop::engine(&mount.path("shop.db"), way).scratch_folder(shop.scratch());
        let result = back_up(&repository, engine).await;
        if way.wal {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Permission, "{}", error.chain());
            assert!(error.remedy().contains("-wal"), "{}", error.remedy());
        } else {
            assert!(stored(&repository, &result.unwrap().id).await.bytes.len() > 4096);
        }
    }
}

/// The index of the log must be there: SQLite makes it when it opens a database, and cannot here.
#[tokio::test]
async fn a_log_on_a_read_only_file_system_is_read_too() {
    let Some(mount) = Mount::new(8 << 20) else {
        return not_run("a log on a read-only file system: mounting is not permitted");
    };
    let crashed = Crashed::new(WAYS[0], 500);
    crashed.copy_to(mount.folder());
    fs::write(mount.path("shop.db-shm"), vec![0; 32_768]).unwrap();
    mount.make_read_only();
    let repository = repository().await;
    let backup = back_up(&repository, Sqlite::file(mount.path("shop.db"))).await.unwrap();
    let target = crashed.folder().join("restored");
    repository.restore(backup.id).service("database").to_directory(&target).await.unwrap();
    assert!(shop::content(&target.join("shop.db")) == crashed.content);
}

#[tokio::test]
async fn what_a_crash_left_cannot_be_undone_on_a_read_only_file_system() {
    let Some(mount) = Mount::new(8 << 20) else {
        return not_run("a journal on a read-only file system: mounting is not permitted");
    };
    let crashed = Crashed::new(WAYS[2], 500);
    crashed.copy_to(mount.folder());
    mount.make_read_only();
    let error = refused(&mount.path("shop.db"), WAYS[2]).await;
    assert!(error.chain().contains("not closed properly"), "{}", error.chain());
}

#[tokio::test]
async fn a_full_scratch_folder_is_named() {
    let Some(mount) = Mount::new(256 << 10) else {
        return not_run("a full scratch folder: mounting is not permitted");
    };
    for way in [WAYS[1], WAYS[3]] {
        let shop = Shop::new(way, 5000);
        let repository = repository().await;
        let engine = shop.engine().scratch_folder(mount.folder());
        let environment = shop::environment(engine.clone());
        let preflight = repository.backup(&environment).preflight().await.unwrap();
        let told = format!("{preflight:?}");
        assert!(told.contains("SQLITE_ENABLE_DBPAGE_VTAB"), "{told}");
        let error = back_up(&repository, engine).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{}", error.chain());
        assert!(error.chain().contains(mount.folder().to_str().unwrap()), "{}", error.chain());
        assert!(fs::read_dir(mount.folder()).unwrap().next().is_none());
        // Nobody is held up by what failed.
        shop.connect().execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
    }
}

#[tokio::test]
async fn a_scratch_folder_that_is_missing_is_named() {
    let shop = Shop::new(WAYS[1], 10);
    let error =
        back_up(&repository().await, shop.engine().scratch_folder("/no/such/folder")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{}", error.chain());
    assert!(error.chain().contains("/no/such/folder"), "{}", error.chain());
}
