//! Progress for programs: one JSON event per line.

use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use backup_core::{Event, Progress};

/// Writes events to stderr.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    /// Counts that came too soon after others. They are written before anything else is said.
    pending: Option<Progress>,
}

/// More often than this, counts tell nobody anything.
const BETWEEN_COUNTS: Duration = Duration::from_millis(100);

impl Lines {
    pub(super) fn event(&self, event: &Event<'_>) {
        let mut state = self.state();
        match event {
            Event::Progress(progress) if state.last.is_some_and(|last| last.elapsed() < BETWEEN_COUNTS) => {
                state.pending = Some(*progress);
            }
            Event::Progress(_) => {
                *state = State { last: Some(Instant::now()), pending: None };
                write(event);
            }
            _ => {
                write_pending(&mut state);
                write(event);
            }
        }
    }

    /// Writes what was held back.
    pub(super) fn flush(&self) {
        write_pending(&mut self.state());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_pending(state: &mut State) {
    if let Some(progress) = state.pending.take() {
        write(&Event::Progress(progress));
    }
}

fn write(event: &Event<'_>) {
    if let Ok(mut line) = serde_json::to_vec(event) {
        line.push(b'\n');
        let _ = io::stderr().lock().write_all(&line);
    }
}
