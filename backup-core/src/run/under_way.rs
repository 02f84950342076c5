//! The runs that this process does, so that one that its host gave up is not taken for alive because the process is.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::RunId;

/// Marks a run as done by this process, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(RunId);

impl UnderWay {
    pub(super) fn new(id: RunId) -> Self {
        *runs().entry(id).or_default() += 1;
        Self(id)
    }

    /// Whether this process does a run.
    pub(super) fn has(id: RunId) -> bool {
        runs().contains_key(&id)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut runs = runs();
        if let Some(count) = runs.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                runs.remove(&self.0);
            }
        }
    }
}

fn runs() -> MutexGuard<'static, BTreeMap<RunId, usize>> {
    /// How often each run is under way: two that begin the same one see each other, and one of them gives up. It is of the process, as the
    /// number of the process is that stands in the record of a run.
    static RUNS: Mutex<BTreeMap<RunId, usize>> = Mutex::new(BTreeMap::new());
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}
