use std::fmt;

use serde::Serialize;

use crate::{
    civil::{Civil, DAY},
    period::Period,
    rule::Rule,
    schedule::Schedule,
};

/// Something in a plan that cannot be meant. `Display` says what it is and the smallest change that mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// Backups are kept for no longer than it takes until the next one, so at times there is none.
    Exposed {
        /// What reasons call the rule that keeps them.
        rule: String,
        /// The longest time from one to the next, in seconds.
        interval_s: i64,
        /// For how long they are kept.
        kept: Period,
        /// The longest time without any, in seconds.
        exposed_s: i64,
        /// The shortest sensible time to keep them. A minimum of one mends it too.
        fix: Period,
    },
    /// A rule keeps only backups made on a month's first Sunday: a month without one has nothing.
    MissableMonth {
        /// What reasons call the rule.
        rule: String,
        /// A rule to add, which keeps the last nightly backup of each month.
        fix: Box<Rule>,
    },
    /// Backups take longer than their window is open.
    ShortWindow {
        /// For how many minutes it is open.
        open_min: i64,
        /// How many minutes a backup has taken.
        measured_min: i64,
    },
    /// A rule keeps the first backup of each bucket, but no longer than the bucket lasts, so towards its end
    /// it keeps none.
    ShortFirst {
        /// What reasons call the rule.
        rule: String,
        /// For how long.
        within: Period,
        /// The length of a bucket: the shortest sensible time. Picking the last mends it too.
        fix: Period,
    },
    /// There is a day without a backup because clocks skip all of its times.
    SkippedDay {
        /// The schedule.
        schedule: Schedule,
        /// The next such day, as `2027-03-28`.
        date: String,
    },
    /// No run will ever come.
    NeverRuns {
        /// The schedule.
        schedule: Schedule,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exposed { interval_s, kept, exposed_s, fix, .. } => {
                let unit = Unit::of(&[*interval_s, *exposed_s]);
                let (exposed, interval) = (unit.count(*exposed_s), unit.count(*interval_s));
                write!(f, "{}, kept {}: ", Often(*interval_s), Long(*kept))?;
                match exposed {
                    0 => f.write_str("none while the next one is made")?,
                    _ => write!(f, "up to {exposed} of {interval} {}s without a backup", unit.name)?,
                }
                write!(f, "; keep {fix} or min_keep 1")
            }
            Self::MissableMonth { rule, fix } => write!(
                f,
                "{rule} keeps only what was made on a month's first Sunday: a month whose first backup comes later, or whose \
                 Sunday fails, has none; add a rule for the last of each month: {}",
                serde_json::to_string(fix).unwrap_or_default()
            ),
            Self::ShortWindow { open_min, measured_min } => write!(
                f,
                "the window is open for {open_min} minutes and a backup takes {measured_min}: open it for {measured_min}"
            ),
            Self::ShortFirst { rule, within, fix } => write!(
                f,
                "{rule} keeps the first of each bucket only within {within}, so towards the end of a bucket none; keep {fix} \
                 or pick the last"
            ),
            Self::SkippedDay { date, .. } => write!(
                f,
                "no run on {date}: clocks skip all times of that day, and a minute or hour that begins with * is not made up \
                 for; write a range, such as 0/15 for */15"
            ),
            Self::NeverRuns { .. } => f.write_str("the schedule never runs; correct it"),
        }
    }
}

/// The largest unit that measures times exactly; minutes, if none does.
struct Unit {
    seconds: i64,
    name: &'static str,
}

impl Unit {
    fn of(times: &[i64]) -> Self {
        let units = [(DAY, "day"), (3600, "hour")].map(|(seconds, name)| Self { seconds, name });
        let exact = units.into_iter().find(|unit| times.iter().all(|time| time % unit.seconds == 0));
        exact.unwrap_or(Self { seconds: 60, name: "minute" })
    }

    /// Whole ones, a begun one included.
    fn count(&self, time: i64) -> i64 {
        time.div_euclid(self.seconds) + i64::from(time.rem_euclid(self.seconds) > 0)
    }
}

/// `weekly`, `every 6 hours`.
struct Often(i64);

impl fmt::Display for Often {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HOUR: i64 = 3600;
        const WEEK: i64 = 7 * DAY;
        match self.0 {
            HOUR => f.write_str("hourly"),
            DAY => f.write_str("daily"),
            WEEK => f.write_str("weekly"),
            seconds => {
                let unit = Unit::of(&[seconds]);
                write!(f, "every {} {}s", unit.count(seconds), unit.name)
            }
        }
    }
}

/// `3 days`, `1 month`; a period of several parts as it is written.
struct Long(Period);

impl fmt::Display for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let is_time = text.starts_with("PT");
        let body = text.trim_start_matches(['P', 'T']);
        let Some((number, unit)) = body.split_at_checked(body.len().saturating_sub(1)) else {
            return f.write_str(&text);
        };
        let name = match (unit, is_time) {
            ("Y", false) => "year",
            ("M", false) => "month",
            ("W", false) => "week",
            ("D", false) => "day",
            ("H", true) => "hour",
            ("M", true) => "minute",
            ("S", true) => "second",
            _ => return f.write_str(&text),
        };
        match number.parse::<u32>() {
            Ok(1) => write!(f, "1 {name}"),
            Ok(number) => write!(f, "{number} {name}s"),
            Err(_) => f.write_str(&text),
        }
    }
}

/// `2027-03-28`, from days since 1970.
pub(super) fn date(days: i64) -> String {
    let Civil { year, month, day } = Civil::from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}
