//! What the previous backup knows, read alongside the walk.

use std::sync::Arc;

use backup_core::crypto::ContentHasher;
use backup_core::engine::{
    ArtifactKind, Content, Entries, Entry, EntryKind, Metadata, ServiceReader, Timestamp, TreeReader,
    path_order,
};
use backup_core::{ErrorKind, Result};

use super::notices::Notices;
use super::snapshot::TREE;

/// The entries of the previous backup, one after the other in canonical order.
pub(super) struct Parent {
    reader: Option<Box<dyn TreeReader>>,
    entries: Entries,
    position: usize,
    clean_before: Timestamp,
    hasher: Option<ContentHasher>,
    ignore_inode: bool,
    notices: Notices,
}

impl Parent {
    /// Begins to read a parent; without one, or one that has no tree, nothing is unchanged.
    pub(super) async fn open(
        service: Option<&Arc<dyn ServiceReader>>,
        ignore_inode: bool,
        notices: &Notices,
    ) -> Result<Self> {
        let mut parent = Self {
            reader: None,
            entries: Entries::new(),
            position: 0,
            clean_before: Timestamp::default(),
            hasher: service.map(|service| service.content_hasher()),
            ignore_inode,
            notices: notices.clone(),
        };
        let has_tree = |service: &&Arc<dyn ServiceReader>| {
            service
                .artifacts()
                .iter()
                .any(|artifact| artifact.name == TREE && artifact.kind == ArtifactKind::Tree)
        };
        if let Some(service) = service.filter(has_tree) {
            let started_at = service.started_at();
            parent.clean_before = Timestamp {
                seconds: started_at.timestamp().saturating_sub(RACY_SECONDS),
                nanoseconds: started_at.timestamp_subsec_nanos(),
            };
            match service.tree(TREE, b"").await {
                Ok(reader) => parent.reader = Some(reader),
                Err(error) => parent.give_up(error)?,
            }
        }
        Ok(parent)
    }

    /// What the parent knows of a path. To be asked for paths in canonical order.
    pub(super) async fn recall(&mut self, path: &[u8], now: &Metadata) -> Result<Recalled<'_>> {
        loop {
            while let Some(entry) = self.entries.get(self.position) {
                if path_order(entry.path, path).is_ge() {
                    break;
                }
                self.position += 1;
            }
            if self.position < self.entries.len() || !self.refill().await? {
                break;
            }
        }
        let entry = self.entries.get(self.position).filter(|entry| entry.path == path);
        Ok(match entry {
            Some(entry) if self.is_unchanged(&entry, now) => Recalled::Unchanged(entry),
            Some(entry) if may_be_equal(&entry, now) => Recalled::MaybeEqual(entry),
            _ => Recalled::Nothing,
        })
    }

    /// What hashes contents as the parent does; `None` without one.
    pub(super) fn hasher(&self) -> Option<ContentHasher> {
        self.hasher.clone()
    }

    async fn refill(&mut self) -> Result<bool> {
        let Some(reader) = &mut self.reader else { return Ok(false) };
        self.position = 0;
        self.entries = match reader.next().await {
            Ok(Some(entries)) => entries,
            Ok(None) => {
                self.reader = None;
                Entries::new()
            }
            Err(error) => {
                self.give_up(error)?;
                Entries::new()
            }
        };
        Ok(self.reader.is_some())
    }

    /// A parent that is damaged, or that a newer version wrote, costs time, not the backup.
    fn give_up(&mut self, error: backup_core::Error) -> Result<()> {
        if !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound | ErrorKind::Unsupported) {
            return Err(error.context("cannot read the files of the previous backup"));
        }
        let reason = error.chain();
        self.notices.warn(
            b"",
            format!(
                "files are read although they may be unchanged: the previous backup cannot be read: {reason}"
            ),
        );
        self.reader = None;
        Ok(())
    }

    fn is_unchanged(&self, earlier: &Entry<'_>, now: &Metadata) -> bool {
        let mut known = earlier.metadata;
        if self.ignore_inode {
            (known.inode, known.device) = (now.inode, now.device);
        }
        now.is_unchanged_since(&known) && now.ctime < self.clean_before && has_content(earlier)
    }
}

/// What a parent knows of a path.
pub(super) enum Recalled<'a> {
    /// Its entry is still true.
    Unchanged(Entry<'a>),
    /// Its entry is of a file that may have the same content: known only when it is read.
    MaybeEqual(Entry<'a>),
    /// Nothing of use.
    Nothing,
}

/// Whether a file may have the content that an entry brings.
fn may_be_equal(earlier: &Entry<'_>, now: &Metadata) -> bool {
    let is_file = now.kind == EntryKind::File && earlier.metadata.kind == EntryKind::File;
    is_file && matches!(earlier.content, Content::Stored(stored) if stored.size == now.size)
}

/// Whether an entry brings all bytes of its file.
fn has_content(entry: &Entry<'_>) -> bool {
    let size = match entry.content {
        Content::None => 0,
        Content::Data(bytes) => bytes.len() as u64,
        Content::Stored(stored) => stored.size,
    };
    entry.metadata.kind != EntryKind::File || size == entry.metadata.size
}

/// A file that changed so shortly before the previous backup began may have changed once more within the
/// same tick of its file system's clock.
const RACY_SECONDS: i64 = 2;

#[cfg(test)]
mod tests {
    use backup_core::engine::Context;
    use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
    use backup_core::storage::{ErrorKind as StorageErrorKind, ObjectStorage, Storage};
    use backup_core::{
        CancellationToken, Environment, Error, KdfParameters, Passphrase, Repository, Silent, SystemClock,
    };

    use super::*;
    use crate::Files;

    #[tokio::test]
    async fn a_parent_is_given_up_for_what_stays_and_not_for_what_passes() {
        let context =
            Context::new(CancellationToken::new(), Arc::new(SystemClock::default()), Arc::new(Silent));
        let notices = Notices { context, quiet: false };
        let mut parent = Parent::open(None, false, &notices).await.unwrap();
        for kind in [ErrorKind::Damaged, ErrorKind::NotFound, ErrorKind::Unsupported] {
            parent.give_up(Error::new(kind, "it is so")).unwrap();
        }
        for kind in [ErrorKind::Unavailable, ErrorKind::Permission, ErrorKind::Cancelled] {
            assert_eq!(parent.give_up(Error::new(kind, "it is so")).unwrap_err().kind(), kind);
        }
    }

    #[tokio::test]
    async fn a_parent_on_broken_disk_stops_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "content").unwrap();
        let faulty = Arc::new(Faulty::new(Arc::new(ObjectStorage::memory())));
        let storage: Arc<dyn Storage> = faulty.clone();
        let builder = Repository::builder(storage).keys(Passphrase::from("parent"));
        let repository = builder.kdf(KdfParameters::insecure_for_tests()).create().await.unwrap();
        let shop = Environment::new("shop").service("uploads", Files::tree(folder.path()));
        repository.backup(&shop).await.unwrap();
        let broken = Fault::new(Harm::FailBefore(StorageErrorKind::Other));
        faulty.plan(broken.on(Operation::GetRange).named("packs/"));
        let report = repository.backup(&shop).await.unwrap();
        let told = report.notices.iter().any(|notice| notice.message.contains("cannot be read: "));
        assert!(told, "{:?}", report.notices);
        faulty.heal();
        let verified = repository.verify(report.id).read_data(true).await.unwrap();
        assert_eq!((verified.entries, verified.problems), (2, vec![]));
    }
}
