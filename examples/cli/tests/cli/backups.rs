//! Making, listing and looking into backups.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use crate::host::{Host, text};

#[test]
fn a_new_repository_is_named_and_private() {
    let host = Host::new();
    let made = host.json(0, &["init"]);
    assert_eq!(made["repository"]["id"].as_str().expect("an id").len(), 32);
    assert!(made["repository"]["location"].as_str().expect("a location").ends_with("/repository"));
    assert_eq!(host.fails(1, "exists", &["init"])["kind"], "exists");
    assert_eq!(host.json(0, &["list"])["backups"], serde_json::json!([]));
    assert_eq!(host.succeeds(&["list"]), "no backups\n");
}

#[test]
fn a_backup_is_reported_listed_and_shown() {
    let host = Host::with_repository();
    let arguments = [
        "create",
        "shop",
        "--files",
        "uploads=./uploads",
        "--comment",
        "before 2.4",
        "--tag",
        "a",
        "--tag",
        "b",
    ];
    let report = host.json(0, &arguments);
    for member in ["logical_bytes", "read_bytes", "stored_bytes", "entries", "new_chunks"] {
        assert!(report[member].as_u64().expect("a number") > 0, "{member} of {report}");
    }
    for member in ["started_at", "duration_seconds", "pause_seconds", "unchanged_entries", "notices"] {
        assert!(!report[member].is_null(), "{member} of {report}");
    }
    assert_eq!((&report["dry_run"], &report["environment"]), (&false.into(), &"shop".into()));
    let listed = host.json(0, &["list"])["backups"].take();
    assert_eq!(listed.as_array().expect("a list").len(), 1);
    assert_eq!(listed[0]["id"], report["id"]);
    let shown = host.json(0, &["show", "latest"])["backup"].take();
    assert_eq!(shown, listed[0]);
    assert_eq!((&shown["comment"], &shown["tags"]), (&"before 2.4".into(), &serde_json::json!(["a", "b"])));
    assert_eq!((&shown["kinds"], &shown["warnings"]), (&serde_json::json!(["manual"]), &0.into()));
    let service = &shown["services"][0];
    assert_eq!((&service["name"], &service["engine"]), (&"uploads".into(), &"files".into()));
    assert_eq!(service["artifacts"][0]["kind"], "tree");
    let people = host.succeeds(&["show", "latest"]);
    assert!(people.contains("before 2.4") && people.contains("service uploads (files)"), "{people}");
}

#[test]
fn lists_are_newest_first_limited_and_by_environment() {
    let host = Host::with_repository();
    let ids: Vec<String> = ["shop", "acme/production", "shop"]
        .iter()
        .map(|environment| {
            let report = host.json(0, &["create", environment, "--files", "uploads=uploads"]);
            report["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    let listed = |arguments: &[&str]| -> Vec<String> {
        let document = host.json(0, &[&["list"], arguments].concat());
        let backups = document["backups"].as_array().expect("a list").clone();
        backups.iter().map(|backup| backup["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(listed(&[]), [&*ids[2], &ids[1], &ids[0]]);
    assert_eq!(listed(&["--limit", "1"]), [&*ids[2]]);
    assert_eq!(listed(&["--environment", "shop"]), [&*ids[2], &ids[0]]);
    assert_eq!(listed(&["--environment", "shop", "-n", "1"]), [&*ids[2]]);
    assert!(listed(&["--environment", "nobody"]).is_empty());
    assert_eq!(host.json(0, &["show", "latest"])["backup"]["id"], *ids[2]);
    assert_eq!(
        host.json(0, &["show", "latest", "--environment", "acme/production"])["backup"]["id"],
        *ids[1]
    );
    let error = host.fails(1, "not_found", &["show", "latest", "--environment", "nobody"]);
    assert!(error["message"].as_str().expect("text").contains("nobody"), "{error}");
}

#[test]
fn the_piece_of_an_id_that_a_list_shows_names_the_backup() {
    let host = Host::with_repository();
    let ids = [host.create(), host.create()];
    let table = host.succeeds(&["list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("ID  ") && lines[0].contains("CREATED"), "{table}");
    for (line, id) in lines[1..].iter().zip(ids.iter().rev()) {
        let piece = line.split_whitespace().next().expect("an id");
        assert!(piece.len() >= 6 && id.ends_with(piece), "{piece} of {id}");
        for name in [piece, id, &id.to_uppercase()] {
            assert_eq!(host.json(0, &["show", name])["backup"]["id"], **id);
        }
        assert!(
            line.contains("+00:00") && line.contains("KiB"),
            "local time with offset, sizes for people: {line}"
        );
    }
}

#[test]
fn files_are_listed_level_by_level_or_all() {
    let host = Host::with_backup();
    let paths = |arguments: &[&str]| -> Vec<String> {
        let document = host.json(0, &[&["ls", "latest"], arguments].concat());
        let entries = document["entries"].as_array().expect("a list").clone();
        entries.iter().map(|entry| entry["path"].as_str().expect("a path").to_owned()).collect()
    };
    assert_eq!(paths(&[]), ["caf\\xe9", "empty", "link", "notes.txt", "photos"]);
    assert_eq!(paths(&["photos/"]), ["photos/2026"]);
    assert_eq!(paths(&["./photos", "-R"]), ["photos/2026", "photos/2026/1.jpg", "photos/2026/2.jpg"]);
    assert_eq!(paths(&["notes.txt", "--service", "uploads"]), ["notes.txt"]);
    assert_eq!(paths(&["--recursive"]).len(), 8);
    let people = host.succeeds(&["ls", "latest"]);
    assert!(people.contains("link -> notes.txt") && people.contains("drwx"), "{people}");
    host.fails(1, "not_found", &["ls", "latest", "nothing/here"]);
    host.fails(1, "not_found", &["ls", "latest", "--service", "nothing"]);
}

#[test]
fn an_entry_says_all_about_itself() {
    let host = Host::with_backup();
    let entries = host.json(0, &["ls", "latest"])["entries"].take();
    let entry = |path: &str| {
        entries
            .as_array()
            .expect("a list")
            .iter()
            .find(|entry| entry["path"] == path)
            .expect("an entry")
            .clone()
    };
    let notes = entry("notes.txt");
    assert_eq!((&notes["kind"], &notes["size"]), (&"file".into(), &18.into()));
    assert!(notes["mtime"].as_str().expect("a time").ends_with('Z') && notes["mode"].is_string());
    assert!(notes.get("path_bytes").is_none() && notes.get("target").is_none());
    assert_eq!(entry("link")["target"], "notes.txt");
    let latin = entry("caf\\xe9");
    assert_eq!(latin["path_bytes"], "636166e9");
}

#[test]
fn one_file_is_printed_as_it_was() {
    let host = Host::with_backup();
    let printed = |path: &OsStr| host.exits(0, &[OsStr::new("cat"), OsStr::new("latest"), path]).stdout;
    for path in ["notes.txt", "photos/2026/1.jpg", "photos/2026/2.jpg", "empty"] {
        assert!(printed(OsStr::new(path)) == host.read(&format!("uploads/{path}")), "{path}");
    }
    let latin = OsStr::from_bytes(b"caf\xe9");
    assert_eq!(printed(latin), b"latin");
    let document = host.json(0, &["cat", "latest", "notes.txt"]);
    assert_eq!((&document["content"], &document["size"]), (&"remember the milk\n".into(), &18.into()));
    let binary = host.json(0, &["cat", "latest", "photos/2026/2.jpg"]);
    assert_eq!(binary["content_bytes"].as_str().expect("digits").len(), 10_000);
    host.fails(1, "not_found", &["cat", "latest", "nothing"]);
    let error = host.fails(2, "usage", &["cat", "latest", "link"]);
    assert!(
        error["message"].as_str().expect("text").contains("notes.txt"),
        "it says where the link points: {error}"
    );
    host.fails(2, "usage", &["cat", "latest", "photos"]);
}

#[test]
fn holes_are_printed_as_zeros() {
    let host = Host::with_repository();
    let file = fs::File::create(host.path("uploads/sparse")).expect("a file");
    file.set_len(3_000_000).expect("a hole");
    host.create();
    let printed = host.exits(0, &["cat", "latest", "sparse"]).stdout;
    assert!(printed.len() == 3_000_000 && printed.iter().all(|byte| *byte == 0));
}

#[test]
fn several_services_each_have_a_name() {
    let host = Host::with_repository();
    host.write("docs/a.md", b"# A\n");
    host.write("docs/cache/b.tmp", b"b");
    host.write("uploads/cache/c.tmp", b"c");
    host.succeeds(&[
        "create",
        "shop",
        "--files",
        "uploads=uploads",
        "--files",
        "docs=docs",
        "--exclude",
        "cache/**",
    ]);
    let error = host.fails(2, "usage", &["ls", "latest"]);
    assert!(error["message"].as_str().expect("text").contains("uploads, docs"), "{error}");
    assert_eq!(host.succeeds(&["cat", "latest", "a.md", "--service", "docs"]), "# A\n");
    for service in ["docs", "uploads"] {
        host.fails(1, "not_found", &["ls", "latest", "--service", service, "cache/c.tmp"]);
        assert_eq!(
            host.json(0, &["ls", "latest", "--service", service, "cache"])["entries"],
            serde_json::json!([])
        );
    }
}

#[test]
fn an_environment_may_come_from_a_file() {
    let host = Host::with_repository();
    host.write("uploads/cache/x", b"x");
    host.write(
        "etc/backup.toml",
        b"repository = \"../repository\"\n\
          [environments.\"acme/production\".facts]\n\"app.version\" = \"2.4.1\"\n\
          [environments.\"acme/production\".services.uploads]\nfiles = \"../uploads\"\nexclude = [\"cache/\"]\n",
    );
    let run = |arguments: &[&str]| {
        let mut command = host.backup(arguments);
        let output = command.env_remove("BACKUP_REPOSITORY").output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    run(&["create", "acme/production", "--config", "etc/backup.toml"]);
    let shown = run(&["--config", "etc/backup.toml", "show", "latest"]);
    assert!(shown.contains("app.version = 2.4.1"), "{shown}");
    let listed = run(&["ls", "latest", "--config", "etc/backup.toml", "-R"]);
    assert!(listed.contains("notes.txt") && !listed.contains("cache"), "{listed}");
    host.fails(2, "usage", &["create", "shop", "--config", "etc/backup.toml"]);
    host.write("etc/bad.toml", b"[environments.shop.services.uploads]\nfile = \"../uploads\"\n");
    let error = host.fails(2, "invalid", &["list", "--config", "etc/bad.toml"]);
    assert!(error["message"].as_str().expect("text").contains("file"), "{error}");
    let error = host.fails(1, "not_found", &["list", "--config", "etc/nothing.toml"]);
    assert_eq!(error["remedy"], "check the path");
}

#[test]
fn a_dry_run_stores_nothing() {
    let host = Host::with_repository();
    let preview = host.json(0, &["create", "shop", "--files", "uploads=uploads", "--dry-run"]);
    assert_eq!((&preview["dry_run"], &preview["services"][0]["name"]), (&true.into(), &"uploads".into()));
    assert!(
        host.succeeds(&["create", "shop", "--files", "uploads=uploads", "--dry-run"])
            .contains("nothing was stored")
    );
    assert_eq!(host.json(0, &["list"])["backups"], serde_json::json!([]));
    assert!(!host.path("repository/packs").read_dir().is_ok_and(|mut packs| packs.any(|shard| {
        shard.expect("a folder").path().read_dir().is_ok_and(|mut packs| packs.next().is_some())
    })));
}

#[test]
fn verify_and_check_find_a_sound_repository_sound() {
    let host = Host::with_backup();
    let id = host.create();
    for arguments in [&["verify", "latest"][..], &["verify", &id, "--read-data"]] {
        let report = host.json(0, arguments);
        assert_eq!(
            (&report["sound"], &report["problems"]),
            (&true.into(), &serde_json::json!([])),
            "{report}"
        );
        assert_eq!(report["data_read"], arguments.len() == 3);
    }
    for (arguments, reads) in [
        (&["check"][..], false),
        (&["check", "--read-data"], true),
        (&["check", "--read-data=100%"], true),
        (&["check", "--read-data=1/7"], true),
    ] {
        let report = host.json(0, arguments);
        assert_eq!((&report["sound"], &report["backups"]), (&true.into(), &2.into()), "{report}");
        let read = report["bytes_read"].as_u64().expect("a number");
        assert!(reads || read == 0, "{report}");
    }
    assert!(host.json(0, &["check", "--read-data"])["bytes_read"].as_u64().expect("a number") > 600_000);
    assert!(host.succeeds(&["check"]).starts_with("2 backups, "));
    assert!(host.succeeds(&["verify", "latest", "--read-data"]).contains("is what was stored"));
    host.fails(2, "usage", &["check", "--read-data=many"]);
}

#[test]
fn a_repository_in_the_folder_that_is_backed_up_is_left_out() {
    let host = Host::with_repository();
    host.succeeds(&["create", "all", "--files", "all=."]);
    let listed = host.succeeds(&["ls", "latest", "--recursive"]);
    assert!(listed.contains("uploads") && !listed.contains("repository"), "{listed}");
    let refused = host.fails(2, "usage", &["create", "all", "--files", "all=./repository/packs"]);
    assert!(refused["message"].as_str().expect("a message").contains("is the repository"), "{refused}");
}
