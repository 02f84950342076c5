//! SQLite databases: backed up in use, restored alone and in place, and what is wrong with them.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use crate::host::{Host, message, noise, remedy, text};

/// What is in the two accounts of a sound database.
#[track_caller]
fn accounts(path: &Path) -> (i64, i64) {
    let database = Connection::open(path).expect("a database");
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok");
    let amount =
        |name| database.query_row("SELECT amount FROM account WHERE name = ?", [name], |row| row.get(0));
    (amount("a").expect("an amount"), amount("b").expect("an amount"))
}

fn transfer(database: &Connection, amount: i64) {
    let change = "UPDATE account SET amount = amount + ? WHERE name = ?";
    database.execute(change, (-amount, "a")).expect("a change");
    database.execute(change, (amount, "b")).expect("a change");
}

#[test]
fn a_database_in_use_is_backed_up_and_restored_as_a_file_of_its_own() {
    let host = Host::with_repository();
    let database = host.database("shop.db");
    transfer(&database, 100);
    database.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
    transfer(&database, 500);
    let made = host.json(0, &["create", "shop", "--sqlite", "db=./shop.db", "--files", "uploads=uploads"]);
    assert_eq!((&made["contents"], &made["consistency"]), (&"full".into(), &"ordered".into()));
    assert_eq!(
        (&made["services"][0]["name"], &made["services"][0]["role"]),
        (&"db".into(), &"database".into())
    );
    host.succeeds(&["restore", "latest", "--service", "db", "--to", "look"]);
    let names: Vec<_> = fs::read_dir(host.path("look"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["shop.db"]);
    assert_eq!(accounts(&host.path("look/shop.db")), (900, 100), "what was committed, and nothing else");
    host.succeeds(&["restore", "latest", "--to", "all"]);
    assert_eq!(accounts(&host.path("all/db/shop.db")), (900, 100));
    assert_eq!(host.read("all/uploads/notes.txt"), b"remember the milk\n");
    // Files are those of the only service that has files.
    assert_eq!(host.succeeds(&["cat", "latest", "notes.txt"]), "remember the milk\n");
    host.fails(1, "unsupported", &["ls", "latest", "--service", "db"]);
    database.execute_batch("COMMIT").expect("the lock of the application is still there");
}

#[test]
fn a_database_in_a_folder_is_left_to_the_service_that_has_it() {
    let host = Host::with_repository();
    let _database = host.database("uploads/shop.db");
    let made =
        host.json(0, &["create", "shop", "--files", "uploads=uploads", "--sqlite", "db=uploads/shop.db"]);
    assert!(made["notices"].to_string().contains("shop.db"), "{made}");
    let listed = host.succeeds(&["ls", "latest", "-R"]);
    assert!(listed.contains("notes.txt") && !listed.contains("shop.db"), "{listed}");
    host.succeeds(&["restore", "latest", "--to", "look"]);
    assert_eq!(accounts(&host.path("look/db/shop.db")), (1000, 0));
}

#[test]
fn a_database_is_restored_in_place_while_nobody_has_it_open() {
    let host = Host::with_repository();
    let database = host.database("shop.db");
    host.write("shop.toml", b"[environments.shop.services.db]\nsqlite = \"shop.db\"\n");
    host.succeeds(&["create", "shop", "--config", "shop.toml"]);
    transfer(&database, 300);
    let configured = ["restore", "latest", "--in-place", "--config", "shop.toml"];
    let typed = [
        "restore",
        "latest",
        "--in-place",
        "--sqlite",
        "db=shop.db",
        "--service",
        "db",
        "--onto-existing",
        "--yes",
    ];
    let error = host.fails(1, "exists", &typed);
    assert!(message(&error).contains("shop.db") && message(&error).contains("open in process"), "{error}");
    assert!(remedy(&error).contains("stop the application") && !remedy(&error).contains("--"), "{error}");
    drop(database);
    let error = host.fails(1, "exists", &configured);
    assert!(remedy(&error).contains("--onto-existing"), "{error}");
    let refused = host.exits(2, &[&configured[..], &["--delete-extras"]].concat());
    assert!(text(&refused.stderr).contains("in place"), "{}", text(&refused.stderr));
    assert_eq!(accounts(&host.path("shop.db")), (700, 300));
    let report = host.json(0, &typed);
    assert_eq!(report["services"][0]["written"], 1, "{report}");
    assert_eq!(accounts(&host.path("shop.db")), (1000, 0));
    let error = host.fails(2, "usage", &["restore", "latest", "--in-place"]);
    assert!(message(&error).contains("shop") && remedy(&error).contains("--sqlite"), "{error}");
    let error = host.fails(1, "not_found", &["restore", "latest", "--in-place", "--sqlite", "other=shop.db"]);
    assert!(message(&error).contains("db"), "{error}");
}

#[test]
fn one_service_alone_is_left_out_on_purpose() {
    let host = Host::with_repository();
    let _database = host.database("shop.db");
    let create = ["create", "shop", "--sqlite", "db=shop.db", "--files", "uploads=uploads"];
    let made = host.json(0, &[&create[..], &["--only", "db"]].concat());
    assert_eq!((&made["contents"], &made["left_out"][0]["failure"]), (&"database_only".into(), &json!(null)));
    assert_eq!(host.backup_of(&["show", "latest-restorable"])["id"], made["id"], "the database is enough");
    let people = host.succeeds(&[&create[..], &["--only", "uploads"]].concat());
    assert!(people.contains("left out db: on purpose"), "{people}");
    let files = host.backup_of(&["show", "latest"]);
    assert_eq!((&files["contents"], &files["restorable"]), (&"files_only".into(), &false.into()));
    assert_eq!(host.backup_of(&["show", "latest-restorable"])["id"], made["id"]);
    let error = host.fails(1, "not_found", &[&create[..], &["--only", "database"]].concat());
    assert!(message(&error).contains("\"database\"") && remedy(&error).contains("db, uploads"), "{error}");
}

#[test]
fn a_service_that_fails_fails_the_backup_unless_a_part_is_enough() {
    let host = Host::with_repository();
    let _database = host.database("shop.db");
    let create = ["create", "shop", "--sqlite", "db=shop.db", "--files", "uploads=gone"];
    let error = host.fails(1, "not_found", &create);
    assert!(message(&error).contains("uploads") && message(&error).contains("gone"), "{error}");
    assert!(host.listed(&["--all"]).is_empty());
    let partial = [&create[..], &["--partial"]].concat();
    let made = host.json(3, &partial);
    assert_eq!((&made["contents"], &made["left_out"][0]["name"]), (&"partial".into(), &"uploads".into()));
    assert!(made["left_out"][0]["failure"].as_str().expect("a reason").contains("gone"), "{made}");
    let people = host.exits(3, &partial);
    assert!(text(&people.stdout).contains("left out uploads: it failed"), "{}", text(&people.stdout));
    assert!(text(&people.stderr).starts_with("warning: uploads: "), "{}", text(&people.stderr));
    assert!(host.listed(&[]).iter().all(|backup| backup["restorable"] == false));
    host.fails(1, "not_found", &["show", "latest-restorable"]);
    let error = host.json(1, &["create", "shop", "--files", "uploads=gone", "--partial"])["error"].take();
    assert!(message(&error).contains("every service failed"), "{error}");
}

#[test]
fn files_that_are_no_sound_databases_are_named() {
    let host = Host::with_repository();
    host.write("text.db", &b"this is no database at all, only text. ".repeat(200));
    host.write("random.db", &noise(3, 8192));
    host.write("folder.db/x", b"x");
    drop(host.database("torn.db"));
    let mut torn = host.read("torn.db");
    torn[4096..].fill(0xa5);
    host.write("torn.db", &torn);
    for name in ["text.db", "random.db", "folder.db", "torn.db", "missing.db"] {
        let arguments = ["create", "shop", "--json", "--sqlite", &format!("db={name}")];
        let output = host.backup(&arguments).output().expect("the binary runs");
        assert!(matches!(output.status.code(), Some(1 | 2)), "{name}: {}", text(&output.stdout));
        let error = crate::host::document(&output.stdout)["error"].take();
        assert!(message(&error).contains(name) && message(&error).contains("\"db\""), "{name}: {error}");
        assert!(!remedy(&error).is_empty(), "{name}: {error}");
    }
    assert!(!host.path("missing.db").exists(), "looking makes nothing");
    assert!(host.listed(&["--all"]).is_empty());
}

#[test]
fn a_name_is_used_once() {
    let host = Host::with_repository();
    let _database = host.database("shop.db");
    host.write("shop.toml", b"[environments.shop.services.db]\nsqlite = \"shop.db\"\n");
    for twice in [
        &["create", "shop", "--sqlite", "db=shop.db", "--sqlite", "db=shop.db"][..],
        &["create", "shop", "--sqlite", "db=shop.db", "--files", "db=uploads"],
        &["create", "shop", "--config", "shop.toml", "--sqlite", "db=shop.db"],
    ] {
        let error = host.fails(2, "invalid", twice);
        assert!(message(&error).contains("two services") && message(&error).contains("\"db\""), "{error}");
    }
}
