//! Altered records, sealed as if they were right and read through the whole library.

use proptest::test_runner::{Config, TestRunner};
use proptest::{collection::vec, prelude::*};

use super::example;
use super::hostile::Hostile;
use crate::engine::{Entries, EntryKind};
use crate::{ErrorKind, Share};

/// A manifest and a leaf with a few bytes replaced, removed or added.
fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
    vec((any::<prop::sample::Index>(), 0..6_usize, vec(any::<u8>(), 0..6)), 1..3)
}

fn edited(mut plain: Vec<u8>, edits: &[(prop::sample::Index, usize, Vec<u8>)]) -> Vec<u8> {
    for (from, removed, bytes) in edits {
        let from = from.index(plain.len() + 1);
        plain.splice(from..plain.len().min(from + removed), bytes.iter().copied());
    }
    plain
}

fn leaf() -> Vec<u8> {
    let mut entries = Entries::new();
    entries.push(&example::entry(b"", EntryKind::Directory));
    entries.push(&example::entry(b"a", EntryKind::Directory));
    entries.push(&example::entry(b"a/b", EntryKind::File));
    entries.push(&example::entry(b"c", EntryKind::Fifo));
    example::leaf_of(&entries)
}

async fn read_in_every_way(hostile: &Hostile, id: crate::BackupId) {
    let known = |kind| matches!(kind, ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::NotFound);
    hostile.repository.backups().await.unwrap();
    for read_data in [false, true] {
        if let Err(error) = hostile.repository.verify(id).read_data(read_data).await {
            assert!(known(error.kind()), "{}", error.chain());
        }
    }
    hostile.repository.check().read_data(Share::ALL).await.unwrap();
    let plan = hostile.repository.restore(id).to_directory(hostile.target()).plan().await;
    if let Err(error) = plan {
        assert!(known(error.kind()), "{}", error.chain());
    }
}

#[test]
fn altered_manifests_and_leaves_are_harmless() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(60) });
    let result = runner.run(&(edits(), any::<bool>()), |(edits, of_manifest)| {
        runtime.block_on(async {
            let hostile = Hostile::new().await;
            let id = if of_manifest {
                let plain = example::manifest().encode().unwrap();
                hostile.commit_plain(edited(plain, &edits)).await
            } else {
                let root = hostile.meta(edited(leaf(), &edits)).await;
                hostile.commit_tree(root, (4, 0)).await
            };
            read_in_every_way(&hostile, id).await;
        });
        Ok(())
    });
    result.unwrap();
}
