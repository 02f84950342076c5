//! What one backup after the other refers to.
//!
//! The chunks of the backup being looked at are counted by reference, as a collector of garbage would: from one backup to the next, only
//! what appears is read and only what disappears is forgotten. So a segment is read once for all backups in a row that have it, and what is in
//! memory is of one backup, not of all.

use std::collections::HashMap;

use backup_crypto::{ChunkId, ChunkKind};
use bytes::Bytes;

use super::ledger::Ledger;
use super::owner::Roll;
use super::size::Size;
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::format::node::decode_segment;
use crate::format::references::References;
use crate::problem::{Problem, is_finding};
use crate::{BackupId, Error, Result};

/// Goes from backup to backup.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    reader: &'a ChunkReader,
    pub(super) ledger: Ledger,
    pub(super) roll: Roll,
    /// The segments of the backup being looked at, with the numbers of all chunks that they refer to.
    segments: HashMap<u32, Box<[u32]>>,
    /// What the manifest of that backup refers to.
    manifest: Box<[u32]>,
    /// All that the backup being looked at refers to.
    backup: Size,
    /// All that the backups of the environment refer to, without deleted ones.
    environment: Size,
    /// The environment, counted from one.
    environments: u32,
    /// All that any backup refers to, without deleted ones.
    pub(super) total: Size,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(reader: &'a ChunkReader, ledger: Ledger) -> Self {
        Self {
            reader,
            ledger,
            roll: Roll::default(),
            segments: HashMap::new(),
            manifest: Box::default(),
            backup: Size::default(),
            environment: Size::default(),
            environments: 1,
            total: Size::default(),
            problems: Vec::new(),
        }
    }

    /// Goes to the next backup of the environment and returns what it refers to.
    pub(super) async fn enter(
        &mut self,
        backup: BackupId,
        is_deleted: bool,
        references: &References,
        context: &Context,
    ) -> Result<Size> {
        let number = self.roll.next();
        let mut unread = Vec::new();
        let manifest = self.refer(references, number, backup, &mut unread)?;
        while !unread.is_empty() {
            context.check()?;
            let rest = unread.split_off(unread.len().saturating_sub(SEGMENTS_AT_ONCE));
            for (number_of_segment, bytes) in self.read(rest, backup).await? {
                context.advance(0, bytes.len() as u64);
                let below = match decode_segment(&bytes) {
                    Ok(segment) => self.refer(&segment.references, number, backup, &mut unread)?,
                    Err(error) => {
                        self.problem(backup, &error);
                        Box::default()
                    }
                };
                self.segments.insert(number_of_segment, below);
            }
        }
        let before = std::mem::replace(&mut self.manifest, manifest);
        self.release(before);
        self.roll.add(is_deleted);
        Ok(self.backup)
    }

    /// Ends the environment and returns what its backups refer to together.
    pub(super) fn leave_environment(&mut self) -> Size {
        let last = std::mem::take(&mut self.manifest);
        self.release(last);
        self.environments += 1;
        std::mem::take(&mut self.environment)
    }

    /// Counts the references of one record. Segments that come into use are to be read.
    fn refer(
        &mut self,
        references: &References,
        backup: u32,
        id: BackupId,
        unread: &mut Vec<(u32, ChunkId)>,
    ) -> Result<Box<[u32]>> {
        let data = references.data.iter().map(|chunk| (chunk, false));
        let all = data.chain(references.meta.iter().map(|chunk| (chunk, true)));
        let mut numbers = Vec::with_capacity(references.data.len() + references.meta.len());
        for (chunk, is_segment) in all {
            let Some(number) = self.ledger.number(chunk) else {
                self.problem(id, &Error::damaged(format!("the chunk {chunk} is in no pack that there is")));
                continue;
            };
            let Some(account) = self.ledger.get_mut(number) else { continue };
            account.uses = account
                .uses
                .checked_add(1)
                .ok_or_else(|| Error::damaged(format!("the chunk {chunk} is referred to too often")))?;
            numbers.push(number);
            if account.uses == 1 {
                account.since = backup;
                self.backup.add(account);
                unread.extend(is_segment.then_some((number, *chunk)));
            }
        }
        Ok(numbers.into_boxed_slice())
    }

    /// Takes references back. What nothing refers to any more was the backups' that were looked at since it came into use.
    fn release(&mut self, references: Box<[u32]>) {
        let now = self.roll.next();
        let mut left = vec![references];
        while let Some(references) = left.pop() {
            for number in references {
                let Some(chunk) = self.ledger.get_mut(number) else { continue };
                chunk.uses = chunk.uses.saturating_sub(1);
                if chunk.uses > 0 {
                    continue;
                }
                self.backup.subtract(chunk);
                let (before, owner) = (chunk.owner, self.roll.owner(chunk.since, now));
                chunk.owner = before.and(owner);
                if owner.is_live() && chunk.environment != self.environments {
                    chunk.environment = self.environments;
                    self.environment.add(chunk);
                }
                if owner.is_live() && !before.is_live() {
                    self.total.add(chunk);
                }
                left.extend(self.segments.remove(&number));
            }
        }
    }

    /// Reads some segments together; those that cannot be read are problems and empty.
    async fn read(&mut self, segments: Vec<(u32, ChunkId)>, backup: BackupId) -> Result<Vec<(u32, Bytes)>> {
        let ids: Vec<ChunkId> = segments.iter().map(|(_, id)| *id).collect();
        let together = match self.reader.get_all(ChunkKind::Meta, &ids).await {
            Ok(found) => found,
            Err(error) if is_finding(&error) => HashMap::new(),
            Err(error) => return Err(error),
        };
        let mut read = Vec::with_capacity(segments.len());
        for (number, id) in segments {
            let bytes = match together.get(&id) {
                Some(bytes) => Ok(bytes.clone()),
                None => self.reader.get(ChunkKind::Meta, id).await,
            };
            match bytes {
                Ok(bytes) => read.push((number, bytes)),
                Err(error) if is_finding(&error) => self.problem(backup, &error),
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn problem(&mut self, backup: BackupId, error: &Error) {
        self.keep(Problem::from_error(format!("backup {backup}"), error).of(backup));
    }

    /// Keeps a problem for the report, if there is room.
    pub(super) fn keep(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

/// Segments read with one request.
const SEGMENTS_AT_ONCE: usize = 32;
/// Room for problems in the report.
const MAX_PROBLEMS: usize = 10_000;
