//! What a decision says about itself.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use backup_policy::{
    Anchor, Backup, Bucket, Count, Decisions, Expiry, Hold, Kind, Period, Policy, Reason, Removal, Rule,
    Status, Unit, Verdict,
};
use chrono::{DateTime, Utc};

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn backup(time: &str) -> Backup {
    Backup::new(time, at(time))
}

/// No protection but what a test is about.
fn keep(rule: impl Into<Rule>) -> Policy {
    Policy::keep(rule).at_least(0).at_least_verified(0)
}

fn explain(policy: &Policy, backups: &[Backup], now: &str, id: &str) -> String {
    policy.decide(backups, at(now)).unwrap().explain(id).unwrap()
}

const NOW: &str = "2026-09-03T12:00:00Z";

#[test]
fn a_bucket_names_its_rank_and_its_period_of_the_calendar() {
    let wednesday = "2026-08-05T13:14:15Z";
    let cases = [
        (Unit::Minutely, 1, "minutely, last backup of 2026-08-05 15:14 +02:00"),
        (Unit::Hourly, 1, "hourly, last backup of 2026-08-05 15:00 +02:00"),
        (Unit::Hourly, 6, "hourly/6, last backup of 6 hours from 2026-08-05 12:00"),
        (Unit::Daily, 1, "daily, last backup of 2026-08-05"),
        (Unit::Daily, 3, "daily/3, last backup of 3 days from 2026-08-05"),
        (Unit::Weekly, 1, "weekly, last backup of week of 2026-08-03"),
        (Unit::Weekly, 2, "weekly/2, last backup of 2 weeks from 2026-08-03"),
        (Unit::Monthly, 1, "monthly, last backup of 2026-08"),
        (Unit::Monthly, 6, "monthly/6, last backup of 6 months from 2026-07"),
        (Unit::Quarterly, 1, "quarterly, last backup of 2026-Q3"),
        (Unit::Quarterly, 2, "quarterly/2, last backup of 2 quarters from 2026-Q3"),
        (Unit::Yearly, 1, "yearly, last backup of 2026"),
        (Unit::Yearly, 10, "yearly/10, last backup of 10 years from 2020"),
    ];
    for (unit, every, expected) in cases {
        let policy = keep(Bucket::new(unit, 4).every(every)).in_zone("Europe/Berlin".parse().unwrap());
        let expected = format!("kept: 1st of 4 {expected}; no fixed expiry, it depends on the other backups");
        assert_eq!(explain(&policy, &[backup(wednesday)], NOW, wednesday), expected);
    }
    let from_sunday = keep(Rule::weekly(Count::All)).weeks_from_sunday();
    let text = explain(&from_sunday, &[backup(wednesday)], NOW, wednesday);
    assert!(text.starts_with("kept: 1st of all weekly, last backup of week of 2026-08-02;"), "{text}");
}

#[test]
fn a9_the_third_month_is_the_third() {
    let backups =
        ["2026-08-30T02:00:00Z", "2026-08-31T02:00:00Z", "2026-09-30T02:00:00Z", "2026-10-02T02:00:00Z"];
    let backups = backups.map(backup);
    let policy = keep(Rule::monthly(12));
    assert_eq!(
        explain(&policy, &backups, "2026-10-02T03:00:00Z", "2026-08-31T02:00:00Z"),
        "kept: 3rd of 12 monthly, last backup of 2026-08; no fixed expiry, it depends on the other backups"
    );
    assert_eq!(
        explain(&policy, &backups, "2026-10-02T03:00:00Z", "2026-08-30T02:00:00Z"),
        "removed: superseded by other backups (monthly)"
    );
}

#[test]
fn m7_a_time_to_live_names_its_end() {
    let manual = backup("2025-12-03T03:18:00Z").with_kinds([Kind::Manual]);
    let policy = keep(Rule::ttl(Period::months(3)).of([Kind::Manual]));
    let id = manual.id.clone();
    assert_eq!(
        explain(&policy, std::slice::from_ref(&manual), "2026-03-03T03:17:59Z", &id),
        "kept: time to live until 2026-03-03T03:18:00Z; expires 2026-03-03T03:18:00Z"
    );
    assert_eq!(explain(&policy, &[manual], "2026-03-03T03:18:00Z", &id), "removed: expired (ttl:manual)");
}

#[test]
fn every_reason_has_a_name_and_words() {
    let old = "2026-09-01T00:00:00Z";
    let plain = || backup(old);
    let newer = || backup("2026-09-02T00:00:00Z");
    let dependent = || vec![plain(), newer().with_parent(old)];
    let day = Period::days(30);
    let unsure = "no fixed expiry, it depends on the other backups";
    let nothing = || keep(Rule::last(0));
    let cases: Vec<(Policy, Vec<Backup>, &str, String)> = vec![
        (keep(Rule::last(7)), vec![plain(), newer()], "last", format!("2nd of the last 7; {unsure}")),
        (keep(Rule::last(7).named("few")), vec![plain()], "few", format!("few: 1st of the last 7; {unsure}")),
        (
            keep(Bucket::new(Unit::Yearly, 2).keep_oldest()),
            vec![plain(), newer()],
            "oldest:yearly",
            format!("the oldest while there are fewer than asked for (yearly); {unsure}"),
        ),
        (
            keep(Bucket::new(Unit::Yearly, 2).keep_oldest().rule().named("years")),
            vec![plain(), newer()],
            "oldest:years",
            format!("years: the oldest while there are fewer than asked for (yearly); {unsure}"),
        ),
        (
            keep(Bucket::new(Unit::Daily, 2).first().within(Period::days(9), Anchor::Now)),
            vec![plain()],
            "daily",
            format!("1st of 2 daily, first backup of 2026-09-01; {unsure}"),
        ),
        (keep(Rule::within(day)), vec![plain()], "within", format!("within P30D of the newest; {unsure}")),
        (
            keep(Rule::within_of_now(day)),
            vec![plain()],
            "within",
            "within P30D of now; expires 2026-10-01T00:00:00Z".into(),
        ),
        (keep(Rule::forever()), vec![plain()], "ttl", "kept forever; never expires".into()),
        (
            keep(Rule::tagged(["x"])),
            vec![plain().with_tag("x")],
            "tag",
            "carries the tags asked for; never expires".into(),
        ),
        (
            keep(Rule::last(0).of([Kind::Final])),
            vec![plain()],
            "unmatched",
            "no rule covers its kinds; never expires".into(),
        ),
        (nothing(), vec![plain().with_hold(Hold::open("A33"))], "hold", "held by \"A33\"; never expires".into()),
        (
            nothing(),
            vec![plain().with_hold(Hold::until("audit", at("2027-01-01T00:00:00Z")))],
            "hold",
            "held by \"audit\" until 2027-01-01T00:00:00Z; expires 2027-01-01T00:00:00Z".into(),
        ),
        (
            nothing().at_least(2),
            vec![plain(), newer()],
            "min-keep",
            format!("2nd of the 2 newest, always kept; {unsure}"),
        ),
        (
            nothing().at_least_verified(3),
            vec![plain().verified(), newer()],
            "min-keep-verified",
            format!("1st of the 3 newest verified, always kept; {unsure}"),
        ),
        (
            nothing().at_least(1),
            dependent(),
            "dependency",
            format!("needed by 2026-09-02T00:00:00Z; {unsure}"),
        ),
        (
            nothing(),
            vec![plain().with_status(Status::Running)],
            "in-progress",
            format!("still running; {unsure}"),
        ),
        (
            nothing().failed_for(Period::weeks(2)),
            vec![plain().with_status(Status::Failed)],
            "failed-ttl",
            "cannot be restored, kept for inspection until 2026-09-15T00:00:00Z; expires 2026-09-15T00:00:00Z".into(),
        ),
    ];
    for (policy, backups, name, words) in cases {
        let decisions = policy.decide(&backups, at(NOW)).unwrap();
        assert_eq!(names(&decisions, old), [name]);
        assert_eq!(decisions.explain(old).unwrap(), format!("kept: {words}"));
    }
    let policy = nothing();
    let future = [backup("2031-01-01T00:00:00Z")];
    let decisions = policy.decide(&future, at(NOW)).unwrap();
    assert_eq!(names(&decisions, "2031-01-01T00:00:00Z"), ["future"]);
    assert_eq!(
        decisions.explain("2031-01-01T00:00:00Z").unwrap(),
        format!("kept: dated in the future; {unsure}")
    );
}

fn names(decisions: &Decisions<'_>, id: &str) -> Vec<String> {
    match decisions.get(id).unwrap().verdict() {
        Verdict::Kept { reasons, .. } => reasons.iter().map(Reason::name).collect(),
        Verdict::Removed { reasons } => reasons.iter().map(|reason| reason.as_str().to_owned()).collect(),
    }
}

#[test]
fn several_reasons_stand_in_the_order_of_their_names() {
    let backups = [backup("2026-09-01T00:00:00Z").with_tag("release")];
    let policy = keep(Rule::yearly(1)).and(Rule::tagged(["release"])).and(Rule::daily(7)).and(Rule::daily(8));
    let decisions = policy.decide(&backups, at(NOW)).unwrap();
    assert_eq!(names(&decisions, "2026-09-01T00:00:00Z"), ["daily", "daily", "tag", "yearly"]);
    assert_eq!(
        decisions.explain("2026-09-01T00:00:00Z").unwrap(),
        "kept: 1st of 7 daily, last backup of 2026-09-01; 1st of 8 daily, last backup of 2026-09-01; \
         carries the tags asked for; 1st of 1 yearly, last backup of 2026; never expires"
    );
}

#[test]
fn the_longest_of_several_ends_is_the_expiry() {
    let backups = [backup("2026-09-01T00:00:00Z").with_kinds([Kind::Nightly, Kind::Weekly])];
    let nightly = Rule::ttl(Period::weeks(2)).of([Kind::Nightly]);
    let weekly = Rule::ttl(Period::months(3)).of([Kind::Weekly]);
    let expiry =
        |policy: &Policy| match policy.decide(&backups, at(NOW)).unwrap().iter().next().unwrap().verdict() {
            Verdict::Kept { expiry, .. } => expiry,
            removed => panic!("{removed:?}"),
        };
    let policy = keep(nightly).and(weekly);
    assert_eq!(expiry(&policy), Expiry::At(at("2026-12-01T00:00:00Z")));
    assert_eq!(expiry(&policy.clone().at_least(1)), Expiry::Conditional);
    assert_eq!(expiry(&policy.at_least(1).and(Rule::forever())), Expiry::Never);
}

#[test]
fn a_removal_names_every_rule_that_did_not_choose_the_backup() {
    let backups = ["2026-06-01T00:00:00Z", "2026-08-02T00:00:00Z", "2026-09-02T00:00:00Z"].map(backup);
    let policy =
        keep(Rule::last(1)).and(Rule::within(Period::days(2))).and(Rule::tagged(["x"])).and(Rule::daily(1));
    assert_eq!(
        explain(&policy, &backups, NOW, "2026-06-01T00:00:00Z"),
        "removed: expired (within); superseded by other backups (last, daily); without the tags asked for (tag)"
    );
    let capped = keep(Rule::monthly(12)).and(Rule::last(1)).at_most(2);
    let decisions = capped.decide(&backups, at(NOW)).unwrap();
    assert_eq!(names(&decisions, "2026-06-01T00:00:00Z"), ["max-count", "superseded"]);
    assert_eq!(
        decisions.explain("2026-06-01T00:00:00Z").unwrap(),
        "removed: beyond the policy's maximum count; superseded by other backups"
    );
    let failed = [backup("2026-06-01T00:00:00Z").with_status(Status::Failed)];
    assert_eq!(
        explain(&capped, &failed, NOW, "2026-06-01T00:00:00Z"),
        "removed: cannot be restored and is no longer kept for inspection"
    );
    assert_eq!(Removal::FailedExpired.as_str(), "failed-expired");
}

#[test]
fn of_several_backups_that_need_one_the_newest_is_named() {
    let full = Backup::new("full", at("2026-09-01T00:00:00Z"));
    let child = |id: &str, time: &str| Backup::new(id, at(time)).with_parent("full");
    let set = [child("b", "2026-09-03T00:00:00Z"), child("a", "2026-09-02T00:00:00Z"), full];
    let text = explain(&keep(Rule::last(2)), &set, NOW, "full");
    assert_eq!(text, "kept: needed by b; no fixed expiry, it depends on the other backups");
}

#[test]
fn nothing_is_said_about_strangers() {
    let policy = keep(Rule::last(1));
    let decisions = policy.decide(&[], at(NOW)).unwrap();
    assert!(
        decisions.get("x").is_none() && decisions.explain("x").is_none() && decisions.iter().next().is_none()
    );
}
