//! Zones: their names, and that nothing of the machine is read.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::process::Command;

use backup_policy::{ErrorKind, Period, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use jiff::{Timestamp, tz::TimeZoneDatabase};

#[test]
fn names_are_those_of_iana_in_any_case() {
    assert_eq!("europe/berlin".parse::<Zone>().unwrap().name(), "Europe/Berlin");
    assert_eq!("utc".parse::<Zone>().unwrap(), Zone::utc());
    assert_eq!(Zone::default().to_string(), "UTC");
    assert_ne!("Europe/Berlin".parse::<Zone>().unwrap(), Zone::utc());
    for name in
        ["", "Mars/Olympus_Mons", "+02:00", "CET-1CEST", "Etc/Unknown", "../../etc/passwd", "/etc/localtime"]
    {
        let error = name.parse::<Zone>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownZone, "{name}");
        assert!(
            error.to_string().starts_with(&format!("unknown time zone {name:?}: use an IANA name")),
            "{error}"
        );
    }
}

#[test]
fn the_json_form_is_the_name() {
    let zone: Zone = serde_json::from_str("\"australia/lord_howe\"").unwrap();
    assert_eq!(serde_json::to_string(&zone).unwrap(), "\"Australia/Lord_Howe\"");
    let error = serde_json::from_str::<Zone>("\"Nowhere\"").unwrap_err().to_string();
    assert!(error.contains("unknown time zone \"Nowhere\""), "{error}");
}

#[test]
fn the_database_is_a_known_release() {
    let version = Zone::database_version();
    assert!(version >= "2026c" && version.len() == 5, "{version}");
}

/// Every conversion goes by a table of clock changes; here it is compared with jiff's own for every zone there is,
/// on both sides of each change of the years 1880 to 2040.
#[test]
fn every_zone_adds_days_and_months_as_jiff_does() {
    let database = TimeZoneDatabase::bundled();
    let (from, until): (Timestamp, Timestamp) =
        ("1880-01-01T00:00:00Z".parse().unwrap(), "2040-01-01T00:00:00Z".parse().unwrap());
    let mut compared = 0;
    for name in database.available() {
        let Ok(zone) = name.to_string().parse::<Zone>() else { continue };
        let theirs = database.get(zone.name()).unwrap();
        let changes = theirs.following(from).take_while(|change| change.timestamp() < until);
        for change in changes.step_by(7) {
            for minutes in [-1500, -1440, -1435, -1410, -1380, -30, 0, 30] {
                let start = change.timestamp().as_second() + minutes * 60;
                for period in [Period::days(1), Period::months(1)] {
                    let start: DateTime<Utc> = DateTime::from_timestamp(start, 0).unwrap();
                    let span: jiff::Span = period.to_string().parse().unwrap();
                    let zoned = Timestamp::from_second(start.timestamp()).unwrap().to_zoned(theirs.clone());
                    let expected = zoned.checked_add(span).unwrap().timestamp().as_second();
                    let end = period.add(start, &zone).unwrap();
                    assert_eq!(end.timestamp(), expected, "{start} + {period} in {zone}");
                    assert!((end - start - TimeDelta::days(1)).abs() < TimeDelta::days(33));
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 50_000, "only {compared} comparisons");
}

#[test]
fn jiff_is_built_without_access_to_the_machines_zones() {
    // Features add up over all crates of a build: this holds as long as no other crate asks for `tz-system`.
    assert!(jiff::tz::TimeZone::try_system().is_err());
}

/// The same questions in a process that is told lies about zones.
#[test]
fn environment_variables_about_zones_change_nothing() {
    const LIE: &str = "BACKUP_POLICY_TEST_CHILD";
    let zone: Zone = "Europe/Berlin".parse().unwrap();
    let end = Period::days(1).add("2027-03-27T12:00:00Z".parse().unwrap(), &zone).unwrap();
    assert_eq!(end.to_rfc3339(), "2027-03-28T11:00:00+00:00");
    if std::env::var_os(LIE).is_none() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "environment_variables_about_zones_change_nothing"])
            .env(LIE, "1")
            .env("TZ", "Pacific/Apia")
            .env("TZDIR", "/nonexistent")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && output.contains("1 passed"), "{output}");
    }
}
