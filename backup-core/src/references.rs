//! Which of some chunks backups refer to, from the reference tables alone.

use std::collections::{BTreeSet, HashMap, HashSet};

use backup_crypto::{ChunkId, ChunkKind};

use crate::Result;
use crate::catalog::StoredBackup;
use crate::chunks::ChunkReader;
use crate::format::node::decode_segment;
use crate::format::references::References;
use crate::problem::is_finding;

/// Looks for certain chunks among all that backups refer to. What backups share is looked at once.
pub(crate) struct Search<'a> {
    reader: &'a ChunkReader,
    /// The chunks looked for, each with the name of the object that is told.
    wanted: &'a HashMap<ChunkId, String>,
    /// Segments that refer to none of them, neither themselves nor by way of others.
    clean: HashSet<ChunkId>,
}

/// A segment whose references are being followed.
struct Followed {
    /// `None` for the manifest.
    id: Option<ChunkId>,
    /// Segments it refers to that were not looked at yet.
    left: Vec<ChunkId>,
    clean: bool,
}

impl<'a> Search<'a> {
    pub(crate) fn new(reader: &'a ChunkReader, wanted: &'a HashMap<ChunkId, String>) -> Self {
        Self { reader, wanted, clean: HashSet::new() }
    }

    /// The objects of all chunks looked for that a backup refers to: those its manifest names, and those that its segments name. What
    /// cannot be read refers to nothing.
    pub(crate) async fn of_backup(&mut self, backup: &StoredBackup) -> Result<BTreeSet<&'a str>> {
        let mut found = BTreeSet::new();
        let mut seen = HashSet::new();
        let mut path = vec![self.follow(None, backup.manifest.references.clone(), &mut found)];
        while let Some(last) = path.last_mut() {
            let Some(id) = last.left.pop() else {
                self.leave(&mut path);
                continue;
            };
            if self.clean.contains(&id) {
                continue;
            }
            if !seen.insert(id) {
                last.clean = false;
                continue;
            }
            let references = self.references(id).await?;
            path.push(self.follow(Some(id), references, &mut found));
        }
        Ok(found)
    }

    fn follow(&self, id: Option<ChunkId>, references: References, found: &mut BTreeSet<&'a str>) -> Followed {
        let mut clean = true;
        for chunk in id.iter().chain(&references.data) {
            if let Some(object) = self.wanted.get(chunk) {
                found.insert(object);
                clean = false;
            }
        }
        Followed { id, left: references.meta, clean }
    }

    /// Goes back from a segment of which everything was looked at.
    fn leave(&mut self, path: &mut Vec<Followed>) {
        let Some(done) = path.pop() else { return };
        if done.clean {
            self.clean.extend(done.id);
        } else if let Some(above) = path.last_mut() {
            above.clean = false;
        }
    }

    async fn references(&self, segment: ChunkId) -> Result<References> {
        match self.reader.get(ChunkKind::Meta, segment).await {
            Ok(bytes) => Ok(decode_segment(&bytes).map(|segment| segment.references).unwrap_or_default()),
            Err(error) if is_finding(&error) => Ok(References::default()),
            Err(error) => Err(error),
        }
    }
}
