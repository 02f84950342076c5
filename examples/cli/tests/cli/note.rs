//! What is said about a backup later.

use serde_json::{Value, json};

use crate::host::{Host, message, remedy};

#[test]
fn what_is_said_about_a_backup_is_shown_with_it() {
    let host = Host::with_repository();
    let id = host.create_with(&["--kind", "nightly", "--tag", "new", "--comment", "first"]);
    let held = host.backup_of(&["hold", "latest", "case-17", "--by", "alice"]);
    assert_eq!((&held["id"], &held["holds"]), (&json!(id), &json!([{ "id": "case-17" }])));
    let until = "2999-01-31T01:00:00+01:00";
    let held = host.backup_of(&["hold", &id, "audit", "--until", until]);
    assert!(held["holds"].to_string().contains("2999-01-31T00:00:00Z"), "{held}");
    let tagged = host
        .backup_of(&["tag", &id, "--add", "release", "--add", "2.4", "--remove", "new", "--remove", "none"]);
    assert_eq!(tagged["tags"], json!(["2.4", "release"]));
    assert_eq!(host.backup_of(&["comment", &id, "second"])["comment"], "second");
    assert_eq!(
        host.backup_of(&["convert", &id, "--kind", "manual", "--kind", "final"])["kinds"],
        json!(["final", "manual"])
    );
    let shown = host.backup_of(&["show", &id]);
    assert_eq!(host.listed(&[]), [shown]);
    let people = host.succeeds(&["show", &id]);
    for part in ["case-17", "audit until 2999-01-31", "2.4, release", "second", "final, manual"] {
        assert!(people.contains(part), "{part} in {people}");
    }
    assert!(host.succeeds(&["list"]).contains("(held: "), "{}", host.succeeds(&["list"]));
    let released = host.succeeds(&["hold", &id, "case-17", "--release"]);
    assert_eq!(released, format!("released the hold \"case-17\" of backup {id}\n"));
    assert!(!host.backup_of(&["show", &id])["holds"].to_string().contains("case-17"));
    assert_eq!(host.succeeds(&["comment", &id, ""]), format!("backup {id} has no comment\n"));
    assert_eq!(host.json(0, &["check"])["sound"], true);
}

#[test]
fn notes_that_cannot_be() {
    let host = Host::with_repository();
    let id = host.create();
    for command in [
        &["hold", "0123456789abcdef", "case"][..],
        &["comment", "0123456789abcdef", "x"],
        &["delete", "0123456789abcdef", "--yes"],
        &["undelete", "0123456789abcdef"],
    ] {
        let error = host.fails(1, "not_found", command);
        assert!(message(&error).contains("0123456789abcdef"), "{error}");
    }
    host.succeeds(&["hold", &id, "case-17"]);
    let error = host.fails(2, "invalid", &["hold", &id, "case-18", "--release"]);
    assert!(message(&error).contains("case-18") && remedy(&error).contains("case-17"), "{error}");
    for wrong in [
        &["hold", &id, ""][..],
        &["hold", &id, "a\nb"],
        &["tag", &id, "--add", "a", "--remove", "a"],
        &["comment", &id, &"x".repeat(20_000)],
        &["comment", &id, "x", "--by", ""],
    ] {
        host.fails(2, "invalid", wrong);
    }
    host.succeeds(&["hold", &id, "case-17", "--release"]);
    host.exits(3, &["delete", &id, "--yes"]);
    let error = host.fails(2, "invalid", &["hold", &id, "late"]);
    assert!(remedy(&error).contains("undelete"), "{error}");
    let shown = host.backup_of(&["show", &id]);
    assert_eq!((&shown["status"], &shown["holds"]), (&"deleted".into(), &json!([])));
    assert_ne!(shown["deleted_at"], Value::Null);
}
