//! Ids of backups.

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

impl BackupId {
    pub(crate) fn generate(clock: &dyn Clock, random: &dyn Random) -> Result<Self> {
        let milliseconds = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
        let bytes = random.array::<10>()?;
        Ok(Self(*uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).as_uuid().as_bytes()))
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BackupId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BackupId({self})")
    }
}

impl From<BackupId> for String {
    fn from(id: BackupId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for BackupId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl FromStr for BackupId {
    type Err = Error;

    /// Reads 32 hexadecimal digits, with or without hyphens.
    fn from_str(text: &str) -> Result<Self> {
        let digits = text.replace('-', "").to_ascii_lowercase();
        let mut bytes = [0; 16];
        hex::decode_to_slice(&digits, &mut bytes)
            .map_err(|_| Error::invalid(format!("\"{text}\" is not a backup id of 32 hexadecimal digits")))?;
        Ok(Self(bytes))
    }
}
