//! Runs: one record for each status of an attempt to do something.

use std::collections::BTreeSet;

use backup_policy::Kind;
use serde::{Deserialize, Serialize};

use super::limit;
use crate::run::Operation;
use crate::{BackupId, Error, Result};

/// One status of a run, a MessagePack map with names. It says everything that is known of the run by then, so the newest is enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) operation: Operation,
    pub(crate) status: RecordedStatus,
    /// Milliseconds since 1970, by the host's clock.
    pub(crate) at_ms: i64,
    /// The storage's stamp of the first object of the run; none in that object.
    #[serde(default)]
    pub(crate) created_ms: Option<i64>,
    /// The storage's stamp of the first object with the status running; none in that object and before.
    #[serde(default)]
    pub(crate) stamp_ms: Option<i64>,
    /// What it is about; none if it is about the whole repository.
    #[serde(default)]
    pub(crate) environment: Option<String>,
    /// The backup that it makes, restores or verifies.
    #[serde(default)]
    pub(crate) backup: Option<BackupId>,
    #[serde(default)]
    pub(crate) kinds: BTreeSet<Kind>,
    #[serde(default)]
    pub(crate) created_by: Option<String>,
    #[serde(default)]
    pub(crate) comment: String,
    /// Where it runs; none while it is queued.
    #[serde(default)]
    pub(crate) process: Option<ProcessRecord>,
    #[serde(default)]
    pub(crate) progress: ProgressRecord,
    /// Why it failed.
    #[serde(default)]
    pub(crate) failure: Option<FailureRecord>,
    /// Name and version of the writing program.
    pub(crate) program: String,
}

/// How far a run was when a status was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordedStatus {
    Queued,
    Running,
    Failed,
    Completed,
}

/// The process that does a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessRecord {
    /// The name of the host; empty if unknown.
    pub(crate) host: String,
    /// What the number of the process is unique in: the boot of the host and, in it, the namespace. None if unknown.
    #[serde(default)]
    pub(crate) boot: Option<String>,
    pub(crate) pid: u32,
    /// When the process started, in ticks since the boot.
    #[serde(default)]
    pub(crate) started: Option<u64>,
}

/// How much is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProgressRecord {
    pub(crate) items: u64,
    #[serde(default)]
    pub(crate) total_items: Option<u64>,
    pub(crate) bytes: u64,
    #[serde(default)]
    pub(crate) total_bytes: Option<u64>,
    pub(crate) stored_bytes: u64,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailureRecord {
    /// The word for the kind of error.
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

impl RunRecord {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let bytes = rmp_serde::to_vec_named(self)
            .map_err(|error| Error::invalid("the record of a run cannot be written").with_source(error))?;
        if bytes.len() as u64 + SEAL > limit::RUN {
            let text = format!("the record of a run would have {} bytes, too many", bytes.len());
            return Err(Error::invalid(text).with_remedy("shorten the comment"));
        }
        Ok(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
        deserializer.set_max_depth(limit::DEPTH);
        let record = Self::deserialize(&mut deserializer)
            .map_err(|error| Error::damaged("the record of a run cannot be read").with_source(error))?;
        if rest.is_empty() {
            return Ok(record);
        }
        Err(Error::damaged("there are bytes after the end of the record of a run"))
    }
}

/// Bytes that sealing adds: header and tag.
const SEAL: u64 = 96;
