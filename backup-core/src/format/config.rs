//! `config/` objects: the settings of a repository, signed by its admin key.

use backup_crypto::{AuthorId, Keys, verify_admin};
use serde::{Deserialize, Serialize};

use super::header::{HEADER, Header, Kind};
use super::{limit, repository::RepositoryFile};
use crate::{Error, Result};

/// The settings of a repository. Unknown fields are ignored; what must not be ignored is a required feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    /// Counts the versions of the configuration; also in the object's name.
    pub(crate) number: u32,
    /// What a reader or writer must know to work with this repository, by name.
    pub(crate) required_features: Vec<String>,
    /// The cipher of everything: `chacha20-poly1305`.
    pub(crate) cipher: String,
    /// What seals pack keys: `x25519-hkdf-sha256`.
    pub(crate) encapsulation: String,
    /// Time that prune leaves new packs and marks alone.
    pub(crate) grace_seconds: u64,
    /// The longest time after which a listing shows what was put.
    pub(crate) settle_seconds: u64,
    /// Whose chunks a writer reuses: `own` or `shared`.
    pub(crate) trust: String,
    /// The admin public key, hexadecimal; `repository.json` has its hash.
    pub(crate) admin_public_key: String,
}

impl Config {
    pub(crate) fn first(keys: &Keys) -> Self {
        Self {
            number: 1,
            required_features: Vec::new(),
            cipher: CIPHER.into(),
            encapsulation: ENCAPSULATION.into(),
            grace_seconds: 24 * 60 * 60,
            settle_seconds: 0,
            trust: "own".into(),
            admin_public_key: hex::encode(keys.admin_public_key()),
        }
    }

    pub(crate) fn encode(&self, keys: &Keys) -> Result<Vec<u8>> {
        let body = serde_json::to_vec(self)
            .map_err(|error| Error::invalid("the configuration cannot be written").with_source(error))?;
        let header = Header {
            kind: Kind::Config,
            epoch: 0,
            author: keys.author(),
            salt: [0; 32],
            length: body.len() as u64,
            signature: 64,
        };
        let mut out = header.encode().to_vec();
        out.extend_from_slice(&body);
        let signature = keys.sign_admin(Kind::Config.purpose(), &out)?;
        out.extend_from_slice(&signature);
        Ok(out)
    }

    /// Reads a configuration and checks that the admin key of the repository signed it.
    pub(crate) fn decode(bytes: &[u8], repository: &RepositoryFile) -> Result<(Self, AuthorId)> {
        let header = Header::decode(bytes, Kind::Config)?;
        let end = (HEADER as u64).checked_add(header.length);
        let fits = end.and_then(|end| end.checked_add(64)) == Some(bytes.len() as u64);
        if bytes.len() as u64 > limit::CONFIG || header.signature != 64 || !fits {
            return Err(Error::damaged("the configuration's length is not what its header says"));
        }
        let (signed, signature) =
            bytes.split_last_chunk::<64>().ok_or_else(|| Error::damaged("the configuration is too short"))?;
        let config: Self = serde_json::from_slice(&signed[HEADER..])
            .map_err(|error| Error::damaged("the configuration cannot be read").with_source(error))?;
        let mut key = [0; 32];
        hex::decode_to_slice(&config.admin_public_key, &mut key)
            .map_err(|_| Error::damaged("the configuration has an admin key that is none"))?;
        repository.expect_admin(&key)?;
        verify_admin(&key, repository.id()?, Kind::Config.purpose(), signed, signature)?;
        config.expect_known()?;
        Ok((config, header.author))
    }

    fn expect_known(&self) -> Result<()> {
        if let Some(feature) = self.required_features.first() {
            return Err(Error::unsupported(format!("the repository requires the feature \"{feature}\"")));
        }
        for (what, found, known) in
            [("cipher", &self.cipher, CIPHER), ("encapsulation", &self.encapsulation, ENCAPSULATION)]
        {
            if found != known {
                return Err(Error::unsupported(format!("the repository uses the {what} \"{found}\"")));
            }
        }
        Ok(())
    }
}

const CIPHER: &str = "chacha20-poly1305";
const ENCAPSULATION: &str = "x25519-hkdf-sha256";
