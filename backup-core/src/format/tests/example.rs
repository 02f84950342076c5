//! One value of each kind of object, always the same.

use std::sync::LazyLock;

use backup_crypto::{
    ChunkId, ChunkKind, ContentHash, Encapsulation, KdfParameters, KeyRing, Keys, Random, RepositoryId,
};
use backup_policy::Kind;
use chrono::{DateTime, TimeZone as _, Utc};

use crate::catalog::Consistency;
use crate::engine::{
    Content, Entries, Entry, EntryKind, Extent, ExtentList, Facts, Layout, Metadata, Role, StoredContent,
    Timestamp,
};
use crate::format::config::Config;
use crate::format::content::{OwnedContent, OwnedExtents};
use crate::format::header::Kind as RecordKind;
use crate::format::index::IndexedPack;
use crate::format::manifest::{ArtifactRecord, Body, Bytes32, LeftOutRecord, Manifest, ServiceRecord};
use crate::format::names::{self, PackName};
use crate::format::node::{Child, SegmentKind, encode_child, encode_segment};
use crate::format::pack::{self, PackHeader, PackedChunk};
use crate::format::references::ReferenceBuilder;
use crate::format::repository::RepositoryFile;
use crate::format::{map, record, tree};
use crate::{BackupId, Result};

/// The repository of the examples.
pub(super) const REPOSITORY: RepositoryId =
    RepositoryId(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");
/// What opens its key slot.
pub(super) const PASSPHRASE: &str = "golden";
/// The label of the key slot.
pub(super) const LABEL: &str = "first";
/// The backup that the manifest is.
pub(super) fn backup() -> BackupId {
    BackupId::from_bytes(*b"\x01\x9a\x7c\x00\x11\x22\x73\x44\x85\x66\x77\x88\x99\xaa\xbb\xcc")
}
/// An encapsulation to the data key of the key slot, made once.
pub(super) const ENCAPSULATION: &str = include_str!("../../../tests/fixture/golden/encapsulation.hex");

/// Randomness that is a repeated byte.
#[derive(Debug)]
pub(super) struct Repeated(pub(super) u8);

impl Random for Repeated {
    fn fill(&self, bytes: &mut [u8]) -> backup_crypto::Result<()> {
        bytes.fill(self.0);
        Ok(())
    }
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let slot = include_bytes!("../../../tests/fixture/golden/key-slot.bin");
    KeyRing::passphrase(PASSPHRASE).open(REPOSITORY, &[slot]).expect("the committed key slot opens")
});

/// The keys of the committed key slot.
pub(super) fn keys() -> &'static Keys {
    &KEYS
}

pub(super) fn key_slot() -> Vec<u8> {
    let kdf = KdfParameters::insecure_for_tests();
    let slot = KeyRing::passphrase(PASSPHRASE).seal_slot(
        keys(),
        &kdf,
        LABEL,
        created().timestamp(),
        &Repeated(0x51),
    );
    slot.expect("the example can be sealed")
}

pub(super) fn created() -> DateTime<Utc> {
    Utc.timestamp_opt(1_795_000_000, 123_456_789).single().expect("this is a time")
}

pub(super) fn repository() -> RepositoryFile {
    RepositoryFile::new(REPOSITORY, created(), &keys().admin_public_key())
}

pub(super) fn config() -> Config {
    Config::first(keys())
}

pub(super) fn encapsulation() -> Encapsulation {
    let bytes = hex::decode(ENCAPSULATION.trim()).expect("the committed encapsulation is hexadecimal");
    Encapsulation { suite: 1, epoch: 1, bytes }
}

/// A chunk whose content is not stored anywhere.
pub(super) fn chunk(number: u8) -> ChunkId {
    ChunkId([number; 32])
}

pub(super) fn hash(number: u8) -> ContentHash {
    ContentHash([number; 32])
}

pub(super) fn data(number: u8, offset: u32, length: u64) -> Extent {
    Extent { chunk: Some(chunk(number)), offset, length }
}

pub(super) fn hole(length: u64) -> Extent {
    Extent { chunk: None, offset: 0, length }
}

/// Two parts of chunks with a hole between them.
pub(super) fn sparse() -> OwnedContent {
    let extents = vec![data(1, 0, 300_000), hole(1 << 40), data(2, 77, 5)];
    OwnedContent { hash: hash(9), size: 300_000 + (1 << 40) + 5, extents: OwnedExtents::Inline(extents) }
}

/// A content with a map.
pub(super) fn mapped() -> OwnedContent {
    OwnedContent { hash: hash(10), size: 500_000_000, extents: OwnedExtents::Map(chunk(40)) }
}

pub(super) fn manifest() -> Manifest {
    let mut references = ReferenceBuilder::default();
    let mut stream = |name: &str, layout, content: Option<&OwnedContent>| {
        ArtifactRecord::stream(name, layout, content, &mut references)
            .expect("the example has few references")
    };
    let streams = vec![
        stream("dump.sql", Layout::ContentDefined, Some(&sparse())),
        stream("empty", Layout::Opaque, None),
        stream("pages", Layout::Paged { page_size: 4096 }, Some(&mapped())),
    ];
    let tree = ArtifactRecord::tree("tree", Layout::ContentDefined, (7, 1_234), chunk(50), &mut references);
    let body = Body {
        environment: "shop/production".into(),
        started_at_ms: 1_795_000_000_123,
        finished_at_ms: 1_795_000_060_456,
        stamp_ms: 1_795_000_001_789,
        heads: vec![Bytes32([0x11; 32]), Bytes32([0x22; 32])],
        parent: Some(BackupId::from_bytes([0x33; 16])),
        kinds: [Kind::Nightly, Kind::Weekly].into(),
        created_by: Some("alice".into()),
        comment: "before the release".into(),
        tags: ["release".into(), "v2".into()].into(),
        facts: facts(&[("app.version", "2.0")]),
        consistency: Consistency::Frozen,
        pause_us: 174_000,
        gap_us: 31_000,
        warnings: 1,
        stored_bytes: 987_654,
        program: "backup 0.1.0".into(),
        services: vec![
            service("database", Role::Database, "sqlite", facts(&[("sqlite.page_size", "4096")]), streams),
            service(
                "uploads",
                Role::Files,
                "files",
                Facts::new(),
                vec![tree.expect("the example has few references")],
            ),
        ],
        left_out: vec![LeftOutRecord {
            name: "cache".into(),
            engine: "redis".into(),
            role: Role::Database,
            failure: Some("the server does not answer".into()),
        }],
    };
    Manifest { references: references.take(), body }
}

fn service(
    name: &str,
    role: Role,
    engine: &str,
    facts: Facts,
    artifacts: Vec<ArtifactRecord>,
) -> ServiceRecord {
    let point = "2026-11-18T11:06:41Z".into();
    ServiceRecord {
        name: name.into(),
        engine: engine.into(),
        role,
        point,
        started_at_ms: 1_795_000_000_200,
        frozen_at_ms: 1_795_000_000_300,
        pause_us: 1_300,
        facts,
        files: 5,
        changed_bytes: 4_321,
        artifacts,
    }
}

fn facts(pairs: &[(&str, &str)]) -> Facts {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The manifest as the object that is stored.
pub(super) fn sealed_manifest() -> Result<Vec<u8>> {
    record::seal(keys(), &Repeated(0x52), RecordKind::Manifest, backup().as_bytes(), manifest().encode()?)
}

pub(super) fn metadata(kind: EntryKind) -> Metadata {
    Metadata {
        kind,
        mode: 0o644,
        uid: 1000,
        gid: 1001,
        mtime: Timestamp { seconds: 1_700_000_000, nanoseconds: 123_456_789 },
        ctime: Timestamp { seconds: -1, nanoseconds: 999_999_999 },
        size: 0,
        inode: 42,
        device: 64_769,
        special: 0,
        link: 0,
    }
}

pub(super) fn entry(path: &[u8], kind: EntryKind) -> Entry<'_> {
    Entry { path, metadata: metadata(kind), target: b"", content: Content::None, xattrs: Content::None }
}

/// One entry of each kind, and one content of each.
pub(super) fn entries() -> Entries {
    let mut entries = Entries::new();
    let small = [data(1, 10, 20)];
    let stored = |list| StoredContent { hash: hash(3), size: 20, extents: ExtentList::Inline(list) };
    let (sparse, mapped) = (sparse(), mapped());
    entries.push(&Entry { xattrs: Content::Stored(stored(&small)), ..entry(b"", EntryKind::Directory) });
    entries.push(&entry(b"a", EntryKind::Directory));
    entries.push(&sized(b"a/empty", 0, Content::None));
    entries.push(&sized(b"a/small", 20, Content::Stored(stored(&small))));
    entries.push(&sized(b"a/sparse", sparse.size, Content::Stored(sparse.as_stored())));
    entries.push(&sized(b"a\xff", mapped.size, Content::Stored(mapped.as_stored())));
    entries.push(&Entry { target: b"../b", ..entry(b"link", EntryKind::Symlink) });
    entries.push(&entry(b"pipe", EntryKind::Fifo));
    for (path, kind) in [(b"tty", EntryKind::CharacterDevice), (b"vda", EntryKind::BlockDevice)] {
        let metadata = Metadata { special: (5 << 32) | 1, link: 7, ..metadata(kind) };
        entries.push(&Entry { metadata, ..entry(path, kind) });
    }
    entries
}

fn sized<'a>(path: &'a [u8], size: u64, content: Content<'a>) -> Entry<'a> {
    Entry {
        metadata: Metadata { size, ..metadata(EntryKind::File) },
        content,
        ..entry(path, EntryKind::File)
    }
}

/// A leaf with these entries, which are written as they are: unsorted if they are unsorted.
pub(super) fn leaf_of(entries: &Entries) -> Vec<u8> {
    let (mut items, mut scratch, mut references) = (Vec::new(), Vec::new(), ReferenceBuilder::default());
    let mut previous = Vec::new();
    for entry in entries.iter() {
        tree::encode_entry(&mut items, &mut scratch, &mut references, &previous, &entry)
            .expect("contents are stored");
        previous = entry.path.to_vec();
    }
    let count = u32::try_from(entries.len()).expect("examples are small");
    encode_segment(SegmentKind::TreeLeaf, &references.take(), count, &items).expect("examples are small")
}

/// A node with these children, which are written as they are.
pub(super) fn node_of(kind: SegmentKind, children: &[(&[u8], ChunkId)]) -> Vec<u8> {
    let (mut items, mut references, mut previous) = (Vec::new(), ReferenceBuilder::default(), Vec::new());
    for (key, chunk) in children {
        let child = Child { key: key.to_vec(), chunk: *chunk };
        encode_child(&mut items, &mut references, &previous, &child);
        previous = child.key;
    }
    let count = u32::try_from(children.len()).expect("examples are small");
    encode_segment(kind, &references.take(), count, &items).expect("examples are small")
}

/// A leaf of a map with these extents.
pub(super) fn map_leaf_of(extents: &[Extent]) -> Vec<u8> {
    let (mut items, mut references) = (Vec::new(), ReferenceBuilder::default());
    for extent in extents {
        map::encode_item(&mut items, &mut references, extent);
    }
    let count = u32::try_from(extents.len()).expect("examples are small");
    encode_segment(SegmentKind::MapLeaf, &references.take(), count, &items).expect("examples are small")
}

pub(super) fn tree_leaf() -> Vec<u8> {
    leaf_of(&entries())
}

pub(super) fn tree_node() -> Vec<u8> {
    node_of(SegmentKind::TreeNode, &[(b"", chunk(60)), (b"a/m", chunk(61)), (b"a\xff", chunk(62))])
}

pub(super) fn map_leaf() -> Vec<u8> {
    map_leaf_of(&[data(1, 0, 1 << 20), hole(1 << 33), data(1, 0, 1 << 20), data(2, 4096, 8192)])
}

pub(super) fn map_node() -> Vec<u8> {
    let keys = [map::key(0), map::key(1 << 33)];
    node_of(SegmentKind::MapNode, &[(&keys[0], chunk(70)), (&keys[1], chunk(71))])
}

pub(super) fn pack_header() -> PackHeader {
    let session = Some(std::sync::Arc::new(encapsulation()));
    PackHeader { meta_epoch: 1, author: keys().author(), salt: [0x53; 16], session }
}

/// The chunks of the pack: kind, content, and the record that is sealed.
pub(super) fn packed_contents() -> Vec<(ChunkKind, Vec<u8>, Vec<u8>)> {
    // A Zstandard frame written by hand: one block that repeats a byte 2,000 times.
    let block = (2000 << 3 | 1 << 1 | 1_u32).to_le_bytes();
    let frame = [&[1, 0x28, 0xb5, 0x2f, 0xfd, 0xa0], &2000_u32.to_le_bytes()[..], &block[..3], b"x"].concat();
    let stored = |content: &[u8]| [&[0], content].concat();
    vec![
        (ChunkKind::Data, b"a chunk of content".to_vec(), stored(b"a chunk of content")),
        (ChunkKind::Data, vec![b'x'; 2000], frame),
        (ChunkKind::Meta, tree_leaf(), stored(&tree_leaf())),
    ]
}

/// A whole pack, and what its directory says.
pub(super) fn pack() -> Result<(Vec<u8>, Vec<PackedChunk>)> {
    let (keys, header) = (keys(), pack_header());
    let data_key = keys.open_session(&encapsulation())?.pack_key(&header.salt);
    let meta_key = keys.meta_pack_key(header.meta_epoch, &header.salt)?;
    let mut out = header.encode()?;
    let mut chunks = Vec::new();
    for (kind, plain, mut sealed) in packed_contents() {
        let (id, offset) = (keys.chunk_id(kind, &plain), small(out.len()));
        let key = if kind == ChunkKind::Data { &data_key } else { &meta_key };
        key.seal_chunk(&id, offset.into(), &pack::chunk_binding(keys, 1, kind, &id), &mut sealed);
        out.extend_from_slice(&sealed);
        chunks.push(PackedChunk { id, kind, offset, stored: small(sealed.len()), plain: small(plain.len()) });
    }
    out.extend_from_slice(&pack::encode_end(keys, &Repeated(0x54), &chunks)?);
    Ok((out, chunks))
}

fn small(length: usize) -> u32 {
    u32::try_from(length).expect("examples are small")
}

/// What the index says about the example pack and one without data.
pub(super) fn indexed_packs() -> Result<Vec<IndexedPack>> {
    let (bytes, mut chunks) = pack()?;
    chunks.sort_by_key(|chunk| chunk.id);
    let name = PackName { hash: names::hash(&bytes), incarnation: [1, 2, 3, 4] };
    let first = IndexedPack { name, size: bytes.len() as u64, header: pack_header(), chunks: chunks.clone() };
    let meta = PackedChunk { offset: 56, kind: ChunkKind::Meta, stored: 100, plain: 300, id: chunk(80) };
    let header = PackHeader { session: None, salt: [0x55; 16], ..pack_header() };
    let name = PackName { hash: [0x56; 32], incarnation: [5, 6, 7, 8] };
    Ok(vec![first, IndexedPack { name, size: 16 << 20, header, chunks: vec![meta] }])
}
