use chrono::{DateTime, Utc};

use crate::{
    civil::{Civil, DAY},
    decide::Cut,
    policy::Policy,
    rule::{Bucket, Unit},
    zone::Transitions,
};

/// The calendar period for which a backup of this time stands: `2026-08`, `week of 2026-08-03`, `3 days from 2026-08-04`.
pub(super) fn label(
    time: DateTime<Utc>,
    bucket: &Bucket,
    policy: &Policy,
    transitions: &Transitions,
) -> String {
    let cut = Cut::new(bucket, policy);
    let key = cut.key(time, transitions);
    let start = cut.start(key);
    let Civil { year, month, day } = Civil::from_days(start.div_euclid(DAY));
    let (hour, minute) = (start.rem_euclid(DAY) / 3600, start.rem_euclid(3600) / 60);
    let (date, quarter) = (format!("{year:04}-{month:02}-{day:02}"), (month + 2) / 3);
    match (bucket.unit, bucket.every) {
        (Unit::Minutely, _) | (Unit::Hourly, 1) => {
            format!("{date} {hour:02}:{minute:02} {}", format_offset(key.offset))
        }
        (Unit::Hourly, n) => format!("{n} hours from {date} {hour:02}:{minute:02}"),
        (Unit::Daily, 1) => date,
        (Unit::Daily, n) => format!("{n} days from {date}"),
        (Unit::Weekly, 1) => format!("week of {date}"),
        (Unit::Weekly, n) => format!("{n} weeks from {date}"),
        (Unit::Monthly, 1) => format!("{year:04}-{month:02}"),
        (Unit::Monthly, n) => format!("{n} months from {year:04}-{month:02}"),
        (Unit::Quarterly, 1) => format!("{year:04}-Q{quarter}"),
        (Unit::Quarterly, n) => format!("{n} quarters from {year:04}-Q{quarter}"),
        (Unit::Yearly, 1) => format!("{year:04}"),
        (Unit::Yearly, n) => format!("{n} years from {year:04}"),
    }
}

/// `+02:00`; seconds, which only local mean times of the past have, are left out.
fn format_offset(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
