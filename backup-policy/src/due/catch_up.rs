use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind},
    schedule::Slot,
};

/// What to do about slots whose time has passed, because nobody asked in time: the machine was off, the process was down.
///
/// There is never a burst: at most the latest of them runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CatchUpForm", into = "CatchUpForm")]
#[non_exhaustive]
pub struct CatchUp {
    /// How late a slot may run. Default: however late.
    pub lateness: Lateness,
    /// A late slot does not run if the next one is nearer than so many seconds. Default: it runs.
    ///
    /// A host that asks once a minute is mostly some seconds late: keep this shorter than the schedule's interval, or
    /// nothing ever runs. [`CatchUp::USUAL_MIN_GAP_S`] fits schedules of an hour and more.
    pub min_gap_s: Option<u64>,
}

/// How late a slot may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lateness {
    /// However late.
    #[default]
    Any,
    /// At most so many seconds.
    Within(u64),
    /// Only on time, with some grace for a host that does not ask every second. To catch up nothing, that is.
    OnTime(Grace),
}

/// What still counts as on time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grace {
    /// So many seconds.
    Seconds(u64),
    /// As long as its window is open; without a window, [`CatchUp::USUAL_GRACE_S`].
    Usual,
}

impl CatchUp {
    /// What counts as on time for a slot without a window: 15 minutes.
    pub const USUAL_GRACE_S: u64 = 15 * 60;

    /// A good distance to the next slot for schedules of an hour and more: 30 minutes.
    pub const USUAL_MIN_GAP_S: u64 = 30 * 60;

    /// Runs the latest slot that has passed, however late.
    pub fn once() -> Self {
        Self::default()
    }

    /// Runs the latest slot that has passed if it is late by at most so many seconds.
    pub fn within(seconds: u64) -> Self {
        Self { lateness: Lateness::Within(seconds), min_gap_s: None }
    }

    /// Runs no slot but on time, with [`Grace::Usual`].
    pub fn skip() -> Self {
        Self { lateness: Lateness::OnTime(Grace::Usual), min_gap_s: None }
    }

    /// Runs no slot late if the next one is nearer than so many seconds.
    #[must_use]
    pub fn unless_next_within(mut self, seconds: u64) -> Self {
        self.min_gap_s = Some(seconds);
        self
    }

    /// Whether a slot that is not in the future may run now.
    pub(super) fn accepts(&self, slot: &Slot, now: DateTime<Utc>, next: DateTime<Utc>) -> bool {
        let late = now - slot.run_at();
        let is_too_near =
            self.min_gap_s.is_some_and(|gap| late > TimeDelta::zero() && !is_at_least(next - now, gap));
        let is_in_time = match self.lateness {
            Lateness::Any => true,
            Lateness::Within(seconds) => is_at_most(late, seconds),
            Lateness::OnTime(grace) => grace.covers(slot, now),
        };
        is_in_time && !is_too_near
    }
}

impl Grace {
    /// Whether a slot that is not in the future still counts as on time.
    pub(crate) fn covers(self, slot: &Slot, now: DateTime<Utc>) -> bool {
        let late = now - slot.run_at();
        match (self, slot.end()) {
            (Self::Seconds(seconds), _) => is_at_most(late, seconds),
            (Self::Usual, Some(end)) => now < end,
            (Self::Usual, None) => is_at_most(late, CatchUp::USUAL_GRACE_S),
        }
    }
}

fn seconds(count: u64) -> TimeDelta {
    i64::try_from(count).ok().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::MAX)
}

fn is_at_most(time: TimeDelta, count: u64) -> bool {
    time <= seconds(count)
}

fn is_at_least(time: TimeDelta, count: u64) -> bool {
    time >= seconds(count)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CatchUpForm {
    mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace_s: Option<GraceForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_gap_s: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Once,
    Within,
    Skip,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum GraceForm {
    Seconds(u64),
    Word(Word),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Usual,
}

impl TryFrom<CatchUpForm> for CatchUp {
    type Error = Error;

    fn try_from(form: CatchUpForm) -> Result<Self, Error> {
        let lateness = match (form.mode, form.seconds, form.grace_s) {
            (Mode::Once, ..) => Lateness::Any,
            (Mode::Within, Some(seconds), _) => Lateness::Within(seconds),
            (Mode::Within, None, _) => {
                let message = "catch-up \"within\" does not say how late: set \"seconds\"";
                return Err(Error::new(ErrorKind::InvalidSchedule, message));
            }
            (Mode::Skip, _, Some(GraceForm::Word(Word::Usual))) => Lateness::OnTime(Grace::Usual),
            (Mode::Skip, _, Some(GraceForm::Seconds(seconds))) => Lateness::OnTime(Grace::Seconds(seconds)),
            (Mode::Skip, _, None) => Lateness::OnTime(Grace::Seconds(0)),
        };
        Ok(Self { lateness, min_gap_s: form.min_gap_s })
    }
}

impl From<CatchUp> for CatchUpForm {
    fn from(CatchUp { lateness, min_gap_s }: CatchUp) -> Self {
        let (mode, seconds, grace_s) = match lateness {
            Lateness::Any => (Mode::Once, None, None),
            Lateness::Within(seconds) => (Mode::Within, Some(seconds), None),
            Lateness::OnTime(Grace::Seconds(seconds)) => {
                (Mode::Skip, None, Some(GraceForm::Seconds(seconds)))
            }
            Lateness::OnTime(Grace::Usual) => (Mode::Skip, None, Some(GraceForm::Word(Word::Usual))),
        };
        Self { mode, seconds, grace_s, min_gap_s }
    }
}
