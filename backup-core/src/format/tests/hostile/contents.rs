//! Contents that are not what they claim to be.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{CancelAtData, Hostile, empty_file, file, folder, inline, run};
use crate::ErrorKind;
use crate::engine::{Content, Entries, Entry, Extent, ExtentList, Layout, StoredContent};
use crate::format::manifest::ArtifactRecord;
use crate::format::references::ReferenceBuilder;
use crate::format::tests::example::{self, data, hole};

#[test]
fn contents_that_are_not_what_they_claim_are_refused() {
    run(async {
        let hostile = Hostile::new().await;
        let keys = hostile.repository.keys().clone();
        let chunk = hostile.data(b"ten bytes!").await;
        let part = |offset, length| Extent { chunk: Some(chunk), offset, length };
        let right = keys.content_hash(b"ten bytes!");
        let beyond = inline(right, vec![part(1, 10)]);
        let far = inline(right, vec![part(4_194_303, 1)]);
        let wrong = inline(keys.content_hash(b"another"), vec![part(0, 10)]);
        let shifted = inline(right, vec![part(1, 9), part(0, 1)]);
        let missing = inline(right, vec![data(99, 0, 10)]);
        let segment = hostile.leaf(&[folder(b"")]).await;
        let of_meta = inline(right, vec![Extent { chunk: Some(segment), offset: 0, length: 10 }]);
        for content in [beyond, far, wrong, shifted, missing, of_meta] {
            let id = hostile.commit_entries(&[file(b"the-file", &content)]).await;
            let said = hostile.expect_found(id).await;
            assert!(said.contains("the-file"), "{content:?}: {said}");
            assert!(!hostile.target().join("the-file").exists(), "{content:?}");
            // The same as a stream, which is written while it is read.
            let mut references = ReferenceBuilder::default();
            let stream =
                ArtifactRecord::stream("the-stream", Layout::Opaque, Some(&content), &mut references)
                    .unwrap();
            let id = hostile.commit(vec![stream], &mut references).await;
            let said = hostile.expect_found(id).await;
            assert!(said.contains("the-stream"), "{content:?}: {said}");
            assert!(!hostile.target().join("the-stream").exists(), "{content:?}");
        }
        // Data where metadata should be.
        let leaf = {
            let mut all = Entries::new();
            all.push(&folder(b""));
            example::leaf_of(&all)
        };
        let root = hostile.data(&leaf).await;
        let id = hostile.commit_tree(root, (1, 0)).await;
        hostile.expect_found(id).await;
    });
}

#[test]
fn extended_attributes_that_are_none_are_refused() {
    run(async {
        let hostile = Hostile::new().await;
        for block in [&[0xff; 40][..], &[4, 0, 255, 255, 255, 255, b'u', b's', b'e', b'r'], &[1]] {
            let chunk = hostile.data(block).await;
            let extents = [Extent { chunk: Some(chunk), offset: 0, length: block.len() as u64 }];
            let hash = hostile.repository.keys().content_hash(block);
            let stored =
                StoredContent { hash, size: block.len() as u64, extents: ExtentList::Inline(&extents) };
            let xattrs = Content::Stored(stored);
            let id = hostile.commit_entries(&[Entry { xattrs, ..empty_file(b"the-file") }]).await;
            let said = hostile.expect_refused(id).await;
            assert!(said.contains("the-file"), "{said}");
        }
    });
}

#[test]
fn huge_sizes_are_refused_without_being_allocated() {
    run(async {
        let hostile = Hostile::new().await;
        let hash = hostile.repository.keys().content_hash(b"");
        let sizes = [u64::MAX, 1 << 63];
        for size in sizes {
            let content = inline(hash, vec![hole(size)]);
            let id = hostile.commit_entries(&[file(b"a", &content), file(b"b", &content)]).await;
            let restored = hostile.restore(id).await;
            assert!(restored.is_err(), "{size}");
        }
        for totals in [(u64::MAX, 0), (0, u64::MAX), (1 << 63, 1), (1, 1 << 63)] {
            let root = hostile.leaf(&[folder(b"")]).await;
            let id = hostile.commit_tree(root, totals).await;
            hostile.expect_refused(id).await;
        }
        let mut references = ReferenceBuilder::default();
        let root = hostile.leaf(&[folder(b"")]).await;
        let mut tree = |name: &str| {
            ArtifactRecord::tree(name, Layout::Opaque, (1 << 62, 1 << 62), root, &mut references).unwrap()
        };
        let trees = vec![tree("a"), tree("b"), tree("c"), tree("d")];
        let id = hostile.commit(trees, &mut references).await;
        hostile.expect_found(id).await;
    });
}

#[test]
fn holes_without_end_can_be_cancelled() {
    run(async {
        let hostile = Hostile::new().await;
        let hash = hostile.repository.keys().content_hash(b"");
        let content = inline(hash, vec![hole((1 << 63) - 1)]);
        let id = hostile.commit_entries(&[file(b"a", &content)]).await;
        let token = CancellationToken::new();
        let watched = hostile.repository.observed_by(Arc::new(CancelAtData(token.clone())));
        let error = watched.verify(id).read_data(true).cancel(token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    });
}
