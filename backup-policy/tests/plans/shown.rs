//! What a host shows.

use backup_policy::{Backup, Expiry, Hold, Kind, Period, Rule};
use chrono::TimeDelta;
use serde_json::{json, to_value};

use crate::{NOW, at, keep, series};

#[test]
fn a_timeline_has_a_lane_for_each_reason_in_the_order_of_the_rules() {
    let mut set = series("2026-11-17T02:00:00Z", TimeDelta::days(1), 3);
    set[0].holds.push(Hold::until("audit", at("2027-01-01T00:00:00Z")));
    let policy =
        keep(Rule::monthly(2)).and(Rule::ttl(Period::days(3))).and(Rule::ttl(Period::days(4)).named("again"));
    let timeline = policy.decide(&set, at(NOW)).unwrap().timeline();
    let lanes: Vec<(&str, Vec<&str>)> = timeline
        .lanes
        .iter()
        .map(|lane| (lane.reason.as_str(), lane.bars.iter().map(|bar| bar.id.as_str()).collect()))
        .collect();
    assert_eq!(
        lanes,
        [
            ("monthly", vec!["2026-11-19T02:00"]),
            ("ttl", vec!["2026-11-18T02:00", "2026-11-19T02:00"]),
            ("again", vec!["2026-11-17T02:00", "2026-11-18T02:00", "2026-11-19T02:00"]),
            ("hold", vec!["2026-11-17T02:00"]),
        ]
    );
    assert_eq!(timeline.now, at(NOW));
    let held = &timeline.lanes[3].bars[0];
    assert_eq!(
        (held.from, held.expiry),
        (at("2026-11-17T02:00:00Z"), Expiry::At(at("2027-01-01T00:00:00Z")))
    );
    assert_eq!(timeline.lanes[0].bars[0].text, "1st of 2 monthly, last backup of 2026-11");
    assert_eq!(to_value(&timeline.lanes[0].bars[0]).unwrap()["expiry"], json!({"kind": "conditional"}));
}

#[test]
fn decisions_are_data_with_rule_rank_bucket_hold_and_child() {
    let full = Backup::new("full", at("2026-11-01T02:00:00Z"))
        .with_kinds([Kind::Weekly])
        .with_hold(Hold::open("audit"));
    let child = Backup::new("child", at("2026-11-02T02:00:00Z")).with_parent("full");
    let old = Backup::new("old", at("2026-01-01T02:00:00Z"));
    let policy = keep(Rule::daily(1).of([Kind::Automatic])).and(Rule::last(0).of([Kind::Weekly])).at_least(1);
    let set = [full, child, old];
    let decisions = policy.decide(&set, at(NOW)).unwrap();
    assert_eq!(
        to_value(&decisions).unwrap(),
        json!([
            {"id": "old", "time": "2026-01-01T02:00:00Z", "kept": false, "reasons": ["superseded"],
             "text": "removed: superseded by other backups (daily)"},
            {"id": "full", "time": "2026-11-01T02:00:00Z", "kept": true, "expiry": {"kind": "never"},
             "reasons": [
                {"name": "dependency", "text": "needed by child", "expiry": {"kind": "conditional"}, "child": "child"},
                {"name": "hold", "text": "held by \"audit\"", "expiry": {"kind": "never"}, "hold": "audit"}],
             "text": "kept: needed by child; held by \"audit\"; never expires"},
            {"id": "child", "time": "2026-11-02T02:00:00Z", "kept": true, "expiry": {"kind": "conditional"},
             "reasons": [
                {"name": "daily", "text": "1st of 1 daily, last backup of 2026-11-02", "expiry": {"kind": "conditional"},
                 "rank": 1, "of": 1, "bucket": "2026-11-02"},
                {"name": "min-keep", "text": "1st of the 1 newest, always kept", "expiry": {"kind": "conditional"},
                 "rank": 1, "of": 1}],
             "text": "kept: 1st of 1 daily, last backup of 2026-11-02; 1st of the 1 newest, always kept; no fixed expiry, it \
                      depends on the other backups"},
        ])
    );
}

#[test]
fn an_expiry_with_an_end_names_it() {
    assert_eq!(to_value(Expiry::At(at(NOW))).unwrap(), json!({"kind": "at", "at": "2026-11-20T12:00:00Z"}));
}
