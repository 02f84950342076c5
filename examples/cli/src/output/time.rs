//! Times for people.

use std::time::Duration;

use chrono::{DateTime, Local, Utc};

/// Local time with its offset: `2026-11-20 09:12:33 +01:00`.
pub(crate) fn local(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// How long something took: `412 ms`, `3.1 s`, `2 min 5 s`, `1 h 3 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        _ => whole_seconds(time),
    }
}

/// The same where parts of a second tell nobody anything: `3 s`, `2 min 5 s`.
pub(crate) fn whole_seconds(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (milliseconds, text) in
            [(0, "0 ms"), (412, "412 ms"), (3_149, "3.1 s"), (125_000, "2 min 5 s"), (3_780_000, "1 h 3 min")]
        {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
    }
}
