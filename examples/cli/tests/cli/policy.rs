//! Questions about policies and schedules: answered without a repository and without a passphrase.

mod schedule;

use std::io::Write as _;
use std::process::Stdio;

use backup_core::policy::Preset;
use serde_json::{Value, json};

use crate::host::{Host, assert_exit, document, message, remedy, text};

const NOW: &str = "2026-11-20T12:00:00Z";

/// Daily backups of eighty days at 02:00 UTC, `b00` the newest, the twentieth held, and a manual one that failed.
fn history() -> Vec<Value> {
    let newest = "2026-11-20T02:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    let daily = (0..80).map(|age| json!({ "id": format!("b{age:02}"), "time": newest - chrono::TimeDelta::days(age), "size": 1000 + age }));
    let mut history: Vec<Value> = daily.collect();
    history[20]["holds"] = json!([{ "id": "case-17" }]);
    history
        .push(json!({ "id": "m1", "time": "2026-11-01T10:00:00Z", "kinds": ["manual"], "status": "failed" }));
    history
}

fn with_history() -> Host {
    let host = Host::new();
    host.write("history.json", json!(history()).to_string().as_bytes());
    host.write("keep.toml", KEEP.as_bytes());
    host.write("less.json", br#"{"min_keep": 1, "rules": [{"type": "last", "n": 10}]}"#);
    host
}

const KEEP: &str = r#"
tz = "Europe/Berlin"
min_keep = 1
rules = [
    { type = "bucket", unit = "daily", n = 14 },
    { type = "bucket", unit = "monthly", n = 12 },
    { type = "ttl", period = "P21D", name = 'three <weeks> & "more"' },
]
"#;

#[track_caller]
fn with_stdin(host: &Host, code: i32, arguments: &[&str], stdin: &[u8]) -> Vec<u8> {
    let mut command = host.backup(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(stdin).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_exit(&output, code);
    output.stdout
}

fn ids(backups: &Value, kept: bool) -> Vec<&str> {
    let backups = backups.as_array().expect("a list").iter();
    backups
        .filter(|backup| backup["kept"] == kept)
        .map(|backup| backup["id"].as_str().expect("an id"))
        .collect()
}

#[test]
fn every_question_is_answered_without_a_repository_and_a_passphrase() {
    let host = with_history();
    host.write("questions.json", b"{}");
    for (question, arguments) in [
        ("explain", &["--policy", "keep.toml", "--history", "history.json"][..]),
        ("preview", &["keep.toml", "less.json", "--history", "history.json"]),
        ("lint", &["--policy", "keep.toml", "--cron", "0 2 * * *"]),
        ("next", &["--region", "frankfurt"]),
        ("simulate", &["--preset", "xano_rolling"]),
        ("presets", &[]),
        ("eval", &["questions.json"]),
    ] {
        for json in [None, Some("--json")] {
            let arguments = [&["policy", question], arguments, json.as_slice()].concat();
            let mut command = host.backup(&arguments);
            let output = command.env_remove("BACKUP_REPOSITORY").env_remove("BACKUP_PASSPHRASE").output();
            let output = output.expect("the binary runs");
            assert_exit(&output, 0);
            assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{question}");
            assert!(json.is_none() || document(&output.stdout).is_object(), "{question}");
        }
        let help = host.succeeds(&["policy", question, "--help"]);
        assert!(help.contains("Examples:\n  backup policy "), "{help}");
    }
    assert!(host.succeeds(&["policy", "--help"]).contains("Examples:\n  backup policy "));
    assert!(!host.path("repository").exists());
}

#[test]
fn each_backup_is_explained() {
    let host = with_history();
    let explain = ["policy", "explain", "--policy", "keep.toml", "--history", "history.json", "--now", NOW];
    let document = host.json(0, &explain);
    assert_eq!((&document["tz"], &document["now"]), (&json!("Europe/Berlin"), &json!(NOW)));
    let backup = |id: &str| {
        let all = document["backups"].as_array().expect("a list").iter();
        all.clone().find(|backup| backup["id"] == id).unwrap_or_else(|| panic!("{id}"))
    };
    assert_eq!(backup("b00")["expiry"], json!({ "kind": "conditional" }));
    let ttl = backup("b17");
    assert_eq!(ttl["expiry"], json!({ "kind": "at", "at": "2026-11-24T02:00:00Z" }));
    assert_eq!(
        ttl["text"],
        "kept: three <weeks> & \"more\": time to live until 2026-11-24T02:00:00Z; expires 2026-11-24T02:00:00Z"
    );
    assert_eq!(backup("b20")["reasons"][0]["hold"], "case-17");
    assert_eq!(backup("b20")["reasons"][1]["bucket"], "2026-10");
    assert_eq!(backup("m1")["text"], "removed: cannot be restored and is no longer kept for inspection");
    let kept = ids(&document["backups"], true);
    assert_eq!((kept.len() as u64, document["kept"].as_u64()), (22, Some(22)), "{kept:?}");
    assert_eq!(document["removed"], 59);
    let lanes: Vec<&Value> =
        document["timeline"].as_array().expect("lanes").iter().map(|lane| &lane["reason"]).collect();
    assert_eq!(lanes, ["daily", "monthly", "three <weeks> & \"more\"", "hold", "min-keep"]);

    let people = host.succeeds(&explain);
    assert!(
        people
            .contains("b17  2026-11-03 03:00:00 +01:00  automatic  2026-11-24 03:00:00 +01:00  kept: three")
    );
    assert!(people.contains("keeps 22 backups, removes 59 backups"), "{people}");
    let daily = people.lines().find(|line| line.starts_with("daily ")).expect("a lane");
    assert!(daily.contains('|') && daily.ends_with('?'), "{daily}");
}

#[test]
fn what_is_left_of_a_deprovisioned_source_is_explained() {
    let host = with_history();
    let explain =
        ["policy", "explain", "--preset", "aptible_default", "--history", "history.json", "--now", NOW];
    assert_ne!(host.json(0, &explain)["kept"], 0);
    let gone = host.json(0, &[&explain[..], &["--deprovisioned"]].concat());
    assert_eq!(ids(&gone["backups"], true), ["b20"], "only what is held");
}

#[test]
fn the_timeline_is_a_picture_that_needs_nothing_else() {
    let host = with_history();
    let explain = ["policy", "explain", "--policy", "keep.toml", "--history", "history.json", "--now", NOW];
    host.succeeds(&[&explain[..], &["--svg", "timeline.svg"]].concat());
    let svg = text(&host.read("timeline.svg"));
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"));
    assert!(
        svg.contains("three &lt;weeks&gt; &amp; &quot;more&quot;") && !svg.contains("<weeks>"),
        "escaped"
    );
    assert!(!svg.contains("href") && !svg.contains("<script") && !svg.contains("<style"));
    assert!(svg.contains("<title>b17 of 2026-11-03 03:00:00 +01:00: "), "{svg}");
    for tag in ["svg", "g", "rect", "text", "line", "title"] {
        let pieces = svg.split('<').skip(1);
        let of_tag = pieces.filter_map(|piece| piece.strip_prefix(tag)?.split_once('>'));
        let opened = of_tag.filter(|(attributes, _)| {
            (attributes.is_empty() || attributes.starts_with(' ')) && !attributes.ends_with('/')
        });
        assert_eq!(opened.count(), svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    let error = host.fails(1, "not_found", &[&explain[..], &["--svg", "no/where.svg"]].concat());
    assert!(message(&error).contains("no/where.svg"), "{error}");
}

#[test]
fn what_list_prints_is_a_history_and_forget_decides_the_same() {
    let host = Host::with_backup();
    let newest = host.create_with(&["--kind", "nightly", "--tag", "release"]);
    host.write("keep.json", br#"{"policy": {"rules": [{"type": "tags", "any_of": [["release"]]}]}}"#);
    let listed = host.json(0, &["list", "--environment", "shop"]).to_string();
    let explain = ["policy", "explain", "--policy", "keep.json", "--history", "-", "--json"];
    let explained = document(&with_stdin(&host, 0, &explain, listed.as_bytes()));
    assert_eq!(ids(&explained["backups"], true), [newest]);
    let plan = host.json(0, &["forget", "--policy", "keep.json"])["plan"].take();
    let decided = plan["groups"][0]["backups"].as_array().expect("backups").iter();
    let decided: Vec<_> =
        decided.map(|backup| (&backup["id"], &backup["kept"], &backup["explanation"])).collect();
    let told = explained["backups"].as_array().expect("backups").iter();
    assert_eq!(
        decided,
        told.map(|backup| (&backup["id"], &backup["kept"], &backup["text"])).collect::<Vec<_>>()
    );

    host.json(0, &["create", "acme", "--files", "uploads=uploads"]);
    host.write("all.json", host.json(0, &["list"]).to_string().as_bytes());
    let all = ["policy", "explain", "--policy", "keep.json", "--history", "all.json"];
    let error = host.fails(2, "invalid", &all);
    assert!(message(&error).contains("acme") && message(&error).contains("shop"), "{error}");
}

#[test]
fn a_change_is_shown_before_it_is_made() {
    let host = with_history();
    let preview = ["policy", "preview", "keep.toml", "less.json", "--history", "history.json", "--now", NOW];
    let shown = host.json(0, &preview);
    let lost = shown["preview"]["lost"].as_array().expect("a list");
    assert_eq!((lost.len(), &lost[0]), (11, &json!("b10")));
    let sizes: u64 = history()
        .iter()
        .filter(|backup| lost.contains(&backup["id"]))
        .map(|backup| backup["size"].as_u64().expect("a size"))
        .sum();
    assert_eq!(shown["preview"]["bytes_lost"], sizes);
    assert_eq!(
        (&shown["preview"]["held"], &shown["preview"]["needs_confirmation"]),
        (&json!(["b20"]), &json!(true))
    );
    assert_eq!(shown["weakens"][0]["type"], "zone");
    let fingerprint = shown["preview"]["fingerprint"].as_str().expect("a fingerprint");
    let people = host.succeeds(&preview);
    assert!(people.starts_with("loses 11 of 22 backups") && people.contains(fingerprint), "{people}");

    host.succeeds(&[&preview[..], &["--confirm", fingerprint]].concat());
    host.write("history.json", json!(history()[1..]).to_string().as_bytes());
    let error = host.fails(2, "invalid", &[&preview[..], &["--confirm", fingerprint]].concat());
    assert!(message(&error).contains(fingerprint) && remedy(&error).contains("confirm"), "{error}");

    let rules = host.json(0, &["policy", "preview", "preset:nocobase:n=30", "preset:nocobase:n=7"]);
    assert_eq!((&rules["preview"], &rules["weakens"][0]["type"]), (&Value::Null, &json!("rule")));
    let same = host.succeeds(&["policy", "preview", "keep.toml", "keep.toml", "--history", "history.json"]);
    assert!(same.starts_with("loses nothing") && same.contains("nothing will ever be lost"), "{same}");
}

#[test]
fn presets_are_policy_files() {
    let host = with_history();
    let listed = host.json(0, &["policy", "presets"])["presets"].take();
    let people = host.succeeds(&["policy", "presets"]);
    for (entry, listed) in Preset::CATALOGUE.iter().zip(listed.as_array().expect("a list")) {
        assert_eq!(listed["id"], entry.id);
        assert!(people.contains(entry.id) && people.contains(entry.summary));
    }
    for id in
        ["mendix:region=sydney", "aptible_production:daily=14", "nocobase:n=30", "platformsh_dedicated_gen2"]
    {
        let printed = host.succeeds(&["policy", "presets", id]);
        assert_eq!(host.json(0, &["policy", "presets", id]), document(printed.as_bytes()));
        host.write("preset.json", printed.as_bytes());
        let explain = |source: [&str; 2]| {
            host.json(
                0,
                &[&["policy", "explain", "--history", "history.json", "--now", NOW][..], &source].concat(),
            )
        };
        assert_eq!(explain(["--policy", "preset.json"]), explain(["--preset", id]), "{id}");
    }
}

#[test]
fn question_files_are_answered() {
    let host = Host::new();
    let questions = br#"{"add_period": [{"id": "M9", "time": "2025-12-03T03:18:00Z", "period": "P3M", "tz": "UTC"}, {"id": "bad"}],
        "cron_errors": [{"id": "six", "expr": "0 0 2 * * *"}]}"#;
    host.write("questions.json", questions);
    let answers = host.json(0, &["policy", "eval", "questions.json"]);
    assert_eq!(answers["add_period"]["M9"], "2026-03-03T03:18:00Z");
    assert!(answers["add_period"]["bad"]["error"].is_string(), "{answers}");
    assert_eq!(answers["cron_errors"]["six"], "error");
    assert_eq!(document(&with_stdin(&host, 0, &["policy", "eval", "-"], questions)), answers);
    host.write("questions.json", b"[1]");
    let error = host.fails(2, "invalid", &["policy", "eval", "questions.json"]);
    assert!(message(&error).contains("questions.json"), "{error}");
}

#[test]
fn what_makes_no_sense_names_the_file_the_field_and_the_remedy() {
    let host = with_history();
    host.write("rulez.toml", b"min_keep = 1\nrulez = []\n");
    host.write("plan.json", br#"{"policy": {"rules": [{"type": "ttl", "period": "3 weeks"}]}}"#);
    host.write("empty.toml", b"rules = [{ type = 'last', n = 1, kinds = [''] }]");
    host.write(
        "twice.json",
        br#"[{"id": "a", "time": "2026-11-20T00:00:00Z"}, {"id": "a", "time": "2026-11-20T00:00:00Z"}]"#,
    );
    host.write("field.json", br#"[{"id": "a", "time": "2026-11-20T00:00:00Z", "kind": "manual"}]"#);
    host.write("never.toml", b"type = 'cron'\nexpr = '0 0 31 2 *'\n");
    let explain = |policy, history| ["policy", "explain", "--policy", policy, "--history", history];
    for (arguments, code, kind, named) in [
        (&explain("nothing.toml", "history.json")[..], 1, "not_found", "nothing.toml"),
        (&explain("rulez.toml", "history.json"), 2, "invalid", "`rulez`"),
        (&explain("plan.json", "history.json"), 2, "invalid", "3 weeks"),
        (&explain("empty.toml", "history.json"), 2, "invalid", "empty.toml"),
        (&explain("keep.toml", "nothing.json"), 1, "not_found", "nothing.json"),
        (&explain("keep.toml", "keep.toml"), 2, "invalid", "history keep.toml"),
        (&explain("keep.toml", "field.json"), 2, "invalid", "backups[0]: unknown field `kind`"),
        (&explain("keep.toml", "twice.json"), 2, "invalid", "\"a\""),
        (&["policy", "explain", "--history", "history.json"], 2, "usage", "no policy"),
        (&["policy", "next", "--schedule", "never.toml"], 2, "invalid", "never.toml"),
        (&["policy", "next", "--cron", "61 * * * *"], 2, "invalid", "61"),
        (&["policy", "next", "--policy", "keep.toml"], 2, "usage", "no schedule"),
        (&["policy", "simulate", "--policy", "keep.toml"], 2, "usage", "no schedule"),
        (&["policy", "presets", "nocobase:n=0"], 2, "invalid", "nocobase"),
        (
            &["policy", "lint", "--preset", "xano_rolling", "--now", "9000-01-01T00:00:00Z"],
            2,
            "invalid",
            "9000",
        ),
    ] {
        let error = host.fails(code, kind, arguments);
        assert!(message(&error).contains(named), "{arguments:?}: {error}");
    }
    for (arguments, named) in [
        (&["policy"][..], "command"),
        (&["policy", "explain", "--policy", "keep.toml"], "--history"),
        (&["policy", "explain", "--policy", "a", "--preset", "xano_rolling", "--history", "b"], "--preset"),
        (&["policy", "lint", "--preset", "aptible"], "aptible_default"),
        (&["policy", "lint", "--preset", "nocobase"], "nocobase:n=30"),
        (&["policy", "next", "--cron", "0 2 * * *", "--zone", "Berlin"], "Europe/Berlin"),
        (&["policy", "next", "--zone", "Europe/Berlin"], "--cron"),
        (&["policy", "next", "--region", "atlantis"], "frankfurt"),
        (&["policy", "next", "--region", "tokyo", "--limit", "0"], "0"),
        (&["policy", "simulate", "--preset", "xano_rolling", "--years", "101"], "100"),
        (&["policy", "preview", "keep.toml", "preset:none"], "none"),
        (&["policy", "preview", "keep.toml", "less.json", "--confirm", "00"], "--confirm"),
    ] {
        let message = host.fails_to_parse(arguments);
        assert!(message.contains(named), "{arguments:?}: {message}");
    }
}
