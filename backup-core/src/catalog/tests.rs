//! The catalog of repositories of thousands of backups, made as they would arise but without content.

mod digests;
mod many;

use std::sync::Arc;

use backup_crypto::{KdfParameters, Passphrase};
use backup_policy::Kind;
use backup_storage::testing::{Operation, Recording};
use backup_storage::{Location, Object, Storage, StorageExt as _};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{Consistency, ENVIRONMENT};
use crate::engine::{ArtifactKind, Context, Facts, Layout, Role};
use crate::format::header::Kind as RecordKind;
use crate::format::manifest::{ArtifactRecord, Body, Bytes32, Manifest, ServiceRecord};
use crate::format::names::{self, ManifestName};
use crate::format::record;
use crate::format::references::References;
use crate::testing::RecordingObserver;
use crate::{BackupId, Repository};

/// A repository whose storage and observer are watched.
struct Watched {
    repository: Repository,
    storage: Arc<Recording>,
    observer: RecordingObserver,
}

impl Watched {
    async fn new() -> Self {
        let inner = Location::parse("memory:").unwrap().open().unwrap();
        let storage = Arc::new(Recording::new(inner));
        let observer = RecordingObserver::new();
        let repository = Repository::builder(storage.clone() as Arc<dyn Storage>)
            .keys(Passphrase::from("watched"))
            .kdf(KdfParameters::insecure_for_tests())
            .observer(Arc::new(observer.clone()))
            .create()
            .await
            .unwrap();
        Self { repository, storage, observer }
    }

    /// The same repository, opened by somebody who remembers nothing.
    async fn reopened(&self) -> Self {
        let observer = RecordingObserver::new();
        let repository = Repository::builder(self.storage.clone() as Arc<dyn Storage>)
            .keys(Passphrase::from("watched"))
            .observer(Arc::new(observer.clone()))
            .open()
            .await
            .unwrap();
        self.storage.clear();
        Self { repository, storage: self.storage.clone(), observer }
    }

    /// Puts the manifest number `number` and its confirmation.
    async fn put_backup(&self, environment: &str, number: u32) -> ManifestName {
        let name = self.put_manifest(environment, number).await;
        self.repository.storage().create(&name.to_confirmation(), Bytes::new()).await.unwrap();
        name
    }

    async fn put_manifest(&self, environment: &str, number: u32) -> ManifestName {
        let keys = self.repository.keys();
        let manifest = Manifest { references: References::default(), body: body(environment, number) };
        let id = id(number);
        let random = &**self.repository.random();
        let sealed =
            record::seal(keys, random, RecordKind::Manifest, id.as_bytes(), manifest.encode().unwrap())
                .unwrap();
        let environment = keys.opaque_name(ENVIRONMENT, environment.as_bytes());
        let name = ManifestName { environment, id, hash: names::hash(&sealed) };
        self.repository.storage().create(&name.to_name(), Bytes::from(sealed)).await.unwrap();
        name
    }

    /// Puts some backups, then brings the digests up to date.
    async fn put_backups(&self, numbers: std::ops::Range<u32>) -> Vec<ManifestName> {
        let mut names = Vec::new();
        for number in numbers {
            let environment = if number % 4 == 0 { "shop/staging" } else { "shop/production" };
            names.push(self.put_backup(environment, number).await);
        }
        self.write_digest().await;
        names
    }

    async fn write_digest(&self) {
        let context = self.repository.context(&CancellationToken::new());
        self.repository.write_digest(&context).await;
        assert!(context.take_notices().is_empty());
    }

    fn gets(&self) -> usize {
        self.storage.count(Operation::Get)
    }

    async fn digests(&self) -> Vec<Object> {
        self.repository.storage().list_all(names::CATALOG).await.unwrap()
    }

    /// The numbers of the backups that a list shows.
    async fn numbers(&self) -> Vec<u32> {
        let list = self.repository.backups().await.unwrap();
        list.iter().map(|info| info.comment.parse().unwrap()).collect()
    }

    fn warnings(&self) -> usize {
        self.observer.notices().len()
    }
}

fn id(number: u32) -> BackupId {
    BackupId::from_bytes((u128::from(number) << 64 | 0x99).to_be_bytes())
}

/// What a real manifest of a database and a folder says.
fn body(environment: &str, number: u32) -> Body {
    let at = 1_795_000_000_000 + i64::from(number) * 3_600_000;
    let artifact = |name: &str, kind| ArtifactRecord {
        name: name.into(),
        kind,
        layout: Layout::ContentDefined,
        bytes: 0,
        entries: 0,
        layers: Vec::new(),
        hash: None,
        extents: Vec::new(),
        map: None,
    };
    let service = |name: &str, role, artifact| ServiceRecord {
        name: name.into(),
        engine: name.into(),
        role,
        point: "2026-11-18T11:06:41Z".into(),
        started_at_ms: at,
        frozen_at_ms: at + 5,
        pause_us: 1_234,
        facts: Facts::from([("sqlite.page_size".into(), "4096".into())]),
        files: 0,
        changed_bytes: u64::from(number),
        artifacts: vec![artifact],
    };
    Body {
        environment: environment.into(),
        started_at_ms: at,
        finished_at_ms: at + 60_000,
        stamp_ms: at,
        heads: number
            .checked_sub(1)
            .map(|before| Bytes32([before.to_le_bytes()[0]; 32]))
            .into_iter()
            .collect(),
        parent: number.checked_sub(1).map(id),
        kinds: [Kind::Nightly].into(),
        created_by: Some("scheduler".into()),
        comment: number.to_string(),
        tags: ["release".into()].into(),
        facts: Facts::from([("app.version".into(), format!("2.{number}"))]),
        consistency: Consistency::Frozen,
        pause_us: 174_000,
        gap_us: 31_000,
        warnings: 0,
        stored_bytes: 987_654,
        program: "backup 0.1.0".into(),
        services: vec![
            service("database", Role::Database, artifact("pages", ArtifactKind::Stream)),
            service("reports", Role::Database, artifact("dump.sql", ArtifactKind::Stream)),
        ],
        left_out: Vec::new(),
    }
}

/// A context for nobody in particular.
fn context(repository: &Repository) -> Context {
    repository.context(&CancellationToken::new())
}
