//! Which manifests there are, by their names alone.

use std::collections::{HashMap, HashSet};

use backup_storage::{Object, StorageExt as _};

use crate::format::names::{self, ManifestName};
use crate::{BackupId, Error, ErrorKind, Repository, Result};

/// The names of the manifests of a repository, by a listing.
#[derive(Debug, Default)]
pub(crate) struct ManifestNames {
    pub(crate) confirmed: Vec<(ManifestName, Object)>,
    pub(crate) unconfirmed: Vec<(ManifestName, Object)>,
    /// Manifests of which only the confirmation is there.
    pub(crate) lost: Vec<ManifestName>,
    /// Objects below `backups/` that are neither.
    pub(crate) foreign: Vec<String>,
}

/// One manifest that a listing shows.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) name: ManifestName,
    pub(crate) object: Object,
    /// Whether its confirmation is there.
    pub(crate) confirmed: bool,
}

impl ManifestNames {
    fn of(objects: Vec<Object>) -> Self {
        let mut found = Self::default();
        let mut manifests = HashMap::new();
        let mut confirmations = HashSet::new();
        for object in objects {
            match ManifestName::parse(object.name.as_str()) {
                None => found.foreign.push(object.name.to_string()),
                Some((name, true)) => drop(confirmations.insert(name)),
                Some((name, false)) => drop(manifests.insert(name, object)),
            }
        }
        found.lost = confirmations.iter().filter(|name| !manifests.contains_key(name)).copied().collect();
        for (name, object) in manifests {
            let list =
                if confirmations.contains(&name) { &mut found.confirmed } else { &mut found.unconfirmed };
            list.push((name, object));
        }
        found.confirmed.sort_by_key(|(name, _)| *name);
        found.unconfirmed.sort_by_key(|(name, _)| *name);
        found.lost.sort_unstable();
        found
    }

    /// All manifests, the confirmed ones first.
    pub(crate) fn into_listed(self) -> impl Iterator<Item = Listed> {
        let listed = |confirmed| move |(name, object)| Listed { name, object, confirmed };
        self.confirmed.into_iter().map(listed(true)).chain(self.unconfirmed.into_iter().map(listed(false)))
    }

    /// The manifest of a backup. Of several, those that were never confirmed do not count.
    pub(super) fn of_backup(self, id: &BackupId) -> Result<Listed> {
        self.into_listed().find(|listed| listed.name.id == *id).ok_or_else(|| no_such(&id.to_string()))
    }

    /// The manifest of the only backup whose id has this piece in it.
    pub(super) fn by_piece(self, reference: &str) -> Result<Listed> {
        let piece = reference.replace('-', "").to_ascii_lowercase();
        if piece.is_empty() || !piece.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid(format!(
                "\"{reference}\" is neither {} nor (a piece of) a backup's id",
                super::find::WORDS
            ))
            .with_remedy("list the backups and use an id from there"));
        }
        let mut matching: Vec<_> =
            self.into_listed().filter(|listed| listed.name.id.to_string().contains(&piece)).collect();
        let mut seen = HashSet::new();
        matching.retain(|listed| seen.insert(listed.name.id));
        if matching.len() > 1 {
            let some: Vec<_> = matching.iter().take(5).map(|listed| listed.name.id.to_string()).collect();
            let count = matching.len();
            return Err(Error::invalid(format!(
                "{count} backups have an id with \"{reference}\" in it: {}",
                some.join(", ")
            ))
            .with_remedy("use a longer piece"));
        }
        matching.pop().ok_or_else(|| no_such(reference))
    }
}

fn no_such(reference: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no backup has an id with \"{reference}\" in it"))
        .with_remedy("list the backups and use an id from there")
}

impl Repository {
    pub(crate) async fn manifest_names(&self, environment: Option<&str>) -> Result<ManifestNames> {
        let folder = match environment {
            None => names::BACKUPS.to_owned(),
            Some(name) => {
                names::environment_folder(self.keys().opaque_name(super::ENVIRONMENT, name.as_bytes()))
            }
        };
        Ok(ManifestNames::of(self.storage().list_all(&folder).await?))
    }
}
