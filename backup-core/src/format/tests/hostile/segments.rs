//! Maps and trees whose segments do not fit together.

use std::fs;
use std::sync::Arc;

use backup_crypto::ChunkId;
use tokio_util::sync::CancellationToken;

use super::{CancelAtData, Hostile, empty_file, file, folder, run};
use crate::ErrorKind;
use crate::engine::{Existing, Extent};
use crate::format::content::{OwnedContent, OwnedExtents};
use crate::format::map;
use crate::format::node::SegmentKind;
use crate::format::tests::example::{self, hole};

#[test]
fn maps_that_are_none_are_refused() {
    run(async {
        let hostile = Hostile::new().await;
        let keys = hostile.repository.keys().clone();
        let chunk = hostile.data(b"ten bytes!").await;
        let hash = keys.content_hash(b"ten bytes!ten bytes!");
        let ten = Extent { chunk: Some(chunk), offset: 0, length: 10 };
        let leaf = hostile.meta(example::map_leaf_of(&[ten])).await;
        let tree = hostile.leaf(&[folder(b"")]).await;
        let node = |children: &[(u64, ChunkId)]| {
            let keys: Vec<_> = children.iter().map(|(offset, chunk)| (map::key(*offset), *chunk)).collect();
            let children: Vec<_> = keys.iter().map(|(key, chunk)| (&key[..], *chunk)).collect();
            example::node_of(SegmentKind::MapNode, &children)
        };
        let sound = hostile.meta(node(&[(0, leaf), (10, leaf)])).await;
        let mut deep = sound;
        for _ in 0..12 {
            deep = hostile.meta(node(&[(0, deep)])).await;
        }
        let roots = [
            ("a gap", hostile.meta(node(&[(0, leaf), (11, leaf)])).await),
            ("an overlap", hostile.meta(node(&[(0, leaf), (9, leaf)])).await),
            ("too short", leaf),
            ("too long", hostile.meta(node(&[(0, leaf), (10, leaf), (20, leaf)])).await),
            ("not from the beginning", hostile.meta(node(&[(1, leaf), (11, leaf)])).await),
            ("one part twice", hostile.meta(node(&[(0, sound), (10, sound)])).await),
            ("a tree", tree),
            ("a tree in a map", hostile.meta(node(&[(0, leaf), (10, tree)])).await),
            ("too deep", deep),
            ("missing", example::chunk(98)),
            ("data", chunk),
        ];
        for (what, root) in roots {
            let content = OwnedContent { hash, size: 20, extents: OwnedExtents::Map(root) };
            let id = hostile.commit_entries(&[file(b"the-file", &content)]).await;
            let said = hostile.expect_found(id).await;
            assert!(said.contains("the-file"), "{what}: {said}");
            assert!(!hostile.target().join("the-file").exists(), "{what}");
        }
        let content = OwnedContent { hash, size: 20, extents: OwnedExtents::Map(sound) };
        let id = hostile.commit_entries(&[file(b"the-file", &content)]).await;
        hostile
            .repository
            .restore(id)
            .to_directory(hostile.target())
            .service("uploads")
            .existing(Existing::Mirror)
            .await
            .unwrap();
        assert_eq!(fs::read(hostile.target().join("the-file")).unwrap(), b"ten bytes!ten bytes!");
    });
}

#[test]
fn nodes_that_are_none_are_refused() {
    run(async {
        let hostile = Hostile::new().await;
        let root = hostile.leaf(&[folder(b""), empty_file(b"a")]).await;
        let later = hostile.leaf(&[empty_file(b"b"), empty_file(b"c")]).await;
        let earlier = hostile.leaf(&[empty_file(b"Z")]).await;
        let node = |children: &[(&[u8], ChunkId)]| example::node_of(SegmentKind::TreeNode, children);
        let sound = hostile.meta(node(&[(b"", root), (b"b", later)])).await;
        let mut deep = sound;
        for _ in 0..12 {
            deep = hostile.meta(node(&[(b"", deep)])).await;
        }
        let extents = hostile.meta(example::map_leaf_of(&[hole(5)])).await;
        let garbage = hostile.meta(b"garbage".to_vec()).await;
        let roots = [
            ("another first key", hostile.meta(node(&[(b"", root), (b"a/x", later)])).await),
            ("the same part twice", hostile.meta(node(&[(b"", root), (b"b", root)])).await),
            ("itself by another way", hostile.meta(node(&[(b"", sound), (b"b", sound)])).await),
            ("an earlier part", hostile.meta(node(&[(b"", root), (b"Z", earlier)])).await),
            ("too deep", deep),
            ("a map", extents),
            ("a map in a tree", hostile.meta(node(&[(b"", root), (b"b", extents)])).await),
            ("garbage", garbage),
            ("missing", example::chunk(97)),
        ];
        for (what, root) in roots {
            let id = hostile.commit_tree(root, (4, 0)).await;
            let said = hostile.expect_found(id).await;
            assert!(!said.is_empty(), "{what}");
        }
        let id = hostile.commit_tree(sound, (4, 0)).await;
        hostile.restore(id).await.unwrap();
        let report = hostile.repository.verify(id).read_data(true).await.unwrap();
        assert_eq!(report.problems, []);
    });
}

/// Two small segments unfold to any number of extents, which must not be in memory together.
#[test]
fn maps_that_unfold_out_of_proportion_are_walked() {
    run(async {
        let hostile = Hostile::new().await;
        let unfolded = |leaf: u64, children: u64| {
            let hostile = &hostile;
            async move {
                let extents = vec![hole(1); usize::try_from(leaf).unwrap()];
                let leaf_id = hostile.meta(example::map_leaf_of(&extents)).await;
                let keys: Vec<_> = (0..children).map(|child| map::key(child * leaf)).collect();
                let children: Vec<_> = keys.iter().map(|key| (&key[..], leaf_id)).collect();
                hostile.meta(example::node_of(SegmentKind::MapNode, &children)).await
            }
        };
        let hash = hostile.repository.keys().content_hash(&vec![0; 1_000_000]);
        let root = unfolded(1000, 1000).await;
        let content = OwnedContent { hash, size: 1_000_000, extents: OwnedExtents::Map(root) };
        let id = hostile.commit_entries(&[file(b"sparse", &content)]).await;
        hostile.restore(id).await.unwrap();
        assert_eq!(fs::read(hostile.target().join("sparse")).unwrap(), vec![0; 1_000_000]);

        let root = unfolded(100_000, 50_000).await;
        let content = OwnedContent { hash, size: 5_000_000_000, extents: OwnedExtents::Map(root) };
        let id = hostile.commit_entries(&[file(b"sparse", &content)]).await;
        let token = CancellationToken::new();
        let watched = hostile.repository.observed_by(Arc::new(CancelAtData(token.clone())));
        let error = watched.verify(id).read_data(true).cancel(token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    });
}
