//! Listing: what is known of backups, environments and runs, and choosing among them.

use serde_json::{Value, json};

use crate::host::{Host, message, remedy};

fn ids(backups: &[Value]) -> Vec<&str> {
    backups.iter().map(|backup| backup["id"].as_str().expect("an id")).collect()
}

#[test]
fn a_list_has_every_member_always() {
    let host = Host::with_repository();
    host.create();
    host.create_with(&[
        "--created-by",
        "alice",
        "--fact",
        "app.version=2.4.1",
        "--fact",
        "build=",
        "--kind",
        "nightly",
        "--kind",
        "weekly",
    ]);
    let [rich, poor] = host.listed(&[]).try_into().expect("two backups");
    let members = |backup: &Value| backup.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&rich), members(&poor));
    for unknown in [
        "created_by",
        "app_version",
        "expires",
        "expires_at",
        "verified",
        "pinned_until",
        "deleted_at",
        "parent",
    ] {
        assert!(poor.get(unknown).is_some_and(Value::is_null), "{unknown} of {poor}");
    }
    assert_eq!(poor["kinds"], json!(["manual"]));
    assert_eq!((&poor["holds"], &poor["left_out"], &poor["tags"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(
        (&poor["status"], &poor["contents"], &poor["restorable"]),
        (&"completed".into(), &"full".into(), &true.into())
    );
    assert_eq!((&rich["created_by"], &rich["app_version"]), (&"alice".into(), &"2.4.1".into()));
    assert_eq!((&rich["kinds"], &rich["facts"]["build"]), (&json!(["nightly", "weekly"]), &"".into()));
    assert!(rich["logical_bytes"].as_u64().expect("a size") > 600_000 && rich["files"] == 5, "{rich}");
    let table = host.succeeds(&["list"]);
    let heading = table.lines().next().expect("a heading");
    for column in [
        "ID",
        "CREATED",
        "ENVIRONMENT",
        "KINDS",
        "WHO",
        "STATUS",
        "SIZE",
        "CONTENTS",
        "RESTORABLE",
        "EXPIRES",
    ] {
        assert!(heading.contains(column), "{heading}");
    }
    assert!(
        table.contains("alice") && table.contains("nightly, weekly") && table.contains("completed"),
        "{table}"
    );
}

#[test]
fn filters_narrow_a_list_down() {
    let host = Host::with_repository();
    let nightly = host.create_with(&["--kind", "nightly", "--tag", "a", "--tag", "b"]);
    let manual = host.create_with(&["--tag", "a"]);
    host.succeeds(&["create", "blog", "--files", "posts=uploads"]);
    let blog = host.backup_of(&["show", "latest"]);
    let deleted = host.create();
    host.succeeds(&["delete", &deleted, "--yes"]);
    let (between, blog) = (blog["created_at"].as_str().expect("a time"), blog["id"].as_str().expect("an id"));
    for (flags, expected) in [
        (&[][..], &[blog, &manual, &nightly][..]),
        (&["--environment", "shop"], &[&manual, &nightly]),
        (&["--env", "blog"], &[blog]),
        (&["--service", "posts"], &[blog]),
        (&["--kind", "nightly"], &[&nightly]),
        (&["--kind", "no such kind"], &[]),
        (&["--tag", "a"], &[&manual, &nightly]),
        (&["--tag", "a", "--tag", "b"], &[&nightly]),
        (&["--until", between], &[&manual, &nightly]),
        (&["--since", between], &[blog]),
        (&["--status", "deleted"], &[&deleted]),
        (&["--status", "unconfirmed"], &[]),
        (&["--all"], &[&deleted, blog, &manual, &nightly]),
        (&["--all", "--limit", "1"], &[&deleted]),
        (&["--restorable", "--limit", "2"], &[blog, &manual]),
        (&["--orphans", "shop"], &[blog]),
        (&["--orphans", "shop", "blog"], &[]),
    ] {
        assert_eq!(ids(&host.listed(flags)), expected, "{flags:?}");
    }
    let error = host.fails(2, "usage", &["list", "--orphans"]);
    assert!(remedy(&error).contains("--config"), "{error}");
    host.write("etc/backup.toml", b"[environments.blog]\n");
    assert_eq!(ids(&host.listed(&["--config", "etc/backup.toml", "--orphans"])), [&manual, &nightly]);
}

#[test]
fn a_policy_says_when_backups_expire() {
    let host = Host::with_repository();
    let [nightly, weekly] = ["nightly", "weekly"].map(|kind| host.create_with(&["--kind", kind]));
    let manual = host.create();
    let superseded = host.create_with(&["--kind", "automatic"]);
    let newest = host.create_with(&["--kind", "automatic"]);
    let rules = "rules = [
        { type = 'ttl', period = 'P3M', kinds = ['nightly'] },
        { type = 'ttl', period = 'PT1S', kinds = ['weekly'] },
        { type = 'ttl', period = 'forever', kinds = ['manual'] },
        { type = 'last', n = 1, kinds = ['automatic'] },
    ]\n";
    host.write("keep.toml", rules.as_bytes());
    host.write("shop.toml", format!("[environments.shop.policy]\n{rules}").as_bytes());
    let as_json = json!({ "rules": [{ "type": "ttl", "period": "P3M", "kinds": ["nightly"] }, { "type": "last", "n": 1, "kinds": ["automatic"] }] });
    host.write("keep.json", as_json.to_string().as_bytes());
    for flags in [&["--policy", "keep.toml"][..], &["--config", "shop.toml"], &["--policy", "keep.json"]] {
        let listed = host.listed(flags);
        let expires = |id: &str| {
            listed.iter().find(|backup| backup["id"] == id).expect("it is listed")["expires"].clone()
        };
        assert_eq!(
            [expires(&nightly), expires(&newest), expires(&superseded)],
            ["at", "conditional", "now"],
            "{flags:?}"
        );
        assert_eq!(expires(&manual), "never", "{flags:?}");
        let at = listed.iter().find(|backup| backup["id"] == *nightly).expect("it is listed");
        assert!(
            at["expires_at"].as_str().expect("a time") > at["created_at"].as_str().expect("a time"),
            "{at}"
        );
        // What is not listed counts nevertheless.
        let alone = host.listed(&[flags, &["--limit", "1"]].concat());
        assert_eq!((&alone[0]["expires"], &alone[0]["expires_at"]), (&"conditional".into(), &Value::Null));
    }
    let shown = host.backup_of(&["show", &nightly, "--config", "shop.toml"]);
    assert_eq!(shown["expires"], "at");
    let table = host.succeeds(&["list", "--policy", "keep.toml"]);
    for word in ["depends", "never", "now"] {
        assert!(table.contains(word), "{word} in {table}");
    }
    assert_eq!(host.backup_of(&["show", &weekly])["expires"], Value::Null, "no policy is known");
}

#[test]
fn environments_and_runs_are_listed_with_how_they_went() {
    let host = Host::with_repository();
    assert_eq!(host.succeeds(&["environments"]), "no environments\n");
    assert_eq!(host.succeeds(&["runs"]), "no runs\n");
    let first = host.create_with(&["--comment", "before 2.4", "--created-by", "alice"]);
    host.succeeds(&["verify", "latest", "--read-data"]);
    let second = host.create();
    host.fails(1, "not_found", &["create", "blog", "--files", "posts=gone"]);
    let environments = host.json(0, &["environments"])["environments"].take();
    assert_eq!(environments.as_array().expect("a list").len(), 1, "{environments}");
    let shop = &environments[0];
    assert_eq!((&shop["name"], &shop["backups"]), (&"shop".into(), &2.into()));
    assert_eq!((&shop["latest"]["id"], &shop["latest_restorable"]["id"]), (&json!(second), &json!(second)));
    assert_eq!(shop["latest_verified"]["id"], *first);
    assert_eq!(host.backup_of(&["show", "latest-verified"])["id"], *first);
    assert!(host.succeeds(&["environments"]).contains("LATEST VERIFIED"));
    let runs = |flags: &[&str]| host.json(0, &[&["runs"], flags].concat())["runs"].take();
    let failed = runs(&["--status", "failed"]);
    assert_eq!(
        (&failed[0]["environment"], &failed[0]["failure"]["kind"]),
        (&"blog".into(), &"not_found".into())
    );
    let failure = &failed[0]["failure"];
    assert!(
        failure["message"].as_str().expect("a reason").contains("gone") && !failure["remedy"].is_null(),
        "{failure}"
    );
    let made = runs(&["--environment", "shop", "--status", "completed"]);
    let made: Vec<&Value> =
        made.as_array().expect("a list").iter().filter(|run| run["operation"] == "backup").collect();
    assert_eq!(
        (&made[0]["id"], &made[1]["id"]),
        (&json!(second), &json!(first)),
        "a run has the id of its backup"
    );
    assert_eq!((&made[1]["created_by"], &made[1]["comment"]), (&"alice".into(), &"before 2.4".into()));
    assert_eq!(runs(&["--limit", "1"]).as_array().expect("a list").len(), 1);
    assert_eq!(runs(&["--env", "nobody"]), json!([]));
    let table = host.succeeds(&["runs"]);
    assert!(table.contains("failed") && table.contains("gone") && table.contains("alice"), "{table}");
}

#[test]
fn a_policy_that_cannot_be_understood_is_an_error_that_says_where() {
    let host = Host::with_backup();
    for (name, text, named) in [
        ("p.toml", "min_keep = 1\nrulez = []\n", "line 2"),
        ("p.toml", "rules = [{ type = 'last', m = 3 }]\n", "`m`"),
        ("p.toml", "min_keep = \n", "line 1"),
        ("p.json", "{\n  \"min_keep\": 1,\n  \"rulez\": []\n}", "line 3"),
        ("p.json", "{\"rules\": [{\"type\": \"ttl\", \"period\": \"P0D\"}]}", "zero"),
        ("p.json", "{\"tz\": \"Europe/Atlantis\"}", "Atlantis"),
        ("p.json", "", "line 1"),
        ("p.txt", "{\"min_keep\": -1}", "-1"),
    ] {
        host.write(name, text.as_bytes());
        for arguments in [&["list", "--policy", name][..], &["forget", "--policy", name]] {
            let error = host.fails(2, "invalid", arguments);
            assert!(message(&error).contains(name) && message(&error).contains(named), "{text}: {error}");
        }
    }
    host.write("p.json", b"\xff");
    host.fails(2, "invalid", &["list", "--policy", "p.json"]);
    host.fails(2, "invalid", &["list", "--policy", "/dev/zero"]);
    let error = host.fails(1, "not_found", &["list", "--policy", "nothing.json"]);
    assert!(message(&error).contains("nothing.json"), "{error}");
    host.write("shop.toml", b"[environments.shop.policy]\n\nmin_keeep = 1\n");
    let error = host.fails(2, "invalid", &["list", "--config", "shop.toml"]);
    assert!(message(&error).contains("min_keeep") && message(&error).contains("line 3"), "{error}");
}
