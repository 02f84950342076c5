use backup_crypto::{KdfParameters, OsRandom, Passphrase};
use backup_storage::testing::{Fault, Faulty, Harm, Operation, Recording};
use backup_storage::{ErrorKind as StorageErrorKind, ObjectStorage, StorageExt as _};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::Context;
use crate::format::index::IndexedPack;
use crate::index::write_segment;
use crate::packer::{Packer, Parts};
use crate::{ErrorKind, Repository, Silent, SystemClock};

/// A repository with one pack of some chunks, whose storage is watched and can fail.
struct Stored {
    recording: Arc<Recording>,
    faulty: Arc<Faulty>,
    repository: Repository,
    chunks: Vec<ChunkId>,
}

impl Stored {
    async fn new() -> Self {
        let faulty = Arc::new(Faulty::new(Arc::new(ObjectStorage::memory())));
        let recording = Arc::new(Recording::new(faulty.clone()));
        let storage: Arc<dyn Storage> = recording.clone();
        let repository = Repository::builder(storage.clone())
            .keys(Passphrase::from("chunks"))
            .kdf(KdfParameters::insecure_for_tests())
            .create()
            .await
            .unwrap();
        let context =
            Context::new(CancellationToken::new(), Arc::new(SystemClock::default()), Arc::new(Silent));
        let packer = Packer::new(Parts {
            storage,
            keys: repository.keys().clone(),
            random: Arc::new(OsRandom),
            context,
            index: Arc::new(Index::default()),
            existing: HashMap::new(),
            shared_trust: true,
            memory: 16 << 20,
        })
        .unwrap();
        let mut chunks = Vec::new();
        for number in 0..COUNT {
            chunks.push(packer.put(ChunkKind::Data, Bytes::from(vec![number; 1000])).await.unwrap());
        }
        packer.finish().await.unwrap();
        Self { recording, faulty, repository, chunks }
    }

    fn storage(&self) -> &Arc<dyn Storage> {
        self.repository.storage()
    }

    async fn reader(&self) -> Arc<ChunkReader> {
        let reader = self.repository.chunk_reader().await.unwrap();
        self.recording.clear();
        reader
    }

    fn pack(&self, index: &Index) -> IndexedPack {
        let pack = index.pack(0).unwrap();
        let chunks = index.chunks_by_pack()[&0].clone();
        IndexedPack { name: pack.name, size: pack.size, header: pack.header.clone(), chunks }
    }

    /// What a prune does that keeps all that a pack holds.
    async fn move_pack(&self, index: &Index) {
        let old = self.pack(index);
        let name = PackName { incarnation: [9; 4], ..old.name };
        let bytes = self.storage().get(&old.name.to_name()).await.unwrap();
        self.storage().create(&name.to_name(), bytes).await.unwrap();
        let moved = IndexedPack { name, ..old.clone() };
        write_segment(self.storage(), self.repository.keys(), &OsRandom, &[moved]).await.unwrap();
        self.storage().delete(&old.name.to_name()).await.unwrap();
        self.recording.clear();
    }

    fn calls(&self, operation: Operation, folder: &str) -> usize {
        let calls = self.recording.calls();
        calls.iter().filter(|call| call.operation == operation && call.subject.starts_with(folder)).count()
    }

    async fn expect_all(&self, reader: &ChunkReader) {
        let found = reader.get_all(ChunkKind::Data, &self.chunks).await.unwrap();
        for (number, id) in (0..COUNT).zip(&self.chunks) {
            assert_eq!(found[id], vec![number; 1000]);
        }
    }
}

#[tokio::test]
async fn every_chunk_of_a_pack_that_was_moved_is_found_and_the_index_read_again_once() {
    let stored = Stored::new().await;
    let reader = stored.reader().await;
    stored.move_pack(&reader.index()).await;
    stored.expect_all(&reader).await;
    assert_eq!(stored.calls(Operation::Get, "index"), 2);
    stored.expect_all(&reader).await;
    assert_eq!(stored.calls(Operation::Get, "index"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_at_the_same_time_wait_for_the_one_that_reads_the_index_again() {
    let stored = Arc::new(Stored::new().await);
    let reader = stored.reader().await;
    stored.move_pack(&reader.index()).await;
    let reads = stored.chunks.iter().map(|id| {
        let (reader, id) = (reader.clone(), *id);
        tokio::spawn(async move { reader.get(ChunkKind::Data, id).await.map(drop) })
    });
    for read in join_all(reads).await {
        read.unwrap().unwrap();
    }
    assert_eq!(stored.calls(Operation::Get, "index"), 2);
}

#[tokio::test]
async fn what_is_lost_is_looked_for_once() {
    let stored = Stored::new().await;
    let reader = stored.reader().await;
    let strangers = [ChunkId([7; 32]), ChunkId([8; 32])];
    for _ in 0..10 {
        for stranger in strangers {
            let error = reader.get(ChunkKind::Data, stranger).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged);
        }
    }
    assert_eq!((stored.calls(Operation::List, "index"), stored.calls(Operation::Get, "index")), (2, 0));

    stored.storage().delete(&stored.pack(&reader.index()).name.to_name()).await.unwrap();
    stored.recording.clear();
    for id in &stored.chunks {
        let error = reader.get(ChunkKind::Data, *id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.chain().contains("the pack that holds it is missing"), "{}", error.chain());
    }
    assert_eq!((stored.calls(Operation::List, "index"), stored.calls(Operation::Get, "index")), (1, 0));
}

#[tokio::test]
async fn what_was_lost_is_found_when_a_new_segment_knows_it() {
    let stored = Stored::new().await;
    let index = Index::load(stored.storage(), stored.repository.keys()).await.unwrap();
    for object in stored.storage().list_all("index").await.unwrap() {
        stored.storage().delete(&object.name).await.unwrap();
    }
    let reader = stored.reader().await;
    reader.get_all(ChunkKind::Data, &stored.chunks).await.unwrap_err();
    let pack = stored.pack(&index);
    write_segment(stored.storage(), stored.repository.keys(), &OsRandom, &[pack]).await.unwrap();
    // The first one was looked for in vain, the second one was not: it brings the new index for both.
    reader.get(ChunkKind::Data, stored.chunks[1]).await.unwrap();
    stored.expect_all(&reader).await;
}

#[tokio::test]
async fn a_broken_disk_is_damage_and_a_storage_that_does_not_answer_is_not() {
    let stored = Stored::new().await;
    let reader = stored.reader().await;
    let pack = stored.pack(&reader.index()).name.to_name();
    for (failure, kind) in [
        (StorageErrorKind::Other, ErrorKind::Damaged),
        (StorageErrorKind::Unavailable, ErrorKind::Unavailable),
        (StorageErrorKind::Permission, ErrorKind::Permission),
    ] {
        stored.faulty.plan(Fault::new(Harm::FailBefore(failure)).on(Operation::GetRange));
        let error = reader.get_all(ChunkKind::Data, &stored.chunks).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, kind == ErrorKind::Unavailable));
        assert!(error.chain().contains(pack.as_str()), "{}", error.chain());
        stored.faulty.heal();
    }
    stored.expect_all(&reader).await;
}

#[tokio::test]
async fn a_place_that_may_answer_later_is_no_damage() {
    let stored = Stored::new().await;
    let index = stored.reader().await.index();
    let sound = stored.pack(&index);
    let gone = IndexedPack { name: PackName { hash: [0; 32], incarnation: [0; 4] }, ..sound.clone() };
    let mut index = Index::default();
    index.insert(gone);
    index.insert(sound.clone());
    let (storage, keys) = (stored.storage().clone(), stored.repository.keys().clone());
    let reader = ChunkReader::new(storage, keys, Arc::new(index), 0);
    let failure = Fault::new(Harm::FailBefore(StorageErrorKind::Unavailable)).on(Operation::GetRange);
    stored.faulty.plan(failure.named(sound.name.to_name().as_str()));
    let error = reader.get(ChunkKind::Data, stored.chunks[0]).await.unwrap_err();
    assert!(error.is_retryable() && error.kind() == ErrorKind::Unavailable, "{}", error.chain());
    stored.faulty.heal();
    stored.expect_all(&reader).await;
}

#[tokio::test]
async fn what_a_false_segment_says_of_a_pack_hides_nothing_that_is_true() {
    let stored = Stored::new().await;
    let truth = stored.pack(&stored.reader().await.index());
    let header = PackHeader { session: None, ..truth.header.clone() };
    let shifted = truth.chunks.iter().map(|chunk| PackedChunk { offset: chunk.offset + 1, ..*chunk });
    let lies = [
        IndexedPack { chunks: Vec::new(), ..truth.clone() },
        IndexedPack { size: truth.size + 1, ..truth.clone() },
        IndexedPack { chunks: shifted.collect(), ..truth.clone() },
        IndexedPack { header, ..truth.clone() },
        IndexedPack { header: PackHeader { meta_epoch: 77, ..truth.header.clone() }, ..truth.clone() },
    ];
    for lie in lies {
        for order in [[&lie, &truth], [&truth, &lie]] {
            let mut index = Index::default();
            for pack in order {
                index.insert(pack.clone());
            }
            let (storage, keys) = (stored.storage().clone(), stored.repository.keys().clone());
            stored.expect_all(&ChunkReader::new(storage, keys, Arc::new(index), 0)).await;
        }
    }
}

const COUNT: u8 = 5;
