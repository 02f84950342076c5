//! Many small files.

use backup_core::Environment;

use crate::home::{create, expect_sound, memory, shop, stored};
use crate::tree::{Data, Tree};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_small_files_make_few_chunks_and_little_to_do_later() {
    let storage = memory();
    let repository = create(&storage).await;
    let tree = Tree::many(100_000);
    let first = repository.backup(&shop(&tree)).await.unwrap();
    assert_eq!(first.logical_bytes, 100_000 * 4096);
    let verified = repository.verify(first.id).await.unwrap();
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    assert!(verified.chunks <= first.logical_bytes / HALF_MIB, "{} data chunks", verified.chunks);

    let unchanged = repository.backup(&shop(&tree)).await.unwrap();
    assert_eq!((unchanged.unchanged_entries, unchanged.read_bytes), (100_000, 0));
    assert!(unchanged.stored_bytes < first.logical_bytes / 1000, "{} bytes stored", unchanged.stored_bytes);

    let (packs, all) = (stored(&storage, "packs").await, stored(&storage, "").await);
    tree.write("0500/50", Data::Noise(u64::MAX, 4096));
    let changed = repository.backup(&shop(&tree)).await.unwrap();
    assert_eq!((changed.unchanged_entries, changed.read_bytes), (99_999, 4096));
    // Less than is allowed to the tree alone, so neither of the two limits (256 KiB of data, 64 KiB of tree) is exceeded.
    let added = stored(&storage, "packs").await - packs;
    assert!(added <= 64 * 1024, "one changed file added {added} bytes of packs");
    assert!(stored(&storage, "").await - all <= 80 * 1024, "one changed file added much more than packs");

    // Another environment has no parent here, so all is read again; the bundles are the same but for the one that changed.
    let other = Environment::new("other").service("files", tree.clone());
    let again = repository.backup(&other).await.unwrap();
    assert_eq!((again.parent, again.read_bytes), (None, first.logical_bytes));
    assert!(again.stored_bytes < 8 * 1024 * 1024, "{} bytes stored again", again.stored_bytes);
}

#[tokio::test]
async fn a_changed_file_changes_the_bundles_around_it_only() {
    let repository = create(&memory()).await;
    let tree = Tree::many(4_000);
    let first = repository.backup(&shop(&tree)).await.unwrap();
    // Inserted, so that everything after it is shifted.
    tree.write("0020/05a", Data::Noise(u64::MAX, 1_000));
    let second = repository.backup(&Environment::new("other").service("files", tree.clone())).await.unwrap();
    assert_eq!(second.parent, None);
    assert!(
        second.stored_bytes < first.stored_bytes / 3,
        "{} of {}",
        second.stored_bytes,
        first.stored_bytes
    );
    assert_eq!(crate::home::files(&repository, second.id).await, tree.files());
    expect_sound(&repository, "with two environments").await;
}

#[tokio::test]
async fn files_at_the_limits_of_bundles_come_back() {
    let repository = create(&memory()).await;
    let tree = Tree::default();
    let limit = usize::try_from(backup_core::BUNDLE_LIMIT).unwrap();
    for (seed, size) in (0..).zip([0, 1, limit - 1, limit, limit + 1, 512 * 1024, 2 * 1024 * 1024, 5_000_000])
    {
        tree.write(&format!("of/{size}"), Data::Noise(seed, size));
        tree.write(&format!("of/{size}.again"), Data::Noise(seed, size));
    }
    for number in 0..30 {
        tree.write(&format!("just below/{number}"), Data::Noise(1_000 + number, limit - 1));
    }
    let report = repository.backup(&shop(&tree)).await.unwrap();
    assert_eq!(crate::home::files(&repository, report.id).await, tree.files());
    expect_sound(&repository, "with files of all sizes").await;
}

const HALF_MIB: u64 = 512 * 1024;
