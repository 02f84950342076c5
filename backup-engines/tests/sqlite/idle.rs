//! Reading a database that nobody has open leaves nothing beside it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use backup_engines::Sqlite;
use rusqlite::{Connection, OpenFlags};

use super::child::{self, not_run};
use super::crashed::Crashed;
use super::shop::{self, Shop, WAYS, back_up, environment, repository};

/// A name, its owner, its bytes and its ctime.
type File = (String, u32, Option<Vec<u8>>, (i64, i64));

/// All that a change would change: names, bytes, owner and times of change.
fn everything(folder: &Path) -> Vec<File> {
    let names = fs::read_dir(folder).unwrap().map(|name| name.unwrap());
    let look = |name: fs::DirEntry| {
        let found = name.metadata().unwrap();
        let (bytes, changed) = if found.is_file() {
            (Some(fs::read(name.path()).unwrap()), (found.ctime(), found.ctime_nsec()))
        } else {
            (None, (0, 0))
        };
        (name.file_name().into_string().unwrap(), found.uid(), bytes, changed)
    };
    let mut all: Vec<_> = names.map(look).collect();
    all.sort();
    all
}

#[tokio::test]
async fn nothing_changes_in_its_folder() {
    for way in WAYS {
        let shop = Shop::new(way, 500);
        let link = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(shop.path(), link.path().join("link.db")).unwrap();
        let before = everything(shop.folder());
        let repository = repository().await;
        let through_link = shop::engine(&link.path().join("link.db"), way).scratch_folder(shop.scratch());
        for engine in [shop.engine(), through_link] {
            repository.backup(&environment(engine.clone())).preflight().await.unwrap();
            assert!(everything(shop.folder()) == before, "after preflight, {way:?}: {:?}", shop.names());
            back_up(&repository, engine).await.unwrap();
            assert!(everything(shop.folder()) == before, "after the backup, {way:?}: {:?}", shop.names());
        }
    }
}

#[tokio::test]
#[ignore = "run by the tests of this file"]
#[allow(clippy::print_stdout, reason = "the test that runs it reads this")]
async fn child_backs_up() {
    let engine = Sqlite::file(child::folder().join("shop.db"));
    let repository = repository().await;
    let looked = repository.backup(&environment(engine.clone())).preflight().await;
    println!("PREFLIGHT {}", looked.map_or_else(|error| error.chain(), |_| "PASSED".to_owned()));
    match back_up(&repository, engine).await {
        Ok(_) => println!("BACKED UP"),
        Err(error) => println!("REFUSED {:?}: {}", error.kind(), error.chain()),
    }
}

/// What another user than root is told who backs up the database of a folder.
fn backed_up_by_another_user(folder: &Path) -> String {
    child::passed(child::start(&OTHER_USER, "idle::child_backs_up", folder))
}

/// Lets all users do everything.
fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    for name in fs::read_dir(folder).unwrap() {
        fs::set_permissions(name.unwrap().path(), fs::Permissions::from_mode(0o777)).unwrap();
    }
}

#[test]
fn who_is_not_its_owner_makes_no_files_beside_it() {
    if !rustix::process::geteuid().is_root() {
        return not_run("backups by another user than the owner: this needs root");
    }
    let (wal, rollback) = (Shop::new(WAYS[0], 50), Shop::new(WAYS[2], 50));
    let crashed = Crashed::new(WAYS[0], 50);
    for folder in [wal.folder(), crashed.folder(), rollback.folder()] {
        open_to_all(folder);
    }
    for folder in [wal.folder(), crashed.folder()] {
        let before = everything(folder);
        let told = backed_up_by_another_user(folder);
        assert!(!told.contains("PREFLIGHT PASSED") && told.contains("REFUSED Permission"), "{told}");
        assert!(told.contains("WAL mode"), "{told}");
        assert!(everything(folder) == before);
    }
    let told = backed_up_by_another_user(rollback.folder());
    assert!(told.contains("PREFLIGHT PASSED") && told.contains("BACKED UP"), "{told}");
    // While the application has the database open, what is needed is there.
    let application = wal.connect();
    application.execute_batch("UPDATE account SET cents = cents").unwrap();
    open_to_all(wal.folder());
    let told = backed_up_by_another_user(wal.folder());
    assert!(told.contains("PREFLIGHT PASSED") && told.contains("BACKED UP"), "{told}");
    drop(application);
    assert_eq!(wal.names(), ["shop.db"]);
}

#[test]
fn its_owner_needs_no_root() {
    if !rustix::process::geteuid().is_root() {
        return not_run("backups by the owner: this needs root");
    }
    let shop = Shop::usual();
    for path in [shop.folder().to_owned(), shop.path()] {
        chown(path, Some(OTHER_USER_NUMBER), Some(OTHER_USER_NUMBER)).unwrap();
    }
    let before = everything(shop.folder());
    let told = backed_up_by_another_user(shop.folder());
    assert!(told.contains("PREFLIGHT PASSED") && told.contains("BACKED UP"), "{told}");
    assert!(everything(shop.folder()) == before);
}

/// What the engine relies on.
#[test]
fn what_root_makes_beside_a_database_belongs_to_its_owner() {
    if !rustix::process::geteuid().is_root() {
        return not_run("files that root makes beside a database: this needs root");
    }
    let shop = Shop::usual();
    chown(shop.path(), Some(OTHER_USER_NUMBER), Some(OTHER_USER_NUMBER)).unwrap();
    let reader = Connection::open_with_flags(shop.path(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    reader.query_row("SELECT count(*) FROM orders", [], |_| Ok(())).unwrap();
    assert_eq!(shop.names(), ["shop.db", "shop.db-shm", "shop.db-wal"]);
    for name in shop.names() {
        assert_eq!(fs::metadata(shop.folder().join(&name)).unwrap().uid(), OTHER_USER_NUMBER, "{name}");
    }
}

const OTHER_USER: [&str; 4] = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"];
const OTHER_USER_NUMBER: u32 = 1234;
