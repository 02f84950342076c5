//! `repository.json`: what never changes about a repository.

use backup_crypto::RepositoryId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{FORMAT, limit};
use crate::{Error, Result};

/// The content of `repository.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RepositoryFile {
    magic: String,
    format: u16,
    id: String,
    created_at: DateTime<Utc>,
    /// Hash of the admin public key, hexadecimal.
    admin: String,
}

#[derive(Deserialize)]
struct Start {
    magic: String,
    format: u64,
}

impl RepositoryFile {
    pub(crate) fn new(id: RepositoryId, created_at: DateTime<Utc>, admin_public_key: &[u8; 32]) -> Self {
        Self {
            magic: MAGIC.into(),
            format: FORMAT,
            id: hex::encode(id.0),
            created_at,
            admin: hex::encode(blake3::hash(admin_public_key).as_bytes()),
        }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::invalid("repository.json cannot be written").with_source(error))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let damaged =
            |error: serde_json::Error| Error::damaged("repository.json cannot be read").with_source(error);
        if bytes.len() as u64 > limit::REPOSITORY {
            return Err(Error::damaged("repository.json is too large"));
        }
        let start: Start = serde_json::from_slice(bytes).map_err(damaged)?;
        if start.magic != MAGIC {
            return Err(Error::damaged("repository.json is not that of a backup repository"));
        }
        if start.format != u64::from(FORMAT) {
            let text =
                format!("the repository has format {}, this software knows format {FORMAT}", start.format);
            return Err(Error::unsupported(text));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    pub(crate) fn id(&self) -> Result<RepositoryId> {
        let mut id = [0; 16];
        hex::decode_to_slice(&self.id, &mut id)
            .map_err(|_| Error::damaged("repository.json has an id that is none"))?;
        Ok(RepositoryId(id))
    }

    /// Fails when a key is not the admin key of this repository.
    pub(crate) fn expect_admin(&self, public_key: &[u8; 32]) -> Result<()> {
        if hex::encode(blake3::hash(public_key).as_bytes()) == self.admin {
            return Ok(());
        }
        Err(Error::damaged("the admin key of the configuration is not the one that repository.json names"))
    }
}

const MAGIC: &str = "backup repository";
