//! All chunks that a backup refers to, from the reference tables alone.

use std::collections::HashSet;

use backup_crypto::{ChunkId, ChunkKind};

use crate::Result;
use crate::chunks::ChunkReader;
use crate::format::node::decode_segment;
use crate::list::StoredBackup;
use crate::problem::is_finding;

/// The chunks of a backup: those its manifest names, and those that its segments name. What cannot be read refers to nothing.
pub(crate) async fn of_backup(reader: &ChunkReader, backup: &StoredBackup) -> Result<HashSet<ChunkId>> {
    let references = &backup.manifest.references;
    let mut found: HashSet<ChunkId> = references.data.iter().copied().collect();
    let mut stack = references.meta.clone();
    while let Some(id) = stack.pop() {
        if !found.insert(id) {
            continue;
        }
        let bytes = match reader.get(ChunkKind::Meta, id).await {
            Ok(bytes) => bytes,
            Err(error) if is_finding(&error) => continue,
            Err(error) => return Err(error),
        };
        let Ok(segment) = decode_segment(&bytes) else { continue };
        found.extend(segment.references.data);
        stack.extend(segment.references.meta);
    }
    Ok(found)
}
