//! Names of the objects of a repository.

use backup_storage::{Name, Object};

use crate::{BackupId, Error, Result, RunId};

/// The one object that never changes.
pub(crate) const REPOSITORY: &str = "repository.json";
pub(crate) const CONFIG: &str = "config";
pub(crate) const KEYS: &str = "keys";
pub(crate) const PACKS: &str = "packs";
pub(crate) const INDEX: &str = "index";
pub(crate) const BACKUPS: &str = "backups";
pub(crate) const RUNS: &str = "runs";
/// Kinds to come: a writer that finds any of these leaves the repository alone.
pub(crate) const MARKS: &str = "marks";
pub(crate) const SWEEPS: &str = "sweeps";
pub(crate) const NOTES: &str = "notes";
pub(crate) const CATALOG: &str = "catalog";

/// The hash in an object's name: unkeyed BLAKE3 of all its bytes.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// The name of a pack: the hash of its bytes and eight digits of whoever put it, so that a name never recurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PackName {
    pub(crate) hash: [u8; 32],
    pub(crate) incarnation: [u8; 4],
}

/// The name of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ManifestName {
    pub(crate) environment: [u8; 8],
    pub(crate) id: BackupId,
    pub(crate) hash: [u8; 32],
}

/// The name of one status of a run. Statuses are ordered by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RunName {
    pub(crate) id: RunId,
    pub(crate) number: u32,
    pub(crate) hash: [u8; 32],
}

/// The name of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NoteName {
    pub(crate) environment: [u8; 8],
    /// The backup that it is about.
    pub(crate) id: BackupId,
    pub(crate) hash: [u8; 32],
}

impl PackName {
    pub(crate) fn to_name(self) -> Name {
        let hash = hex::encode(self.hash);
        made(&format!("{PACKS}/{}/{hash}-{}", &hash[..2], hex::encode(self.incarnation)))
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (shard, rest) = name.strip_prefix("packs/")?.split_once('/')?;
        let (hash, incarnation) = rest.split_once('-')?;
        let parsed = Self { hash: digits(hash)?, incarnation: digits(incarnation)? };
        (hash.get(..2) == Some(shard)).then_some(parsed)
    }
}

impl ManifestName {
    pub(crate) fn to_name(self) -> Name {
        made(&self.text())
    }

    /// The name of the empty object that confirms the manifest.
    pub(crate) fn to_confirmation(self) -> Name {
        made(&format!("{}-ok", self.text()))
    }

    fn text(self) -> String {
        format!("{}/{}-{}", environment_folder(self.environment), self.id, hex::encode(self.hash))
    }

    /// Reads a name below `backups/`: the manifest's, and whether it is the confirmation.
    pub(crate) fn parse(name: &str) -> Option<(Self, bool)> {
        let (environment, rest) = name.strip_prefix("backups/")?.split_once('/')?;
        let (rest, confirms) = rest.strip_suffix("-ok").map_or((rest, false), |rest| (rest, true));
        let (id, hash) = rest.split_once('-')?;
        let id = BackupId::from_bytes(digits(id)?);
        Some((Self { environment: digits(environment)?, id, hash: digits(hash)? }, confirms))
    }
}

impl RunName {
    pub(crate) fn to_name(self) -> Name {
        made(&format!("{}/{:08}-{}", run_folder(self.id), self.number, hex::encode(self.hash)))
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (id, rest) = name.strip_prefix("runs/")?.split_once('/')?;
        let (number, hash) = numbered(rest)?;
        Some(Self { id: RunId::from_bytes(digits(id)?), number, hash })
    }
}

/// Where the statuses of a run are.
pub(crate) fn run_folder(id: RunId) -> String {
    format!("{RUNS}/{id}")
}

impl NoteName {
    pub(crate) fn to_name(self) -> Name {
        let (environment, hash) = (hex::encode(self.environment), hex::encode(self.hash));
        made(&format!("{NOTES}/{environment}/{}-{hash}", self.id))
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (environment, rest) = name.strip_prefix("notes/")?.split_once('/')?;
        let (id, hash) = rest.split_once('-')?;
        let id = BackupId::from_bytes(digits(id)?);
        Some(Self { environment: digits(environment)?, id, hash: digits(hash)? })
    }
}

/// The folder of what is said about the backups of an environment.
pub(crate) fn notes_folder(environment: [u8; 8]) -> String {
    format!("{NOTES}/{}", hex::encode(environment))
}

pub(crate) fn environment_folder(environment: [u8; 8]) -> String {
    format!("{BACKUPS}/{}", hex::encode(environment))
}

/// The name of an object that is named by its hash alone.
pub(crate) fn hashed(folder: &str, hash: &[u8; 32]) -> Name {
    made(&format!("{folder}/{}", hex::encode(hash)))
}

pub(crate) fn config(number: u32, hash: &[u8; 32]) -> Name {
    made(&format!("{CONFIG}/{number:08}-{}", hex::encode(hash)))
}

/// The hash that a name below a folder consists of.
pub(crate) fn parse_hashed(name: &str, folder: &str) -> Option<[u8; 32]> {
    digits(name.strip_prefix(folder)?.strip_prefix('/')?)
}

pub(crate) fn parse_config(name: &str) -> Option<(u32, [u8; 32])> {
    numbered(name.strip_prefix("config/")?)
}

/// Eight decimal digits, a hyphen and a hash.
fn numbered(text: &str) -> Option<(u32, [u8; 32])> {
    let (number, hash) = text.split_once('-')?;
    let valid = number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((valid.then(|| number.parse().ok())??, digits(hash)?))
}

pub(crate) fn repository() -> Name {
    made(REPOSITORY)
}

/// Fails when an object is not what its name says.
pub(crate) fn expect_hash(name: &str, expected: &[u8; 32], bytes: &[u8]) -> Result<()> {
    if hash(bytes) == *expected {
        return Ok(());
    }
    Err(Error::damaged(format!("{name} is not what its name says: bytes were lost or changed")))
}

/// Fails when an object is larger than one of its kind may be, before it is read.
pub(crate) fn expect_size(object: &Object, limit: u64) -> Result<()> {
    if object.size <= limit {
        return Ok(());
    }
    Err(Error::damaged(format!(
        "{} has {} bytes, more than the {limit} that it may have",
        object.name, object.size
    )))
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

fn made(text: &str) -> Name {
    Name::try_from(text).expect("names made of hexadecimal digits, slashes and hyphens are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is_taken_for_one() {
        let pack = PackName { hash: [0xab; 32], incarnation: [1, 2, 3, 4] };
        let text = pack.to_name().to_string();
        assert_eq!(text, format!("packs/ab/{}-01020304", "ab".repeat(32)));
        assert_eq!(PackName::parse(&text), Some(pack));
        assert_eq!(PackName::parse(&text.replace("packs/ab", "packs/ac")), None);

        let manifest = ManifestName { environment: [7; 8], id: BackupId::from_bytes([9; 16]), hash: [3; 32] };
        assert_eq!(ManifestName::parse(manifest.to_name().as_str()), Some((manifest, false)));
        assert_eq!(ManifestName::parse(manifest.to_confirmation().as_str()), Some((manifest, true)));
        assert_eq!(ManifestName::parse("backups/07/x-y"), None);
        let note = NoteName { environment: [7; 8], id: BackupId::from_bytes([9; 16]), hash: [4; 32] };
        assert_eq!(NoteName::parse(note.to_name().as_str()), Some(note));
        assert_eq!(
            NoteName::parse(&manifest.to_name().as_str().replace("backups", "notes").to_uppercase()),
            None
        );
        assert_eq!(parse_config(config(3, &[1; 32]).as_str()), Some((3, [1; 32])));
        assert_eq!(parse_config("config/+0000003-00"), None);

        let run = RunName { id: RunId::from_bytes([5; 16]), number: 12, hash: [4; 32] };
        let text = run.to_name().to_string();
        assert_eq!(text, format!("runs/{}/00000012-{}", "05".repeat(16), "04".repeat(32)));
        assert_eq!(RunName::parse(&text), Some(run));
        assert_eq!(RunName::parse(&text.replace("/00000012", "/12")), None);
    }
}
