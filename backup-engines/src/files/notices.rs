//! What a pass tells a person.

use std::fmt::Display;

use backup_core::engine::Context;

/// Tells of a pass, or keeps quiet if another pass over the same files follows that will tell.
#[derive(Debug, Clone)]
pub(super) struct Notices {
    pub(super) context: Context,
    pub(super) quiet: bool,
}

impl Notices {
    pub(super) fn inform(&self, path: &[u8], message: impl Into<String>) {
        if !self.quiet {
            self.context.inform(path, message);
        }
    }

    pub(super) fn warn(&self, path: &[u8], message: impl Into<String>) {
        if !self.quiet {
            self.context.warn(path, message);
        }
    }

    pub(super) fn vanished(&self, path: &[u8]) {
        self.inform(path, "left out: it vanished while the backup ran");
    }

    pub(super) fn unreadable(&self, path: &[u8], reason: impl Display) {
        self.warn(path, format!("left out: it cannot be read: {reason}"));
    }

    pub(super) fn changed(&self, path: &[u8]) {
        self.warn(path, "it changed while it was read, twice: what is stored may mix old and new");
    }
}
