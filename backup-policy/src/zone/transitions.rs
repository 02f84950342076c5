use chrono::{DateTime, Utc};
use jiff::Timestamp;

use super::Zone;
use crate::{
    civil::{Civil, DAY},
    error::{Error, ErrorKind, Result},
    period::Period,
};

/// 0001-01-01 and 8001-01-01 in seconds since 1970: with the longest period added this stays a year of four digits.
pub(crate) const EARLIEST: i64 = -62_135_596_800;
pub(super) const LATEST: i64 = 190_320_019_200;

/// No zone is farther from UTC than this, and no clock change larger.
pub(super) const MARGIN: i64 = 3 * DAY;

/// The clock changes of one zone over a span of time, for many conversions without a look-up in the database.
#[derive(Debug)]
pub(crate) struct Transitions(Vec<Change>);

#[derive(Debug)]
struct Change {
    /// The instant from which `offset` holds.
    at: i64,
    /// The first wall time that is read with `offset`: the end of a gap, or of both passes of an overlap.
    wall: i64,
    /// Seconds east of UTC.
    offset: i64,
}

impl Transitions {
    /// The changes that conversions need between two instants (in seconds) inside [`check_range`].
    pub(crate) fn covering(zone: &Zone, from: i64, until: i64) -> Self {
        let start = timestamp(from - MARGIN);
        let mut offset = i64::from(zone.0.to_offset(start).seconds());
        let mut changes = vec![Change { at: i64::MIN, wall: i64::MIN, offset }];
        let end = timestamp(until + MARGIN);
        for next in zone.0.following(start).take_while(|next| next.timestamp() <= end) {
            let (at, before) = (next.timestamp().as_second(), offset);
            offset = i64::from(next.offset().seconds());
            if offset != before {
                changes.push(Change { at, wall: at + before.max(offset), offset });
            }
        }
        Self(changes)
    }

    /// What the clock on the wall adds to UTC at an instant, in seconds.
    pub(crate) fn offset(&self, instant: i64) -> i64 {
        self.before(|change| change.at <= instant)
    }

    /// The instant of a wall time: the earlier one in an overlap, moved forward by the gap's length in a gap (D1).
    pub(crate) fn instant(&self, wall: i64) -> i64 {
        wall - self.before(|change| change.wall <= wall)
    }

    /// The end of a period that starts at `time`.
    pub(crate) fn add(&self, time: DateTime<Utc>, period: &Period) -> DateTime<Utc> {
        let mut seconds = time.timestamp();
        let (months, days) = (period.whole_months(), period.whole_days());
        if months != 0 || days != 0 {
            let wall = seconds + self.offset(seconds);
            let date = match months {
                0 => wall.div_euclid(DAY),
                months => Civil::from_days(wall.div_euclid(DAY)).plus_months(months).to_days(),
            } + days;
            seconds = self.instant(date * DAY + wall.rem_euclid(DAY));
        }
        // A leap second (only chrono has them) has more nanoseconds than a second that is moved elsewhere may have.
        let nanoseconds = time.timestamp_subsec_nanos().min(999_999_999);
        DateTime::from_timestamp(seconds + period.exact_seconds(), nanoseconds)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn before(&self, holds: impl Fn(&Change) -> bool) -> i64 {
        let index = self.0.partition_point(holds);
        self.0[index.saturating_sub(1)].offset
    }
}

/// Refuses times that calendar arithmetic is not made for.
pub(crate) fn check_range(time: DateTime<Utc>) -> Result<()> {
    if is_in_range(time.timestamp()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::OutOfRange,
        format!(
            "the time {time:?} is outside the years 1 to 8000: correct the clock or the record it came from"
        ),
    ))
}

pub(crate) fn is_in_range(seconds: i64) -> bool {
    (EARLIEST..LATEST).contains(&seconds)
}

pub(super) fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
