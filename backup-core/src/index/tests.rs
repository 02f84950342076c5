use backup_crypto::{ChunkKind, KdfParameters, OsRandom, Passphrase};
use backup_storage::ObjectStorage;

use super::*;
use crate::Repository;

fn pack(chunks: impl IntoIterator<Item = (u32, u32)>) -> IndexedPack {
    let chunk = |(number, offset): (u32, u32)| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        PackedChunk { id: ChunkId(id), kind: ChunkKind::Data, offset, stored: 17, plain: 1 }
    };
    let chunks = chunks.into_iter().map(chunk).collect();
    let name = PackName { hash: [1; 32], incarnation: [2; 4] };
    let header = PackHeader { meta_epoch: 1, author: AuthorId([3; 16]), salt: [4; 16], session: None };
    IndexedPack { name, size: 1 << 20, header, chunks }
}

#[test]
fn a_pack_that_several_segments_name_is_one_with_all_they_say() {
    let mut index = Index::default();
    index.insert(pack([(0, 10), (1, 20)]));
    index.insert(pack([(0, 10), (1, 20), (2, 30)]));
    index.insert(pack([(0, 11)]));
    index.insert(pack([(0, 11)]));
    index.insert(IndexedPack { size: 1 << 21, ..pack([(0, 10)]) });
    assert_eq!((index.packs().len(), index.chunk_count()), (2, 3));
    let places = |number| {
        let id = pack([(number, 0)]).chunks[0].id;
        index.locations(&id).map(|place| (place.pack, place.chunk.offset)).collect::<Vec<_>>()
    };
    assert_eq!(places(0), [(0, 10), (0, 11), (1, 10)]);
    assert_eq!(places(1), [(0, 20)]);
    assert_eq!(places(2), [(0, 30)]);
}

#[tokio::test]
async fn a_segment_that_nobody_could_read_is_not_written() {
    let storage: Arc<dyn Storage> = Arc::new(ObjectStorage::memory());
    let builder = Repository::builder(storage.clone()).keys(Passphrase::from("index"));
    let repository = builder.kdf(KdfParameters::insecure_for_tests()).create().await.unwrap();
    let too_many = u32::try_from(limit::INDEX / 48 + 1).unwrap();
    let pack = pack((0..too_many).map(|number| (number, 0)));
    let error = write_segment(&storage, repository.keys(), &OsRandom, &[pack]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(storage.list_all(names::INDEX).await.unwrap().is_empty());
}
