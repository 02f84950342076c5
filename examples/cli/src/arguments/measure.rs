//! Times, durations, sizes and percentages as people type them.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// A point in time: RFC 3339, in any offset.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|reason| {
        format!("{reason}: write a time like 2026-11-20T09:30:00Z or 2026-11-20T10:30:00+01:00")
    })
}

/// A whole number with its unit: `0s`, `90m`, `24h`, `7d`, `2w`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let form = || "write a whole number with its unit: 0s, 90m, 24h, 7d or 2w".to_owned();
    let (number, unit) = split(text).ok_or_else(form)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return Err(form()),
    };
    // What fits no calendar is a mistake, and would only fail later with less to say.
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds <= LONGEST_SECONDS);
    seconds.map(Duration::from_secs).ok_or_else(|| "it is longer than a thousand years".into())
}

/// A thousand years.
const LONGEST_SECONDS: u64 = 1000 * 366 * 24 * 3600;

/// Bytes: a whole number with its unit, as sizes are shown: `0B`, `512MiB`, `10GiB`, or `512M` and `10G` for short.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let form = || "write a whole number with its unit: 0B, 512MiB or 10GiB".to_owned();
    let (number, unit) = split(text).ok_or_else(form)?;
    let shift = match unit {
        "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        "T" | "TiB" => 40,
        _ => return Err(form()),
    };
    number.checked_mul(1 << shift).ok_or_else(|| "it is larger than any storage".into())
}

/// A percentage: `5%`.
pub(super) fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').and_then(|number| number.parse().ok());
    number.filter(|percent| *percent <= 100).ok_or_else(|| "write a whole percentage from 0% to 100%".into())
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_an_offset() {
        let expected = "2026-11-20T09:30:00Z".parse::<DateTime<Utc>>().expect("a time");
        for text in ["2026-11-20T09:30:00Z", "2026-11-20T10:30:00+01:00", "2026-11-20 09:30:00z"] {
            assert_eq!(time(text), Ok(expected), "{text}");
        }
        for text in ["", "yesterday", "2026-11-20", "2026-11-20T09:30:00", "2026-02-30T00:00:00Z"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        let cases = [("0s", 0), ("90m", 5_400), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600)];
        for (text, seconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "1",
            "s",
            "1.5h",
            "-1s",
            "1 h",
            "1y",
            "99999999999999999999s",
            "18446744073709551615w",
            "400000d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        let cases = [("0B", 0), ("7K", 7_168), ("512MiB", 512 << 20), ("512M", 512 << 20), ("1TiB", 1 << 40)];
        for (text, bytes) in cases {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "1", "MiB", "1MB", "1.5G", "-1B", "99999999T"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn percentages_are_of_a_hundred() {
        assert_eq!((percent("0%"), percent("5%"), percent("100%")), (Ok(0), Ok(5), Ok(100)));
        for text in ["", "%", "5", "101%", "-1%", "2.5%", "999%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
