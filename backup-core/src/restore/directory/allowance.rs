//! What a plan allows to be destroyed.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::RestorePlan;

/// How much may still be deleted, and whether anything may be overwritten. By default nothing.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    deletions: AtomicU64,
    overwrites: bool,
}

impl Allowance {
    /// What a plan says.
    pub(super) fn of(plan: &RestorePlan) -> Self {
        Self { deletions: AtomicU64::new(plan.delete), overwrites: plan.is_destructive() }
    }

    /// Whether that many more names may be deleted; if so they are used up.
    pub(super) fn takes_deletions(&self, count: u64) -> bool {
        let taken =
            self.deletions.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(count));
        taken.is_ok()
    }

    /// Whether something that differs visibly may be overwritten.
    pub(super) fn overwrites(&self) -> bool {
        self.overwrites
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_are_used_up_and_never_in_part() {
        let allowance = Allowance { deletions: AtomicU64::new(5), overwrites: false };
        assert!(allowance.takes_deletions(3));
        assert!(!allowance.takes_deletions(3));
        assert!(allowance.takes_deletions(2));
        assert!(!allowance.takes_deletions(1));
        assert!(allowance.takes_deletions(0));
    }
}
