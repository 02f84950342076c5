//! Sweep records: what a prune puts before it looks at what it may remove.

use serde::{Deserialize, Serialize};

use super::limit;
use crate::{Error, Result, RunId};

/// The announcement of a prune: while it is there, writers refuse to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SweepRecord {
    /// The run of the prune.
    pub(crate) run: RunId,
    /// Milliseconds since 1970, by the host's clock.
    pub(crate) at_ms: i64,
    /// Name and version of the program that prunes.
    pub(crate) program: String,
}

impl SweepRecord {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        rmp_serde::to_vec_named(self)
            .map_err(|error| Error::invalid("the sweep record cannot be written").with_source(error))
    }

    /// Reads a record. Fields that are not known are ignored.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
        deserializer.set_max_depth(limit::DEPTH);
        let record = Self::deserialize(&mut deserializer)
            .map_err(|error| Error::damaged("the sweep record cannot be read").with_source(error))?;
        if !rest.is_empty() {
            return Err(Error::damaged("there are bytes after the end of the sweep record"));
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_with_or_without_fields_to_come_and_rubbish_is_refused() {
        let record = SweepRecord {
            run: RunId::from_bytes([7; 16]),
            at_ms: 1_700_000_000_000,
            program: "test 1".into(),
        };
        let bytes = record.encode().unwrap();
        assert_eq!(SweepRecord::decode(&bytes).unwrap(), record);
        // A map of three becomes one of four.
        let mut later = bytes.clone();
        assert_eq!(later[0], 0x83);
        later[0] = 0x84;
        later.extend_from_slice(b"\xa5later\xc3");
        assert_eq!(SweepRecord::decode(&later).unwrap(), record);
        for end in 0..bytes.len() {
            SweepRecord::decode(&bytes[..end]).unwrap_err();
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(SweepRecord::decode(&longer).unwrap_err().kind(), crate::ErrorKind::Damaged);
    }
}
