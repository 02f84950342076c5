//! What depends on when backups are made: traps, the next runs, years in advance.

use backup_core::policy::Region;
use serde_json::json;

use super::NOW;
use crate::host::{Host, message, text};

/// A plan that deletes weekly backups before the next one is made.
const STAGING: &str = r#"
policy = { rules = [{ type = "ttl", period = "P3D" }] }

[[routines]]
schedule = { type = "window", tz = "UTC", start = "02:00", duration_min = 120, days = { type = "weekly", dow = [0] } }
"#;

#[test]
fn traps_are_found_with_the_smallest_fix() {
    let host = Host::new();
    host.write("staging.toml", STAGING.as_bytes());
    let people = host.exits(3, &["policy", "lint", "--policy", "staging.toml"]);
    let exposed = "weekly, kept 3 days: up to 4 of 7 days without a backup; keep P8D or min_keep 1";
    assert_eq!(text(&people.stdout), format!("{exposed}\n"));
    let found =
        host.json(3, &["policy", "lint", "--policy", "staging.toml", "--takes", "3h"])["findings"].take();
    assert_eq!(
        found[0],
        json!({ "type": "short_window", "open_min": 120, "measured_min": 180,
        "text": "the window is open for 120 minutes and a backup takes 180: open it for 180" })
    );
    assert_eq!(
        (&found[1]["type"], &found[1]["fix"], &found[1]["text"]),
        (&json!("exposed"), &json!("P8D"), &json!(exposed))
    );
    let monthly = host.json(3, &["policy", "lint", "--preset", "mendix:region=frankfurt"])["findings"].take();
    assert_eq!(monthly[0]["type"], "missable_month");
    assert_eq!(host.succeeds(&["policy", "lint", "--preset", "xano_policy_staging"]), "nothing found\n");

    let lint = ["policy", "lint", "--preset", "xano_enterprise_prod", "--objective"];
    let objective = host.json(3, &[&lint[..], &["1h"]].concat())["objective"].take();
    assert_eq!(
        objective["text"],
        "worst loss 6 h plus duration, objective 1 h: not reachable with four backups a day; \
         needs an interval of at most 1 h less the duration, or point-in-time recovery"
    );
    assert_eq!((&objective["possible"], &objective["worst_loss_seconds"]), (&json!(false), &json!(21_600)));
    assert_eq!(host.json(0, &[&lint[..], &["7h", "--takes", "30m"]].concat())["objective"]["possible"], true);
}

#[test]
fn runs_are_shown_in_utc_and_by_the_clocks_of_the_place() {
    let host = Host::new();
    let next = ["policy", "next", "--cron", "30 2 * * *", "--zone", "Europe/Berlin", "--limit", "3"];
    let next = [&next[..], &["--now", "2027-03-27T00:00:00Z"]].concat();
    let schedule = host.json(0, &next)["schedules"][0].take();
    let times: Vec<_> = schedule["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| (&run["run_at"], &run["local"]))
        .collect();
    let expected = [
        ("2027-03-27T01:30:00Z", "2027-03-27T02:30:00+01:00"),
        ("2027-03-28T01:00:00Z", "2027-03-28T03:00:00+02:00"),
        ("2027-03-29T00:30:00Z", "2027-03-29T02:30:00+02:00"),
    ]
    .map(|(utc, local)| (json!(utc), json!(local)));
    assert_eq!(times, expected.iter().map(|(utc, local)| (utc, local)).collect::<Vec<_>>());
    assert_eq!(schedule["clock_change"]["at"], "2027-03-28T01:00:00Z");
    let people = host.succeeds(&next);
    assert!(
        people.contains("Sun 2027-03-28 01:00:00  Sun 2027-03-28 03:00:00 +02:00  Europe/Berlin"),
        "{people}"
    );

    host.write("six.toml", b"type = 'every'\nseconds = 21600\nanchor = '2026-01-01T00:00:00Z'\n");
    let every = host.json(0, &["policy", "next", "--schedule", "six.toml", "--now", NOW, "-n", "1"]);
    assert_eq!(every["schedules"][0]["runs"][0]["run_at"], "2026-11-20T18:00:00Z", "after, never at");
}

#[test]
fn all_regions_are_shown_across_a_change_of_summer_time() {
    let host = Host::new();
    let regions =
        host.json(0, &["policy", "next", "--regions", "--now", "2027-03-01T00:00:00Z"])["schedules"].take();
    let regions = regions.as_array().expect("regions");
    let ids: Vec<&str> = regions.iter().map(|region| region["region"].as_str().expect("an id")).collect();
    assert_eq!(ids, Region::ALL.map(|region| region.id));
    let around = |id: &str| {
        let change = &regions.iter().find(|region| region["region"] == id).expect("a region")["clock_change"];
        ["before", "after"].map(|side| change[side]["local"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(around("frankfurt"), ["2027-03-28T01:00:00+01:00", "2027-03-29T02:00:00+02:00"]);
    assert_eq!(around("oregon"), ["2027-03-13T23:00:00-08:00", "2027-03-15T00:00:00-07:00"]);
    assert_eq!(around("sydney"), ["2027-04-03T18:00:00+11:00", "2027-04-04T17:00:00+10:00"]);
    assert_eq!(around("tokyo"), ["", ""], "its clocks never change");
    let people = host.succeeds(&["policy", "next", "--regions", "--now", "2027-03-01T00:00:00Z"]);
    assert!(Region::ALL.iter().all(|region| people.contains(region.name)), "{people}");
    assert_eq!(
        people.matches("last before the clocks change").count(),
        people.matches("first after").count()
    );
}

#[test]
fn years_are_played_in_advance() {
    let host = Host::new();
    host.write("staging.toml", STAGING.as_bytes());
    let simulate =
        ["policy", "simulate", "--policy", "staging.toml", "--years", "1", "--now", "2026-01-01T00:00:00Z"];
    let sizes = [
        "--each",
        "10MiB",
        "--shared",
        "1GiB",
        "--on",
        "2026-01-05T00:00:00Z",
        "--on",
        "2026-01-08T00:00:00Z",
    ];
    let played = host.json(0, &[&simulate[..], &sizes].concat());
    assert_eq!((&played["made"], &played["longest_without_seconds"]), (&json!(52), &json!(4 * 86_400)));
    assert_eq!(
        (&played["steady_count"], &played["peak_bytes"]),
        (&json!(1), &json!((1_u64 << 30) + (10 << 20)))
    );
    assert_eq!(played["on"][0]["backups"][0]["time"], "2026-01-04T02:00:00Z");
    assert_eq!(
        (&played["on"][1]["at"], &played["on"][1]["backups"]),
        (&json!("2026-01-08T00:00:00Z"), &json!([]))
    );
    assert_eq!(played["days"].as_array().expect("days").len(), 366);
    let people = host.succeeds(&[&simulate[..], &sizes].concat());
    assert!(people.contains("52 backups made") && people.contains("4 d\n"), "{people}");
    let error = host.fails(2, "usage", &[&simulate[..], &["--on", "2027-01-02T00:00:00Z"]].concat());
    assert!(message(&error).contains("2027-01-02"), "{error}");
}
