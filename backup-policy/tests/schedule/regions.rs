//! M12: the nightly window of each region, on both sides of every change of its clocks.

use std::collections::BTreeSet;

use backup_policy::{Region, Schedule};
use chrono::{DateTime, NaiveTime, TimeDelta, Timelike, Utc};
use jiff::tz::TimeZoneDatabase;

use crate::at;

/// As published: id, start UTC, local time, hours, and whether the published local time is that of summer.
const PUBLISHED: [(&str, &str, &str, i64, Season); 17] = [
    ("bahrain", "03:00", "06:00", 1, Season::None),
    ("canada", "05:00", "00:00", 1, Season::Winter),
    ("cape-town", "02:00", "04:00", 1, Season::None),
    ("dublin", "23:00", "00:00", 3, Season::Summer),
    ("frankfurt", "00:00", "01:00", 3, Season::Winter),
    ("jakarta", "00:00", "07:00", 1, Season::None),
    ("london", "23:00", "23:00", 2, Season::Winter),
    ("mumbai", "19:30", "01:00", 1, Season::None),
    ("n-virginia", "05:00", "00:00", 4, Season::Winter),
    ("oregon", "07:00", "00:00", 1, Season::Summer),
    ("osaka", "00:00", "09:00", 1, Season::None),
    ("sao-paulo", "00:00", "21:00", 1, Season::None),
    ("seoul", "00:00", "09:00", 1, Season::None),
    ("singapore", "17:00", "01:00", 1, Season::None),
    ("sydney", "07:00", "17:00", 1, Season::Winter),
    ("tokyo", "16:00", "01:00", 1, Season::None),
    ("uae", "00:00", "04:00", 1, Season::None),
];

/// Which of a region's two local times is the published one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Season {
    /// It has only one.
    None,
    Winter,
    Summer,
}

/// The local time of an instant, and whether it is summer time.
fn local(region: &Region, instant: DateTime<Utc>) -> (NaiveTime, bool) {
    let zone = TimeZoneDatabase::bundled().get(region.tz).unwrap();
    let info = zone.to_offset_info(jiff::Timestamp::from_second(instant.timestamp()).unwrap());
    let shown = instant + TimeDelta::seconds(i64::from(info.offset().seconds()));
    (shown.time(), info.dst().is_dst())
}

#[test]
fn m12_the_table_is_the_published_one() {
    assert_eq!(Region::ALL.len(), PUBLISHED.len());
    for (region, (id, start, _, hours, _)) in Region::ALL.iter().zip(PUBLISHED) {
        assert_eq!(region.id, id);
        assert_eq!(Region::find(id), Some(region));
        let window = region.window().unwrap();
        assert_eq!(window.start().to_string(), start);
        assert_eq!(i64::from(window.duration_min()), hours * 60);
        assert_eq!(window.zone().name(), "UTC");
        assert_eq!(region.zone().unwrap().name(), region.tz);
    }
    assert_eq!(Region::find("atlantis"), None);
    let ids: BTreeSet<&str> = Region::ALL.iter().map(|region| region.id).collect();
    assert_eq!(ids.len(), 17);
    // Copies go to a region of the table, or to a place that is none.
    let elsewhere = ["Canada West", "Hyderabad", "N. California", "Ohio", "Melbourne"];
    for region in &Region::ALL {
        let copy = region.replication;
        assert!(Region::find(copy).is_some() != elsewhere.contains(&copy), "{copy}");
        assert_ne!(copy, region.id);
    }
}

#[test]
fn m12_m13_every_night_of_a_year_opens_at_the_same_instant_utc() {
    for (region, (_, start, _, hours, _)) in Region::ALL.iter().zip(PUBLISHED) {
        let schedule = region.schedule().unwrap();
        let slots: Vec<_> = schedule.after(at("2026-01-01T00:00:00Z")).unwrap().take(730).collect();
        for pair in slots.windows(2) {
            assert_eq!(pair[1].start() - pair[0].start(), TimeDelta::days(1), "{}", region.id);
        }
        for slot in &slots {
            assert_eq!(slot.start().format("%H:%M").to_string(), start, "{}", region.id);
            assert_eq!(slot.end(), Some(slot.start() + TimeDelta::hours(hours)));
            assert_eq!(slot.run_at(), slot.start());
        }
    }
}

#[test]
fn m13_the_published_local_time_is_that_of_one_season() {
    for (region, (id, _, published, _, season)) in Region::ALL.iter().zip(PUBLISHED) {
        let schedule = region.schedule().unwrap();
        let mut seen = BTreeSet::new();
        for slot in schedule.after(at("2026-01-01T00:00:00Z")).unwrap().take(365) {
            let (time, is_summer) = local(region, slot.start());
            seen.insert(time);
            let is_published = time.format("%H:%M").to_string() == published;
            let expected = match season {
                Season::None => true,
                Season::Winter => !is_summer,
                Season::Summer => is_summer,
            };
            assert_eq!(is_published, expected, "{id} on {}", slot.start());
        }
        assert_eq!(seen.len(), if season == Season::None { 1 } else { 2 }, "{id}");
    }
}

/// The nights around each clock change of 2026 and 2027, in UTC and locally.
#[test]
fn m12_each_region_across_its_clock_changes() {
    let mut changes_seen = 0;
    for region in &Region::ALL {
        let zone = TimeZoneDatabase::bundled().get(region.tz).unwrap();
        let (from, until) =
            ("2026-01-01T00:00:00Z".parse().unwrap(), "2028-01-01T00:00:00Z".parse().unwrap());
        let schedule = region.schedule().unwrap();
        for change in zone.following(from).take_while(|change| change.timestamp() < until) {
            let at_change = DateTime::from_timestamp(change.timestamp().as_second(), 0).unwrap();
            let before = schedule.previous(at_change).unwrap().start();
            let after = schedule.next(at_change - TimeDelta::nanoseconds(1)).unwrap().start();
            assert_eq!(after - before, TimeDelta::days(1), "{}", region.id);
            let (earlier, was_summer) = local(region, before);
            let (later, is_summer) = local(region, after);
            assert_ne!(was_summer, is_summer);
            let shift =
                i64::from(later.num_seconds_from_midnight()) - i64::from(earlier.num_seconds_from_midnight());
            assert_eq!(
                shift.rem_euclid(86_400),
                if is_summer { 3600 } else { 86_400 - 3600 },
                "{}",
                region.id
            );
            changes_seen += 1;
        }
    }
    // Canada, Dublin, Frankfurt, London, N. Virginia, Oregon and Sydney change twice a year.
    assert_eq!(changes_seen, 7 * 2 * 2);
}

#[test]
fn x16_the_early_morning_of_the_pacific_coast_moves_with_its_clocks() {
    let window = crate::schedule(
        r#"{"type":"window","tz":"America/Los_Angeles","start":"02:00","duration_min":180,"days":{"type":"daily"}}"#,
    );
    let starts = |window: &Schedule, from: &str| -> Vec<String> {
        window.after(at(from)).unwrap().take(3).map(|slot| crate::text(slot.start())).collect()
    };
    // 2026-03-08: 02:00 becomes 03:00 at 10:00 UTC.
    assert_eq!(
        starts(&window, "2026-03-07T00:00:00Z"),
        ["2026-03-07T10:00:00Z", "2026-03-08T10:00:00Z", "2026-03-09T09:00:00Z"]
    );
    assert_eq!(
        starts(&window, "2026-10-31T00:00:00Z"),
        ["2026-10-31T09:00:00Z", "2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z"]
    );
}
