//! A clock that a test sets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::Clock;

/// A clock that stands still, except for the steps that it was told to take. Clones show the same time.
#[derive(Debug, Clone)]
pub struct SteppingClock {
    start: DateTime<Utc>,
    step: Duration,
    elapsed: Arc<Mutex<Duration>>,
}

impl SteppingClock {
    /// A clock that stands at this time until it is [advanced](Self::advance).
    #[must_use]
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self::stepping(at, Duration::ZERO)
    }

    /// A clock that goes forward by `step` each time it is read.
    #[must_use]
    pub fn stepping(from: DateTime<Utc>, step: Duration) -> Self {
        Self { start: from, step, elapsed: Arc::default() }
    }

    /// Goes forward.
    pub fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    fn read(&self) -> Duration {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = *elapsed;
        *elapsed += self.step;
        shown
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.read()).unwrap_or(TimeDelta::MAX);
        self.start.checked_add_signed(elapsed).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn elapsed(&self) -> Duration {
        self.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_or_takes_equal_steps() {
        let start = DateTime::UNIX_EPOCH;
        let clock = SteppingClock::fixed(start);
        let hand = clock.clone();
        hand.advance(Duration::from_secs(5));
        hand.advance(Duration::ZERO);
        assert_eq!((clock.elapsed(), clock.elapsed()), (Duration::from_secs(5), Duration::from_secs(5)));
        assert_eq!(clock.now(), start + TimeDelta::seconds(5));
        let clock = SteppingClock::stepping(start, Duration::from_secs(1));
        assert_eq!((clock.now(), clock.now()), (start, start + TimeDelta::seconds(1)));
        assert_eq!(clock.elapsed(), Duration::from_secs(2));
    }
}
