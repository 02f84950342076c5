//! Periods: their text and where they end (D1, M9).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use backup_policy::{ErrorKind, Period, Zone};
use chrono::{DateTime, SecondsFormat, Utc};
use proptest::prelude::*;

fn end(time: &str, period: &str, zone: &str) -> String {
    let time: DateTime<Utc> = time.parse().unwrap();
    let zone: Zone = zone.parse().unwrap();
    let end = period.parse::<Period>().unwrap().add(time, &zone).unwrap();
    end.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[track_caller]
fn ends(zone: &str, cases: &[(&str, &str, &str)]) {
    for (time, period, expected) in cases {
        assert_eq!(end(time, period, zone), *expected, "{time} + {period} in {zone}");
    }
}

#[test]
fn m9_three_months_are_three_calendar_months_at_the_same_time_of_day() {
    ends(
        "UTC",
        &[
            ("2025-12-03T03:18:00Z", "P3M", "2026-03-03T03:18:00Z"),
            ("2023-12-03T03:18:00Z", "P3M", "2024-03-03T03:18:00Z"),
        ],
    );
    // On the clock of Amsterdam, where March 3 is still winter and June 3 is summer.
    ends(
        "Europe/Amsterdam",
        &[
            ("2025-12-03T02:18:00Z", "P3M", "2026-03-03T02:18:00Z"),
            ("2026-03-03T02:18:00Z", "P3M", "2026-06-03T01:18:00Z"),
        ],
    );
}

#[test]
fn d1_a_day_that_the_month_lacks_becomes_its_last() {
    ends(
        "UTC",
        &[
            ("2026-01-31T10:00:00Z", "P1M", "2026-02-28T10:00:00Z"),
            ("2024-01-31T10:00:00Z", "P1M", "2024-02-29T10:00:00Z"),
            ("2024-01-31T10:00:00Z", "P2M", "2024-03-31T10:00:00Z"),
            ("2025-11-30T10:00:00Z", "P3M", "2026-02-28T10:00:00Z"),
            ("2024-02-29T10:00:00Z", "P1Y", "2025-02-28T10:00:00Z"),
            ("2024-02-29T10:00:00Z", "P4Y", "2028-02-29T10:00:00Z"),
            ("1896-02-29T10:00:00Z", "P4Y", "1900-02-28T10:00:00Z"),
            ("2026-05-31T10:00:00Z", "P1M", "2026-06-30T10:00:00Z"),
        ],
    );
}

#[test]
fn d1_years_and_months_come_together_and_before_days() {
    ends(
        "UTC",
        &[
            ("2023-02-28T00:00:00Z", "P1Y1M", "2024-03-28T00:00:00Z"),
            ("2023-12-31T00:00:00Z", "P1Y2M", "2025-02-28T00:00:00Z"),
            ("2024-01-31T00:00:00Z", "P1M1D", "2024-03-01T00:00:00Z"),
            ("2024-01-31T00:00:00Z", "P1M1W", "2024-03-07T00:00:00Z"),
            // One year of a leap day, then 36 months: were years clamped first, this would be the 28th.
            ("2024-02-29T00:00:00Z", "P1Y36M", "2028-02-29T00:00:00Z"),
        ],
    );
}

#[test]
fn d1_a_skipped_wall_time_moves_forward_by_the_gap() {
    // Clocks go from 02:00 to 03:00 on 2027-03-28.
    ends(
        "Europe/Berlin",
        &[
            ("2027-03-27T01:30:00Z", "P1D", "2027-03-28T01:30:00Z"),
            ("2027-02-28T01:00:00Z", "P1M", "2027-03-28T01:00:00Z"),
            ("2027-03-27T00:59:59Z", "P1D", "2027-03-28T00:59:59Z"),
            ("2027-03-27T02:00:00Z", "P1D", "2027-03-28T01:00:00Z"),
        ],
    );
}

#[test]
fn d1_of_a_repeated_wall_time_the_earlier_is_meant() {
    // Clocks go from 03:00 back to 02:00 on 2026-10-25: 02:30 is 00:30Z and 01:30Z.
    ends(
        "Europe/Berlin",
        &[
            ("2026-10-24T00:30:00Z", "P1D", "2026-10-25T00:30:00Z"),
            ("2026-09-25T00:30:00Z", "P1M", "2026-10-25T00:30:00Z"),
            ("2026-10-24T01:00:00Z", "P1D", "2026-10-25T02:00:00Z"),
            // A start in the second pass is 02:30 all the same.
            ("2026-10-25T01:30:00Z", "P1D", "2026-10-26T01:30:00Z"),
        ],
    );
}

#[test]
fn a_day_may_have_23_or_25_hours_but_24_hours_are_24_hours() {
    ends(
        "Europe/Berlin",
        &[
            ("2027-03-27T12:00:00Z", "P1D", "2027-03-28T11:00:00Z"),
            ("2027-03-27T12:00:00Z", "PT24H", "2027-03-28T12:00:00Z"),
            ("2026-10-24T12:00:00Z", "P1D", "2026-10-25T13:00:00Z"),
            ("2026-10-24T12:00:00Z", "PT24H", "2026-10-25T12:00:00Z"),
            // Elapsed time does not go by the clock: it passes through the second pass, and ends in it.
            ("2026-10-25T00:30:00Z", "PT1H", "2026-10-25T01:30:00Z"),
            ("2026-10-25T01:30:00Z", "PT0S", "2026-10-25T01:30:00Z"),
            ("2026-10-24T00:30:00Z", "P1DT1H", "2026-10-25T01:30:00Z"),
        ],
    );
}

#[test]
fn lord_howe_changes_its_clocks_by_half_an_hour() {
    // Back from 02:00 (+11) to 01:30 (+10:30) on 2026-04-05, forward from 02:00 to 02:30 on 2026-10-04.
    ends(
        "Australia/Lord_Howe",
        &[
            ("2026-04-03T14:45:00Z", "P1D", "2026-04-04T14:45:00Z"),
            ("2026-04-03T15:00:00Z", "P1D", "2026-04-04T15:30:00Z"),
            ("2026-10-02T15:40:00Z", "P1D", "2026-10-03T15:40:00Z"),
            ("2026-10-02T16:10:00Z", "P1D", "2026-10-03T15:40:00Z"),
        ],
    );
}

#[test]
fn a_date_that_a_zone_skipped_moves_to_the_next() {
    // Apia went from 2011-12-29 straight to the 31st: a gap of a whole day.
    ends("Pacific/Apia", &[("2011-12-29T12:00:00Z", "P1D", "2011-12-30T12:00:00Z")]);
}

#[test]
fn fractions_of_seconds_survive() {
    ends("Europe/Berlin", &[("2025-12-03T03:18:00.123456789Z", "P3M", "2026-03-03T03:18:00.123456789Z")]);
    // chrono can hold a leap second; its fraction has no place in another minute.
    ends("UTC", &[("2016-12-31T23:59:60.5Z", "P1D", "2017-01-01T23:59:59.999999999Z")]);
}

#[test]
fn the_text_of_a_period_is_iso_8601() {
    for text in ["P3M", "P1Y2M3W4DT5H6M7S", "PT36H", "P2W", "P1DT12H", "PT5M", "P0D", "P4294967295Y"] {
        assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
    }
    assert_eq!("P007D".parse::<Period>().unwrap(), Period::days(7));
    assert_eq!("PT0S".parse::<Period>().unwrap(), Period::ZERO);
    assert_ne!(Period::days(7), Period::weeks(1));
}

#[test]
fn other_texts_are_refused_by_name() {
    let malformed = [
        "",
        "P",
        "PT",
        "P1DT",
        "3M",
        "p3m",
        "P3",
        "PM",
        "P3M ",
        " P3M",
        "P-3M",
        "P+3M",
        "-P3M",
        "P1.5D",
        "P1,5D",
        "P1D2W",
        "P1M1Y",
        "P1D1D",
        "P1H",
        "PT1D",
        "PT1S1M",
        "P4294967296D",
        "P1DT1HT1M",
        "P\u{663}M",
        "PTT1H",
        "forever",
    ];
    for text in malformed {
        let error = text.parse::<Period>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax, "{text}");
        assert!(
            error.to_string().starts_with(&format!("{text:?} is not a period: write ISO 8601")),
            "{error}"
        );
        assert!(!error.is_retryable());
    }
    let long = "x".repeat(1_000_000).parse::<Period>().unwrap_err().to_string();
    assert!(long.len() < 300, "{long}");
}

#[test]
fn what_no_calendar_holds_is_out_of_range() {
    let kind = |time: DateTime<Utc>, period: Period| period.add(time, &Zone::utc()).map_err(|e| e.kind());
    let first: DateTime<Utc> = "0001-01-01T00:00:00Z".parse().unwrap();
    let last: DateTime<Utc> = "8000-12-31T23:59:59Z".parse().unwrap();
    let second = chrono::TimeDelta::seconds(1);
    for time in [first - second, last + second, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        assert_eq!(kind(time, Period::days(1)), Err(ErrorKind::OutOfRange), "{time}");
    }
    assert_eq!(kind(first, Period::years(1001)), Err(ErrorKind::OutOfRange));
    assert_eq!(kind(first, Period::seconds(u32::MAX)).map(|end| end > first), Ok(true));
    let far = Period::years(1000).add(last, &"Europe/Berlin".parse().unwrap()).unwrap();
    assert_eq!(far.to_rfc3339(), "9000-12-31T23:59:59+00:00");
    assert!(Period::ZERO.is_zero() && !Period::seconds(1).is_zero());
}

proptest! {
    #[test]
    fn every_period_reads_back(parts in any::<[u32; 7]>(), used in any::<[bool; 7]>()) {
        let [y, mo, w, d, h, mi, s] = std::array::from_fn(|i| if used[i] { parts[i].to_string() } else { "0".into() });
        let period: Period = format!("P{y}Y{mo}M{w}W{d}DT{h}H{mi}M{s}S").parse().unwrap();
        prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
        let json = serde_json::to_string(&period).unwrap();
        prop_assert_eq!(&json, &format!("\"{period}\""));
        prop_assert_eq!(serde_json::from_str::<Period>(&json).unwrap(), period);
        // Any period may be added without a panic.
        let _ = period.add("2026-08-31T00:00:00Z".parse().unwrap(), &Zone::utc());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "P?[0-9YMWDTHS.+-]{0,24}|\\PC{0,16}") {
        if let Ok(period) = text.parse::<Period>() {
            prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
        }
    }
}
