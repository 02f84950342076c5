//! Question files.

use backup_policy::eval;
use serde_json::{Value, json};

fn ask(questions: &Value) -> Value {
    serde_json::from_str(&eval(&questions.to_string()).unwrap()).unwrap()
}

/// The answer to one question.
fn answer(section: &str, mut question: Value) -> Value {
    question["id"] = json!("q");
    ask(&json!({ section: [question] }))[section]["q"].clone()
}

fn error(section: &str, question: Value) -> String {
    let answer = answer(section, question);
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    answer["error"].as_str().unwrap().to_owned()
}

#[test]
fn retention_says_reasons_and_expiries() {
    let question = json!({
        "policy": {"tz": "UTC", "rules": [{"type": "ttl", "period": "P3M", "kinds": ["weekly"]}, {"type": "last", "n": 1}],
                   "pitr": {"window": "P1D"}},
        "now": "2026-03-03T03:00:00Z",
        "backups": [
            {"id": "a", "time": "2025-12-03T03:18:00Z", "kinds": ["nightly", "weekly"]},
            {"id": "b", "time": "2025-12-04T03:18:00Z", "kinds": ["nightly"]},
            {"id": "c", "time": "2026-03-02T04:00:00Z", "completed_at": "2026-03-02T05:00:00Z", "kinds": ["nightly"],
             "holds": [{"id": "h"}]},
        ],
    });
    assert_eq!(
        answer("retention", question),
        json!({
            "kept": {
                "a": {"reasons": ["ttl:weekly"], "expiry": {"kind": "at", "at": "2026-03-03T03:18:00Z"}},
                "b": {"reasons": ["pitr-anchor"], "expiry": {"kind": "conditional"}},
                "c": {"reasons": ["hold", "last", "pitr-window"], "expiry": {"kind": "never"}},
            },
            "removed": {},
            "wal_keep_from": "2025-12-04T03:18:00Z",
        })
    );
}

#[test]
fn retention_of_a_deprovisioned_source_ends_its_minimums() {
    let question = |gone: bool| {
        json!({
            "policy": {"rules": [{"type": "last", "n": 0}], "min_keep": 1, "purge_on_deprovision": ["automatic"]},
            "now": "2026-03-03T03:00:00Z", "deprovisioned": gone,
            "backups": [{"id": "a", "time": "2026-01-01T00:00:00Z"},
                        {"id": "b", "time": "2025-01-01T00:00:00Z", "kinds": ["automatic", "manual"]}],
        })
    };
    assert_eq!(
        answer("retention", question(true)),
        json!({"kept": {}, "removed": {"a": ["deprovisioned"], "b": ["superseded"]}, "wal_keep_from": null})
    );
    assert_eq!(
        answer("retention", question(false))["kept"],
        json!({"a": {"reasons": ["min-keep"], "expiry": {"kind": "conditional"}}})
    );
}

#[test]
fn a_reason_that_two_rules_give_is_named_once() {
    let question = json!({
        "policy": {"rules": [{"type": "last", "n": 1}, {"type": "last", "n": 2}]}, "now": "2026-03-03T03:00:00Z",
        "backups": [{"id": "a", "time": "2026-01-01T00:00:00Z"}, {"id": "b", "time": "2025-01-01T00:00:00Z"},
                    {"id": "c", "time": "2024-01-01T00:00:00Z"}],
    });
    let answer = answer("retention", question);
    assert_eq!(answer["kept"]["a"]["reasons"], json!(["last"]));
    assert_eq!(answer["removed"]["c"], json!(["superseded"]));
}

#[test]
fn preview_says_what_a_change_loses() {
    let rules = |n: u32| json!({"rules": [{"type": "last", "n": n}]});
    let question = json!({
        "old": rules(2), "new": rules(1), "now": "2026-03-03T03:00:00Z",
        "backups": [{"id": "a", "time": "2026-01-01T00:00:00Z", "size": 7}, {"id": "b", "time": "2026-01-02T00:00:00Z", "size": 9}],
    });
    assert_eq!(
        answer("preview", question),
        json!({"lost": ["a"], "still_kept": ["b"], "bytes_lost": 7, "oldest_before": "2026-01-01T00:00:00Z",
               "oldest_after": "2026-01-02T00:00:00Z", "wal_keep_from_before": null, "wal_keep_from_after": null,
               "needs_confirmation": true})
    );
}

#[test]
fn schedules_say_their_next_ten_runs() {
    let cron = json!({"type": "cron", "expr": "0 2 * * *", "tz": "Europe/Berlin"});
    let runs = answer("schedule", json!({"schedule": cron, "from": "2027-03-26T02:00:00Z"}));
    assert_eq!(runs.as_array().unwrap().len(), 10);
    assert_eq!(runs[0], "2027-03-27T01:00:00Z");
    // 02:00 does not exist on the 28th: when the gap ends.
    assert_eq!(runs[1], "2027-03-28T01:00:00Z");
    assert_eq!(runs[2], "2027-03-29T00:00:00Z");
    let window = json!({"type": "window", "tz": "UTC", "start": "02:00", "duration_min": 120,
                        "days": {"type": "weekly", "dow": [0]}, "jitter": {"mode": "none"}});
    assert_eq!(
        answer("schedule", json!({"schedule": window, "from": "2026-11-20T00:00:00Z"}))[0],
        json!({"run_at": "2026-11-22T02:00:00Z", "start": "2026-11-22T02:00:00Z", "end": "2026-11-22T04:00:00Z"})
    );
}

#[test]
fn the_other_sections_are_answered() {
    let every = json!({"type": "every", "seconds": 3600, "anchor": "2026-01-01T00:00:00Z"});
    let due = json!({"schedule": every, "last_slot": "2026-01-01T00:00:00Z", "now": "2026-01-01T03:30:00Z",
                     "catch_up": {"mode": "once"}});
    assert_eq!(
        answer("due", due),
        json!({"action": "run", "slot": "2026-01-01T03:00:00Z", "missed": 2, "next": "2026-01-01T04:00:00Z"})
    );
    let retry = |failed: &[&str]| json!({"retry": {"max_retries": 1, "delay_s": 60}, "failed_at": failed});
    assert_eq!(answer("retry", retry(&[])), json!({"action": "run", "at": null}));
    assert_eq!(
        answer("retry", retry(&["2026-01-01T00:00:00Z"])),
        json!({"action": "retry", "at": "2026-01-01T00:01:00Z"})
    );
    assert_eq!(
        answer("retry", retry(&["2026-01-01T00:00:00Z"; 2])),
        json!({"action": "give-up", "at": null})
    );
    assert_eq!(
        answer("classify", json!({"slot": "2026-11-01T03:00:00Z", "tz": "UTC"})),
        json!(["nightly", "weekly", "monthly"])
    );
    assert_eq!(answer("cron_errors", json!({"expr": "0 2 * * *"})), "accepted");
    assert_eq!(answer("cron_errors", json!({"expr": "0 0 31 2 *"})), "error");
    let sum = json!({"time": "2026-01-31T12:00:00.5Z", "period": "P1M", "tz": "Europe/Berlin"});
    assert_eq!(answer("add_period", sum), "2026-02-28T12:00:00.500Z");
}

#[test]
fn a_malformed_question_spoils_no_other() {
    let good = json!({"id": "good", "expr": "0 2 * * *"});
    let answers = ask(&json!({
        "cron_errors": [{"expr": "x"}, 7, {"id": "typo", "exprs": "x"}, good, {"id": "number", "expr": 5}, {"id": 12, "expr": "0 2 * * *"},
                        {"id": "twice", "expr": "x"}, {"id": "twice", "expr": "x"}],
        "horoscope": [{"id": "q"}],
        "retention": {"id": "no list"},
        "classify": [],
    }));
    let crons = &answers["cron_errors"];
    assert_eq!(crons["good"], "accepted");
    assert_eq!(crons["12"], "accepted");
    assert_eq!(crons["#0"]["error"], "a question has no \"id\": give it one, a text");
    assert_eq!(crons["#1"]["error"], "a question is an object with an \"id\": make it one");
    assert!(crons["typo"]["error"].as_str().unwrap().contains("unknown field `exprs`"));
    assert!(crons["number"]["error"].as_str().unwrap().contains("invalid type"));
    assert_eq!(crons["twice"]["error"], "two questions have the id \"twice\": give each its own");
    assert!(
        answers["horoscope"]["q"]["error"]
            .as_str()
            .unwrap()
            .starts_with("unknown section \"horoscope\": use retention")
    );
    assert!(answers["retention"]["error"].as_str().unwrap().starts_with("a section is a list of questions"));
    assert_eq!(answers["classify"], json!({}));
}

#[test]
fn what_cannot_be_is_an_error() {
    let retention = |policy: Value, backups: Value| {
        error("retention", json!({"policy": policy, "now": "2026-03-03T03:00:00Z", "backups": backups}))
    };
    assert!(
        retention(json!({"rules": [{"type": "ttl", "period": "P0D"}]}), json!([]))
            .contains("time to live of zero")
    );
    assert!(retention(json!({"rule": []}), json!([])).contains("unknown field `rule`"));
    assert!(retention(json!({"tz": "Mars/Olympus"}), json!([])).contains("unknown time zone"));
    let twice =
        json!([{"id": "a", "time": "2026-01-01T00:00:00Z"}, {"id": "a", "time": "2026-01-02T00:00:00Z"}]);
    assert!(retention(json!({}), twice).contains("two backups have the id \"a\""));
    assert!(
        retention(json!({}), json!([{"id": "a", "time": "9999-01-01T00:00:00Z"}]))
            .contains("outside the years")
    );
    assert!(error("retention", json!({"policy": {}})).contains("missing field"));
    let sum = |period: &str| {
        error("add_period", json!({"time": "2026-01-01T00:00:00Z", "period": period, "tz": "UTC"}))
    };
    assert!(sum("P1.5D").contains("is not a period"));
    assert!(sum("P4000Y").contains("longer than 1000 years"));
    let schedule =
        |schedule: Value| error("schedule", json!({"schedule": schedule, "from": "2026-01-01T00:00:00Z"}));
    assert!(!schedule(json!({"type": "cron", "expr": "0 0 31 2 *"})).is_empty());
    assert!(!schedule(json!({"type": "every", "seconds": 0, "anchor": "2026-01-01T00:00:00Z"})).is_empty());
    assert!(!error("classify", json!({"slot": "2026-01-01T00:00:00Z", "tz": ""})).is_empty());
}

#[test]
fn a_file_that_is_no_object_is_an_error_as_a_whole() {
    for text in ["", "[]", "7", "{\"retention\": [", "null", "{} {}"] {
        let error = eval(text).unwrap_err();
        assert_eq!(error.kind(), backup_policy::ErrorKind::Syntax, "{text}");
        assert!(
            error.to_string().starts_with("the question file is not a JSON object of sections: "),
            "{error}"
        );
    }
    assert_eq!(eval("{}").unwrap(), "{}");
}

#[test]
fn the_same_questions_give_the_same_bytes() {
    let questions =
        json!({"cron_errors": [{"id": "b", "expr": "0 2 * * *"}, {"id": "a", "expr": "x"}], "classify": []})
            .to_string();
    assert_eq!(eval(&questions).unwrap(), eval(&questions).unwrap());
}
