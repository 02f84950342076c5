use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, ErrorKind, Quoted, Result};

/// What a clock on the wall shows, to the minute: `00:00` (the default) to `23:59`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// So many minutes after midnight; none if that is not on the same day.
    pub const fn from_minutes(minutes: u16) -> Option<Self> {
        if minutes < 24 * 60 { Some(Self { minutes }) } else { None }
    }

    /// Minutes since midnight, as the clock shows them.
    pub const fn minutes(self) -> u16 {
        self.minutes
    }
}

impl FromStr for TimeOfDay {
    type Err = Error;

    /// Reads `HH:MM`.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`] for anything else.
    fn from_str(text: &str) -> Result<Self> {
        let time = match text.as_bytes() {
            &[a, b, b':', c, d] => two_digits(a, b)
                .zip(two_digits(c, d))
                .filter(|&(hour, minute)| hour < 24 && minute < 60)
                .and_then(|(hour, minute)| Self::from_minutes(hour * 60 + minute)),
            _ => None,
        };
        time.ok_or_else(|| {
            let message = format!("{} is not a time of day: write \"00:00\" to \"23:59\"", Quoted(text));
            Error::new(ErrorKind::Syntax, message)
        })
    }
}

fn two_digits(tens: u8, ones: u8) -> Option<u16> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u16::from(tens - b'0') * 10 + u16::from(ones - b'0'))
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
