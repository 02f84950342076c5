//! What is encoded is decoded as it was, whatever it was.

use std::collections::{BTreeMap, BTreeSet};

use backup_crypto::{AuthorId, ChunkId, ChunkKind, ContentHash, Encapsulation};
use backup_policy::Kind as BackupKind;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::example;
use crate::BackupId;
use crate::catalog::Consistency;
use crate::engine::{
    Content, Entries, Entry, EntryKind, Extent, Layout, Metadata, Role, Timestamp, path_order,
};
use crate::format::config::Config;
use crate::format::content::{OwnedContent, OwnedExtents};
use crate::format::header::{Header, Kind};
use crate::format::index::IndexedPack;
use crate::format::manifest::{ArtifactRecord, Body, Bytes32, LeftOutRecord, Manifest, ServiceRecord};
use crate::format::names::PackName;
use crate::format::node::{SegmentKind, decode_children, decode_segment};
use crate::format::pack::{PackHeader, PackedChunk, decode_directory, decode_footer, encode_end};
use crate::format::references::ReferenceBuilder;
use crate::format::repository::RepositoryFile;
use crate::format::tree::decode_entries;
use crate::format::{index, limit, map, record};

fn chunk() -> impl Strategy<Value = ChunkId> {
    // Few different ones, so that references recur.
    (0..6_u8).prop_map(example::chunk)
}

fn extent() -> impl Strategy<Value = Extent> {
    let part = (chunk(), 0..4_194_304_u32).prop_flat_map(|(chunk, offset)| {
        (1..=4_194_304 - u64::from(offset)).prop_map(move |length| Extent {
            chunk: Some(chunk),
            offset,
            length,
        })
    });
    let hole = (1..1_u64 << 50).prop_map(|length| Extent { chunk: None, offset: 0, length });
    prop_oneof![4 => part, 1 => hole]
}

fn content(longest: usize) -> impl Strategy<Value = OwnedContent> {
    let inline = (any::<[u8; 32]>(), vec(extent(), 1..=longest)).prop_map(|(hash, extents)| OwnedContent {
        hash: ContentHash(hash),
        size: extents.iter().map(|extent| extent.length).sum(),
        extents: OwnedExtents::Inline(extents),
    });
    let mapped = (any::<[u8; 32]>(), chunk(), 1..u64::MAX).prop_map(|(hash, root, size)| OwnedContent {
        hash: ContentHash(hash),
        size,
        extents: OwnedExtents::Map(root),
    });
    prop_oneof![3 => inline, 1 => mapped]
}

fn xattrs() -> impl Strategy<Value = OwnedContent> {
    (any::<[u8; 32]>(), 1..=limit::XATTRS).prop_map(|(hash, size)| OwnedContent {
        hash: ContentHash(hash),
        size,
        extents: OwnedExtents::Inline(vec![Extent {
            chunk: Some(example::chunk(1)),
            offset: 5,
            length: size,
        }]),
    })
}

fn time() -> impl Strategy<Value = Timestamp> {
    (any::<i64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanoseconds)| Timestamp { seconds, nanoseconds })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let numbers = (0..=0o7777_u32, any::<u32>(), any::<u32>(), any::<[u64; 4]>());
    (0..6_u8, numbers, time(), time()).prop_map(
        |(kind, (mode, uid, gid, [inode, device, link, special]), mtime, ctime)| {
            let kind = EntryKind::from_number(kind).unwrap();
            let is_device = matches!(kind, EntryKind::CharacterDevice | EntryKind::BlockDevice);
            let special = if is_device { special } else { 0 };
            Metadata { kind, mode, uid, gid, mtime, ctime, size: 0, inode, device, special, link }
        },
    )
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => (b'a'..=b'c').boxed(), 1 => any::<u8>().prop_filter("a byte of a name", |byte| !matches!(byte, 0 | b'/')).boxed()];
    let name = vec(byte, 1..6).prop_filter("a name", |name| !matches!(&name[..], b"." | b".."));
    vec(name, 0..5).prop_map(|names| names.join(&b'/'))
}

type Owned = (Vec<u8>, Metadata, Vec<u8>, Option<OwnedContent>, Option<OwnedContent>);

fn item() -> impl Strategy<Value = Owned> {
    let target = vec(1..=255_u8, 1..50);
    (path(), metadata(), target, option::of(content(64)), option::of(xattrs())).prop_map(
        |(path, mut metadata, target, content, xattrs)| {
            let content = content.filter(|_| metadata.kind == EntryKind::File);
            metadata.size = content.as_ref().map_or(0, |content| content.size);
            let target = if metadata.kind == EntryKind::Symlink { target } else { Vec::new() };
            (path, metadata, target, content, xattrs)
        },
    )
}

fn owned(entry: &Entry<'_>) -> Owned {
    let own = |content: Content<'_>| match content {
        Content::Stored(stored) => Some(OwnedContent::from(stored)),
        _ => None,
    };
    (entry.path.to_vec(), entry.metadata, entry.target.to_vec(), own(entry.content), own(entry.xattrs))
}

fn borrowed(content: &Option<OwnedContent>) -> Content<'_> {
    content.as_ref().map_or(Content::None, |content| Content::Stored(content.as_stored()))
}

fn packed_chunk() -> impl Strategy<Value = PackedChunk> {
    let kind = prop_oneof![Just(ChunkKind::Data), Just(ChunkKind::Meta)];
    (any::<[u8; 32]>(), kind, 17..100_000_u32, 0..=4_194_304_u32)
        .prop_map(|(id, kind, stored, plain)| PackedChunk { id: ChunkId(id), kind, offset: 0, stored, plain })
}

/// Chunks one after the other from an offset on, and where they end.
fn laid_out(mut chunks: Vec<PackedChunk>, start: u32) -> (Vec<PackedChunk>, u32) {
    let mut end = start;
    for chunk in &mut chunks {
        chunk.offset = end;
        end += chunk.stored;
    }
    (chunks, end)
}

fn encapsulation() -> impl Strategy<Value = Encapsulation> {
    (1..3_u8, 1..3_u32, vec(any::<u8>(), 1..40)).prop_map(|(suite, epoch, bytes)| Encapsulation {
        suite,
        epoch,
        bytes,
    })
}

fn header() -> impl Strategy<Value = PackHeader> {
    (any::<u32>(), any::<[u8; 16]>(), any::<[u8; 16]>(), option::of(encapsulation())).prop_map(
        |(meta_epoch, author, salt, session)| PackHeader {
            meta_epoch,
            author: AuthorId(author),
            salt,
            session: session.map(std::sync::Arc::new),
        },
    )
}

fn indexed_pack() -> impl Strategy<Value = IndexedPack> {
    let name =
        (any::<[u8; 32]>(), any::<[u8; 4]>()).prop_map(|(hash, incarnation)| PackName { hash, incarnation });
    (name, header(), vec(packed_chunk(), 0..20)).prop_map(|(name, header, chunks)| {
        let (mut chunks, end) = laid_out(chunks, 56);
        chunks.sort_by_key(|chunk| chunk.id);
        IndexedPack { name, size: u64::from(end) + 100, header, chunks }
    })
}

fn facts() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[a-z.]{1,8}", ".{0,8}", 0..4)
}

fn layout() -> impl Strategy<Value = Layout> {
    let paged = (9..=16_u32).prop_map(|bits| Layout::Paged { page_size: 1 << bits });
    prop_oneof![Just(Layout::ContentDefined), Just(Layout::Opaque), paged]
}

#[derive(Debug, Clone)]
enum Artifact {
    Tree(Layout, (u64, u64), ChunkId),
    Stream(Layout, Option<OwnedContent>),
}

fn artifact() -> impl Strategy<Value = Artifact> {
    let totals = (0..1_u64 << 30, 0..1_u64 << 50);
    prop_oneof![
        (layout(), totals, chunk()).prop_map(|(layout, totals, root)| Artifact::Tree(layout, totals, root)),
        (layout(), option::of(small_content()))
            .prop_map(|(layout, content)| Artifact::Stream(layout, content)),
    ]
}

/// A content of a size that the sum of a manifest has room for.
fn small_content() -> impl Strategy<Value = OwnedContent> {
    content(10).prop_map(|mut content| {
        if let OwnedExtents::Map(_) = content.extents {
            content.size >>= 10;
            content.size += 1;
        }
        content
    })
}

type About = (BTreeSet<BackupKind>, Option<String>, Consistency, Vec<LeftOutRecord>);

/// What a manifest says about its run.
fn about() -> impl Strategy<Value = About> {
    let kind = "[a-z_]{1,9}".prop_map(|name| name.parse().unwrap());
    let consistency =
        prop_oneof![Just(Consistency::Frozen), Just(Consistency::Ordered), Just(Consistency::Live)];
    let role = prop_oneof![Just(Role::Database), Just(Role::Files)];
    let left_out = ("[A-Z]{1,8}", "[a-z]{1,8}", role, option::of(".{0,20}"));
    let left_out =
        left_out.prop_map(|(name, engine, role, failure)| LeftOutRecord { name, engine, role, failure });
    (btree_set(kind, 1..4), option::of(".{1,9}"), consistency, btree_map("[A-Z]{1,8}", left_out, 0..3))
        .prop_map(|(kinds, created_by, consistency, left_out)| {
            let named = left_out.into_iter().map(|(name, record)| LeftOutRecord { name, ..record });
            (kinds, created_by, consistency, named.collect())
        })
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let service = (facts(), btree_map("[a-z]{1,8}(/[a-z]{1,3})?", artifact(), 0..4));
    let services = btree_map("[a-z]{1,8}", service, 1..4);
    let texts = ("[a-z]{1,8}(/[a-z]{1,8})?", ".{0,20}", vec(".{0,9}", 0..4), facts());
    let links = (vec(any::<[u8; 32]>(), 0..4), option::of(any::<[u8; 16]>()), any::<i64>());
    let numbers = any::<([i64; 2], [u64; 3])>();
    (services, texts, links, numbers, about()).prop_map(
        |(
            services,
            (environment, comment, tags, facts),
            (heads, parent, stamp_ms),
            (times, counts),
            about,
        )| {
            let mut references = ReferenceBuilder::default();
            let services = services
                .into_iter()
                .map(|(name, (facts, artifacts))| ServiceRecord {
                    artifacts: artifacts
                        .iter()
                        .map(|(name, made)| made.record(name, &mut references))
                        .collect(),
                    name,
                    engine: "files".into(),
                    role: Role::Files,
                    point: comment.clone(),
                    started_at_ms: times[0],
                    frozen_at_ms: times[1],
                    pause_us: counts[0],
                    facts,
                    files: counts[1],
                    changed_bytes: counts[2],
                })
                .collect();
            let body = Body {
                environment,
                started_at_ms: times[0],
                finished_at_ms: times[1],
                stamp_ms,
                heads: heads.into_iter().map(Bytes32).collect(),
                parent: parent.map(BackupId::from_bytes),
                kinds: about.0,
                created_by: about.1,
                comment,
                tags: tags.into_iter().collect(),
                facts,
                consistency: about.2,
                pause_us: counts[0],
                gap_us: counts[1],
                warnings: counts[1],
                stored_bytes: counts[2],
                program: "test".into(),
                services,
                left_out: about.3,
            };
            Manifest { references: references.take(), body }
        },
    )
}

impl Artifact {
    fn record(&self, name: &str, references: &mut ReferenceBuilder) -> ArtifactRecord {
        match self {
            Self::Tree(layout, totals, root) => {
                ArtifactRecord::tree(name, *layout, *totals, *root, references)
            }
            Self::Stream(layout, content) => {
                ArtifactRecord::stream(name, *layout, content.as_ref(), references)
            }
        }
        .unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn leaves_of_trees(items in vec(item(), 1..30)) {
        let mut items = items;
        items.sort_by(|left, right| path_order(&left.0, &right.0));
        items.dedup_by(|left, right| left.0 == right.0);
        let mut entries = Entries::new();
        for (path, metadata, target, content, xattrs) in &items {
            let (content, xattrs) = (borrowed(content), borrowed(xattrs));
            entries.push(&Entry { path, metadata: *metadata, target, content, xattrs });
        }
        let encoded = example::leaf_of(&entries);
        let decoded = decode_entries(decode_segment(&encoded).unwrap()).unwrap();
        let found: Vec<Owned> = decoded.iter().map(|entry| owned(&entry)).collect();
        prop_assert_eq!(found, items);
        prop_assert_eq!(example::leaf_of(&decoded), encoded);
    }

    #[test]
    fn nodes(keys in btree_set(path(), 1..30), of_map: bool) {
        let kind = if of_map { SegmentKind::MapNode } else { SegmentKind::TreeNode };
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_by(|left, right| kind.order(left, right));
        let children: Vec<_> = keys.iter().zip((0..6).cycle()).map(|(key, number)| (&key[..], example::chunk(number))).collect();
        let encoded = example::node_of(kind, &children);
        let decoded = decode_children(decode_segment(&encoded).unwrap()).unwrap();
        let found: Vec<_> = decoded.iter().map(|child| (&child.key[..], child.chunk)).collect();
        prop_assert_eq!(found, children);
    }

    #[test]
    fn leaves_of_maps(extents in vec(extent(), 1..200)) {
        let encoded = example::map_leaf_of(&extents);
        prop_assert_eq!(map::decode_extents(decode_segment(&encoded).unwrap()).unwrap(), extents);
    }

    #[test]
    fn manifests(manifest in manifest()) {
        let encoded = manifest.encode().unwrap();
        let decoded = Manifest::decode(&encoded).unwrap();
        prop_assert_eq!(decoded.encode().unwrap(), encoded);
        prop_assert_eq!(decoded, manifest);
    }

    #[test]
    fn index_segments(packs in vec(indexed_pack(), 0..8)) {
        let names: BTreeSet<_> = packs.iter().map(|pack| pack.name).collect();
        prop_assume!(names.len() == packs.len());
        let encoded = index::encode(&packs).unwrap();
        prop_assert_eq!(index::decode(&encoded).unwrap(), packs);
    }

    #[test]
    fn packs(header in header(), chunks in vec(packed_chunk(), 0..30), seed: u8) {
        let encoded = header.encode().unwrap();
        let (found, start) = PackHeader::decode(&encoded).unwrap();
        prop_assert_eq!((found, start), (header, encoded.len()));
        let (chunks, end) = laid_out(chunks, u32::try_from(start).unwrap());
        let tail = encode_end(example::keys(), &example::Repeated(seed), &chunks).unwrap();
        let (directory, footer) = tail.split_last_chunk().unwrap();
        let size = u64::from(end) + tail.len() as u64;
        prop_assert_eq!(decode_footer(*footer, size).unwrap(), directory.len() as u64);
        let found = decode_directory(example::keys(), directory, start as u64, end.into()).unwrap();
        prop_assert_eq!(found, chunks);
        prop_assert!(decode_directory(example::keys(), directory, start as u64, u64::from(end) + 1).is_err());
    }

    #[test]
    fn headers_and_records(epoch: u32, author: [u8; 16], salt: [u8; 32], length: u64, signed: bool, plain in vec(any::<u8>(), 0..500)) {
        let signature = if signed { 64 } else { 0 };
        let header = Header { kind: Kind::Index, epoch, author: AuthorId(author), salt, length, signature };
        prop_assert_eq!(Header::decode(&header.encode(), Kind::Index).unwrap(), header);
        prop_assert!(Header::decode(&header.encode(), Kind::Manifest).is_err());
        let sealed = record::seal(example::keys(), &example::Repeated(salt[0]), Kind::Index, &author, plain.clone()).unwrap();
        prop_assert_eq!(record::open(example::keys(), Kind::Index, &author, &sealed, 1000).unwrap(), plain);
    }

    #[test]
    fn plain_objects(number: u32, grace_seconds: u64, settle_seconds: u64, shared: bool, id: [u8; 16]) {
        let trust = if shared { "shared" } else { "own" }.into();
        let config = Config { number, grace_seconds, settle_seconds, trust, ..example::config() };
        let encoded = config.encode(example::keys()).unwrap();
        prop_assert_eq!(Config::decode(&encoded, &example::repository()).unwrap().0, config);
        let file = RepositoryFile::new(backup_crypto::RepositoryId(id), example::created(), &[number.to_le_bytes()[0]; 32]);
        prop_assert_eq!(RepositoryFile::decode(&file.encode().unwrap()).unwrap(), file);
    }
}
