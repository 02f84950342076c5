//! Forgetting by a policy, deleting, bringing back, and freeing what is gone for good.

use serde_json::{Value, json};

use crate::host::{Host, PASSPHRASE, message, remedy, text};
use crate::passphrase::Person;

/// A host with a policy that keeps the last two, and so many backups, oldest first. Each has something of its own.
fn with_backups(count: u64) -> (Host, Vec<String>) {
    let host = Host::with_repository();
    host.write("keep.toml", b"rules = [{ type = 'last', n = 2 }]\n");
    let ids = (0..count).map(|number| {
        host.write("uploads/own", &crate::host::noise(number + 10, 400_000));
        host.create()
    });
    let ids = ids.collect();
    (host, ids)
}

fn removed(plan: &Value) -> Vec<&str> {
    let backups = plan["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| group["backups"].as_array().expect("a list"));
    backups
        .filter(|backup| backup["kept"] == false)
        .map(|backup| backup["id"].as_str().expect("an id"))
        .collect()
}

#[test]
fn forgetting_shows_the_plan_and_does_what_was_confirmed() {
    let (host, ids) = with_backups(4);
    let forget = ["forget", "--policy", "keep.toml"];
    let planned = host.json(0, &forget);
    let plan = &planned["plan"];
    assert_eq!(
        (removed(plan), &plan["kept"], &planned["report"]),
        (vec![&*ids[0], &ids[1]], &2.into(), &Value::Null)
    );
    let fingerprint = plan["fingerprint"].as_str().expect("a fingerprint");
    let people = host.succeeds(&forget);
    assert!(
        people.contains(&format!("--confirm {fingerprint}")) && people.contains("removed: superseded"),
        "{people}"
    );
    assert_eq!(host.listed(&[]).len(), 4, "nothing was deleted");
    let error = host.fails(2, "invalid", &[&forget[..], &["--confirm", "0123456789abcdef"]].concat());
    assert!(message(&error).contains("0123456789abcdef") && remedy(&error).contains("plan again"), "{error}");
    // What would be deleted is no longer the same.
    host.succeeds(&["hold", &ids[0], "case-17"]);
    host.fails(2, "invalid", &[&forget[..], &["--confirm", fingerprint]].concat());
    assert_eq!(host.listed(&[]).len(), 4);
    host.succeeds(&["hold", &ids[0], "case-17", "--release"]);
    let done = host.json(0, &[&forget[..], &["--confirm", fingerprint, "--by", "alice"]].concat());
    assert_eq!((&done["plan"], &done["report"]["deleted"]), (&Value::Null, &json!([ids[0], ids[1]])));
    let left: Vec<Value> = host.listed(&[]).iter().map(|backup| backup["id"].clone()).collect();
    assert_eq!(left, [json!(ids[3]), json!(ids[2])]);
    assert!(host.succeeds(&forget).contains("nothing to delete"));
    assert_eq!(host.json(0, &["check"])["sound"], true);
}

#[test]
fn a_scheduler_forgets_in_one_go_by_the_policy_of_the_environment() {
    let (host, ids) = with_backups(3);
    host.succeeds(&["create", "blog", "--files", "posts=uploads"]);
    host.write(
        "shop.toml",
        b"[environments.shop.policy]\nrules = [{ type = 'last', n = 1 }]\n[environments.blog]\n",
    );
    let error = host.fails(2, "usage", &["forget", "--yes"]);
    assert!(remedy(&error).contains("--policy"), "{error}");
    host.fails(2, "usage", &["forget", "--config", "shop.toml", "--yes"]);
    let error =
        host.fails(2, "usage", &["forget", "--config", "shop.toml", "--environment", "blog", "--yes"]);
    assert!(message(&error).contains("blog"), "{error}");
    let done = host.json(0, &["forget", "--config", "shop.toml", "--environment", "shop", "--yes"]);
    assert_eq!(removed(&done["plan"]), [&*ids[0], &ids[1]]);
    assert_eq!((&done["report"]["deleted"], &done["report"]["kept"]), (&json!([ids[0], ids[1]]), &1.into()));
    assert_eq!(host.listed(&[]).len(), 2);
}

#[test]
fn a_deleted_backup_comes_back_until_it_is_pruned() {
    let (host, ids) = with_backups(3);
    host.succeeds(&["hold", &ids[0], "case-17"]);
    let error = host.fails(2, "invalid", &["delete", &ids[0], "--yes"]);
    assert!(message(&error).contains("case-17") && remedy(&error).contains("release"), "{error}");
    let asked = host.exits(2, &["delete", &ids[1]]);
    assert!(
        text(&asked.stderr).contains("--yes") && text(&asked.stderr).contains(&ids[1]),
        "{}",
        text(&asked.stderr)
    );
    let deleted = host.backup_of(&["delete", &ids[1], "--yes", "--reason", "by mistake", "--by", "alice"]);
    assert_eq!((&deleted["status"], &deleted["restorable"]), (&"deleted".into(), &false.into()));
    let error = host.fails(2, "invalid", &["restore", &ids[1], "--to", "look"]);
    assert!(remedy(&error).contains("undelete") && !host.path("look").exists(), "{error}");
    host.fails(2, "invalid", &["delete", &ids[1], "--yes"]);
    assert_eq!(host.backup_of(&["undelete", &ids[1]])["status"], "completed");
    host.fails(2, "invalid", &["undelete", &ids[1]]);
    host.succeeds(&["restore", &ids[1], "--to", "look"]);
    host.succeeds(&["delete", &ids[1], "--yes"]);
    host.succeeds(&["prune", "--grace", "0s", "--yes"]);
    let error = host.fails(1, "not_found", &["undelete", &ids[1]]);
    assert!(error.to_string().contains(&ids[1]), "{error}");
    assert_eq!(host.listed(&["--all"]).len(), 2);
    for id in [&ids[0], &ids[2]] {
        assert_eq!(host.json(0, &["verify", id, "--read-data"])["sound"], true);
    }
    assert_eq!(host.json(0, &["check", "--read-data"])["sound"], true);
}

#[test]
fn the_last_backup_is_not_deleted_without_a_warning() {
    let host = Host::with_backup();
    let made = host.json(3, &["delete", "latest", "--yes"]);
    assert!(made["notices"][0]["message"].as_str().expect("a warning").contains("last backup"), "{made}");
}

#[test]
fn pruning_frees_what_was_deleted_and_nothing_else() {
    let (host, ids) = with_backups(3);
    host.succeeds(&["delete", &ids[0], "--yes"]);
    let young = host.json(0, &["prune", "--dry-run"]);
    assert_eq!(
        (&young["plan"]["recent"], &young["plan"]["freed_bytes"]),
        (&json!([ids[0]]), &0.into()),
        "{young}"
    );
    let at_once =
        ["prune", "--grace", "0s", "--max-unused", "0%", "--keep-runs", "30d", "--max-rewrite", "1GiB"];
    let planned = host.json(0, &[&at_once[..], &["--dry-run"]].concat());
    assert_eq!((&planned["dry_run"], &planned["report"]), (&true.into(), &Value::Null));
    assert_eq!(planned["plan"]["backups"], json!([ids[0]]));
    let shown = host.succeeds(&[&at_once[..], &["--dry-run"]].concat());
    assert!(shown.contains("cannot be brought back"), "{shown}");
    let asked = host.exits(2, &at_once);
    assert!(text(&asked.stderr).contains("cannot be brought back"), "{}", text(&asked.stderr));
    assert_eq!(host.listed(&["--all"]).len(), 3, "nothing was deleted");
    let done = host.json(0, &[&at_once[..], &["--yes"]].concat());
    assert!(done["report"]["freed_bytes"].as_u64().expect("bytes") > 350_000, "{done}");
    assert_eq!(done["report"]["backups"], json!([ids[0]]));
    // With nothing to delete nobody needs to be asked.
    host.succeeds(&at_once);
    for id in &ids[1..] {
        assert_eq!(host.json(0, &["verify", id, "--read-data"])["sound"], true);
    }
    host.create();
}

#[test]
fn a_person_is_asked_before_a_backup_is_deleted() {
    let (host, ids) = with_backups(2);
    host.write("passphrase", PASSPHRASE.as_bytes());
    let line = format!("delete {} --passphrase-file passphrase", ids[0]);
    let Some(mut person) = Person::at_a_terminal(&host, &line) else { return };
    person.answers("[y/N] ", "n\n");
    let (seen, code) = person.leaves();
    assert_eq!(code, Some(130), "{seen}");
    assert!(seen.contains("nothing was changed") && host.listed(&[]).len() == 2, "{seen}");
    let mut person = Person::at_a_terminal(&host, &line).expect("as before");
    person.answers("[y/N] ", "y\n");
    assert_eq!(person.leaves().1, Some(0));
    assert_eq!(host.listed(&[]).len(), 1);
}
