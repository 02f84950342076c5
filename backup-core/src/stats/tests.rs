//! Random backups over random segments, against sets of chunks.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use backup_crypto::{ChunkId, ChunkKind, KdfParameters, OsRandom, Passphrase};
use backup_storage::{ObjectStorage, Storage, StorageExt as _};
use bytes::Bytes;
use proptest::prelude::*;

use super::ledger::Ledger;
use super::owner::Owner;
use super::size::Size;
use super::walk::Walk;
use crate::chunks::ChunkReader;
use crate::format::names::PackName;
use crate::format::node::{SegmentKind, encode_segment};
use crate::format::references::References;
use crate::index::{Index, list_packs};
use crate::packer::{Packer, Parts};
use crate::{BackupId, Repository};

/// What is stored: so many chunks of data, and segments of which each refers to some of what comes before it.
#[derive(Debug, Clone)]
struct Plan {
    data: u8,
    segments: Vec<Picks>,
    /// Chunks that are stored twice, by position.
    twice: Vec<u8>,
    /// Sorted by environment.
    backups: Vec<Made>,
}

/// Positions of chunks among those there are, modulo their number.
type Picks = Vec<u8>;

#[derive(Debug, Clone)]
struct Made {
    environment: u8,
    is_deleted: bool,
    refers_to: Picks,
}

fn plan() -> impl Strategy<Value = Plan> {
    let picks = || prop::collection::vec(any::<u8>(), 0..6);
    let backup = (0_u8..3, prop::bool::weighted(0.3), picks());
    let made = |(environment, is_deleted, refers_to)| Made { environment, is_deleted, refers_to };
    let backups = prop::collection::vec(backup.prop_map(made), 0..10);
    (1_u8..12, prop::collection::vec(picks(), 0..16), prop::collection::vec(any::<u8>(), 0..4), backups)
        .prop_map(|(data, segments, twice, mut backups)| {
            backups.sort_by_key(|backup| backup.environment);
            Plan { data, segments, twice, backups }
        })
}

/// A chunk, what it is, and what it refers to.
#[derive(Debug, Clone)]
struct Chunk {
    id: ChunkId,
    kind: ChunkKind,
    bytes: Bytes,
    references: References,
}

/// What a plan became.
struct Stored {
    repository: Repository,
    chunks: Vec<Chunk>,
}

impl Stored {
    async fn new(plan: &Plan) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(ObjectStorage::memory());
        let builder = Repository::builder(storage).keys(Passphrase::from("stats"));
        let repository = builder.kdf(KdfParameters::insecure_for_tests()).create().await.unwrap();
        let chunks = chunks(plan, &repository);
        put(&repository, chunks.iter()).await;
        put(&repository, plan.twice.iter().map(|pick| &chunks[usize::from(*pick) % chunks.len()])).await;
        Self { repository, chunks }
    }

    async fn ledger(&self) -> (Arc<ChunkReader>, Ledger, HashMap<PackName, u64>) {
        let reader = self.repository.chunk_reader().await.unwrap();
        let existing = list_packs(self.repository.storage()).await.unwrap();
        let ledger = Ledger::new(&reader.index(), &existing).unwrap();
        (reader, ledger, existing)
    }

    /// All chunks that some references lead to.
    fn reach(&self, references: &References) -> HashSet<ChunkId> {
        let mut found = HashSet::new();
        let mut left: Vec<ChunkId> = references.data.iter().chain(&references.meta).copied().collect();
        while let Some(id) = left.pop() {
            if found.insert(id) {
                let chunk = self.chunks.iter().find(|chunk| chunk.id == id).unwrap();
                left.extend(chunk.references.data.iter().chain(&chunk.references.meta));
            }
        }
        found
    }
}

fn chunks(plan: &Plan, repository: &Repository) -> Vec<Chunk> {
    let chunk = |kind, bytes: Vec<u8>, references| {
        let id = repository.keys().chunk_id(kind, &bytes);
        Chunk { id, kind, bytes: bytes.into(), references }
    };
    let data = |number: u8| {
        let bytes = vec![number; 100 + 37 * usize::from(number)];
        chunk(ChunkKind::Data, bytes, References::default())
    };
    let mut chunks: Vec<Chunk> = (0..plan.data).map(data).collect();
    for (number, segment) in plan.segments.iter().enumerate() {
        let references = pick(segment, &chunks);
        let salt = [u8::try_from(number).unwrap()];
        let bytes = encode_segment(SegmentKind::TreeNode, &references, 1, &salt).unwrap();
        chunks.push(chunk(ChunkKind::Meta, bytes, references));
    }
    chunks
}

fn pick(picks: &[u8], chunks: &[Chunk]) -> References {
    let mut references = References::default();
    for position in picks {
        let chunk = &chunks[usize::from(*position) % chunks.len()];
        match chunk.kind {
            ChunkKind::Data => references.data.push(chunk.id),
            ChunkKind::Meta => references.meta.push(chunk.id),
        }
    }
    references
}

/// Stores chunks as a writer does that knows of no others.
async fn put(repository: &Repository, chunks: impl Iterator<Item = &Chunk>) {
    let packer = Packer::new(Parts {
        storage: repository.storage().clone(),
        keys: repository.keys().clone(),
        random: Arc::new(OsRandom),
        context: repository.context(&crate::CancellationToken::new()),
        index: Arc::new(Index::default()),
        existing: HashMap::new(),
        shared_trust: true,
        memory: 16 << 20,
    })
    .unwrap();
    for chunk in chunks {
        assert_eq!(packer.put(chunk.kind, chunk.bytes.clone()).await.unwrap(), chunk.id);
    }
    packer.finish().await.unwrap();
}

/// What sets say, by the sizes that the index names.
struct Naive {
    sizes: HashMap<ChunkId, (u64, u64)>,
}

impl Naive {
    fn new(index: &Index) -> Self {
        let mut sizes: HashMap<ChunkId, (u64, u64)> = HashMap::new();
        for place in index.all_locations() {
            let (plain, stored) = (place.chunk.plain.into(), place.chunk.stored.into());
            let smallest = sizes.entry(place.chunk.id).or_insert((plain, stored));
            smallest.1 = smallest.1.min(stored);
        }
        Self { sizes }
    }

    fn of(&self, chunks: &HashSet<ChunkId>) -> Size {
        let sizes = chunks.iter().map(|id| self.sizes[id]);
        let (mut unique, mut stored) = (0, 0);
        sizes.for_each(|(plain, sealed)| (unique, stored) = (unique + plain, stored + sealed));
        Size { unique, stored }
    }
}

fn union<'a>(sets: impl Iterator<Item = &'a HashSet<ChunkId>>) -> HashSet<ChunkId> {
    sets.flatten().copied().collect()
}

async fn compare(plan: &Plan) {
    let stored = Stored::new(plan).await;
    let (reader, ledger, existing) = stored.ledger().await;
    let naive = Naive::new(&reader.index());
    let context = stored.repository.context(&crate::CancellationToken::new());
    let references: Vec<_> = plan.backups.iter().map(|made| pick(&made.refers_to, &stored.chunks)).collect();
    let reached: Vec<_> = references.iter().map(|references| stored.reach(references)).collect();
    let live: Vec<bool> = plan.backups.iter().map(|made| !made.is_deleted).collect();

    let mut walk = Walk::new(&reader, ledger);
    let mut environments = Vec::new();
    for (number, made) in plan.backups.iter().enumerate() {
        if number > 0 && plan.backups[number - 1].environment != made.environment {
            environments.push(walk.leave_environment());
        }
        let id = BackupId::from_bytes([u8::try_from(number).unwrap(); 16]);
        let size = walk.enter(id, made.is_deleted, &references[number], &context).await.unwrap();
        assert_eq!(size, naive.of(&reached[number]), "backup {number}");
    }
    environments.push(walk.leave_environment());
    assert_eq!(walk.problems, []);

    let all_live = |only: Option<u8>| {
        let chosen = |number: &usize| {
            live[*number] && only.is_none_or(|only| plan.backups[*number].environment == only)
        };
        union((0..reached.len()).filter(chosen).map(|number| &reached[number]))
    };
    assert_eq!(walk.total, naive.of(&all_live(None)));
    let names: BTreeSet<u8> = plan.backups.iter().map(|made| made.environment).collect();
    for (name, size) in names.into_iter().zip(environments) {
        assert_eq!(size, naive.of(&all_live(Some(name))), "environment {name}");
    }

    let mut freed = vec![0; reached.len()];
    let (mut deleted, mut unused) = (0, walk.ledger.spare_bytes);
    for chunk in walk.ledger.iter() {
        let stored = u64::from(chunk.stored);
        match chunk.owner {
            Owner::Nobody => unused += stored,
            Owner::Deleted(_) | Owner::SeveralDeleted => deleted += stored,
            Owner::One(_) | Owner::Several => {}
        }
        if let Owner::One(number) | Owner::Deleted(number) = chunk.owner {
            freed[number as usize] += stored;
        }
    }
    for number in 0..reached.len() {
        let others = (0..reached.len()).filter(|other| *other != number && (live[*other] || !live[number]));
        let others = union(others.map(|other| &reached[other]));
        let own: HashSet<ChunkId> = reached[number].difference(&others).copied().collect();
        assert_eq!(freed[number], naive.of(&own).stored, "backup {number}");
    }
    let only_deleted: HashSet<ChunkId> = union(reached.iter()).difference(&all_live(None)).copied().collect();
    assert_eq!(deleted, naive.of(&only_deleted).stored);
    let everything: u64 = reader.index().all_locations().map(|place| u64::from(place.chunk.stored)).sum();
    assert_eq!(unused, everything - walk.total.stored - deleted);
    assert!(everything < existing.values().sum());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_counted_by_reference_is_what_sets_say(plan in plan()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(&plan));
    }
}

/// A segment that is lost hides what is below it and nothing else, and a pack that no segment names is unused whole.
#[tokio::test]
async fn what_is_lost_is_a_problem_and_counts_for_nothing() {
    let plan = Plan { data: 3, segments: vec![vec![0, 1]], twice: Vec::new(), backups: Vec::new() };
    let stored = Stored::new(&plan).await;
    let lost = ChunkId([7; 32]);
    let references = References { data: vec![stored.chunks[2].id, lost], meta: vec![stored.chunks[3].id] };
    let (reader, ledger, _) = stored.ledger().await;
    let naive = Naive::new(&reader.index());
    let context = stored.repository.context(&crate::CancellationToken::new());
    let mut walk = Walk::new(&reader, ledger);
    let id = BackupId::from_bytes([1; 16]);
    let size = walk.enter(id, false, &references, &context).await.unwrap();
    let there: HashSet<ChunkId> = stored.chunks.iter().map(|chunk| chunk.id).collect();
    assert_eq!(size, naive.of(&there));
    let [problem] = &walk.problems[..] else { panic!("{:?}", walk.problems) };
    assert!(problem.message.contains(&lost.to_string()), "{problem:?}");
    assert_eq!(problem.backups, [id]);

    let segments = stored.repository.storage().list_all("index").await.unwrap();
    for segment in segments {
        stored.repository.storage().delete(&segment.name).await.unwrap();
    }
    let (_, ledger, existing) = stored.ledger().await;
    assert_eq!((ledger.spare_bytes, ledger.iter().count()), (existing.values().sum(), 0));
}
