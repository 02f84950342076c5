//! An observer that remembers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Event, Notice, Observer, Phase, Progress};

/// Remembers all events. Clones share their memory: keep one, hand out the other.
#[derive(Debug, Clone, Default)]
pub struct RecordingObserver(Arc<Mutex<Vec<Observed>>>);

/// An [`Event`] that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observed {
    /// A phase began.
    Phase {
        /// Which one.
        phase: Phase,
        /// The service it is about.
        service: Option<String>,
    },
    /// Work went on.
    Progress(Progress),
    /// A person should know.
    Notice(Notice),
}

impl RecordingObserver {
    /// An observer that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All events so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Observed> {
        self.memory().clone()
    }

    /// The phases so far, in order.
    #[must_use]
    pub fn phases(&self) -> Vec<Phase> {
        let phase =
            |event: &Observed| if let Observed::Phase { phase, .. } = event { Some(*phase) } else { None };
        self.memory().iter().filter_map(phase).collect()
    }

    /// The notices so far, in order.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        let notice =
            |event: &Observed| if let Observed::Notice(notice) = event { Some(notice.clone()) } else { None };
        self.memory().iter().filter_map(notice).collect()
    }

    /// The last progress told.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        let progress =
            |event: &Observed| if let Observed::Progress(progress) = event { Some(*progress) } else { None };
        self.memory().iter().rev().find_map(progress)
    }

    fn memory(&self) -> MutexGuard<'_, Vec<Observed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for RecordingObserver {
    fn event(&self, event: &Event<'_>) {
        let observed = match event {
            Event::Phase { phase, service } => {
                Observed::Phase { phase: *phase, service: service.map(ToOwned::to_owned) }
            }
            Event::Progress(progress) => Observed::Progress(*progress),
            Event::Notice(notice) => Observed::Notice((*notice).clone()),
        };
        self.memory().push(observed);
    }
}
