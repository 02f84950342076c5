use std::collections::BTreeSet;

use backup_policy::{Backup, Hold, Kind, Period, Policy, Rule, Status};
use chrono::TimeDelta;

use crate::{at, backup, keep, kept, reasons, series};

const NOW: &str = "2026-02-01T00:00:00Z";

fn nothing() -> Policy {
    keep(Rule::last(0))
}

#[test]
fn what_runs_or_failed_is_not_counted() {
    let set = [
        backup("2026-01-01T00:00:00Z"),
        backup("2026-01-02T00:00:00Z").with_status(Status::Failed),
        backup("2026-01-03T00:00:00Z").with_status(Status::Running),
    ];
    let policy = keep(Rule::last(1)).failed_for(Period::days(30));
    assert_eq!(kept(&policy, &set, "2026-01-31T23:59:59Z").len(), 3);
    assert_eq!(kept(&policy, &set, NOW), ["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"]);
    assert_eq!(reasons(&policy, &set, NOW, "2026-01-02T00:00:00Z"), ["-failed-expired"]);
    // Without a time for them, failed ones go at once.
    assert_eq!(kept(&keep(Rule::last(9)), &set, "2026-01-04T00:00:00Z").len(), 2);
}

#[test]
fn the_newest_stay_whatever_rules_say() {
    let set = [
        backup("2026-01-01T00:00:00Z").verified(),
        backup("2026-01-02T00:00:00Z").verified(),
        backup("2026-01-03T00:00:00Z"),
        backup("2026-01-04T00:00:00Z").with_status(Status::Failed),
    ];
    assert_eq!(kept(&nothing(), &set, NOW).len(), 0);
    assert_eq!(kept(&nothing().at_least(1), &set, NOW), ["2026-01-03T00:00:00Z"]);
    assert_eq!(kept(&nothing().at_least_verified(1), &set, NOW), ["2026-01-02T00:00:00Z"]);
    assert_eq!(kept(&nothing().at_least(9), &set, NOW).len(), 3);
    // What is built in Rust protects the newest and the newest verified one unless told otherwise.
    let default = Policy::keep(Rule::last(0));
    assert_eq!(kept(&default, &set, NOW), ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]);
}

#[test]
fn a33_holds_keep_anything_until_they_end() {
    let until = at("2026-02-01T00:00:00Z");
    let set = [
        backup("2026-01-01T00:00:00Z").with_hold(Hold::open("a")),
        backup("2026-01-02T00:00:00Z").with_hold(Hold::until("b", until)),
        backup("2026-01-03T00:00:00Z").with_status(Status::Failed).with_hold(Hold::open("c")),
    ];
    assert_eq!(kept(&nothing(), &set, "2026-01-31T23:59:59Z").len(), 3);
    assert_eq!(kept(&nothing(), &set, NOW), ["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"]);
    assert_eq!(reasons(&nothing(), &set, NOW, "2026-01-01T00:00:00Z"), ["hold"]);
    // A held backup occupies its day like any other.
    assert_eq!(reasons(&keep(Rule::daily(3)), &set, NOW, "2026-01-01T00:00:00Z"), ["daily", "hold"]);
}

#[test]
fn a_limit_takes_what_rules_keep_but_not_what_is_protected() {
    let mut set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 5);
    set[0].holds.push(Hold::open("audit"));
    set[1].kinds = BTreeSet::from([Kind::Manual]);
    let policy = keep(Rule::forever());
    assert_eq!(
        kept(&policy.clone().at_most(2), &set, NOW),
        ["2026-01-01T00:00", "2026-01-04T00:00", "2026-01-05T00:00"]
    );
    assert_eq!(reasons(&policy.clone().at_most(2), &set, NOW, "2026-01-01T00:00"), ["hold"]);
    assert_eq!(reasons(&policy.clone().at_most(2), &set, NOW, "2026-01-03T00:00"), ["-max-count"]);
    assert_eq!(kept(&policy.clone().at_most_of(0, [Kind::Manual]), &set, NOW).len(), 4);
    assert_eq!(kept(&policy.at_most(0).at_least(1), &set, NOW), ["2026-01-01T00:00", "2026-01-05T00:00"]);
    // It limits what no rule covers, too.
    assert_eq!(kept(&Policy::keep_everything().at_least_verified(0).at_most(2), &set, NOW).len(), 3);
}

#[test]
fn d7_chains_are_kept_upwards() {
    let set = [
        Backup::new("full", at("2026-01-01T00:00:00Z")),
        Backup::new("diff", at("2026-01-02T00:00:00Z")).with_parent("full"),
        Backup::new("incr", at("2026-01-03T00:00:00Z")).with_parent("diff"),
        Backup::new("other", at("2026-01-02T12:00:00Z")).with_parent("full"),
    ];
    let policy = keep(Rule::last(1));
    assert_eq!(kept(&policy, &set, NOW), ["full", "diff", "incr"]);
    assert_eq!(reasons(&policy, &set, NOW, "full"), ["dependency"]);
    // Also what something else keeps is told to be needed.
    assert_eq!(reasons(&keep(Rule::last(9)), &set, NOW, "diff"), ["dependency", "last"]);
    // What runs needs its parents as well.
    let running = [set[0].clone(), set[1].clone().with_status(Status::Running)];
    assert_eq!(kept(&nothing(), &running, NOW), ["full", "diff"]);
}

#[test]
fn a_broken_chain_is_unsound_down_to_its_end() {
    let failed = [
        Backup::new("full", at("2026-01-01T00:00:00Z")).with_status(Status::Failed),
        Backup::new("diff", at("2026-01-02T00:00:00Z")).with_parent("full"),
        Backup::new("incr", at("2026-01-03T00:00:00Z")).with_parent("diff"),
    ];
    let missing = [
        Backup::new("diff", at("2026-01-02T00:00:00Z")).with_parent("full"),
        Backup::new("incr", at("2026-01-03T00:00:00Z")).with_parent("diff"),
    ];
    let circular = [
        Backup::new("a", at("2026-01-01T00:00:00Z")).with_parent("c"),
        Backup::new("b", at("2026-01-02T00:00:00Z")).with_parent("a"),
        Backup::new("c", at("2026-01-03T00:00:00Z")).with_parent("b"),
        Backup::new("d", at("2026-01-04T00:00:00Z")).with_parent("c"),
        Backup::new("e", at("2026-01-05T00:00:00Z")).with_parent("e"),
    ];
    for set in [&failed[..], &missing, &circular] {
        assert_eq!(kept(&keep(Rule::last(9)).at_least(9), set, NOW).len(), 0, "{set:?}");
        let later = keep(Rule::last(9)).failed_for(Period::years(1));
        assert_eq!(kept(&later, set, NOW).len(), set.len());
    }
    // A parent that runs is not broken.
    let mut running = missing.to_vec();
    running.push(Backup::new("full", at("2026-01-01T00:00:00Z")).with_status(Status::Running));
    assert_eq!(reasons(&keep(Rule::last(9)), &running, NOW, "incr"), ["last"]);
    // A hold keeps a whole circle.
    let mut held = circular.to_vec();
    held[1].holds.push(Hold::open("h"));
    assert_eq!(kept(&nothing(), &held, NOW), ["a", "b", "c"]);
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let mut set = series("2000-01-01T00:00:00Z", TimeDelta::minutes(1), 200_000);
    for number in 1..set.len() {
        set[number].parent = Some(set[number - 1].id.clone());
    }
    assert_eq!(kept(&keep(Rule::last(1)), &set, NOW).len(), 200_000);
}
