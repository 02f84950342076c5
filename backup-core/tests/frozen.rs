//! A repository of format 1 as committed bytes: every later version opens it, finds in it what was put there, and writes nothing to it.
//!
//! `fixture/repository-1` was written once, by version 0.1.0. It is never written again; a format that needs another one is another
//! version and has a fixture of its own. To make one, remove the folder and its `.json` and run
//! `cargo test -p backup-core --test frozen write_the_repository -- --ignored`.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "fixture/memory.rs"]
mod memory;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backup_core::engine::{ArtifactKind, EntryKind, Layout, ServiceReader, Timestamp};
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation, Recording};
use backup_core::storage::{Capabilities, ErrorKind as StorageErrorKind, Location, Name, Object, Storage};
use backup_core::testing::{SeededRandom, SteppingClock};
use backup_core::{BackupInfo, Environment, KdfParameters, Kind, Passphrase, Repository, RunStatus, Share};
use bytes::Bytes;
use chrono::{DateTime, TimeZone as _, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use self::memory::{Item, Memory, Part, read_stream, read_tree};

const PASSPHRASE: &str = "a frozen repository";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture").join(name)
}

/// What is expected of one backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Expected {
    id: String,
    comment: String,
    created_at: DateTime<Utc>,
    /// Hash of all that each service holds, see [`service_hash`].
    services: BTreeMap<String, String>,
}

/// Bytes that look like nothing and are always the same.
fn noise(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn xattr(name: &str, value: &[u8]) -> Vec<u8> {
    let (name_length, value_length) =
        (u16::try_from(name.len()).unwrap(), u32::try_from(value.len()).unwrap());
    [&name_length.to_le_bytes()[..], &value_length.to_le_bytes(), name.as_bytes(), value].concat()
}

/// Every kind of entry and of content; enough entries for a tree with a node, enough extents for a map.
fn uploads(version: u8) -> Memory {
    let islands =
        |count: u8| (0..count).flat_map(|n| [Part::Data(vec![n, version, n]), Part::Hole(4096)]).collect();
    let text = "a line that compresses well\n".repeat(2000);
    let mut names = Item::file("docs/caf\u{e9}", b"UTF-8");
    names.metadata.mtime = Timestamp { seconds: -1, nanoseconds: 999_999_999 };
    let mut bytes = Item::file("docs/x", b"not UTF-8");
    bytes.path = b"docs/\xff\xfe".to_vec();
    let mut marked = Item::file("docs/marked", &[version]);
    marked.xattrs = xattr("user.note", b"kept");
    let mut device = Item::new("tty", EntryKind::CharacterDevice);
    device.metadata.special = (5 << 32) | 1;
    let linked = |path| {
        let mut item = Item::file(path, b"one file, two names");
        (item.metadata.link, item.metadata.inode) = (1, 77);
        item
    };
    let mut items = vec![
        Item::folder(""),
        Item::folder("docs"),
        names,
        Item::link("docs/link", "../many/00001"),
        marked,
        bytes,
        Item::file("large", &[noise("large", 60_000), vec![version; 250_000]].concat()),
        linked("linked-1"),
        linked("linked-2"),
        Item::folder("many"),
    ];
    items.extend((0..2500).map(|number| Item::file(&format!("many/{number:05}"), b"")));
    items.push(Item::new("pipe", EntryKind::Fifo));
    items.push(Item::sparse("sparse", islands(40 + version)));
    items.push(Item::file("text", text.as_bytes()));
    items.push(device);
    if version > 1 {
        items.push(Item::file("zz-new", b"in the second backup only"));
    }
    Memory::tree(&items)
}

fn database(version: u8) -> Memory {
    let pages: Vec<u8> =
        (0..16_u8).flat_map(|page| vec![if page == 3 { version } else { page }; 4096]).collect();
    let streams = vec![
        (
            "dump.sql".to_owned(),
            Layout::ContentDefined,
            format!("insert into t values ({version});").repeat(999).into_bytes(),
        ),
        ("empty".to_owned(), Layout::Opaque, Vec::new()),
        ("pages".to_owned(), Layout::Paged { page_size: 4096 }, pages),
    ];
    Memory { items: Vec::new(), streams }
}

/// Opens the fixture, which may not be written, through a storage that records.
async fn open() -> (Repository, Arc<Recording>) {
    let path = fixture("repository-1");
    let location = Location::parse(path.to_str().expect("the source tree has a path of text")).unwrap();
    let read_only = Faulty::new(location.open().unwrap());
    read_only.plan(Fault::new(Harm::FailBefore(StorageErrorKind::Permission)).on(Operation::PutNew));
    let recording = Arc::new(Recording::new(Arc::new(read_only)));
    let storage: Arc<dyn Storage> = recording.clone();
    let repository = Repository::builder(storage).keys(Passphrase::from(PASSPHRASE)).open().await.unwrap();
    (repository, recording)
}

fn expected() -> Vec<Expected> {
    serde_json::from_slice(&std::fs::read(fixture("repository-1.json")).unwrap()).unwrap()
}

/// Everything that lies in a folder, with its bytes.
fn lying_in(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    for item in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if item.file_type().unwrap().is_dir() {
            found.extend(lying_in(&item.path()));
        } else {
            let changed = item.metadata().unwrap().modified().unwrap();
            found.insert(item.path(), (std::fs::read(item.path()).unwrap(), changed));
        }
    }
    found
}

/// Hash over all artifacts in the order of their names: of a stream its bytes, of a tree all entries in canonical order with path,
/// metadata, link target, content and extended attributes. Texts and bytes are preceded by their length.
async fn service_hash(service: &dyn ServiceReader) -> String {
    let mut hasher = blake3::Hasher::new();
    let bytes = |hasher: &mut blake3::Hasher, bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    for artifact in service.artifacts() {
        bytes(&mut hasher, artifact.name.as_bytes());
        if artifact.kind == ArtifactKind::Stream {
            bytes(&mut hasher, &read_stream(service, &artifact.name).await.unwrap());
            continue;
        }
        for item in read_tree(service).await.unwrap() {
            let meta = item.metadata;
            bytes(&mut hasher, &item.path);
            hasher.update(&[meta.kind as u8]);
            for number in [meta.mode, meta.uid, meta.gid, meta.mtime.nanoseconds, meta.ctime.nanoseconds] {
                hasher.update(&number.to_le_bytes());
            }
            for time in [meta.mtime, meta.ctime] {
                hasher.update(&time.seconds.to_le_bytes());
            }
            for number in [meta.size, meta.inode, meta.device, meta.special, meta.link] {
                hasher.update(&number.to_le_bytes());
            }
            for part in [&item.target[..], &item.bytes(), &item.xattrs] {
                bytes(&mut hasher, part);
            }
        }
    }
    hasher.finalize().to_string()
}

async fn look(repository: &Repository, backup: &BackupInfo) -> Expected {
    let mut services = BTreeMap::new();
    for service in &backup.services {
        let reader = repository.service(&backup.id, &service.name).await.unwrap();
        services.insert(service.name.clone(), service_hash(&*reader).await);
    }
    Expected {
        id: backup.id.to_string(),
        comment: backup.comment.clone(),
        created_at: backup.created_at,
        services,
    }
}

#[tokio::test]
async fn the_frozen_repository_holds_what_was_put_there() {
    let before = lying_in(&fixture("repository-1"));
    let (repository, recording) = open().await;
    let backups = repository.backups().await.unwrap();
    let mut found = Vec::new();
    for backup in &backups {
        found.push(look(&repository, backup).await);
    }
    assert_eq!(found, expected());
    for (backup, version) in backups.iter().zip(1_u8..) {
        assert_eq!(
            (backup.environment.as_str(), &backup.kinds),
            ("shop/production", &[Kind::Nightly].into())
        );
        assert_eq!(backup.tags, ["frozen".to_owned()].into());
        assert_eq!(backup.facts["app.version"], "2.0");
        let service = repository.service(&backup.id, "uploads").await.unwrap();
        // The last hole of one island and the first byte of the next one are told apart, as they were written.
        assert_eq!(read_tree(&*service).await.unwrap(), uploads(version).items);
        let service = repository.service(&backup.id, "database").await.unwrap();
        for (name, _, bytes) in database(version).streams {
            assert_eq!(read_stream(&*service, &name).await.unwrap(), bytes, "{name}");
        }
        let report = repository.verify(backup.id).read_data(true).await.unwrap();
        assert_eq!(report.problems, []);
    }
    assert_eq!(backups[1].parent, Some(backups[0].id));
    let mut runs = repository.runs().await.unwrap();
    runs.sort_by_key(|run| run.comment.clone());
    for (run, backup) in runs.iter().zip(&backups) {
        assert_eq!(
            (run.backup, run.status, &run.comment),
            (Some(backup.id), RunStatus::Completed, &backup.comment)
        );
    }
    assert_eq!(runs.len(), 2);
    let report = repository.check().read_data(Share::ALL).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.backups, report.orphan_packs), (2, 0));

    // Only that they were verified would have been noted.
    let calls = recording.calls();
    let mut puts = calls.iter().filter(|call| call.operation == Operation::PutNew);
    assert!(puts.all(|call| call.subject.starts_with("notes/")), "{calls:?}");
    assert_eq!(recording.count(Operation::Delete), 0);
    assert_eq!(lying_in(&fixture("repository-1")), before, "something was written to the fixture");
}

#[tokio::test]
async fn the_frozen_repository_is_restored() {
    let (repository, _) = open().await;
    let target = tempfile::tempdir().unwrap();
    let backup = repository.find("latest").await.unwrap();
    let directory = target.path().join("database");
    repository.restore(backup.id).to_directory(&directory).service("database").await.unwrap();
    for (name, _, bytes) in database(2).streams {
        assert_eq!(std::fs::read(directory.join(name)).unwrap(), bytes);
    }
    let directory = target.path().join("uploads");
    repository.restore(backup.id).to_directory(&directory).service("uploads").await.unwrap();
    for item in uploads(2).items.iter().filter(|item| item.metadata.kind == EntryKind::File) {
        use std::os::unix::ffi::OsStrExt as _;
        let path = directory.join(std::ffi::OsStr::from_bytes(&item.path));
        assert_eq!(std::fs::read(&path).unwrap(), item.bytes(), "{}", path.display());
    }
}

/// A storage whose stamps are always the same.
#[derive(Debug)]
struct Stamped(Arc<dyn Storage>);

fn stamp() -> DateTime<Utc> {
    Utc.timestamp_opt(1_795_000_000, 500_000_000).unwrap()
}

impl std::fmt::Display for Stamped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

#[async_trait::async_trait]
impl Storage for Stamped {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> backup_core::storage::Result<()> {
        self.0.put_new(name, bytes).await
    }

    async fn get(&self, name: &Name) -> backup_core::storage::Result<Bytes> {
        self.0.get(name).await
    }

    async fn get_range(
        &self,
        name: &Name,
        range: std::ops::Range<u64>,
    ) -> backup_core::storage::Result<Bytes> {
        self.0.get_range(name, range).await
    }

    async fn head(&self, name: &Name) -> backup_core::storage::Result<Object> {
        Ok(Object { stamp: stamp(), ..self.0.head(name).await? })
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, backup_core::storage::Result<Object>> {
        self.0.list(prefix).map(|object| Ok(Object { stamp: stamp(), ..object? })).boxed()
    }

    async fn delete(&self, name: &Name) -> backup_core::storage::Result<()> {
        self.0.delete(name).await
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}

/// Writes the repository into a folder.
async fn write(folder: &Path) -> Vec<Expected> {
    let location = Location::parse(folder.to_str().unwrap()).unwrap();
    let storage: Arc<dyn Storage> = Arc::new(Stamped(location.open().unwrap()));
    let repository = Repository::builder(storage)
        .keys(Passphrase::from(PASSPHRASE))
        .kdf(KdfParameters::insecure_for_tests())
        .random(Arc::new(SeededRandom::new(1)))
        .clock(Arc::new(SteppingClock::fixed(stamp())))
        .create()
        .await
        .unwrap();
    let mut expected = Vec::new();
    for version in [1, 2] {
        let environment = Environment::new("shop/production")
            .service("database", database(version))
            .service("uploads", uploads(version))
            .fact("app.version", "2.0");
        let request = repository.backup(&environment).kind(Kind::Nightly).tag("frozen").program("frozen 1");
        let report = request.comment(format!("version {version}")).await.unwrap();
        let id = report.id.to_string();
        expected.push(look(&repository, &repository.find(&id).await.unwrap()).await);
    }
    expected
}

/// See the top of this file.
#[test]
#[ignore = "writes into the source tree"]
fn write_the_repository() {
    // One thread that blocks: chunks are compressed one after the other, in the order in which they are put.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
    let again = tempfile::tempdir().unwrap();
    let (folder, list) = (fixture("repository-1"), fixture("repository-1.json"));
    assert!(!folder.exists() && !list.exists(), "remove the folder and its .json first");
    let expected = runtime.block_on(write(&folder));
    assert_eq!(runtime.block_on(write(again.path())), expected);
    // Packs may hold their chunks in another order, so their names and those of the index segments differ.
    let steady = |folder: &Path| {
        let names = lying_in(folder).into_keys().map(|path| path.strip_prefix(folder).unwrap().to_owned());
        names.filter(|name| !name.starts_with("packs") && !name.starts_with("index")).collect::<Vec<_>>()
    };
    assert_eq!(steady(&folder), steady(again.path()), "the generator is not deterministic");
    std::fs::write(list, serde_json::to_string_pretty(&expected).unwrap() + "\n").unwrap();
}
