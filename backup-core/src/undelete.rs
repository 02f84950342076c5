//! Bringing back a deleted backup, as long as all of it is there.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use backup_storage::StorageExt as _;
use tokio_util::sync::CancellationToken;

use crate::backup::refuse_prune_records;
use crate::catalog::Entry;
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::index::Index;
use crate::note::{Deletion, Statement};
use crate::observer::Phase;
use crate::prune::{Live, Packs};
use crate::{BackupId, BackupInfo, Error, ErrorKind, Repository, Result};

/// A request to bring back a deleted backup; await it.
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct UndeleteRequest {
    repository: Repository,
    id: BackupId,
    by: Option<String>,
    cancel: CancellationToken,
}

impl Repository {
    /// Brings back a deleted backup, and looks whether all of its data is still there. It is until a [`prune`](Self::prune) after the grace
    /// period removes it.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is no such backup, or none any more; [`Invalid`](ErrorKind::Invalid) if it was not
    /// deleted, or never confirmed; [`Damaged`](ErrorKind::Damaged) if something of it has gone: it is named, and the backup stays
    /// deleted; [`Unavailable`](ErrorKind::Unavailable) while a prune is at work.
    ///
    /// If it is dropped, it goes on by itself.
    pub fn undelete(&self, id: &BackupId) -> UndeleteRequest {
        UndeleteRequest { repository: self.clone(), id: *id, by: None, cancel: CancellationToken::new() }
    }
}

impl UndeleteRequest {
    /// Who brings it back: a person's name, or that of a program.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.by = Some(who.into());
        self
    }

    /// Ends with [`Cancelled`](ErrorKind::Cancelled) when the token is cancelled; the backup stays deleted.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    async fn run(self) -> Result<BackupInfo> {
        let context = self.repository.context(&self.cancel);
        context.check()?;
        let entry = self.look().await?;
        let Some(deletion) = entry.notes.state.deletion.clone() else {
            return Err(Error::invalid(format!("the backup {} is not deleted", self.id))
                .with_remedy("there is nothing to do"));
        };
        // A prune that has looked at the notes would not see this one.
        refuse_prune_records(&self.repository).await?;
        // To its end, also if the host does not wait: the note alone would promise what nobody has looked after.
        match tokio::spawn(async move { self.bring_back(entry, deletion, &context).await }).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Error::cancelled()),
        }
    }

    async fn bring_back(self, entry: Entry, deletion: Deletion, context: &Context) -> Result<BackupInfo> {
        let by = self.by.as_deref();
        // Who announces that it is there, and looks afterwards, stands to a prune as a writer does.
        self.repository.put_note_after(&entry.name, &entry.notes, Statement::Undeleted, by).await?;
        match context.until_cancelled(Box::pin(self.expect_whole(&entry, context))).await {
            Ok(()) => Ok(self.repository.entry(&self.id).await?.info(self.repository.clock().now())),
            Err(error) => {
                let Deletion { reason, unconfirmed, .. } = deletion;
                let deleted = Statement::Deleted { reason, unconfirmed };
                match self.repository.put_note(&entry.name, deleted, by).await {
                    Ok(()) => Err(error),
                    Err(unsaid) => Err(error
                        .context(format!(
                            "that {} stays deleted could not be said: {}",
                            self.id,
                            unsaid.chain()
                        ))
                        .with_remedy("delete it again, or verify it before relying on it")),
                }
            }
        }
    }

    async fn look(&self) -> Result<Entry> {
        let entry = match self.repository.entry(&self.id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(self.repository.no_backup(self.id).await);
            }
            entry => entry?,
        };
        if entry.confirmed {
            return Ok(entry);
        }
        Err(Error::invalid(format!("the backup {} was never confirmed", self.id))
            .with_remedy("choose another backup: this one may lack something"))
    }

    /// The same order as a writer's before it confirms: sweep records, index, packs.
    async fn expect_whole(&self, entry: &Entry, context: &Context) -> Result<()> {
        let repository = &self.repository;
        context.phase(Phase::Index);
        refuse_prune_records(repository).await?;
        let storage = repository.storage();
        for name in [entry.name.to_name(), entry.name.to_confirmation()] {
            if !storage.exists(&name).await? {
                return Err(gone(self.id, &Error::damaged(format!("{name} was pruned"))));
            }
        }
        let index = Arc::new(Index::load(storage, repository.keys()).await?);
        let packs = Packs::list(repository, &index).await?;
        let reader =
            ChunkReader::new(storage.clone(), repository.keys().clone(), index, repository.memory() / 8);
        context.phase(Phase::Structure);
        let mut live = Live::new(&Arc::new(reader));
        let backup = repository.read_backup(entry.name, &entry.object).await?;
        match live.mark(&backup.manifest.references, &packs, context).await? {
            None => Ok(()),
            Some(lack) => Err(gone(self.id, &lack)),
        }
    }
}

impl IntoFuture for UndeleteRequest {
    type Output = Result<BackupInfo>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

fn gone(id: BackupId, lack: &Error) -> Error {
    let text = format!("the backup {id} cannot be brought back: {}", lack.chain());
    Error::new(ErrorKind::Damaged, text).with_remedy("choose another backup: part of this one has gone")
}
