/// Minutes of a day, as one set of sixty for each hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Minutes([u64; 24]);

const HOUR: i64 = 60;

impl Minutes {
    pub(super) fn one(minute_of_day: u16) -> Self {
        let mut minutes = Self::default();
        minutes.insert(minute_of_day);
        minutes
    }

    /// All of `minutes` in each of `hours`; bits count from 0.
    pub(super) fn grid(hours: u64, minutes: u64) -> Self {
        Self(std::array::from_fn(|hour| if hours >> hour & 1 == 1 { minutes } else { 0 }))
    }

    pub(super) fn insert(&mut self, minute_of_day: u16) {
        if let Some(hour) = self.0.get_mut(usize::from(minute_of_day / 60)) {
            *hour |= 1 << (minute_of_day % 60);
        }
    }

    /// The first one not before `minute`, which may be beyond the end of the day.
    pub(super) fn at_or_after(&self, minute: i64) -> Option<i64> {
        let minute = minute.max(0);
        let mut mask = u64::MAX << (minute % HOUR);
        for (hour, minutes) in (0..).zip(&self.0).skip(index(minute / HOUR)) {
            if minutes & mask != 0 {
                return Some(hour * HOUR + i64::from((minutes & mask).trailing_zeros()));
            }
            mask = u64::MAX;
        }
        None
    }

    /// The last one not after `minute`, which may be before the beginning of the day.
    pub(super) fn at_or_before(&self, minute: i64) -> Option<i64> {
        let minute = minute.min(24 * HOUR - 1);
        if minute < 0 {
            return None;
        }
        let mut mask = u64::MAX >> (63 - minute % HOUR);
        for hour in (0..=minute / HOUR).rev() {
            let minutes = self.0[index(hour)] & mask;
            if minutes != 0 {
                return Some(hour * HOUR + i64::from(minutes.ilog2()));
            }
            mask = u64::MAX;
        }
        None
    }

    /// How many lie in `from..until`.
    pub(super) fn count(&self, from: i64, until: i64) -> u64 {
        let before = |end: i64| -> u64 {
            let end = end.clamp(0, 24 * HOUR);
            let whole: u32 = self.0.iter().take(index(end / HOUR)).map(|minutes| minutes.count_ones()).sum();
            let mask = (1_u64 << (end % HOUR)) - 1;
            let part = self.0.get(index(end / HOUR)).map_or(0, |minutes| (minutes & mask).count_ones());
            u64::from(whole + part)
        };
        before(until).saturating_sub(before(from))
    }
}

/// A small number that is not negative, as an index.
fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
