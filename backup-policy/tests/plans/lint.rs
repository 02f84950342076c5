use backup_policy::{
    Anchor, Backup, Bucket, Count, Cron, Days, Every, Finding, Kind, Period, Plan, Policy, Preset, Routine,
    Rule, Schedule, TimesPerDay, Unit, Window, Zone,
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::{prelude::*, sample::select};

use crate::{NOW, at, keep, preset};

fn said(plan: &Plan) -> Vec<String> {
    plan.lint(at(NOW), None).unwrap().iter().map(ToString::to_string).collect()
}

fn cron(expr: &str) -> Schedule {
    Cron::new(expr).unwrap().into()
}

#[test]
fn presets_are_clean_but_for_what_they_are_known_for() {
    for entry in Preset::CATALOGUE {
        let plan = match entry.id {
            "nocobase" => preset("nocobase:n=1"),
            "mendix" => continue,
            id => preset(id),
        };
        assert_eq!(said(&plan), [""; 0], "{}", entry.id);
    }
}

#[test]
fn x19_staging_without_a_minimum_is_bare_four_days_of_seven() {
    let mut staging = preset("xano_policy_staging");
    staging.policy.min_keep = 0;
    let expected = "weekly, kept 3 days: up to 4 of 7 days without a backup; keep P8D or min_keep 1";
    assert_eq!(said(&staging), [expected]);
    // Each of the two remedies is one.
    staging.policy.rules[0] = Rule::ttl(Period::days(8)).of([Kind::Automatic]);
    assert!(said(&staging).is_empty());
    // Nothing less is.
    staging.policy.rules[0] = Rule::ttl(Period::days(7)).of([Kind::Automatic]);
    assert_eq!(
        said(&staging),
        ["weekly, kept 7 days: none while the next one is made; keep P8D or min_keep 1"]
    );
}

#[test]
fn x26_development_made_monthly_and_kept_three_days() {
    let policy = keep(Rule::ttl(Period::days(3)));
    let plan = Plan::new(policy).by(Routine::new(cron("0 6 1 * *")));
    assert_eq!(
        said(&plan),
        ["every 31 days, kept 3 days: up to 28 of 31 days without a backup; keep P32D or min_keep 1"]
    );
}

#[test]
fn retention_is_compared_in_hours_where_schedules_are() {
    let plan =
        Plan::new(keep(Rule::within_of_now(Period::hours(4)))).by(Routine::new(TimesPerDay::new(4).unwrap()));
    assert_eq!(
        said(&plan),
        ["every 6 hours, kept 4 hours: up to 2 of 6 hours without a backup; keep PT7H or min_keep 1"]
    );
    // In winter's night the day has 25 hours.
    let berlin = Cron::new("0 2 * * *").unwrap().in_zone("Europe/Berlin".parse().unwrap());
    let plan = Plan::new(keep(Rule::ttl(Period::hours(24)))).by(Routine::new(berlin));
    assert_eq!(
        said(&plan),
        ["every 25 hours, kept 24 hours: up to 1 of 25 hours without a backup; keep P2D or min_keep 1"]
    );
}

#[test]
fn retention_that_something_else_makes_up_for_is_not_complained_about() {
    let weekly = |policy: Policy| {
        Plan::new(policy)
            .by(Routine::new(Window::new("02:00".parse().unwrap(), 60).unwrap().on(Days::weekly(0)).unwrap()))
    };
    let short = || keep(Rule::ttl(Period::days(3)));
    assert_eq!(said(&weekly(short())).len(), 1);
    assert!(said(&weekly(short().and(Rule::last(1)))).is_empty());
    assert!(said(&weekly(short().and(Rule::monthly(1)))).is_empty());
    assert!(said(&weekly(short().and(Rule::ttl(Period::days(10))))).is_empty());
    assert!(said(&weekly(short().and(Rule::within(Period::days(1))))).is_empty());
    assert!(said(&weekly(short().recoverable_for(Period::days(1)))).is_empty());
    // But not by rules for other kinds, that keep nothing, or that want tags.
    assert_eq!(said(&weekly(short().and(Rule::last(1).of([Kind::Manual])))).len(), 1);
    assert_eq!(said(&weekly(short().and(Rule::last(0)))).len(), 1);
    assert_eq!(said(&weekly(short().and(Rule::tagged(["x"])))).len(), 1);
    // Two equally short rules are one mistake.
    assert_eq!(said(&weekly(short().and(Rule::within_of_now(Period::days(3))))).len(), 1);
    // What nothing makes cannot be missing.
    assert!(said(&Plan::new(short())).is_empty());
    assert!(said(&weekly(keep(Rule::ttl(Period::days(3)).of([Kind::Manual])))).is_empty());
}

#[test]
fn m15_a_month_can_be_missed() {
    let plan = preset("mendix:region=frankfurt");
    assert_eq!(
        said(&plan),
        [
            "ttl:monthly keeps only what was made on a month's first Sunday: a month whose first backup comes later, or whose \
             Sunday fails, has none; add a rule for the last of each month: {\"type\":\"bucket\",\"unit\":\"monthly\",\
             \"n\":-1,\"every\":1,\"pick\":\"last\",\"within\":\"P1Y\",\"anchor\":\"now\",\"keep_oldest\":false,\
             \"kinds\":[\"nightly\"]}"
        ]
    );
    let findings = plan.lint(at(NOW), None).unwrap();
    let Finding::MissableMonth { fix, .. } = &findings[0] else { panic!("another finding") };
    let mut mended = plan;
    mended.policy.rules.push((**fix).clone());
    assert!(said(&mended).is_empty());
    // With it, June is there although its first Sunday was missed.
    let kept = crate::kept_after(&mended, "2026-06-08T12:00:00Z", NOW);
    assert_eq!(kept[0].time, at("2026-06-30T00:00:00Z"));
}

#[test]
fn a_window_must_be_as_long_as_a_backup_takes() {
    let plan = preset("xano_policy_prod");
    let lint =
        |minutes: i64| plan.lint(at(NOW), Some(TimeDelta::minutes(minutes) + TimeDelta::seconds(1))).unwrap();
    assert!(lint(119).is_empty());
    assert_eq!(
        lint(150)[0].to_string(),
        "the window is open for 120 minutes and a backup takes 151: open it for 151"
    );
}

#[test]
fn a_first_needs_at_least_its_unit() {
    let first = |unit, every, within| {
        let bucket = Bucket::new(unit, Count::All).every(every).first().within(within, Anchor::Now);
        said(&Plan::new(keep(bucket)))
    };
    assert_eq!(
        first(Unit::Yearly, 1, Period::months(1)),
        [
            "yearly keeps the first of each bucket only within P1M, so towards the end of a bucket none; keep P1Y or pick the last"
        ]
    );
    assert!(first(Unit::Yearly, 1, Period::years(1)).is_empty());
    assert!(first(Unit::Monthly, 1, Period::days(31)).is_empty());
    assert!(first(Unit::Monthly, 1, Period::days(30))[0].contains("keep P1M"));
    assert!(first(Unit::Weekly, 2, Period::weeks(1))[0].contains("keep P2W"));
    assert!(first(Unit::Hourly, 6, Period::hours(5))[0].contains("keep PT6H"));
    assert!(first(Unit::Quarterly, 1, Period::months(2))[0].contains("keep P3M"));
    assert!(first(Unit::Minutely, 1, Period::seconds(59))[0].contains("keep PT1M"));
    assert!(first(Unit::Daily, u32::MAX, Period::days(1))[0].contains("keep P4294967295D"));
    let last = Bucket::new(Unit::Yearly, Count::All).within(Period::months(1), Anchor::Newest);
    assert!(said(&Plan::new(keep(last))).is_empty());
}

#[test]
fn d9_a_rhythm_may_miss_the_day_on_which_clocks_jump() {
    let berlin = |expr: &str| {
        let cron = Cron::new(expr).unwrap().in_zone("Europe/Berlin".parse().unwrap());
        said(&Plan::new(Policy::keep_everything()).by(Routine::new(cron)))
    };
    assert_eq!(
        berlin("*/15 2 * * *"),
        [
            "no run on 2027-03-28: clocks skip all times of that day, and a minute or hour that begins with * is not made up \
             for; write a range, such as 0/15 for */15"
        ]
    );
    assert!(berlin("0/15 2 * * *").is_empty());
    assert!(berlin("*/15 2,3 * * *").is_empty());
    assert!(berlin("*/15 2 * * 1").is_empty());
    assert!(berlin("0 2 * * *").is_empty());
}

#[test]
fn a_schedule_that_ends_with_time_never_runs() {
    let plan = Plan::new(Policy::keep_everything()).by(Routine::new(cron("0 0 29 2 *")));
    let findings = plan.lint(at("8000-03-01T00:00:00Z"), None).unwrap();
    assert_eq!(
        findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["the schedule never runs; correct it"]
    );
    assert!(plan.lint(at("8001-01-01T00:00:00Z"), None).is_err());
}

#[test]
fn an_invalid_plan_is_an_error_and_no_finding() {
    let plan = Plan::new(keep(Rule::ttl(Period::ZERO)));
    assert!(plan.lint(at(NOW), None).is_err());
}

#[test]
fn findings_are_data_too() {
    let mut staging = preset("xano_policy_staging");
    staging.policy.min_keep = 0;
    assert_eq!(
        serde_json::to_value(staging.lint(at(NOW), None).unwrap()).unwrap(),
        serde_json::json!([{"type": "exposed", "rule": "ttl:automatic", "interval_s": 604_800, "kept": "P3D",
                            "exposed_s": 345_600, "fix": "P8D"}])
    );
}

/// A schedule whose intervals are longer than hours and shorter than months.
fn schedule() -> impl Strategy<Value = Schedule> {
    let zone = || {
        select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
            .prop_map(|zone| zone.parse::<Zone>().unwrap())
    };
    let weekly = |(day, zone)| {
        let window = Window::new("02:00".parse().unwrap(), 60).unwrap();
        Schedule::from(window.on(Days::weekly(day)).unwrap().in_zone(zone))
    };
    prop_oneof![
        (0_u8..7, zone()).prop_map(weekly),
        (select(vec![1_u32, 2, 4]), zone())
            .prop_map(|(n, zone)| TimesPerDay::new(n).unwrap().in_zone(zone).into()),
        (1_u64..200).prop_map(|hours| Every::new(hours * 3600, DateTime::UNIX_EPOCH).unwrap().into()),
        zone().prop_map(|zone| Cron::new("30 2 1,10,20 * *").unwrap().in_zone(zone).into()),
    ]
}

/// Whether, when one of the next runs begins, nothing that was made before is kept.
fn is_bare(plan: &Plan, now: DateTime<Utc>) -> bool {
    let slots: Vec<DateTime<Utc>> =
        plan.routines[0].schedule.after(now).unwrap().take(40).map(|slot| slot.run_at()).collect();
    let made: Vec<Backup> = slots.iter().map(|slot| Backup::new(slot.to_rfc3339(), *slot)).collect();
    (1..made.len())
        .any(|count| plan.policy.decide(&made[..count], slots[count]).unwrap().kept().next().is_none())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn where_nothing_is_found_there_is_always_a_backup(
        schedule in schedule(),
        ttl in select(vec!["PT5H", "PT12H", "PT24H", "P1D", "P3D", "P7D", "P8D", "P10D", "P11D", "P1M"]),
        zone in select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
        hours in 0_i64..20_000,
    ) {
        let now = at("2024-01-01T00:00:00Z") + TimeDelta::hours(hours);
        let policy = keep(Rule::ttl(ttl.parse().unwrap())).in_zone(zone.parse().unwrap());
        let mut plan = Plan::new(policy).by(Routine::new(schedule));
        let findings = plan.lint(now, None).unwrap();
        prop_assert!(findings.len() < 2);
        let Some(finding) = findings.first() else {
            prop_assert!(!is_bare(&plan, now));
            return Ok(());
        };
        let Finding::Exposed { fix, .. } = finding else { panic!("{finding}") };
        plan.policy.rules = vec![Rule::ttl(*fix)];
        prop_assert!(plan.lint(now, None).unwrap().is_empty(), "{} is no remedy", fix);
        prop_assert!(!is_bare(&plan, now));
    }
}
