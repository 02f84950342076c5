use backup_crypto::{ContentHash, KdfParameters, Passphrase};
use backup_storage::ObjectStorage;

use super::*;
use crate::Repository;

fn part(chunk: u8, length: u64) -> Extent {
    Extent { chunk: Some(ChunkId([chunk; 32])), offset: 0, length }
}

fn content(extents: &[Extent]) -> StoredContent<'_> {
    let size = extents.iter().map(|extent| extent.length).sum();
    StoredContent { hash: ContentHash([0; 32]), size, extents: ExtentList::Inline(extents) }
}

#[test]
fn contents_are_read_in_groups_of_few_chunks() {
    let own: Vec<[Extent; 1]> = (0..40).map(|number| [part(number, 10)]).collect();
    let own: Vec<_> = own.iter().map(|extents| content(extents)).collect();
    let (count, ids) = together(&own);
    assert_eq!((count, ids.len()), (CHUNKS_AT_ONCE, CHUNKS_AT_ONCE));

    let bundled = [part(1, 10)];
    let bundled = vec![content(&bundled); 1000];
    assert_eq!(together(&bundled), (1000, vec![ChunkId([1; 32])]));

    let long: Vec<Extent> = (10..19).map(|number| part(number, 10)).collect();
    let map = StoredContent { extents: ExtentList::Map(ChunkId([9; 32])), ..own[0] };
    for alone in [content(&long), map] {
        assert_eq!(together(&[alone]), (0, Vec::new()));
        assert_eq!(together(&[own[0], alone, own[1]]), (1, vec![ChunkId([0; 32])]));
    }
}

#[tokio::test]
async fn a_small_content_does_not_keep_its_chunk_in_memory() {
    let storage: Arc<dyn backup_storage::Storage> = Arc::new(ObjectStorage::memory());
    let builder = Repository::builder(storage).keys(Passphrase::from("contents"));
    let repository = builder.kdf(KdfParameters::insecure_for_tests()).create().await.unwrap();
    let chunk = Bytes::from(vec![7; 1000]);
    let chunks = HashMap::from([(ChunkId([1; 32]), chunk.clone())]);
    for (length, shares) in [(1000, true), (500, true), (499, false), (1, false)] {
        let extents = [part(1, length)];
        let expected = vec![7; usize::try_from(length).unwrap()];
        let hash = repository.keys().content_hash(&expected);
        let found = put_together(repository.keys(), &StoredContent { hash, ..content(&extents) }, &chunks);
        let found = found.unwrap();
        assert_eq!(found, expected);
        assert_eq!(found.as_ptr() == chunk.as_ptr(), shares, "{length}");
    }
}
