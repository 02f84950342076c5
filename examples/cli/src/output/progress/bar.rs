//! Progress for people: a bar with rate and time to go.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backup_core::{Event, Phase, Progress};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::super::plain;
use super::super::size::{count, size};
use super::super::time::whole_seconds;

/// Draws on stderr from the first event until it is cleared.
#[derive(Debug, Default)]
pub(super) struct Bar(Mutex<Option<ProgressBar>>);

const OPEN_END: &str = "{spinner} {msg}  {prefix}  {done}  {rate}";
const KNOWN_END: &str = "{msg}  [{wide_bar}]  {prefix}  {done} of {total}  {rate}  {left}";

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
    style
        .progress_chars("=> ")
        .tick_chars("|/-\\ ")
        .with_key("done", done)
        .with_key("total", total)
        .with_key("rate", rate)
        .with_key("left", left)
}

fn done(state: &ProgressState, writer: &mut dyn fmt::Write) {
    let _ = writer.write_str(&size(state.pos()));
}

fn total(state: &ProgressState, writer: &mut dyn fmt::Write) {
    let _ = writer.write_str(&size(state.len().unwrap_or(state.pos())));
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and the cast ends at the largest number"
)]
fn rate(state: &ProgressState, writer: &mut dyn fmt::Write) {
    let _ = write!(writer, "{}/s", size(state.per_sec() as u64));
}

fn left(state: &ProgressState, writer: &mut dyn fmt::Write) {
    let _ = writer.write_str(&to_go(state.eta()));
}

/// Time to go, in seconds that are begun. None is told while there is no rate to tell it from.
fn to_go(time: Duration) -> String {
    if time.is_zero() {
        return String::new();
    }
    let begun = Duration::from_secs(time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)));
    format!("{} to go", whole_seconds(begun))
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
        Phase::Rewrite => "rewriting packs",
        Phase::Remove => "deleting",
        _ => "working",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_to_go_is_in_whole_seconds() {
        for (milliseconds, text) in
            [(0, ""), (1, "1 s to go"), (3_000, "3 s to go"), (59_001, "1 min 0 s to go")]
        {
            assert_eq!(to_go(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn both_templates_are_understood() {
        for template in [OPEN_END, KNOWN_END] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
