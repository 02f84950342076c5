//! Progress for people: a bar with rate and time to go.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backup_core::{Event, Phase, Progress};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::super::plain;
use super::super::size::count;
use super::super::time::duration;

/// Draws on stderr from the first event until it is cleared.
#[derive(Debug, Default)]
pub(super) struct Bar(Mutex<Option<ProgressBar>>);

const OPEN_END: &str = "{spinner} {msg}  {prefix}  {binary_bytes}  {binary_bytes_per_sec}";
const KNOWN_END: &str =
    "{msg}  [{bar:24}]  {prefix}  {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {left}";

impl Bar {
    pub(super) fn event(&self, event: &Event<'_>) {
        match event {
            Event::Phase { phase, service } => self.phase(*phase, *service),
            Event::Progress(progress) => self.count(progress),
            _ => {}
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = self.shown().take() {
            bar.finish_and_clear();
        }
    }

    fn phase(&self, phase: Phase, service: Option<&str>) {
        let doing = name(phase);
        let message = match service {
            Some(service) => format!("{doing} {}", plain(service)),
            None => doing.to_owned(),
        };
        self.shown().get_or_insert_with(draw).set_message(message);
    }

    fn count(&self, progress: &Progress) {
        let mut shown = self.shown();
        let bar = shown.get_or_insert_with(draw);
        match progress.total_bytes {
            Some(total) => {
                if bar.length().is_none() {
                    bar.set_style(style(KNOWN_END));
                }
                bar.set_length(total.max(progress.bytes));
            }
            None => bar.unset_length(),
        }
        bar.set_prefix(count(progress.items, "item", "items"));
        bar.set_position(progress.bytes);
    }

    fn shown(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn draw() -> ProgressBar {
    let bar = ProgressBar::no_length().with_style(style(OPEN_END));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ").tick_chars("|/-\\ ").with_key("left", left)
}

/// Time to go, once there is a rate to tell it from.
fn left(state: &ProgressState, writer: &mut dyn fmt::Write) {
    if state.per_sec() > 0.0 {
        let _ = write!(writer, "{} to go", duration(state.eta()));
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Index => "reading the index",
        Phase::Prepare => "preparing",
        Phase::Freeze => "freezing",
        Phase::Stream => "backing up",
        Phase::Commit => "committing",
        Phase::Plan => "planning",
        Phase::Restore => "restoring",
        Phase::Structure => "checking the structure",
        Phase::Data => "reading the data",
        _ => "working",
    }
}
