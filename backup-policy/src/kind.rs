use std::{cmp::Ordering, fmt, hash, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, ErrorKind, Result};

/// Why a backup was made. A backup may be of several kinds: a Sunday's nightly one is often the weekly one too.
///
/// Kinds are the same if their names are: `Custom("manual".into())` is [`Kind::Manual`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// By a schedule.
    Automatic,
    /// By a schedule, every night.
    Nightly,
    /// By a schedule, once a week.
    Weekly,
    /// By a schedule, once a month.
    Monthly,
    /// On somebody's demand.
    Manual,
    /// The last one of a source that was then taken out of service.
    Final,
    /// The safety copy of what a restore replaced.
    PreRestore,
    /// Any other reason, by a name of the host's choice.
    Custom(String),
}

impl Kind {
    const NAMED: [Self; 7] = [
        Self::Automatic,
        Self::Nightly,
        Self::Weekly,
        Self::Monthly,
        Self::Manual,
        Self::Final,
        Self::PreRestore,
    ];

    /// The name, as in JSON: `automatic`, `pre_restore`, or the custom one.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Automatic => "automatic",
            Self::Nightly => "nightly",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Manual => "manual",
            Self::Final => "final",
            Self::PreRestore => "pre_restore",
            Self::Custom(name) => name,
        }
    }
}

impl FromStr for Kind {
    type Err = Error;

    /// Reads a name; one that is not known is a custom kind.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`] for the empty name.
    fn from_str(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Err(Error::new(
                ErrorKind::Syntax,
                "a kind has an empty name: give it one or leave it out",
            ));
        }
        let named = Self::NAMED.into_iter().find(|kind| kind.as_str() == name);
        Ok(named.unwrap_or_else(|| Self::Custom(name.to_owned())))
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Kind {}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl hash::Hash for Kind {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
