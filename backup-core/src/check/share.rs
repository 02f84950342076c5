//! How much of a repository's data a check reads.

use std::str::FromStr;

use crate::{Error, Result};

/// A share of the packs, chosen at random each time: with a tenth every night, all has been read after some weeks.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// No data, only structure.
    pub const NONE: Self = Self(0.0);
    /// All data.
    pub const ALL: Self = Self(1.0);

    /// A share between 0 and 1.
    ///
    /// # Errors
    /// When it is not between 0 and 1.
    pub fn new(share: f64) -> Result<Self> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(refuse(&share.to_string())) }
    }

    /// Reads `10%`, `1/7`, `0.1` or `1`.
    ///
    /// # Errors
    /// When it is none of these, or not between 0 and 1.
    pub fn parse(text: &str) -> Result<Self> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let value = match (text.strip_suffix('%'), text.split_once('/')) {
            (Some(percent), _) => number(percent).map(|percent| percent / 100.0),
            (None, Some((part, whole))) => number(part).zip(number(whole)).map(|(part, whole)| part / whole),
            (None, None) => number(text),
        };
        value.filter(|value| (0.0..=1.0).contains(value)).map(Self).ok_or_else(|| refuse(text))
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub fn is_some(self) -> bool {
        self.0 > 0.0
    }

    /// How many of so many: rounded up, so that a share of anything is at least one.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub fn of(self, count: usize) -> usize {
        ((count as f64 * self.0).ceil() as usize).min(count)
    }
}

impl FromStr for Share {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

fn refuse(text: &str) -> Error {
    Error::invalid(format!("\"{text}\" is not a share between nothing and all"))
        .with_remedy("write 10%, 1/7 or 0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_in_three_ways() {
        assert_eq!(Share::parse("10%").unwrap().of(1000), 100);
        assert_eq!(Share::parse("1/7").unwrap().of(7), 1);
        assert_eq!(Share::parse("0.1").unwrap().of(3), 1);
        assert_eq!(Share::parse("1").unwrap(), Share::ALL);
        for bad in ["", "x", "101%", "-1%", "1/0", "0/0", "2", "nan", "inf"] {
            assert!(Share::parse(bad).is_err(), "{bad}");
        }
    }
}
