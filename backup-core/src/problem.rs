//! What a verification or a check found wrong.

use backup_storage::Name;
use serde::Serialize;

use crate::{BackupId, Error};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// What it is about: the name of an object, or a service and a path.
    pub object: String,
    /// What is wrong.
    pub message: String,
    /// The backups that it affects, as far as that is known.
    pub backups: Vec<BackupId>,
}

impl Problem {
    pub(crate) fn new(object: impl Into<String>, message: impl Into<String>) -> Self {
        Self { object: object.into(), message: message.into(), backups: Vec::new() }
    }

    pub(crate) fn from_error(object: impl Into<String>, error: &Error) -> Self {
        Self::new(object, error.chain())
    }

    pub(crate) fn of(mut self, backup: BackupId) -> Self {
        self.backups.push(backup);
        self
    }
}

/// Whether an error says that stored data is bad, rather than that it could not be read now.
pub(crate) fn is_finding(error: &Error) -> bool {
    matches!(
        error.kind(),
        crate::ErrorKind::Damaged | crate::ErrorKind::Unsupported | crate::ErrorKind::NotFound
    )
}

/// The error of an object that the storage did not give. A broken disk stays broken: what cannot be read for a reason that no waiting,
/// no right and no other name would mend is damage, and only what needs it suffers.
pub(crate) fn cannot_read(name: &Name, error: backup_storage::Error) -> Error {
    match error.kind() {
        backup_storage::ErrorKind::Other => {
            Error::damaged(format!("{name} cannot be read")).with_source(error)
        }
        _ => error.into(),
    }
}
