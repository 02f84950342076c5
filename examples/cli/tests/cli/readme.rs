//! The JSON documents have the members that the README promises.

use serde_json::Value;

use crate::host::Host;

/// The JSON examples of the README, in order.
fn examples() -> Vec<Value> {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```json\n").skip(1).map(|rest| rest.split("```").next().expect("a block"));
    blocks
        .flat_map(|block| serde_json::Deserializer::from_str(block).into_iter())
        .map(|example| example.expect("an example is JSON"))
        .collect()
}

/// The example whose members include these, with no other example in doubt: the first.
#[track_caller]
fn example(members: &[&str]) -> Value {
    let has = |example: &Value| members.iter().all(|member| example.get(member).is_some());
    examples().into_iter().find(has).unwrap_or_else(|| panic!("no example with {members:?}"))
}

/// Both have the same members, also within their lists and objects. Facts are free.
#[track_caller]
fn assert_same_shape(promised: &Value, printed: &Value) {
    match (promised, printed) {
        (Value::Object(promised), Value::Object(printed)) => {
            let names = |members: &serde_json::Map<String, Value>| {
                let mut names: Vec<String> = members.keys().cloned().collect();
                names.sort();
                names
            };
            assert_eq!(names(promised), names(printed));
            for (name, value) in promised.iter().filter(|(name, _)| *name != "facts") {
                assert_same_shape(value, &printed[name]);
            }
        }
        (Value::Array(promised), Value::Array(printed)) => {
            if let (Some(promised), Some(printed)) = (promised.first(), printed.first()) {
                assert_same_shape(promised, printed);
            }
        }
        _ => {}
    }
}

#[test]
fn documents_have_the_members_that_the_readme_promises() {
    let host = Host::new();
    let _database = host.database("shop.db");
    assert_same_shape(&example(&["repository"]), &host.json(0, &["init"]));
    let create = ["create", "shop", "--files", "uploads=uploads"];
    assert_same_shape(&example(&["dry_run", "new_chunks"]), &host.json(0, &create));
    let partial = [&create[..], &["--sqlite", "db=nothing.db", "--partial", "--comment", "part"]].concat();
    assert_same_shape(&example(&["dry_run", "new_chunks"]), &host.json(3, &partial));
    let dry_run = host.json(0, &[&create[..], &["--dry-run"]].concat());
    assert_same_shape(&serde_json::json!({ "dry_run": true, "services": [], "notices": [] }), &dry_run);
    host.succeeds(&["hold", "latest", "case-17", "--until", "2999-01-01T00:00:00Z"]);
    host.succeeds(&["verify", "latest", "--read-data"]);
    let listed = host.json(0, &["list"]);
    assert_same_shape(&example(&["backups", "notices"]), &listed);
    let backup = &listed["backups"][0];
    assert!(
        !backup["holds"][0].is_null() && !backup["left_out"][0].is_null(),
        "nothing is left to chance: {backup}"
    );
    assert_same_shape(
        &example(&["backups"])["backups"][0],
        &host.json(0, &["tag", "latest", "--add", "a"])["backup"],
    );
    let latin_name_first = host.json(0, &["ls", "latest"]);
    assert_same_shape(&example(&["entries", "path"]), &latin_name_first);
    assert_same_shape(&example(&["content"]), &host.json(0, &["cat", "latest", "notes.txt"]));
    host.write("uploads/notes.txt", b"changed");
    let onto = ["restore", "latest", "-s", "uploads", "--to", "uploads", "--onto-existing", "--yes"];
    assert_same_shape(&example(&["plan", "services"]), &host.json(0, &onto));
    assert_same_shape(&example(&["data_read"]), &host.json(0, &["verify", "latest"]));
    std::fs::remove_file(host.object("packs")).expect("damage");
    assert_same_shape(&example(&["orphan_packs"]), &host.json(1, &["check"]));
}

#[test]
fn documents_about_all_backups_have_the_members_that_the_readme_promises() {
    let host = Host::with_backup();
    host.write("uploads/notes.txt", b"changed");
    let old = host.backup_of(&["show", "latest"])["id"].take();
    host.fails(1, "not_found", &["create", "shop", "--files", "uploads=nothing"]);
    assert_same_shape(&example(&["runs"]), &host.json(0, &["runs"]));
    assert_same_shape(&example(&["runs"]), &host.json(0, &["runs", "--status", "failed"]));
    host.create();
    assert_same_shape(&example(&["environments", "notices"]), &host.json(0, &["environments"]));
    assert_same_shape(
        &example(&["changes"]),
        &host.json(0, &["diff", old.as_str().expect("an id"), "latest"]),
    );
    assert_same_shape(&example(&["total"]), &host.json(0, &["stats"]));
    host.write("keep.toml", b"rules = [{ type = 'last', n = 1 }]");
    let forget = ["forget", "--policy", "keep.toml"];
    assert_same_shape(&example(&["plan", "report"]), &host.json(0, &forget));
    assert_same_shape(&example(&["plan", "report"]), &host.json(0, &[&forget[..], &["--yes"]].concat()));
    let prune = ["prune", "--grace", "0s", "--yes"];
    assert_same_shape(&example(&["dry_run", "plan", "report"]), &host.json(0, &prune));
}

#[test]
fn documents_about_policies_have_the_members_that_the_readme_promises() {
    let host = Host::new();
    let history = examples().into_iter().find(|example| example[0].get("time").is_some()).expect("a history");
    host.write("history.json", history.to_string().as_bytes());
    host.write("keep.json", br#"{"rules": [{"type": "bucket", "unit": "daily", "n": 14}]}"#);
    host.write("short.json", br#"{"rules": [{"type": "ttl", "period": "P3D"}]}"#);
    let history = ["--history", "history.json", "--now", "2026-11-20T12:00:00Z"];
    let ask = |arguments: &[&str]| host.json(0, &[&["policy"], arguments, &history].concat());
    assert_same_shape(&example(&["timeline"]), &ask(&["explain", "--policy", "keep.json"]));
    assert_same_shape(&example(&["weakens"]), &ask(&["preview", "keep.json", "preset:nocobase:n=1"]));
    let lint = ["policy", "lint", "--policy", "short.json", "--cron", "0 2 * * 0", "--objective", "1h"];
    assert_same_shape(&example(&["findings"]), &host.json(3, &lint));
    assert_same_shape(&example(&["schedules"]), &host.json(0, &["policy", "next", "--region", "frankfurt"]));
    let years = ["--years", "1", "--now", "2026-11-20T12:00:00Z", "--on", "2027-01-01T00:00:00Z"];
    let simulate = ["policy", "simulate", "--preset", "xano_policy_staging"];
    assert_same_shape(&example(&["years"]), &host.json(0, &[&simulate[..], &years].concat()));
    assert_same_shape(&example(&["presets"]), &host.json(0, &["policy", "presets"]));
}

#[test]
fn a_failure_has_the_members_that_the_readme_promises() {
    let failure = Host::new().json(2, &["lst"]);
    assert_same_shape(&example(&["error"]), &failure);
}
