use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use super::Side;
use crate::{
    backup::Backup,
    civil::DAY,
    error::{Error, ErrorKind, Quoted, Result},
    zone::Transitions,
};

/// Stands for one preview: both policies, the ids of all backups, the date in the new policy's zone, and what
/// would be lost. Its text is 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(
        old: Side<'_>,
        new: Side<'_>,
        backups: &[Backup],
        now: DateTime<Utc>,
        lost: &[&Backup],
        replicas_lost: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self> {
        let seconds = now.timestamp();
        let offset = Transitions::covering(&new.0.tz, seconds, seconds).offset(seconds);
        let mut hash = Lengthed(Sha256::new());
        for (policy, copies) in [old, new] {
            hash.add(&json(policy)?);
            hash.add(&json(copies)?);
        }
        hash.add(&(seconds + offset).div_euclid(DAY).to_le_bytes());
        hash.add_ids(backups.iter());
        hash.add_ids(lost.iter().copied());
        hash.add(&json(replicas_lost)?);
        Ok(Self(hash.0.finalize().into()))
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| {
        Error::new(ErrorKind::InvalidPolicy, format!("the policy has no JSON form: {error}"))
    })
}

/// A hash over parts, each after its length, so that no two lists of parts run together.
struct Lengthed(Sha256);

impl Lengthed {
    fn add(&mut self, part: &[u8]) {
        self.0.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(part);
    }

    fn add_ids<'a>(&mut self, backups: impl Iterator<Item = &'a Backup>) {
        let mut ids: Vec<&str> = backups.map(|backup| backup.id.as_str()).collect();
        ids.sort_unstable();
        self.add(&u64::try_from(ids.len()).unwrap_or(u64::MAX).to_le_bytes());
        ids.iter().for_each(|id| self.add(id.as_bytes()));
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`] for anything else.
    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err(Error::new(
                ErrorKind::Syntax,
                format!(
                    "{} is not a fingerprint: copy the 64 hexadecimal digits of the preview",
                    Quoted(text)
                ),
            )),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
