//! Verifying one backup: that all of it can be read.

mod content;
mod survey;
mod tree;

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub(crate) use self::survey::Survey;
use crate::engine::Context;
use crate::format::names::ManifestName;
use crate::index::list_packs;
use crate::note::Statement;
use crate::observer::Phase;
use crate::problem::Problem;
use crate::{BackupId, Repository, Result};

/// A request to verify one backup; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct VerifyRequest {
    repository: Repository,
    id: BackupId,
    read_data: bool,
    cancel: CancellationToken,
}

/// What a verification found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The backup.
    pub id: BackupId,
    /// Entries of trees and streams looked at.
    pub entries: u64,
    /// Different chunks that the backup needs.
    pub chunks: u64,
    /// Bytes of everything in it.
    pub bytes: u64,
    /// Whether the content was read and compared with its hashes, or only looked up.
    pub data_read: bool,
    /// What is wrong; nothing if the backup is sound.
    pub problems: Vec<Problem>,
}

impl Repository {
    /// Verifies one backup: reads all its metadata and looks up all its chunks, and, with
    /// [`read_data`](VerifyRequest::read_data), reads all content and compares it with its hashes. That it is sound to the last byte, or
    /// that it is not sound, is [recorded](crate::BackupInfo::verified), if the repository may be written.
    pub fn verify(&self, id: BackupId) -> VerifyRequest {
        VerifyRequest { repository: self.clone(), id, read_data: false, cancel: CancellationToken::new() }
    }
}

impl VerifyRequest {
    /// Reads all content too. Takes as long as a restore without writing.
    pub fn read_data(mut self, read_data: bool) -> Self {
        self.read_data = read_data;
        self
    }

    /// Ends with [`Cancelled`](crate::ErrorKind::Cancelled) when the token is cancelled.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    async fn run(self) -> Result<VerifyReport> {
        let context = self.repository.context(&self.cancel);
        context.until_cancelled(Box::pin(self.run_uncancelled(&context))).await
    }

    async fn run_uncancelled(&self, context: &Context) -> Result<VerifyReport> {
        context.phase(Phase::Index);
        let backup = self.repository.stored_backup(&self.id).await?;
        let reader = self.repository.chunk_reader().await?;
        let existing = list_packs(self.repository.storage()).await?;
        let mut survey = Survey::new(&reader, &existing, self.read_data);
        let info = backup.info();
        context.expect(info.entries, info.logical_bytes);
        context.phase(if self.read_data { Phase::Data } else { Phase::Structure });
        survey.backup(&backup, context).await?;
        let report = VerifyReport {
            id: self.id,
            entries: survey.entries,
            chunks: survey.seen.len() as u64,
            bytes: survey.bytes,
            data_read: self.read_data,
            problems: survey.problems,
        };
        self.record(&backup.name, &report, context).await;
        Ok(report)
    }

    /// Records how it ended, for lists and for retention. Where nothing may be written, it is only reported.
    async fn record(&self, backup: &ManifestName, report: &VerifyReport, context: &Context) {
        let sound = report.problems.is_empty();
        if sound && !report.data_read {
            return;
        }
        let noted = self.repository.put_note(backup, Statement::Verified { sound }, None).await;
        if let Err(error) = noted {
            context.inform(b"", format!("the verification was not recorded: {}", error.chain()));
        }
    }
}

impl IntoFuture for VerifyRequest {
    type Output = Result<VerifyReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
