//! What is captured, and what is said of it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use backup_core::engine::Existing;
use backup_core::{ErrorKind, NoticeLevel};
use backup_engines::Sqlite;
use futures_util::StreamExt;
use rusqlite::functions::FunctionFlags;

use super::shop::{self, Shop, WAYS, back_up, repository, stored};

#[tokio::test]
async fn a_backup_is_the_file_as_it_is_with_its_log_in_it() {
    for way in WAYS {
        let shop = Shop::new(way, 3000);
        let application = shop.connect();
        shop::add_orders(&application, 3000);
        let repository = repository().await;
        let backup = back_up(&repository, shop.engine()).await.unwrap();
        drop(application);
        let found = stored(&repository, &backup.id).await;
        assert_eq!(found.name, "shop.db");
        let mut file = shop.checkpointed();
        assert!(file.len() > 1 << 20, "several pieces");
        let mut bytes = found.bytes;
        if !way.by_page {
            // A copy counts its own changes.
            for field in [24..28, 40..44, 92..100] {
                file[field.clone()].fill(0);
                bytes[field].fill(0);
            }
        }
        assert!(bytes == file, "{way:?}");
        assert_eq!(found.facts["sqlite.read_by"], if way.by_page { "pages" } else { "copy" });
        assert!(std::fs::read_dir(shop.scratch()).unwrap().next().is_none(), "nothing is left of the copy");
    }
}

#[tokio::test]
async fn facts_tell_what_the_database_is() {
    for way in WAYS {
        let shop = Shop::new(way, 10);
        let connection = shop.connect();
        connection.execute_batch("PRAGMA application_id = -7; PRAGMA user_version = 42").unwrap();
        drop(connection);
        let repository = repository().await;
        let backup = back_up(&repository, shop.engine()).await.unwrap();
        let found = stored(&repository, &backup.id).await;
        let pages = (found.bytes.len() / 4096).to_string();
        for (name, value) in [
            ("application_id", "-7"),
            ("user_version", "42"),
            ("auto_vacuum", "none"),
            ("encoding", "UTF-8"),
            ("journal_mode", if way.wal { "wal" } else { "rollback" }),
            ("library_version", rusqlite::version()),
            ("written_by", rusqlite::version()),
            ("page_size", "4096"),
            ("page_count", &pages),
            ("checked", "quick_check"),
            ("read_version", if way.wal { "2" } else { "1" }),
            ("schema_format", "4"),
        ] {
            assert_eq!(found.fact(&format!("sqlite.{name}")), value, "{name} {way:?}");
        }
        let info = repository.find(&backup.id.to_string()).await.unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(&info.services[0].point).is_ok(), "{:?}", info.services);
    }
}

#[tokio::test]
async fn the_schema_hash_is_that_of_the_definitions() {
    let repository = repository().await;
    let hash = async |statements: &[&str]| {
        let shop = Shop::usual();
        statements.iter().for_each(|statement| shop.connect().execute_batch(statement).unwrap());
        let backup = back_up(&repository, shop.engine()).await.unwrap();
        stored(&repository, &backup.id).await.fact("sqlite.schema_hash").to_owned()
    };
    let (a, b) = ("CREATE TABLE a (x)", "CREATE INDEX b ON orders (id, item)");
    let both = hash(&[a, b]).await;
    assert_eq!(both, hash(&[b, "INSERT INTO orders (item) VALUES ('x')", a]).await);
    assert_ne!(both, hash(&[a]).await);
    assert_ne!(both, hash(&["CREATE TABLE a (y)", b]).await);
}

#[tokio::test]
async fn page_sizes_and_encodings_are_kept() {
    for (page_size, way) in [(512, WAYS[0]), (65_536, WAYS[1]), (1024, WAYS[2]), (512, WAYS[3])] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let connection = shop::connect(&path);
        let settings = format!(
            "PRAGMA page_size = {page_size}; PRAGMA encoding = 'UTF-16le'; PRAGMA auto_vacuum = FULL"
        );
        connection.execute_batch(&format!("{settings}; CREATE TABLE t (x)")).unwrap();
        drop(connection);
        drop(shop::create(&path, way.wal));
        let repository = repository().await;
        let backup = back_up(&repository, shop::engine(&path, way)).await.unwrap();
        let found = stored(&repository, &backup.id).await;
        assert_eq!(found.fact("sqlite.page_size"), page_size.to_string());
        assert_eq!(found.fact("sqlite.auto_vacuum"), "full");
        assert_eq!(found.fact("sqlite.encoding"), "UTF-16le");
        let size = u32::from(u16::from_be_bytes([found.bytes[16], found.bytes[17]]));
        assert_eq!(if size == 1 { 65_536 } else { size }, page_size);
    }
}

#[tokio::test]
async fn an_empty_file_is_an_empty_database() {
    for way in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.db");
        std::fs::write(&path, "").unwrap();
        let repository = repository().await;
        let backup = back_up(&repository, shop::engine(&path, way)).await.unwrap();
        assert_eq!(stored(&repository, &backup.id).await.bytes, b"");
        assert_eq!(backup.warnings(), 0, "{:?}", backup.notices);
        let target = folder.path().join("restored");
        repository.restore(backup.id).service("database").to_directory(&target).await.unwrap();
        shop::connect(&target.join("new.db")).execute_batch("CREATE TABLE t (x)").unwrap();
    }
}

#[tokio::test]
async fn names_that_mean_something_to_sqlite_are_names() {
    for name in ["file:x?mode=memory", ":memory:", "a?b#c%41 d", "ü.db"] {
        for way in [WAYS[0], WAYS[1]] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            shop::create(&path, true).execute_batch("CREATE TABLE t AS SELECT 1 AS x").unwrap();
            let repository = repository().await;
            let backup = back_up(&repository, shop::engine(&path, way)).await.unwrap();
            let found = stored(&repository, &backup.id).await;
            assert_eq!(found.name, name);
            assert!(found.bytes.starts_with(b"SQLite format 3\0"));
            shop::restore(&repository, backup.id, Sqlite::file(&path), Existing::Update).await.unwrap();
            let rows = shop::connect(&path).query_row("SELECT x FROM t", [], |row| row.get::<_, u32>(0));
            assert_eq!(rows.unwrap(), 1);
        }
    }
}

#[tokio::test]
async fn a_symbolic_link_is_followed() {
    let shop = Shop::usual();
    let link = shop.folder().join("link.db");
    std::os::unix::fs::symlink("shop.db", &link).unwrap();
    let application = shop.connect();
    shop::add_orders(&application, 5);
    let repository = repository().await;
    let backup = back_up(&repository, Sqlite::file(&link)).await.unwrap();
    drop(application);
    let found = stored(&repository, &backup.id).await;
    assert_eq!(found.name, "link.db");
    assert!(found.bytes == shop.checkpointed());
    shop::restore(&repository, backup.id, Sqlite::file(&link), Existing::Update).await.unwrap();
    assert!(link.is_symlink());
    assert!(found.bytes == shop.checkpointed());
}

#[tokio::test]
async fn an_unsound_database_fails_the_backup_by_name() {
    for way in WAYS {
        let shop = Shop::new(way, 2000);
        let mut file = shop.checkpointed();
        // The cell pointers of a page of the table: SQLite reads the page, and finds no sense in it.
        let page = file.chunks(4096).rposition(|page| page[0] == 13).unwrap() * 4096;
        file[page + 8..page + 40].fill(0xff);
        std::fs::write(shop.path(), &file).unwrap();
        let repository = repository().await;
        let error = back_up(&repository, shop.engine()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{}", error.chain());
        assert!(
            error.chain().contains("quick_check") && error.chain().contains("shop.db"),
            "{}",
            error.chain()
        );
        assert!(repository.backups().await.unwrap().is_empty());
        let backup = back_up(&repository, shop.engine().without_check()).await.unwrap();
        assert_eq!(stored(&repository, &backup.id).await.fact("sqlite.checked"), "no");
    }
}

#[tokio::test]
async fn a_schema_with_functions_of_its_application_is_backed_up() {
    for way in WAYS {
        let shop = Shop::new(way, 10);
        let connection = shop.connect();
        let flags = FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_UTF8;
        connection
            .create_scalar_function("twice", 1, flags, |arguments| Ok(arguments.get::<i64>(0)? * 2))
            .unwrap();
        connection.create_collation("shouting", |a, b| a.to_uppercase().cmp(&b.to_uppercase())).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE odd (x INTEGER, y AS (twice(x)) STORED, z TEXT COLLATE shouting, CHECK (twice(x) > 0));
                 CREATE INDEX odd_by_y ON odd (twice(x)) WHERE z > 'a';
                 INSERT INTO odd (x, z) VALUES (1, 'b'), (2, 'c');
                 CREATE TABLE word (text TEXT PRIMARY KEY COLLATE shouting) WITHOUT ROWID;
                 INSERT INTO word VALUES ('a'), ('B'), ('c');",
            )
            .unwrap();
        drop(connection);
        let repository = repository().await;
        let backup = back_up(&repository, shop.engine()).await.unwrap();
        let found = stored(&repository, &backup.id).await;
        let told = backup.notices.iter().filter(|notice| notice.level == NoticeLevel::Info).count();
        assert_eq!((found.fact("sqlite.checked"), told), ("unable", 1), "{:?}", backup.notices);
        let report = shop::restore(&repository, backup.id, shop.engine(), Existing::Update).await.unwrap();
        let told: Vec<_> = report.notices.iter().map(|notice| (notice.level, &notice.message)).collect();
        assert!(told.len() == 1 && told[0].0 == NoticeLevel::Warning, "{told:?}");
        assert!(told[0].1.contains("could not be checked"), "{told:?}");
    }
}

/// SQLite never uses the page at the first gigabyte, where its locks lie. What comes after it must be where it was.
#[tokio::test]
async fn the_page_of_the_locks_is_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.db");
    write_large(&path);
    let repository = repository().await;
    let backup = back_up(&repository, Sqlite::file(&path)).await.unwrap();
    let reader = repository.service(&backup.id, "database").await.unwrap();
    assert_eq!(reader.facts()["sqlite.checked"], "quick_check");
    let mut stream = reader.stream("large.db").await.unwrap();
    let (mut file, mut expected, mut at) = (File::open(&path).unwrap(), Vec::new(), 0);
    while let Some(piece) = stream.next().await {
        let piece = piece.unwrap();
        expected.resize(piece.len(), 0);
        file.read_exact(&mut expected).unwrap();
        assert!(piece == expected, "at {at}");
        at += piece.len() as u64;
    }
    assert_eq!(at, u64::from(LARGE_PAGES) * LARGE_PAGE);
}

/// Writes a database of a little more than a gigabyte, nearly all of it a hole: free pages, listed on its last page.
fn write_large(path: &Path) {
    let connection = shop::connect(path);
    connection.execute_batch("PRAGMA page_size = 65536; CREATE TABLE t AS SELECT 1 AS x").unwrap();
    drop(connection);
    let file = File::options().read(true).write(true).open(path).unwrap();
    let used = u32::try_from(file.metadata().unwrap().len() / LARGE_PAGE).unwrap();
    let page_of_the_locks = u32::try_from((1 << 30) / LARGE_PAGE).unwrap() + 1;
    let free: Vec<u32> = (used + 1..LARGE_PAGES).filter(|page| *page != page_of_the_locks).collect();
    assert!(LARGE_PAGES > page_of_the_locks && free.len() <= 16_382, "one page lists all");
    let count = u32::try_from(free.len()).unwrap();
    let list: Vec<u8> = [0, count].into_iter().chain(free).flat_map(u32::to_be_bytes).collect();
    file.set_len(u64::from(LARGE_PAGES) * LARGE_PAGE).unwrap();
    file.write_all_at(&list, u64::from(LARGE_PAGES - 1) * LARGE_PAGE).unwrap();
    for (number, at) in [(LARGE_PAGES, 28), (LARGE_PAGES, 32), (count + 1, 36)] {
        file.write_all_at(&number.to_be_bytes(), at).unwrap();
    }
}

const LARGE_PAGE: u64 = 65_536;
const LARGE_PAGES: u32 = 16_386;
