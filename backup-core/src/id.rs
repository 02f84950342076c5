//! Ids of backups and of runs.

use std::fmt;
use std::str::FromStr;

use backup_crypto::{Random, RandomExt as _};
use serde::{Deserialize, Serialize};

use crate::{Clock, Error, Result};

/// The id of a backup: a version 7 UUID, written as 32 lower-case hexadecimal digits.
///
/// It is only an id: backups are ordered by the storage's stamps, never by ids. Its last twelve digits are random, so people may
/// use the shortest piece from its end that is unique.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BackupId([u8; 16]);

/// The id of a run, written like that of a backup. The run that makes a backup has the same digits as the backup.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId([u8; 16]);

impl RunId {
    /// An id whose order among others is roughly that of the clock.
    pub(crate) fn generate(clock: &dyn Clock, random: &dyn Random) -> Result<Self> {
        let now = clock.now();
        let milliseconds = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let mut bytes = random.array::<10>()?;
        // RFC 9562, section 6.2, method 3: 12 bits of the fraction of the millisecond, so that of two backups within one the later id
        // is the larger one too.
        let fraction = now.timestamp_subsec_nanos() % 1_000_000 * 4096 / 1_000_000;
        [bytes[1], bytes[0], ..] = fraction.to_le_bytes();
        Ok(Self(*uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).as_uuid().as_bytes()))
    }

    /// The id of the backup that the run makes, if it is one that makes a backup.
    #[must_use]
    pub fn backup(self) -> BackupId {
        BackupId(self.0)
    }
}

impl BackupId {
    /// The id of the run that made the backup.
    #[must_use]
    pub fn run(self) -> RunId {
        RunId(self.0)
    }
}

macro_rules! sixteen_bytes {
    ($id:ident, $what:literal) => {
        impl $id {
            pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The sixteen bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({self})", stringify!($id))
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $id {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                text.parse()
            }
        }

        impl FromStr for $id {
            type Err = Error;

            /// Reads 32 hexadecimal digits, with or without hyphens.
            fn from_str(text: &str) -> Result<Self> {
                let digits = text.replace('-', "").to_ascii_lowercase();
                let mut bytes = [0; 16];
                hex::decode_to_slice(&digits, &mut bytes).map_err(|_| {
                    Error::invalid(format!(
                        concat!("\"{}\" is not ", $what, " of 32 hexadecimal digits"),
                        text
                    ))
                })?;
                Ok(Self(bytes))
            }
        }
    };
}

sixteen_bytes!(BackupId, "a backup id");
sixteen_bytes!(RunId, "a run id");
