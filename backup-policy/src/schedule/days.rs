use serde::{Deserialize, Serialize};

use crate::{
    civil::{Civil, days_in_month, weekday},
    error::{Error, ErrorKind, Result},
};

/// The dates on which a [`Window`](crate::Window) opens. Weekdays are numbers: 0 is Sunday, 6 is Saturday.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "DaysForm", into = "DaysForm")]
#[non_exhaustive]
pub enum Days {
    /// Each date.
    #[default]
    Daily,
    /// Each week on these weekdays.
    Weekly {
        /// At least one weekday.
        dow: Vec<u8>,
    },
    /// Each month on its first, second, ... or last such weekday.
    MonthlyNth {
        /// 1 to 5, or -1 for the last. A month without a fifth one is left out.
        nth: i8,
        /// The weekday.
        dow: u8,
    },
    /// Each month on this day.
    MonthlyDay {
        /// 1 to 31.
        day: u8,
        /// What to do in a month that is shorter. Default: clamp.
        overflow: Overflow,
    },
}

/// What becomes of a day that a month does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The month's last day stands in.
    #[default]
    Clamp,
    /// Nothing happens in that month.
    Skip,
}

impl Days {
    /// Each week on this day; 0 is Sunday.
    pub fn weekly(dow: u8) -> Self {
        Self::Weekly { dow: vec![dow] }
    }

    /// Each month on its `nth` such weekday; -1 is the last one, and 0 is Sunday.
    pub fn monthly_nth(nth: i8, dow: u8) -> Self {
        Self::MonthlyNth { nth, dow }
    }

    /// Each month on this day, or on its last day if it is shorter.
    pub fn monthly_day(day: u8) -> Self {
        Self::MonthlyDay { day, overflow: Overflow::Clamp }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let problem = match self {
            Self::Weekly { dow } if dow.is_empty() => "names no weekday: name at least one",
            Self::Weekly { dow } if dow.iter().any(|&dow| dow > 6) => WEEKDAY,
            Self::MonthlyNth { dow, .. } if *dow > 6 => WEEKDAY,
            Self::MonthlyNth { nth, .. } if !matches!(nth, 1..=5 | -1) => {
                "names an occurrence that no month has: use 1 to 5, or -1 for the last"
            }
            Self::MonthlyDay { day, .. } if !matches!(day, 1..=31) => {
                "names a day that no month has: use 1 to 31"
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::InvalidSchedule, format!("the window {problem}")))
    }

    /// Whether the date so many days after 1970-01-01 is one of them.
    pub(super) fn contains(&self, date: i64) -> bool {
        match *self {
            Self::Daily => true,
            Self::Weekly { ref dow } => dow.iter().any(|&dow| i64::from(dow) == weekday(date)),
            Self::MonthlyNth { nth, dow } => {
                let Civil { year, month, day } = Civil::from_days(date);
                i64::from(dow) == weekday(date)
                    && match nth {
                        -1 => day + 7 > days_in_month(year, month),
                        nth => (day - 1) / 7 + 1 == i64::from(nth),
                    }
            }
            Self::MonthlyDay { day: wanted, overflow } => {
                let Civil { year, month, day } = Civil::from_days(date);
                let wanted = i64::from(wanted);
                match overflow {
                    Overflow::Clamp => day == wanted.min(days_in_month(year, month)),
                    Overflow::Skip => day == wanted,
                }
            }
        }
    }
}

const WEEKDAY: &str = "names a weekday that does not exist: use 0 (Sunday) to 6 (Saturday)";

/// The same, but that unknown fields are refused for each variant.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum DaysForm {
    Daily {},
    Weekly {
        dow: Vec<u8>,
    },
    MonthlyNth {
        nth: i8,
        dow: u8,
    },
    MonthlyDay {
        day: u8,
        #[serde(default)]
        overflow: Overflow,
    },
}

impl From<DaysForm> for Days {
    fn from(form: DaysForm) -> Self {
        match form {
            DaysForm::Daily {} => Self::Daily,
            DaysForm::Weekly { dow } => Self::Weekly { dow },
            DaysForm::MonthlyNth { nth, dow } => Self::MonthlyNth { nth, dow },
            DaysForm::MonthlyDay { day, overflow } => Self::MonthlyDay { day, overflow },
        }
    }
}

impl From<Days> for DaysForm {
    fn from(days: Days) -> Self {
        match days {
            Days::Daily => Self::Daily {},
            Days::Weekly { dow } => Self::Weekly { dow },
            Days::MonthlyNth { nth, dow } => Self::MonthlyNth { nth, dow },
            Days::MonthlyDay { day, overflow } => Self::MonthlyDay { day, overflow },
        }
    }
}
