//! What goes wrong, as a clear error that names the thing, the reason and the remedy.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::path::Path;
use std::process::Command;

use crate::host::{Host, assert_exit, binary, document, message, noise, not_run, remedy, text};

#[test]
fn a_place_without_a_repository() {
    let host = Host::new();
    let error = host.fails(1, "not_found", &["list"]);
    assert!(message(&error).contains("/repository"), "{error}");
    host.fails(1, "not_found", &["create", "shop", "--files", "uploads=uploads"]);
    assert!(!host.path("repository/packs").exists(), "nothing was made");
    host.write("repository/holiday.jpg", b"not a repository");
    host.fails(1, "not_found", &["list"]);
}

#[test]
fn a_repository_that_is_no_place() {
    let host = Host::new();
    for (location, named) in [("ftp://example.org/backups", "ftp"), ("file://relative", "file:")] {
        let error = host.fails(2, "invalid", &["list", "-r", location]);
        assert!(message(&error).contains(named), "{error}");
    }
    let latin = [OsStr::new("init"), OsStr::new("-r"), OsStr::from_bytes(b"caf\xe9")];
    let error = host.fails(2, "invalid", &latin);
    assert!(message(&error).contains("caf\\xe9"), "{error}");
    assert!(!host.root().join(latin[2]).exists());
}

#[test]
fn a_newer_format() {
    let host = Host::with_backup();
    let file = host.path("repository/repository.json");
    let changed = fs::read_to_string(&file).expect("text").replace("\"format\": 1", "\"format\": 2");
    assert!(changed.contains("\"format\": 2"), "{changed}");
    make_writable(&file);
    fs::write(&file, changed).expect("a change");
    let error = host.fails(1, "unsupported", &["list"]);
    assert!(message(&error).contains('2'), "{error}");
}

#[test]
fn ids_that_match_none_or_several() {
    let host = Host::with_repository();
    host.fails(1, "not_found", &["show", "latest"]);
    let ids = [host.create(), host.create()];
    host.fails(1, "not_found", &["show", "0123456789abcdef"]);
    for id in ["", "newest", "../x"] {
        host.fails(2, "invalid", &["show", id]);
    }
    // Both begin with the same hours.
    let error = host.fails(2, "invalid", &["restore", &ids[0][..4], "--to", "look"]);
    assert!(ids.iter().all(|id| message(&error).contains(id)), "it names the candidates: {error}");
    assert!(!host.path("look").exists());
}

#[test]
fn names_that_no_service_or_environment_can_have() {
    let host = Host::with_repository();
    let long = "x".repeat(201);
    for name in ["", "a/b", ".", "..", &long, "a\nb"] {
        let error = host.fails(2, "invalid", &["create", "shop", "--files", &format!("{name}=uploads")]);
        assert!(message(&error).contains("service"), "{error}");
    }
    for name in ["", "/shop", "shop/", "a//b", "a/../b", "./a", &"x".repeat(1025)] {
        let error = host.fails(2, "invalid", &["create", name, "--files", "uploads=uploads"]);
        assert!(message(&error).contains("environment"), "{error}");
    }
    let twice = ["create", "shop", "--files", "uploads=uploads", "--files", "uploads=uploads"];
    assert!(message(&host.fails(2, "invalid", &twice)).contains("uploads"));
    assert_eq!(host.json(0, &["list"])["backups"], serde_json::json!([]));
    host.succeeds(&["create", "acme/production/eu", "--files", "uploads=uploads"]);
}

#[test]
fn folders_and_patterns_that_cannot_be_read() {
    let host = Host::with_repository();
    let error = host.fails(1, "not_found", &["create", "shop", "--files", "uploads=nothing"]);
    assert!(message(&error).contains("nothing"), "{error}");
    let error = host.json(2, &["create", "shop", "--files", "uploads=uploads/notes.txt"])["error"].take();
    assert!(message(&error).contains("notes.txt"), "{error}");
    let error =
        host.json(2, &["create", "shop", "--files", "uploads=uploads", "--exclude", "[z-a]"])["error"].take();
    assert!(message(&error).contains("[z-a]"), "{error}");
}

#[test]
fn a_full_disk_while_backing_up_and_while_restoring() {
    let host = Host::with_repository();
    host.write("uploads/large", &noise(7, 6 << 20));
    // No file may grow past this many blocks of 512 bytes: what a full disk is to a program.
    let limited = |arguments: &str| {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -f 2048; exec \"$0\" {arguments} --json");
        let output = host.prepare(&mut shell).arg("-c").arg(script).arg(binary()).output().expect("a shell");
        assert_exit(&output, 1);
        let error = document(&output.stdout)["error"].take();
        assert_eq!(error["kind"], "full", "{error}");
        error
    };
    limited("create shop --files uploads=uploads");
    assert_eq!(host.json(0, &["list"])["backups"], serde_json::json!([]));
    assert_eq!(host.json(0, &["check"])["sound"], true);
    host.create();
    let error = limited("restore latest --service uploads --to look");
    assert!(message(&error).contains("large"), "{error}");
    assert!(!host.path("look/large").exists(), "no file is half there");
    host.succeeds(&["restore", "latest", "--service", "uploads", "--to", "look", "--onto-existing", "--yes"]);
    assert!(host.read("look/large") == host.read("uploads/large"));
}

#[test]
fn a_full_disk_while_a_database_is_restored() {
    let host = Host::with_repository();
    let database = host.database("shop.db");
    database
        .execute_batch("CREATE TABLE large AS SELECT randomblob(3000000) AS noise;")
        .expect("a large row");
    drop(database);
    host.succeeds(&["create", "shop", "--sqlite", "db=shop.db"]);
    let before = host.read("shop.db");
    for target in ["--to look", "--in-place --sqlite db=shop.db --onto-existing --yes"] {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -f 2048; exec \"$0\" restore latest --service db {target} --json");
        let output = host.prepare(&mut shell).arg("-c").arg(script).arg(binary()).output().expect("a shell");
        assert_exit(&output, 1);
        let error = document(&output.stdout)["error"].take();
        assert_eq!(error["kind"], "full", "{error}");
        assert!(message(&error).contains("shop.db"), "{error}");
    }
    assert!(!host.path("look/shop.db").exists(), "no file is half there");
    assert!(host.read("shop.db") == before, "the old database is as it was");
}

#[test]
fn a_database_that_may_not_be_read_or_written_is_named() {
    let host = Host::new();
    drop(host.database("shop.db"));
    fs::create_dir(host.path("data")).expect("a folder");
    fs::rename(host.path("shop.db"), host.path("data/shop.db")).expect("a move");
    fs::set_permissions(host.path("data/shop.db"), fs::Permissions::from_mode(0o444)).expect("a mode");
    let Some(run) = as_somebody_else(&host) else { return };
    assert_exit(&run(&["init"]), 0);
    for mode in [0o444, 0o000] {
        fs::set_permissions(host.path("data/shop.db"), fs::Permissions::from_mode(mode)).expect("a mode");
        fs::set_permissions(host.path("data"), fs::Permissions::from_mode(0o555)).expect("a mode");
        let output = run(&["create", "shop", "--sqlite", "db=data/shop.db", "--json"]);
        assert_exit(&output, 1);
        let error = document(&output.stdout)["error"].take();
        assert_eq!(error["kind"], "permission", "{mode:o}: {error}");
        assert!(
            message(&error).contains("data/shop.db") && remedy(&error).contains("right"),
            "{mode:o}: {error}"
        );
        fs::set_permissions(host.path("data"), fs::Permissions::from_mode(0o755)).expect("a mode");
    }
}

#[test]
fn a_file_that_may_not_be_read_is_named_and_the_rest_is_kept() {
    let host = Host::new();
    let secret = host.path("uploads/photos/2026/2.jpg");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).expect("a mode");
    let Some(run) = as_somebody_else(&host) else { return };
    assert_exit(&run(&["init"]), 0);
    let people = run(&["create", "shop", "--files", "uploads=uploads"]);
    assert_exit(&people, 3);
    let warning = text(&people.stderr);
    assert!(warning.starts_with("warning: uploads: photos/2026/2.jpg: "), "{warning}");
    let output = run(&["create", "shop", "--files", "uploads=uploads", "--json"]);
    assert_exit(&output, 3);
    let notices = document(&output.stdout)["notices"].take();
    let (level, path) = (&notices[0]["level"], &notices[0]["path"]);
    assert_eq!((level, path), (&"warning".into(), &"photos/2026/2.jpg".into()), "{notices}");
    let shown = run(&["show", "latest", "--json"]);
    assert_exit(&shown, 0);
    assert_eq!(document(&shown.stdout)["backup"]["warnings"], 1);
    let rest = run(&["ls", "latest", "-R"]);
    assert!(text(&rest.stdout).contains("1.jpg") && !text(&rest.stdout).contains("2.jpg"));
}

/// Runs `backup` as a user whom permissions bind. Root is bound by none, so root becomes somebody else.
fn as_somebody_else(host: &Host) -> Option<impl Fn(&[&str]) -> std::process::Output> {
    const NOBODY: u32 = 65_534;
    let is_root = rustix::process::geteuid().is_root();
    let program = host.path("backup");
    fs::copy(binary(), &program).expect("a copy that everybody may run");
    if is_root {
        make_owned(host.root(), NOBODY);
    }
    let run = move |host: &Host, arguments: &[&str]| {
        let mut command = if is_root { Command::new("setpriv") } else { Command::new(&program) };
        if is_root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        }
        host.prepare(&mut command).args(arguments).output()
    };
    match run(host, &["--version"]) {
        Ok(output) if output.status.success() => {
            Some(move |arguments: &[&str]| run(host, arguments).expect("the binary runs"))
        }
        _ => {
            not_run(
                "an unreadable file through the command line: root cannot become another user here (setpriv)",
            );
            None
        }
    }
}

fn make_owned(path: &Path, owner: u32) {
    lchown(path, Some(owner), Some(owner)).expect("an owner");
    if path.is_dir() && !path.is_symlink() {
        for entry in path.read_dir().expect("a folder") {
            make_owned(&entry.expect("an entry").path(), owner);
        }
    }
}

fn make_writable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}
