//! What happens while it happens, on stderr.

mod bar;
mod lines;

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use backup_core::{Event, Notice, Observer};

use self::bar::Bar;
use self::lines::Lines;
use crate::arguments::ProgressMode;

/// Shows progress while a command runs, and keeps what a person should know.
#[derive(Debug)]
pub(crate) struct Display {
    way: Way,
    notices: Mutex<Vec<Notice>>,
}

#[derive(Debug)]
enum Way {
    Nothing,
    Lines(Lines),
    Bar(Bar),
}

/// More notices than this, and memory would go to what nobody reads.
const MOST_NOTICES: usize = 10_000;

impl Display {
    pub(crate) fn new(mode: ProgressMode) -> Self {
        let way = match mode {
            ProgressMode::Json => Way::Lines(Lines::default()),
            ProgressMode::Auto if io::stderr().is_terminal() => Way::Bar(Bar::default()),
            ProgressMode::Auto | ProgressMode::None => Way::Nothing,
        };
        Self { way, notices: Mutex::default() }
    }

    /// Whether programs read stderr, notices included.
    pub(crate) fn is_for_programs(&self) -> bool {
        matches!(self.way, Way::Lines(_))
    }

    /// What a person should know, so far.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the bar away, so that what is printed next has the terminal to itself.
    pub(crate) fn clear(&self) {
        match &self.way {
            Way::Nothing => {}
            Way::Lines(lines) => lines.flush(),
            Way::Bar(bar) => bar.clear(),
        }
    }

    fn keep(&self, notice: &Notice) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        // What is said about the repository is said each time the repository is listed.
        let again = notice.service.is_empty() && notices.contains(notice);
        if !again && notices.len() < MOST_NOTICES {
            notices.push(notice.clone());
        }
    }
}

impl Observer for Display {
    fn event(&self, event: &Event<'_>) {
        if let Event::Notice(notice) = event {
            self.keep(notice);
        }
        match &self.way {
            Way::Nothing => {}
            Way::Lines(lines) => lines.event(event),
            Way::Bar(bar) => bar.event(event),
        }
    }
}
