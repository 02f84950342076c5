use std::collections::BTreeSet;

use backup_policy::{Backup, ErrorKind, Expiry, Kind, Preset, Region, Schedule, Verdict, Zone};
use chrono::{Datelike, TimeDelta, Timelike, Weekday};

use crate::{NOW, at, kept_after, preset, series};

/// An example of each preset, settings included where they have no default.
fn examples() -> Vec<Preset> {
    let text = |id: &str| match id {
        "mendix" => "mendix:region=frankfurt".to_owned(),
        "nocobase" => "nocobase:n=30".to_owned(),
        id => id.to_owned(),
    };
    Preset::CATALOGUE.iter().map(|entry| text(entry.id).parse().unwrap()).collect()
}

#[test]
fn each_has_an_exact_id_and_reads_back() {
    let ids: Vec<&str> = Preset::CATALOGUE.iter().map(|entry| entry.id).collect();
    assert_eq!(
        ids,
        [
            "mendix",
            "aptible_default",
            "aptible_production",
            "aptible_non_production",
            "xano_rolling",
            "xano_policy_prod",
            "xano_policy_staging",
            "xano_enterprise_prod",
            "xano_enterprise_staging",
            "xano_enterprise_dev",
            "xano_strategy",
            "nocobase",
            "platformsh_2022_grid",
            "platformsh_essential",
            "platformsh_advanced",
            "platformsh_premium",
            "platformsh_dedicated_gen2",
        ]
    );
    for (preset, id) in examples().into_iter().zip(ids) {
        assert_eq!(preset.id(), id);
        assert_eq!(preset.to_string().parse::<Preset>().unwrap(), preset);
        let plan = preset.plan().unwrap();
        plan.validate().unwrap();
        let json = serde_json::to_value(&plan).unwrap();
        assert_eq!(serde_json::from_value::<backup_policy::Plan>(json).unwrap(), plan);
    }
}

#[test]
fn each_names_requirements_that_exist() {
    let text = include_str!("../../../docs/requirements.md");
    for entry in Preset::CATALOGUE {
        assert!(!entry.requirements.is_empty() && !entry.summary.is_empty());
        for id in entry.requirements {
            assert!(text.contains(&format!("| {id} |")), "{id} of {}", entry.id);
        }
    }
}

#[test]
fn all_but_the_strict_one_keep_the_newest() {
    for preset in examples() {
        let policy = preset.plan().unwrap().policy;
        assert_eq!(policy.min_keep, u32::from(preset.id() != "mendix"), "{preset}");
        assert_eq!(policy.min_keep_verified, u32::from(preset.id() == "xano_enterprise_prod"), "{preset}");
        let expected = match preset.id() {
            "mendix" => Some("P14D"),
            id if id.starts_with("aptible") || id == "nocobase" => Some("P7D"),
            _ => None,
        };
        let weeks = |text: String| if text == "P2W" { "P14D".to_owned() } else { text };
        assert_eq!(policy.failed_ttl.map(|ttl| weeks(ttl.to_string())).as_deref(), expected, "{preset}");
    }
}

#[test]
fn what_cannot_be_read_says_what_can() {
    let refused = |text: &str| text.parse::<Preset>().unwrap_err().to_string();
    assert!(refused("heroku").starts_with("unknown preset \"heroku\": use one of mendix, aptible_default, "));
    assert_eq!(refused("nocobase"), "the preset nocobase needs a n: write nocobase:n=30, for example");
    assert_eq!(
        refused("mendix"),
        "the preset mendix needs a region: write mendix:region=frankfurt, for example"
    );
    assert!(
        refused("mendix:region=mars")
            .starts_with("the preset mendix has the region \"mars\": use bahrain, canada")
    );
    assert_eq!(refused("nocobase:n=many"), "the preset nocobase has the n \"many\": use a whole number");
    assert_eq!(
        refused("nocobase:n=1,n=2"),
        "the preset nocobase cannot read \"n=2\": write NAME=VALUE once for each setting; it has n"
    );
    assert!(refused("xano_rolling:days=4").ends_with("it has none"));
    assert!(
        refused("xano_strategy:environment=test")
            .ends_with("use production, staging, development, automation")
    );
}

#[test]
fn a15_a16_counts_stay_in_the_documented_ranges() {
    let refused = |text: &str| {
        let error = text.parse::<Preset>().unwrap().plan().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPolicy);
        error.to_string()
    };
    assert_eq!(refused("aptible_production:daily=13"), "the preset has daily 13: use 14 to 60");
    assert_eq!(refused("aptible_production:monthly=2"), "the preset has monthly 2: use 3 to 12");
    assert_eq!(refused("aptible_production:yearly=7"), "the preset has yearly 7: use 0 to 6");
    assert_eq!(refused("aptible_non_production:daily=15"), "the preset has daily 15: use 1 to 14");
    assert_eq!(refused("aptible_non_production:monthly=2"), "the preset has monthly 2: use 0 to 1");
    assert_eq!(refused("nocobase:n=0"), "the preset has n 0: use 1 to 4294967295");
    preset("aptible_production:daily=60,monthly=3,yearly=0");
    preset("aptible_non_production:daily=1,monthly=1");
}

#[test]
fn m4_m5_m6_m9_mendix_keeps_nights_sundays_and_first_sundays() {
    let plan = preset("mendix:region=frankfurt");
    let kept = kept_after(&plan, "2025-06-01T12:00:00Z", NOW);
    let (nights, sundays): (Vec<&Backup>, Vec<&Backup>) =
        kept.iter().partition(|backup| backup.time.weekday() != Weekday::Sun);
    // Fourteen nights since November 7, two of them Sundays; those of three months; and a year of first ones.
    assert_eq!(nights.len(), 12);
    let (first, other): (Vec<&Backup>, Vec<&Backup>) =
        sundays.into_iter().partition(|backup| backup.time.day() <= 7);
    assert_eq!(first.len(), 12);
    assert!(other.iter().all(|backup| backup.time >= at("2026-08-20T12:00:00Z")));
    assert_eq!(other.len(), 13 - 3);
    assert_eq!(plan.retry.unwrap().max_retries, 2);
}

#[test]
fn m15_mendix_has_no_month_whose_first_sunday_was_missed() {
    let plan = preset("mendix:region=frankfurt");
    // The application first ran on Monday, June 8.
    let kept = kept_after(&plan, "2026-06-08T12:00:00Z", NOW);
    assert_eq!(kept[0].time, at("2026-07-05T00:00:00Z"));
}

#[test]
fn m12_mendix_opens_the_window_of_each_region() {
    for region in Region::ALL {
        let plan = preset(&format!("mendix:region={}", region.id));
        let Schedule::Window(window) = &plan.routines[0].schedule else { panic!("{plan:?}") };
        assert_eq!(window.start().minutes(), region.start_min);
        assert_eq!(window.duration_min(), region.duration_hours * 60);
        assert_eq!(window.zone(), &Zone::utc());
    }
}

#[test]
fn a8_a9_a10_a14_aptible_keeps_the_last_of_days_months_and_years() {
    let kept = kept_after(&preset("aptible_default"), "2016-01-01T12:00:00Z", NOW);
    let years = ["2021-12-31", "2022-12-31", "2023-12-31", "2024-12-31", "2025-12-31"];
    let dates: Vec<String> = kept.iter().map(|backup| backup.time.date_naive().to_string()).collect();
    // Thirty days, of which October 31 is a month's last; ten more months, of which December is a year's;
    // four more years.
    assert_eq!(dates.len(), 30 + 10 + 4);
    assert!(years.iter().all(|year| dates.iter().any(|date| date == year)), "{dates:?}");
    let plan = preset("aptible_default");
    assert_eq!(plan.policy.pitr.unwrap().window.to_string(), "P1D");
    assert!(plan.copies.is_empty() && plan.final_backup);
}

#[test]
fn a12_a15_a29_final_and_automatic_backups_after_the_end() {
    let mut set = series("2026-11-17T02:00:00Z", TimeDelta::days(1), 3);
    set[1].kinds = BTreeSet::from([Kind::Manual]);
    set[2].kinds = BTreeSet::from([Kind::Final]);
    let left = |text: &str| {
        let policy = preset(text).policy;
        policy
            .decide_deprovisioned(&set, at(NOW))
            .unwrap()
            .kept()
            .map(|decision| decision.id().to_owned())
            .collect()
    };
    let both: Vec<String> = left("aptible_default");
    assert_eq!(both, ["2026-11-18T02:00", "2026-11-19T02:00"]);
    assert_eq!(left("aptible_production"), both);
    let manual: Vec<String> = left("aptible_non_production");
    assert_eq!(manual, ["2026-11-18T02:00"]);
}

#[test]
fn x2_x16_xano_keeps_three_rolling_days_of_early_pacific_mornings() {
    let kept = kept_after(&preset("xano_rolling"), "2026-10-25T00:00:00Z", "2026-11-03T12:00:00Z");
    let hours: Vec<u32> = kept.iter().map(|backup| backup.time.hour()).collect();
    // 02:00 in Los Angeles, which went back to winter time on November 1.
    assert_eq!(hours, [10, 10, 10]);
    assert_eq!(
        kept_after(&preset("xano_rolling"), "2026-10-25T00:00:00Z", "2026-11-01T09:00:00Z")[0].time.hour(),
        9
    );
}

#[test]
fn x18_x19_x20_xano_keeps_each_environment_as_long_as_it_says() {
    let count = |text: &str| kept_after(&preset(text), "2026-01-01T00:00:00Z", NOW).len();
    assert_eq!(count("xano_policy_prod"), 7);
    // Weekly for three days, on a Friday: only the minimum keeps one.
    assert_eq!(count("xano_policy_staging"), 1);
    assert_eq!(count("xano_enterprise_prod"), 30 * 4);
    assert_eq!(count("xano_enterprise_staging"), 7);
    assert_eq!(count("xano_enterprise_dev"), 1);
}

#[test]
fn x20_x21_xano_enterprise_never_loses_the_newest_verified_backup() {
    let policy = preset("xano_enterprise_prod").policy;
    let mut set = series("2026-01-01T00:00:00Z", TimeDelta::hours(6), 3);
    set[0].verified = true;
    let decisions = policy.decide(&set, at(NOW)).unwrap();
    assert_eq!(
        decisions.kept().map(|decision| decision.id()).collect::<Vec<_>>(),
        ["2026-01-01T00:00", "2026-01-01T12:00"]
    );
}

#[test]
fn x25_x26_x30_xano_tiers_by_the_cron_of_each_environment() {
    let run = |environment: &str| {
        let plan = preset(&format!("xano_strategy:environment={environment}"));
        plan.routines[0].schedule.next(at(NOW)).unwrap().run_at().to_rfc3339()
    };
    assert_eq!(run("production"), "2026-11-21T02:00:00+00:00");
    assert_eq!(run("staging"), "2026-11-22T04:00:00+00:00");
    assert_eq!(run("development"), "2026-12-01T06:00:00+00:00");
    assert_eq!(run("automation"), "2026-11-22T00:00:00+00:00");
    let kept = kept_after(&preset("xano_strategy"), "2020-01-01T00:00:00Z", NOW);
    // Seven days; three more Sundays; twelve ends of months (from November 30 on, none of them among those);
    // five more years.
    assert_eq!(kept.len(), 7 + 3 + 12 + 5);
}

#[test]
fn n13_nocobase_keeps_the_newest_of_all_kinds() {
    let policy = preset("nocobase:n=3").policy;
    let mut set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 5);
    set[4].kinds = BTreeSet::from([Kind::Manual]);
    let decisions = policy.decide(&set, at(NOW)).unwrap();
    assert_eq!(
        decisions.kept().map(|decision| decision.id()).collect::<Vec<_>>(),
        ["2026-01-03T00:00", "2026-01-04T00:00", "2026-01-05T00:00"]
    );
    assert!(preset("nocobase:n=3").routines.is_empty());
}

#[test]
fn p13_p15_platformsh_of_2022_keeps_a_week() {
    let plan = preset("platformsh_2022_grid");
    let kept = kept_after(&plan, "2026-01-01T00:00:00Z", NOW);
    assert_eq!(kept.len(), 7);
    assert!(kept.iter().all(|backup| (backup.time.hour(), backup.time.minute()) == (5, 0)));
    let tombstone = [Backup::new("final", at("2026-11-13T12:00:01Z")).with_kinds([Kind::Final])];
    let decisions = plan.policy.decide_deprovisioned(&tombstone, at(NOW)).unwrap();
    let Verdict::Kept { expiry, .. } = decisions.get("final").unwrap().verdict() else { panic!("gone") };
    assert_eq!(expiry, Expiry::At(at("2026-11-20T12:00:01Z")));
}

#[test]
fn p15_platformsh_plans_keep_the_first_of_each() {
    let count = |text: &str| kept_after(&preset(text), "2024-01-01T00:00:00Z", NOW).len();
    assert_eq!(count("platformsh_essential"), 2);
    // Seven days; of the last four weeks the Mondays but that of this week; of the last twelve months the
    // first days.
    assert_eq!(count("platformsh_advanced"), 7 + 3 + 12);
    let premium = kept_after(&preset("platformsh_premium"), "2024-01-01T00:00:00Z", NOW);
    assert!(
        premium
            .iter()
            .filter(|backup| backup.time.hour() != 0)
            .all(|backup| backup.time > at("2026-11-19T12:00:00Z"))
    );
    let manual = |text: &str| {
        let mut set = series("2026-01-01T00:00:00Z", TimeDelta::days(1), 9);
        set.iter_mut().for_each(|backup| backup.kinds = BTreeSet::from([Kind::Manual]));
        preset(text).policy.decide(&set, at(NOW)).unwrap().kept().count()
    };
    assert_eq!(
        (manual("platformsh_essential"), manual("platformsh_advanced"), manual("platformsh_premium")),
        (2, 4, 4)
    );
}

#[test]
fn p12_p15_platformsh_dedicated_thins_out_with_age() {
    let kept = kept_after(&preset("platformsh_dedicated_gen2"), "2024-01-01T00:00:00Z", NOW);
    let ages: Vec<i64> = kept.iter().map(|backup| (at(NOW) - backup.time).num_days()).collect();
    // Twelve of three days at six hours; three more days; then weeks, fortnights and months, up to 22 weeks.
    assert_eq!(ages.iter().filter(|&&age| age < 3).count(), 12);
    assert_eq!(ages.iter().filter(|&&age| (3..6).contains(&age)).count(), 3);
    assert!(ages.iter().all(|&age| age <= 22 * 7) && ages.iter().any(|&age| age > 12 * 7));
}
