//! The JSON forms: exact, complete, and strict about what they do not know.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use backup_policy::{
    Anchor, Backup, Bucket, Count, Counting, Hold, Keep, Kind, Period, Pitr, Policy, Rule, Status, Unit,
    WeekStart,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json, to_value};

#[track_caller]
fn is_exactly<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, form: Value) {
    assert_eq!(to_value(value).unwrap(), form);
    assert_eq!(&from_value::<T>(form).unwrap(), value);
}

#[track_caller]
fn is_refused<T: DeserializeOwned + std::fmt::Debug>(form: &Value, reason: &str) {
    let error = T::deserialize(form).expect_err(&form.to_string()).to_string();
    assert!(error.contains(reason), "{form}: {error}");
}

#[test]
fn each_sort_of_rule_has_its_form() {
    is_exactly(&Rule::last(3), json!({"type": "last", "n": 3}));
    is_exactly(&Rule::last(Count::All), json!({"type": "last", "n": -1}));
    is_exactly(
        &Rule::daily(30),
        json!({"type": "bucket", "unit": "daily", "n": 30, "every": 1, "pick": "last", "anchor": "newest",
               "keep_oldest": false}),
    );
    is_exactly(
        &Bucket::new(Unit::Weekly, 6)
            .every(2)
            .first()
            .within(Period::days(7), Anchor::Now)
            .keep_oldest()
            .rule(),
        json!({"type": "bucket", "unit": "weekly", "n": 6, "every": 2, "pick": "first", "within": "P7D",
               "anchor": "now", "keep_oldest": true}),
    );
    is_exactly(
        &Rule::within(Period::days(3)),
        json!({"type": "within", "period": "P3D", "anchor": "newest"}),
    );
    is_exactly(
        &Rule::within_of_now(Period::days(3)),
        json!({"type": "within", "period": "P3D", "anchor": "now"}),
    );
    is_exactly(&Rule::ttl(Period::weeks(2)), json!({"type": "ttl", "period": "P2W"}));
    is_exactly(&Rule::forever(), json!({"type": "ttl", "period": "forever"}));
    let mut tags = Rule::tagged(["b", "a"]);
    if let Keep::Tags(lists) = &mut tags.keep {
        lists.push(["c".to_owned()].into());
    }
    is_exactly(&tags, json!({"type": "tags", "any_of": [["a", "b"], ["c"]]}));
}

#[test]
fn every_rule_may_have_kinds_and_a_name() {
    let rules = [
        Rule::last(4),
        Rule::monthly(12),
        Rule::within(Period::days(1)),
        Rule::ttl(Period::months(3)),
        Rule::tagged(["x"]),
    ];
    for rule in rules {
        let mut form = to_value(&rule).unwrap();
        form["kinds"] = json!(["manual", "my own", "pre_restore"]);
        form["name"] = json!("by hand");
        let kinds = [Kind::Manual, Kind::PreRestore, Kind::Custom("my own".into())];
        is_exactly(&rule.of(kinds).named("by hand"), form);
    }
}

#[test]
fn units_are_words() {
    for word in ["minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "yearly"] {
        let rule: Rule = from_value(json!({"type": "bucket", "unit": word, "n": 1})).unwrap();
        assert_eq!(rule.reason(), word);
        assert_eq!(to_value(rule).unwrap()["unit"], word);
    }
}

#[test]
fn a_policy_in_json_says_all_it_means() {
    let empty: Policy = from_value(json!({})).unwrap();
    assert_eq!(empty, Policy::keep_everything().at_least(0).at_least_verified(0));
    let built = Policy::keep(Rule::last(1));
    assert_eq!((built.min_keep, built.min_keep_verified), (1, 1));

    let mut policy = Policy::keep(Rule::last(3))
        .in_zone("Europe/Berlin".parse().unwrap())
        .weeks_from_sunday()
        .counting_distinct()
        .at_most_of(5, [Kind::Manual])
        .at_least(2)
        .at_least_verified(0)
        .failed_for(Period::weeks(2));
    is_exactly(
        &policy,
        json!({"tz": "Europe/Berlin", "week_start": "sunday", "counting": "distinct",
               "rules": [{"type": "last", "n": 3}], "max_count": {"n": 5, "kinds": ["manual"]}, "min_keep": 2,
               "min_keep_verified": 0, "failed_ttl": "P2W"}),
    );
    policy = Policy::keep_everything().at_most(7);
    (policy.week_start, policy.counting) = (WeekStart::Monday, Counting::Shared);
    is_exactly(
        &policy,
        json!({"tz": "UTC", "week_start": "monday", "counting": "shared", "rules": [], "max_count": {"n": 7},
               "min_keep": 1, "min_keep_verified": 1}),
    );
}

#[test]
fn a_backup_has_its_form() {
    let time = "2026-08-31T02:00:00Z".parse().unwrap();
    let least: Backup = from_value(json!({"id": "a", "time": "2026-08-31T04:00:00+02:00"})).unwrap();
    assert_eq!(least, Backup::new("a", time));
    is_exactly(
        &least,
        json!({"id": "a", "time": "2026-08-31T02:00:00Z", "kinds": ["automatic"], "status": "completed",
               "verified": false, "tags": [], "holds": [], "size": 0}),
    );
    let mut full = Backup::new("b", time)
        .with_kinds([Kind::Weekly, Kind::Nightly])
        .with_status(Status::Running)
        .with_tag("release")
        .with_hold(Hold::open("litigation"))
        .with_hold(Hold::until("audit", "2027-01-01T00:00:00Z".parse().unwrap()))
        .with_parent("a")
        .verified();
    full.completed_at = Some("2026-08-31T02:30:00.5Z".parse().unwrap());
    full.size = u64::MAX;
    is_exactly(
        &full,
        json!({"id": "b", "time": "2026-08-31T02:00:00Z", "completed_at": "2026-08-31T02:30:00.500Z",
               "kinds": ["nightly", "weekly"], "status": "running", "verified": true, "tags": ["release"],
               "holds": [{"id": "litigation"}, {"id": "audit", "until": "2027-01-01T00:00:00Z"}], "parent": "a",
               "size": u64::MAX}),
    );
}

#[test]
fn a_window_and_what_is_purged_have_their_forms() {
    let mut policy = Policy::keep(Rule::last(3)).at_least(0).at_least_verified(0).purging([Kind::Automatic]);
    policy.pitr = Some(Pitr::window(Period::days(1)).of([Kind::Nightly]));
    is_exactly(
        &policy,
        json!({"tz": "UTC", "week_start": "monday", "counting": "shared", "rules": [{"type": "last", "n": 3}],
               "min_keep": 0, "min_keep_verified": 0, "pitr": {"window": "P1D", "kinds": ["nightly"]},
               "purge_on_deprovision": ["automatic"]}),
    );
    is_exactly(&Pitr::window(Period::hours(36)), json!({"window": "PT36H"}));
    is_refused::<Pitr>(&json!({"window": "P1D", "kind": []}), "unknown field `kind`");
    let time = "2026-08-31T02:00:00Z";
    let copied = Backup::new("a", time.parse().unwrap()).with_replica("eu-west-1", time.parse().unwrap());
    is_exactly(
        &copied,
        json!({"id": "a", "time": time, "kinds": ["automatic"], "status": "completed", "verified": false, "tags": [],
               "holds": [], "size": 0, "replicas": [{"region": "eu-west-1", "time": time}]}),
    );
}

#[test]
fn kinds_are_their_names() {
    for name in
        ["automatic", "nightly", "weekly", "monthly", "manual", "final", "pre_restore", "anything else"]
    {
        let kind: Kind = from_value(json!(name)).unwrap();
        assert_eq!(matches!(kind, Kind::Custom(_)), name == "anything else");
        is_exactly(&kind, json!(name));
    }
    assert_eq!(Kind::Custom("final".into()), Kind::Final);
    is_refused::<Kind>(&json!(""), "a kind has an empty name");
}

#[test]
fn what_is_unknown_is_refused() {
    is_refused::<Policy>(&json!({"min_kept": 3}), "unknown field `min_kept`");
    is_refused::<Policy>(&json!({"tz": "Nowhere"}), "unknown time zone \"Nowhere\"");
    is_refused::<Policy>(&json!({"week_start": "friday"}), "unknown variant `friday`");
    is_refused::<Policy>(&json!({"max_count": {"n": 1, "m": 2}}), "unknown field `m`");
    is_refused::<Rule>(&json!({"type": "last", "n": 3, "unit": "daily"}), "unknown field `unit`");
    is_refused::<Rule>(&json!({"type": "newest", "n": 3}), "unknown variant `newest`");
    is_refused::<Rule>(
        &json!({"type": "bucket", "unit": "fortnightly", "n": 3}),
        "unknown variant `fortnightly`",
    );
    is_refused::<Backup>(
        &json!({"id": "a", "time": "2026-08-31T02:00:00Z", "tag": "x"}),
        "unknown field `tag`",
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_remedy() {
    is_refused::<Rule>(
        &json!({"type": "last", "n": -2}),
        "-2 is not a count: use 0 to 4294967295 or -1 for all",
    );
    is_refused::<Rule>(&json!({"type": "last", "n": 4_294_967_296_u64}), "is not a count");
    is_refused::<Rule>(&json!({"type": "last"}), "missing field `n`");
    is_refused::<Rule>(
        &json!({"type": "ttl", "period": "P0D"}),
        "the rule \"ttl\" has a time to live of zero",
    );
    is_refused::<Rule>(&json!({"type": "ttl", "period": "PT0S"}), "time to live of zero");
    is_refused::<Rule>(&json!({"type": "ttl", "period": "Forever"}), "\"Forever\" is not a period");
    is_refused::<Rule>(
        &json!({"type": "ttl", "period": "P1001Y"}),
        "the period P1001Y is longer than 1000 years",
    );
    is_refused::<Rule>(
        &json!({"type": "bucket", "unit": "daily", "n": 3, "every": 0}),
        "the rule \"daily/0\" makes buckets of 0 units: set \"every\" to 1 or more",
    );
    is_refused::<Rule>(&json!({"type": "last", "n": 3, "name": ""}), "a rule has an empty name");
    is_refused::<Backup>(&json!({"id": "a", "time": "yesterday"}), "input contains invalid characters");
}
