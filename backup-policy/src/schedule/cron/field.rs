use std::fmt;

/// One field of a cron expression: what it is called, what its numbers may be.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    lowest: u32,
    /// The highest number; where weekdays are meant, 7 is also allowed, for Sunday.
    highest: u32,
    allowed: u32,
    /// Names of numbers from `lowest` on.
    names: &'static [&'static str],
}

/// The numbers that a field names, as bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values {
    pub(super) values: u64,
    /// The text begins with `*`, or is `?`.
    pub(super) is_star: bool,
    /// The text is exactly `*` or `?`.
    pub(super) is_all: bool,
}

/// Why a field cannot be read.
#[derive(Debug)]
pub(super) enum Problem {
    NotANumber(String),
    OutOfBounds { field: &'static Field, number: u32 },
    Reversed(String),
    ZeroStep(String),
    Other(&'static str),
}

pub(super) const MINUTE: Field = Field { name: "minute", lowest: 0, highest: 59, allowed: 59, names: &[] };
pub(super) const HOUR: Field = Field { name: "hour", lowest: 0, highest: 23, allowed: 23, names: &[] };
pub(super) const DAY: Field =
    Field { name: "day of the month", lowest: 1, highest: 31, allowed: 31, names: &[] };
pub(super) const MONTH: Field = Field {
    name: "month",
    lowest: 1,
    highest: 12,
    allowed: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
pub(super) const WEEKDAY: Field = Field {
    name: "day of the week",
    lowest: 0,
    highest: 6,
    allowed: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

impl Field {
    /// `*`, `a`, `a-b`, each with or without `/step`, as bits.
    pub(super) fn range(&'static self, text: &str) -> Result<u64, Problem> {
        let (range, step) = match text.split_once('/') {
            None => (text, None),
            Some((range, step)) => (range, Some(number(step)?)),
        };
        if step == Some(0) {
            return Err(Problem::ZeroStep(text.to_owned()));
        }
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.lowest, self.highest),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None => {
                let first = self.value(range)?;
                (first, if step.is_some() { first.max(self.highest) } else { first })
            }
        };
        if first > last {
            return Err(Problem::Reversed(text.to_owned()));
        }
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(usize::MAX);
        Ok((first..=last).step_by(step).map(|value| self.bit(value)).fold(0, |set, bit| set | bit))
    }

    /// One number or name.
    pub(super) fn value(&'static self, text: &str) -> Result<u32, Problem> {
        let named = (self.lowest..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text));
        if let Some((value, _)) = named {
            return Ok(value);
        }
        let number = number(text)?;
        if (self.lowest..=self.allowed).contains(&number) {
            return Ok(number);
        }
        Err(Problem::OutOfBounds { field: self, number })
    }

    /// The bit of a value; that of the second Sunday is that of the first.
    fn bit(&self, value: u32) -> u64 {
        1 << if value > self.highest { self.lowest } else { value }
    }
}

fn number(text: &str) -> Result<u32, Problem> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_number { text.parse().ok() } else { None };
    number.ok_or_else(|| Problem::NotANumber(text.to_owned()))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::error::Quoted;
        match self {
            Self::NotANumber(text) => {
                write!(f, "{} is neither a number nor a name that fits there", Quoted(text))
            }
            Self::OutOfBounds { field: Field { name, lowest, allowed, .. }, number } => {
                write!(f, "{number} is no {name}, use {lowest} to {allowed}")
            }
            Self::Reversed(text) => {
                write!(f, "the range {} ends before it begins, write it as two", Quoted(text))
            }
            Self::ZeroStep(text) => write!(f, "the step of {} is 0, use 1 or more", Quoted(text)),
            Self::Other(problem) => f.write_str(problem),
        }
    }
}
