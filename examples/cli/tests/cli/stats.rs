//! What backups cost, and what differs between them.

use serde_json::{Value, json};

use crate::host::{Host, noise};

#[test]
fn costs_are_told_for_all_for_one_and_by_month() {
    let host = Host::with_backup();
    host.write("uploads/own", &noise(9, 500_000));
    let second = host.create();
    host.succeeds(&["create", "blog", "--files", "posts=uploads"]);
    let all = host.json(0, &["stats"]);
    assert_eq!((&all["sound"], &all["total"]["backups"]), (&true.into(), &3.into()));
    let backups = all["backups"].as_array().expect("a list");
    assert!(backups[0]["added_bytes"].as_u64().expect("bytes") > 600_000, "{all}");
    assert!((400_000..600_000).contains(&backups[1]["added_bytes"].as_u64().expect("bytes")), "{all}");
    assert!(
        backups.iter().all(|backup| backup["freed_bytes"].as_u64().expect("bytes") < 100_000),
        "all is shared: {all}"
    );
    let names: Vec<&Value> =
        all["environments"].as_array().expect("a list").iter().map(|of| &of["environment"]).collect();
    assert_eq!(names, ["blog", "shop"]);
    assert_eq!(all["environments"][1]["months"][0]["backups"], 2);
    let one = host.json(0, &["stats", &second]);
    assert_eq!(
        (one["backups"].as_array().expect("a list").len(), &one["backups"][0]["id"]),
        (1, &json!(second))
    );
    assert_eq!(host.json(0, &["stats", "--env", "blog"])["backups"].as_array().expect("a list").len(), 1);
    let people = host.succeeds(&["stats"]);
    assert!(
        people.contains("FREED IF DELETED")
            && people.contains("\nshop\nMONTH")
            && people.contains("3 backups"),
        "{people}"
    );
    host.fails(1, "not_found", &["stats", "0123456789abcdef"]);
}

#[test]
fn differences_are_told_by_path() {
    let host = Host::with_repository();
    let database = host.database("shop.db");
    let create = ["create", "shop", "--sqlite", "db=shop.db", "--files", "uploads=uploads"];
    let id = |report: Value| report["id"].as_str().expect("an id").to_owned();
    let old = id(host.json(0, &create));
    database.execute("UPDATE account SET amount = 1", []).expect("a change");
    host.write("uploads/photos/3.jpg", b"new");
    host.write("uploads/notes.txt", b"buy bread\n");
    std::fs::remove_file(host.path("uploads/empty")).expect("a file less");
    let new = id(host.json(0, &create));
    let diff = |flags: &[&str]| host.json(0, &[&["diff", &old, "latest"], flags].concat());
    let all = diff(&[]);
    assert_eq!((&all["old"], &all["new"]), (&json!(old), &json!(new)));
    let told: Vec<(&str, &str, &str)> = all["changes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|change| change["new"]["kind"] != "directory")
        .map(|change| {
            let member = |name: &str| change[name].as_str().expect("text");
            (member("service"), member("path"), member("change"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("db", "", "modified"),
            ("uploads", "empty", "removed"),
            ("uploads", "notes.txt", "modified"),
            ("uploads", "photos/3.jpg", "added"),
        ]
    );
    assert_eq!((&all["summary"]["added"], &all["summary"]["removed"]), (&1.into(), &1.into()), "{all}");
    let photos = diff(&["photos/"]);
    assert!(
        photos["changes"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|change| change["path"].as_str().expect("a path").starts_with("photos")),
        "{photos}"
    );
    assert_eq!(diff(&["--service", "db"])["changes"].as_array().expect("a list").len(), 1);
    let people = host.succeeds(&["diff", &old, &new]);
    for line in [
        "+ uploads: photos/3.jpg, 3 B",
        "- uploads: empty, 0 B",
        "~ uploads: notes.txt, 10 B (content, metadata)",
        "~ db: shop.db, ",
    ] {
        assert!(people.contains(line), "{line} in {people}");
    }
    let same = host.json(0, &["diff", &new, &new]);
    assert_eq!((&same["changes"], &same["summary"]["modified"]), (&json!([]), &0.into()));
    host.fails(1, "not_found", &["diff", &old, "0123456789abcdef"]);
    host.fails(1, "not_found", &["diff", &old, &new, "--service", "nothing"]);
}
