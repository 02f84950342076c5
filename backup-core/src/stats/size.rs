//! Bytes of chunks, before and after sealing.

use super::ledger::Account;

/// Bytes of some chunks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) unique: u64,
    pub(super) stored: u64,
}

impl Size {
    pub(super) fn add(&mut self, chunk: &Account) {
        self.unique = self.unique.saturating_add(chunk.plain.into());
        self.stored = self.stored.saturating_add(chunk.stored.into());
    }

    pub(super) fn subtract(&mut self, chunk: &Account) {
        self.unique = self.unique.saturating_sub(chunk.plain.into());
        self.stored = self.stored.saturating_sub(chunk.stored.into());
    }
}
