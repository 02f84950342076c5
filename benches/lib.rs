//! Seeded content for benchmarks: what applications really store, the same bytes on every machine.
//!
//! ```
//! let mut numbers = backup_benches::Numbers::new(1);
//! let sources = numbers.source_files(1000);
//! let mean = sources.iter().map(Vec::len).sum::<usize>() / sources.len();
//! assert!((3000..5000).contains(&mean));
//! ```
//!
//! Run the benchmarks with `cargo bench -p backup-benches`, one of them with `--bench chunking`, and some of it with
//! a part of its name behind `--`.

use std::fmt::Write as _;

/// A generator of numbers and of content made of them: SplitMix64.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is not 0. All are about equally likely.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next_number() % bound).unwrap_or(0)
    }

    /// 256 numbers, for the table of a chunker.
    #[must_use]
    pub fn table(&mut self) -> [u64; 256] {
        std::array::from_fn(|_| self.next_number())
    }

    /// Photographs, films, archives: bytes without structure.
    #[must_use]
    pub fn media(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next_number().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// Small text files that read like source code: sizes log-normal with a median of 2.2 KiB, a mean of 4 KiB and at
    /// most 128 KiB.
    #[must_use]
    pub fn source_files(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|_| {
                let length = self.file_size();
                self.source_text(length).into_bytes()
            })
            .collect()
    }

    /// One row of JSON per line, as a table that was dumped: ascending ids, a few long-tailed columns.
    #[must_use]
    pub fn json_rows(&mut self, length: usize) -> Vec<u8> {
        let mut rows = String::with_capacity(length + 256);
        for id in 1.. {
            if rows.len() >= length {
                break;
            }
            let (customer, cents, state) =
                (self.word(), self.below(1_000_000), STATES[self.below(STATES.len())]);
            let token = self.next_number();
            let _ = writeln!(
                rows,
                r#"{{"id":{id},"customer":"{customer}","amount":{}.{:02},"state":"{state}","token":"{token:016x}"}}"#,
                cents / 100,
                cents % 100,
            );
        }
        rows.truncate(length);
        rows.into_bytes()
    }

    /// Pages of 8 KiB like those of a database: a header, pointers, free space, and rows that fill three quarters.
    #[must_use]
    pub fn database(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + PAGE);
        while bytes.len() < length {
            let mut page = vec![0; PAGE];
            page[..8].copy_from_slice(&self.next_number().to_le_bytes());
            let rows = self.json_rows(PAGE * 3 / 4);
            page[PAGE - rows.len()..].copy_from_slice(&rows);
            for (pointer, at) in page[24..256].chunks_exact_mut(2).zip((0_u16..).step_by(97)) {
                pointer.copy_from_slice(&at.to_le_bytes());
            }
            bytes.append(&mut page);
        }
        bytes.truncate(length);
        bytes
    }

    fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A size whose logarithm is about normal, as the sum of twelve numbers is.
    fn file_size(&mut self) -> usize {
        // Logarithms to the base 2, in steps of 1/256: 11.14 is the median, 1.58 the standard deviation.
        let sum: usize = (0..12).map(|_| self.below(256)).sum();
        let logarithm = 2851 + sum * 404 / 256 - 12 * 128 * 404 / 256;
        let (power, rest) = (1_usize << (logarithm / 256), logarithm % 256);
        (power + power * rest / 256).clamp(40, 128 << 10)
    }

    fn source_text(&mut self, length: usize) -> String {
        let names: Vec<String> = (0..12).map(|_| self.word()).collect();
        let mut text = String::with_capacity(length + 128);
        while text.len() < length {
            for part in LINES[self.below(LINES.len())].split_inclusive('$') {
                match part.strip_suffix('$') {
                    Some(before) => {
                        text.push_str(before);
                        text.push_str(&names[self.below(names.len())]);
                    }
                    None => text.push_str(part),
                }
            }
            text.push('\n');
        }
        text.truncate(length);
        text
    }

    /// A word, some far more often than others.
    fn word(&mut self) -> String {
        let syllables = 1 + self.below(3);
        let rare = self.below(SYLLABLES.len()) + 1;
        (0..=syllables).map(|_| SYLLABLES[self.below(rare)]).collect()
    }
}

const PAGE: usize = 8192;

const STATES: [&str; 5] = ["paid", "paid", "paid", "open", "cancelled"];

const SYLLABLES: [&str; 32] = [
    "ta", "ri", "en", "lo", "ment", "co", "er", "su", "di", "ba", "ve", "on", "mi", "fa", "gu", "ing", "pe",
    "ra", "no", "hu", "ki", "os", "tion", "wa", "ze", "al", "bu", "ex", "du", "yo", "ni", "qua",
];

const LINES: [&str; 18] = [
    "use crate::$::$;",
    "    let $ = self.$.$()?;",
    "pub fn $(&self, $: &str) -> Result<$> {",
    "    if $.is_empty() {",
    "        return Err(Error::$);",
    "    for $ in $.iter() {",
    "        $.push($.clone());",
    "    }",
    "}",
    "",
    "/// Returns the $ of the given $, or an error if the $ is missing.",
    "#[derive(Debug, Clone)]",
    "pub struct $ {",
    "    pub $: Option<$>,",
    "    Ok($)",
    "    // The $ is not ready when the $ begins.",
    "    match $ { Some($) => $, None => continue }",
    "    assert_eq!($.len(), $);",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_the_length_asked_for_and_follows_the_seed() {
        for length in [0, 1, 8191, 8192, 100_000] {
            for make in [Numbers::media, Numbers::json_rows, Numbers::database] {
                let made = make(&mut Numbers::new(1), length);
                assert_eq!(made.len(), length);
                assert_eq!(made, make(&mut Numbers::new(1), length));
                assert!(length < 2 || made != make(&mut Numbers::new(2), length));
            }
        }
    }

    #[test]
    fn sizes_of_source_files_are_log_normal() {
        let mut sizes: Vec<usize> = Numbers::new(1).source_files(4000).iter().map(Vec::len).collect();
        sizes.sort_unstable();
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((2000..2500).contains(&sizes[2000]), "median {}", sizes[2000]);
        assert!((3700..4500).contains(&mean), "mean {mean}");
        assert!(sizes[0] >= 40 && sizes[3999] <= 128 << 10);
    }
}
