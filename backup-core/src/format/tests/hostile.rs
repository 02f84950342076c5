//! Repositories whose seals are right and whose content is hostile: nothing outside of a target is touched, nothing panics, and
//! the error names what is wrong.

mod contents;
mod paths;
mod places;
mod segments;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use backup_crypto::{ChunkId, ChunkKind, KdfParameters, OsRandom, Passphrase};
use backup_storage::{Location, StorageExt as _};
use bytes::Bytes;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::example::{self, entry};
use crate::catalog::ENVIRONMENT;
use crate::engine::{
    Content, Context, Entries, Entry, EntryKind, Existing, Extent, Facts, Layout, Metadata, Role,
};
use crate::format::content::{OwnedContent, OwnedExtents};
use crate::format::header::Kind;
use crate::format::manifest::{ArtifactRecord, Body, Manifest, ServiceRecord};
use crate::format::names::{self, ManifestName};
use crate::format::record;
use crate::format::references::ReferenceBuilder;
use crate::index::Index;
use crate::packer::{Packer, Parts};
use crate::{BackupId, Error, ErrorKind, Event, Observer, Phase, Repository, Share, Silent, SystemClock};

/// A repository that takes whatever it is given, and a folder with a target in it.
pub(super) struct Hostile {
    pub(super) repository: Repository,
    packer: Packer,
    outside: TempDir,
}

impl Hostile {
    pub(super) async fn new() -> Self {
        let storage = Location::parse("memory:").unwrap().open().unwrap();
        let repository = Repository::builder(storage.clone())
            .keys(Passphrase::from("hostile"))
            .kdf(KdfParameters::insecure_for_tests())
            .create()
            .await
            .unwrap();
        let packer = Packer::new(Parts {
            storage,
            keys: repository.keys().clone(),
            random: Arc::new(OsRandom),
            context: Context::new(
                CancellationToken::new(),
                Arc::new(SystemClock::default()),
                Arc::new(Silent),
            ),
            index: Arc::new(Index::default()),
            existing: std::collections::HashMap::new(),
            shared_trust: true,
            memory: 16 << 20,
        })
        .unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir(outside.path().join("elsewhere")).unwrap();
        fs::write(outside.path().join("elsewhere/kept"), "kept").unwrap();
        Self { repository, packer, outside }
    }

    pub(super) async fn meta(&self, segment: Vec<u8>) -> ChunkId {
        self.packer.put(ChunkKind::Meta, Bytes::from(segment)).await.unwrap()
    }

    pub(super) async fn data(&self, content: &[u8]) -> ChunkId {
        self.packer.put(ChunkKind::Data, Bytes::copy_from_slice(content)).await.unwrap()
    }

    /// A leaf with these entries, in the order given.
    pub(super) async fn leaf(&self, entries: &[Entry<'_>]) -> ChunkId {
        let mut batch = Entries::new();
        entries.iter().for_each(|entry| batch.push(entry));
        self.meta(example::leaf_of(&batch)).await
    }

    /// A confirmed backup with this plaintext of a manifest.
    pub(super) async fn commit_plain(&self, plain: Vec<u8>) -> BackupId {
        self.packer.finish().await.unwrap();
        let keys = self.repository.keys();
        let id = crate::RunId::generate(&SystemClock::default(), &OsRandom).unwrap().backup();
        let sealed = record::seal(keys, &OsRandom, Kind::Manifest, id.as_bytes(), plain).unwrap();
        let environment = keys.opaque_name(ENVIRONMENT, b"shop");
        let name = ManifestName { environment, id, hash: names::hash(&sealed) };
        self.repository.storage().create(&name.to_name(), Bytes::from(sealed)).await.unwrap();
        self.repository.storage().create(&name.to_confirmation(), Bytes::new()).await.unwrap();
        id
    }

    pub(super) async fn commit(
        &self,
        artifacts: Vec<ArtifactRecord>,
        references: &mut ReferenceBuilder,
    ) -> BackupId {
        self.commit_plain(manifest("uploads", artifacts, references).encode().unwrap()).await
    }

    pub(super) async fn commit_tree(&self, root: ChunkId, totals: (u64, u64)) -> BackupId {
        let mut references = ReferenceBuilder::default();
        let tree =
            ArtifactRecord::tree("tree", Layout::ContentDefined, totals, root, &mut references).unwrap();
        self.commit(vec![tree], &mut references).await
    }

    /// A backup of the root folder and these entries.
    pub(super) async fn commit_entries(&self, entries: &[Entry<'_>]) -> BackupId {
        let mut all = vec![entry(b"", EntryKind::Directory)];
        all.extend_from_slice(entries);
        let bytes = entries.iter().fold(0_u64, |sum, entry| sum.wrapping_add(entry.metadata.size)) >> 2;
        let root = self.leaf(&all).await;
        self.commit_tree(root, (all.len() as u64, bytes)).await
    }

    pub(super) fn target(&self) -> std::path::PathBuf {
        self.outside.path().join("target")
    }

    /// Restores onto whatever the target holds, all of it and one service alone, and fails if anything outside was touched.
    async fn restore(&self, id: BackupId) -> Result<(), Error> {
        let before = seen(self.outside.path());
        let all =
            self.repository.restore(id).to_directory(self.target()).existing(Existing::Mirror).devices(false);
        let all = all.await.map(drop);
        assert_eq!(seen(self.outside.path()), before, "a restore of everything left the target");
        let one = self
            .repository
            .restore(id)
            .to_directory(self.target())
            .service("uploads")
            .existing(Existing::Mirror);
        let one = one.await.map(drop);
        assert_eq!(seen(self.outside.path()), before, "a restore of one service left the target");
        all.and(one)
    }

    /// Every way of reading ends, and the ones that must find what is wrong do. Returns all they said.
    pub(super) async fn expect_refused(&self, id: BackupId) -> String {
        let mut said = Vec::new();
        let restored = self.restore(id).await.expect_err("it was restored");
        expect_kind(&restored);
        said.push(restored.chain());
        for read_data in [false, true] {
            match self.repository.verify(id).read_data(read_data).await {
                Ok(report) => said.extend(report.problems.iter().map(|problem| format!("{problem:?}"))),
                Err(error) => {
                    expect_kind(&error);
                    said.push(error.chain());
                }
            }
        }
        let report = self.repository.check().read_data(Share::ALL).await.unwrap();
        said.extend(report.problems.iter().map(|problem| format!("{problem:?}")));
        self.repository.backups().await.unwrap();
        said.join("\n")
    }

    /// As [`expect_refused`](Self::expect_refused), and verification finds it too.
    async fn expect_found(&self, id: BackupId) -> String {
        let said = self.expect_refused(id).await;
        let report = self.repository.verify(id).read_data(true).await;
        assert!(
            report.is_err() || report.is_ok_and(|report| !report.problems.is_empty()),
            "verify found nothing: {said}"
        );
        said
    }
}

fn manifest(service: &str, artifacts: Vec<ArtifactRecord>, references: &mut ReferenceBuilder) -> Manifest {
    let body = Body {
        environment: "shop".into(),
        parent: None,
        stamp_ms: 0,
        heads: Vec::new(),
        left_out: Vec::new(),
        services: vec![ServiceRecord {
            name: service.into(),
            engine: "files".into(),
            role: Role::Files,
            point: String::new(),
            started_at_ms: 0,
            frozen_at_ms: 0,
            pause_us: 0,
            facts: Facts::new(),
            files: 0,
            changed_bytes: 0,
            artifacts,
        }],
        ..example::manifest().body
    };
    Manifest { references: references.take(), body }
}

fn expect_kind(error: &Error) {
    let kind = error.kind();
    assert!(matches!(kind, ErrorKind::Damaged | ErrorKind::Unsupported), "{kind:?}: {}", error.chain());
}

/// Everything in a folder except for what is below the target.
fn seen(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).unwrap() {
            let item = item.unwrap();
            if item.file_name() == "target" {
                continue;
            }
            let kind = item.file_type().unwrap();
            let content =
                if kind.is_file() { fs::read_to_string(item.path()).unwrap() } else { format!("{kind:?}") };
            found.push((item.path().display().to_string(), content));
            if kind.is_dir() {
                folders.push(item.path());
            }
        }
    }
    found.sort();
    found
}

fn run<F: Future<Output = ()>>(work: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

fn file<'a>(path: &'a [u8], content: &'a OwnedContent) -> Entry<'a> {
    let metadata = Metadata { size: content.size, ..example::metadata(EntryKind::File) };
    Entry { metadata, content: Content::Stored(content.as_stored()), ..entry(path, EntryKind::File) }
}

fn empty_file(path: &[u8]) -> Entry<'_> {
    entry(path, EntryKind::File)
}

fn link<'a>(path: &'a [u8], target: &'a [u8]) -> Entry<'a> {
    Entry { target, ..entry(path, EntryKind::Symlink) }
}

fn folder(path: &[u8]) -> Entry<'_> {
    let metadata = Metadata { mode: 0o755, ..example::metadata(EntryKind::Directory) };
    Entry { metadata, ..entry(path, EntryKind::Directory) }
}

fn inline(hash: backup_crypto::ContentHash, extents: Vec<Extent>) -> OwnedContent {
    let size = extents.iter().fold(0, |sum: u64, extent| sum.wrapping_add(extent.length));
    OwnedContent { hash, size, extents: OwnedExtents::Inline(extents) }
}

/// Cancels as soon as content is read.
#[derive(Debug)]
struct CancelAtData(CancellationToken);

impl Observer for CancelAtData {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Phase { phase: Phase::Data, .. }) {
            self.0.cancel();
        }
    }
}
