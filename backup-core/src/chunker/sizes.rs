//! How long content-defined chunks are.

use super::gear::WINDOW;
use crate::{Error, Result};

/// The shortest, the usual and the longest content-defined chunk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    min: usize,
    average: usize,
    max: usize,
}

impl Sizes {
    /// The sizes of repository format 1: 256 KiB, 1 MiB, 4 MiB.
    pub const DEFAULT: Self = Self { min: 256 << 10, average: 1 << 20, max: Self::LIMIT };

    /// The longest that any chunk may be: 4 MiB.
    pub const LIMIT: usize = 4 << 20;

    /// Sizes that satisfy `64 <= min < average < max <= 4 MiB`, where `average` is a power of two.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for others.
    pub fn new(min: usize, average: usize, max: usize) -> Result<Self> {
        let ordered = WINDOW <= min && min < average && average < max && max <= Self::LIMIT;
        if !ordered || !average.is_power_of_two() {
            return Err(Error::invalid(format!(
                "chunk sizes of {min}, {average} and {max} bytes are not in the order {WINDOW} <= min < average < max <= {}, \
                 average a power of two",
                Self::LIMIT
            )));
        }
        Ok(Self { min, average, max })
    }

    /// Bytes of the shortest chunk, except for the last one of a stream.
    #[must_use]
    pub fn min(&self) -> usize {
        self.min
    }

    /// Bytes of the mean chunk of content without structure, about.
    #[must_use]
    pub fn average(&self) -> usize {
        self.average
    }

    /// Bytes of the longest chunk.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Self::DEFAULT
    }
}
