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
    assert_same_shape(&example(&["repository"]), &host.json(0, &["init"]));
    let create = ["create", "shop", "--files", "uploads=uploads"];
    assert_same_shape(&example(&["dry_run", "new_chunks"]), &host.json(0, &create));
    let dry_run = host.json(0, &[&create[..], &["--dry-run"]].concat());
    assert_same_shape(&serde_json::json!({ "dry_run": true, "services": [], "notices": [] }), &dry_run);
    assert_same_shape(&example(&["backups", "notices"]), &host.json(0, &["list"]));
    let latin_name_first = host.json(0, &["ls", "latest"]);
    assert_same_shape(&example(&["entries", "path"]), &latin_name_first);
    assert_same_shape(&example(&["content"]), &host.json(0, &["cat", "latest", "notes.txt"]));
    host.write("uploads/notes.txt", b"changed");
    let onto = ["restore", "latest", "-s", "uploads", "--to", "uploads", "--onto-existing", "--yes"];
    assert_same_shape(&example(&["plan"]), &host.json(0, &onto));
    assert_same_shape(&example(&["data_read"]), &host.json(0, &["verify", "latest"]));
    std::fs::remove_file(host.object("packs")).expect("damage");
    assert_same_shape(&example(&["orphan_packs"]), &host.json(1, &["check"]));
}

#[test]
fn a_failure_has_the_members_that_the_readme_promises() {
    let failure = Host::new().json(2, &["lst"]);
    assert_same_shape(&example(&["error"]), &failure);
}
