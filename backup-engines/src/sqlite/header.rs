//! The header of a database file: what its first hundred bytes say that SQL cannot tell.

use backup_core::engine::Facts;

/// Fields of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// 1 for rollback mode, 2 for WAL; more belongs to a later SQLite, which alone may write or read the file.
    write_version: u8,
    read_version: u8,
    change_counter: u32,
    schema_format: u32,
    /// The library that wrote the file last, as its number: 3054001.
    writer: u32,
}

impl Header {
    /// Reads it from the beginning of a file; `None` if that is too short.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        Some(Self {
            write_version: *bytes.get(18)?,
            read_version: *bytes.get(19)?,
            change_counter: number(24)?,
            schema_format: number(44)?,
            writer: number(96)?,
        })
    }

    /// Adds its fields to the facts of a backup.
    pub(super) fn record(&self, facts: &mut Facts) {
        let fields = [
            (WRITE_VERSION, u32::from(self.write_version)),
            (READ_VERSION, u32::from(self.read_version)),
            ("sqlite.change_counter", self.change_counter),
            (SCHEMA_FORMAT, self.schema_format),
        ];
        facts.extend(fields.map(|(name, number)| (name.to_owned(), number.to_string())));
        facts.insert(WRITER.to_owned(), dotted(self.writer));
    }
}

/// The number of a library as people write it: 3.54.1.
fn dotted(number: u32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000)
}

/// The parts of a version that people write, to be compared.
pub(super) fn parts(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

/// The fact that tells which library wrote the file last.
pub(super) const WRITER: &str = "sqlite.written_by";
/// The fact that tells the format needed to read the file.
pub(super) const READ_VERSION: &str = "sqlite.read_version";
/// The fact that tells the format needed to write the file.
pub(super) const WRITE_VERSION: &str = "sqlite.write_version";
/// The fact that tells the format of the schema.
pub(super) const SCHEMA_FORMAT: &str = "sqlite.schema_format";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_where_the_format_says() {
        let mut bytes = [0; 100];
        bytes[18..20].copy_from_slice(&[2, 1]);
        bytes[27] = 7;
        bytes[47] = 4;
        bytes[96..].copy_from_slice(&3_040_001_u32.to_be_bytes());
        let mut facts = Facts::new();
        Header::parse(&bytes).unwrap().record(&mut facts);
        let expected = [
            ("sqlite.change_counter", "7"),
            ("sqlite.read_version", "1"),
            ("sqlite.schema_format", "4"),
            ("sqlite.write_version", "2"),
            ("sqlite.written_by", "3.40.1"),
        ];
        assert!(facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected), "{facts:?}");
        assert_eq!(Header::parse(&bytes[..99]), None);
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(parts("3.54.1") > parts("3.9.2"));
        assert!(parts("3.54.1") < parts("3.54.10"));
        assert_eq!(parts("3.x"), [3]);
    }
}
