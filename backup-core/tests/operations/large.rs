//! Large and sparse files.

use backup_core::engine::{Content, Entries, ExtentList, Piece};
use backup_core::storage::Bytes;
use futures_util::StreamExt as _;

use crate::home::{create, expect_sound, files, memory, shop};
use crate::tree::{Data, Tree, noise};

/// The pieces of the only file of a backup, neighbouring holes as one, and whether a content map holds its extents.
async fn pieces(repository: &backup_core::Repository, id: backup_core::BackupId) -> (Vec<Piece>, bool) {
    let service = repository.service(&id, "files").await.unwrap();
    let mut tree = service.tree("tree", b"file").await.unwrap();
    let entries: Entries = tree.next().await.unwrap().unwrap();
    let Content::Stored(content) = entries.get(0).unwrap().content else { panic!("the file has no content") };
    let mapped = matches!(content.extents, ExtentList::Map(_));
    let mut pieces: Vec<Piece> = Vec::new();
    let mut stream = service.content(content).await.unwrap();
    while let Some(piece) = stream.next().await {
        match (piece.unwrap(), pieces.last_mut()) {
            (Piece::Hole(more), Some(Piece::Hole(length))) => *length += more,
            (piece, _) => pieces.push(piece),
        }
    }
    (pieces, mapped)
}

/// So many pieces of data with a hole after each.
fn perforated(count: u64, hole: u64) -> Vec<Piece> {
    (0..count).flat_map(|number| [Piece::Data(noise(number, 300)), Piece::Hole(hole)]).collect()
}

#[tokio::test]
async fn extents_stand_in_the_entry_up_to_64_and_in_a_map_from_then_on() {
    let repository = create(&memory()).await;
    for (count, expected) in [(32, false), (33, true), (2_000, true)] {
        let tree = Tree::default();
        tree.write("file", Data::Pieces(perforated(count, 4_096)));
        let report = repository.backup(&shop(&tree)).await.unwrap();
        let (found, mapped) = pieces(&repository, report.id).await;
        assert_eq!(mapped, expected, "{} extents", 2 * count);
        assert!(found == perforated(count, 4_096), "{} extents came back differently", 2 * count);
        // Known from the parent, map and all.
        let again = repository.backup(&shop(&tree)).await.unwrap();
        assert_eq!((again.unchanged_entries, again.read_bytes), (1, 0));
        assert!(pieces(&repository, again.id).await.0 == found);
    }
    expect_sound(&repository, "with content maps").await;
}

#[tokio::test]
async fn a_change_within_a_map_stores_little_of_it_again() {
    let repository = create(&memory()).await;
    let tree = Tree::default();
    let mut content = perforated(5_000, 4_096);
    tree.write("file", Data::Pieces(content.clone()));
    let first = repository.backup(&shop(&tree)).await.unwrap();
    content[5_000] = Piece::Data(noise(1_000_000, 300));
    tree.write("file", Data::Pieces(content.clone()));
    let second = repository.backup(&shop(&tree)).await.unwrap();
    assert!(
        second.stored_bytes < first.stored_bytes / 10,
        "{} of {}",
        second.stored_bytes,
        first.stored_bytes
    );
    assert!(pieces(&repository, second.id).await.0 == content);
}

#[tokio::test]
async fn holes_of_gigabytes_take_no_space_and_come_back_as_holes() {
    const GIB: u64 = 1024 * 1024 * 1024;
    let repository = create(&memory()).await;
    let tree = Tree::default();
    let content = vec![Piece::Hole(GIB), Piece::Data(noise(1, 10_000)), Piece::Hole(GIB)];
    tree.write("file", Data::Pieces(content.clone()));
    let report = repository.backup(&shop(&tree)).await.unwrap();
    assert_eq!((report.logical_bytes, report.read_bytes), (2 * GIB + 10_000, 10_000));
    assert!(report.stored_bytes < 20_000, "{} bytes stored", report.stored_bytes);
    assert!(pieces(&repository, report.id).await.0 == content);
}

#[tokio::test]
async fn a_shifted_file_finds_its_chunks_again() {
    let repository = create(&memory()).await;
    let tree = Tree::default();
    let bytes = noise(1, 20_000_000);
    tree.write("file", Data::Pieces(vec![Piece::Data(bytes.clone())]));
    repository.backup(&shop(&tree)).await.unwrap();
    let shifted = Bytes::from([b"inserted", &bytes[..]].concat());
    tree.write("file", Data::Pieces(vec![Piece::Data(shifted)]));
    let second = repository.backup(&shop(&tree)).await.unwrap();
    assert!(second.stored_bytes < 5_000_000, "{} bytes stored again", second.stored_bytes);
    assert!(files(&repository, second.id).await == tree.files(), "the content differs");
}
