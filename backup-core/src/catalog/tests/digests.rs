//! Digests: how many there are, and that nothing depends on them.

use std::collections::HashSet;

use backup_policy::Hold;
use backup_storage::{Name, StorageExt as _};
use bytes::Bytes;

use super::{Watched, context, id};
use crate::catalog::Scope;
use crate::format::digest::{Digest, Item, encode_summary};
use crate::format::header::Kind;
use crate::format::manifest::Bytes32;
use crate::format::names::{self, ManifestName};
use crate::format::record;
use crate::note::Statement;
use crate::{BackupStatus, Repository};

/// Replaces an object.
async fn overwrite(repository: &Repository, name: &Name, bytes: Vec<u8>) {
    repository.storage().delete(name).await.unwrap();
    repository.storage().create(name, Bytes::from(bytes)).await.unwrap();
}

async fn put_digest(repository: &Repository, mut digest: Digest) {
    let sealed =
        record::seal(repository.keys(), &**repository.random(), Kind::Catalog, &[], digest.encode().unwrap());
    let sealed = sealed.unwrap();
    let name = names::hashed(names::CATALOG, &names::hash(&sealed));
    repository.storage().create(&name, Bytes::from(sealed)).await.unwrap();
}

#[tokio::test]
async fn digests_grow_like_a_binary_counter() {
    let writer = Watched::new().await;
    for number in 0..150_u32 {
        writer.put_backups(number..number + 1).await;
        let full = (number + 1) / 8;
        assert_eq!(writer.digests().await.len(), full as usize, "one for each eight backups");
        let digests = writer.reopened().await.repository.digests().await.unwrap();
        assert_eq!(digests.live.len(), full.count_ones() as usize, "after {} backups", number + 1);
        let covered: usize = digests.live.values().map(|known| known.len()).sum();
        assert_eq!(covered, full as usize * 8);
    }
    let reader = writer.reopened().await;
    assert_eq!(reader.numbers().await.len(), 150);
    // 144 = 128 + 16 in two digests, 6 in none.
    assert_eq!(reader.gets(), 2 + 6);
}

#[tokio::test]
async fn a_digest_holds_notes_too_and_says_the_same() {
    let writer = Watched::new().await;
    let names = writer.put_backups(0..8).await;
    for name in &names {
        let hold = Statement::Hold { id: "case".into(), until_ms: None };
        writer.repository.put_note(name, hold, Some("alice")).await.unwrap();
    }
    let before = writer.reopened().await.repository.backups().await.unwrap();
    assert!(before.iter().all(|info| info.holds == [Hold::open("case")]));
    writer.write_digest().await;
    let reader = writer.reopened().await;
    assert_eq!(reader.repository.backups().await.unwrap(), before);
    assert_eq!(reader.gets(), 1, "all in one digest");
}

#[tokio::test]
async fn the_list_shows_what_exists_whatever_digests_say() {
    let writer = Watched::new().await;
    let names = writer.put_backups(0..20).await;
    // Gone without a trace, and never there.
    for object in [names[3].to_name(), names[3].to_confirmation(), names[5].to_confirmation()] {
        writer.repository.storage().delete(&object).await.unwrap();
    }
    let never = ManifestName { id: id(7_777), hash: [7; 32], ..names[0] };
    let content = encode_summary(&super::body("shop/production", 7_777)).unwrap();
    let misplaced = Item::of_manifest(&names[19], encode_summary(&super::body("other", 19)).unwrap());
    let nonsense = Item::of_manifest(&names[18], b"nonsense".to_vec());
    let items = vec![Item::of_manifest(&never, content), misplaced, nonsense];
    put_digest(&writer.repository, Digest { manifests: items, ..Digest::default() }).await;

    let reader = writer.reopened().await;
    let expected: Vec<u32> = (0..20).filter(|number| ![3, 5].contains(number)).collect();
    assert_eq!(reader.numbers().await, expected);
    let all = reader.repository.backups().any_status().await.unwrap();
    let unconfirmed: Vec<_> =
        all.iter().filter(|info| info.status == BackupStatus::Unconfirmed).map(|info| info.id).collect();
    assert_eq!((all.len(), unconfirmed), (19, vec![names[5].id]));
    assert_eq!(reader.warnings(), 0);
    // What is gone is dropped when digests are merged.
    writer.put_backups(20..60).await;
    let covered = writer.reopened().await.repository.digests().await.unwrap();
    assert!(covered.body(&names[3]).is_none() && covered.body(&never).is_none());
    assert!(covered.body(&names[4]).is_some());
}

#[tokio::test]
async fn a_damaged_digest_is_passed_over_and_replaced() {
    let writer = Watched::new().await;
    writer.put_backups(0..40).await;
    let digest = writer.digests().await.remove(0).name;
    let bytes = writer.repository.storage().get(&digest).await.unwrap().to_vec();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let mut newer = bytes.clone();
    newer[4] = 9;
    for (harm, bad) in [("flipped", flipped), ("cut", bytes[..50].to_vec()), ("empty", Vec::new())] {
        overwrite(&writer.repository, &digest, bad).await;
        let reader = writer.reopened().await;
        assert_eq!(reader.numbers().await.len(), 40, "{harm}");
        assert_eq!((reader.gets(), reader.warnings()), (41, 1), "{harm}");
        let notice = &reader.observer.notices()[0];
        assert!(notice.path == digest.as_str() && notice.message.contains("digest"), "{notice:?}");
    }
    // The next one covers all again, and nobody looks at the damaged one any more.
    let healer = writer.reopened().await;
    healer.repository.write_digest(&context(&healer.repository)).await;
    let reader = writer.reopened().await;
    assert_eq!((reader.numbers().await.len(), reader.gets(), reader.warnings()), (40, 1, 0));
}

#[tokio::test]
async fn a_digest_of_a_newer_version_is_left_alone() {
    let writer = Watched::new().await;
    writer.put_backups(0..8).await;
    // Named rightly, but of a version to come.
    let first = writer.digests().await.remove(0).name;
    let mut newer = writer.repository.storage().get(&first).await.unwrap().to_vec();
    newer[4] = 9;
    let hash = names::hash(&newer);
    writer
        .repository
        .storage()
        .create(&names::hashed(names::CATALOG, &hash), Bytes::from(newer))
        .await
        .unwrap();
    writer.put_backups(8..16).await;
    let reader = writer.reopened().await;
    let digests = reader.repository.digests().await.unwrap();
    assert!(digests.unsupported.contains(&hash));
    assert!(digests.live.values().all(|known| !known.replaces.contains(&hash)));
    assert_eq!(reader.numbers().await.len(), 16);
}

#[tokio::test]
async fn digests_that_replace_each_other_or_everything_hide_nothing() {
    let writer = Watched::new().await;
    let names = writer.put_backups(0..16).await;
    let real = writer.digests().await;
    let replaces = real
        .iter()
        .filter_map(|object| names::parse_hashed(object.name.as_str(), names::CATALOG))
        .map(Bytes32);
    put_digest(&writer.repository, Digest { replaces: replaces.collect(), ..Digest::default() }).await;
    let reader = writer.reopened().await;
    assert_eq!(reader.numbers().await.len(), 16);
    assert!(reader.gets() >= names.len(), "all are read themselves");
    writer.reopened().await.write_digest().await;
    let reader = writer.reopened().await;
    assert_eq!((reader.numbers().await.len(), reader.gets()), (16, 1));
}

#[tokio::test]
async fn two_writers_at_once_cover_everything() {
    let first = Watched::new().await;
    first.put_backups(0..7).await;
    let second = first.reopened().await;
    first.put_backup("shop", 7).await;
    // Both see eight that no digest has.
    let (one, two) = (context(&first.repository), context(&second.repository));
    tokio::join!(first.repository.write_digest(&one), second.repository.write_digest(&two));
    let reader = first.reopened().await;
    assert_eq!(reader.numbers().await.len(), 8);
    first.put_backups(8..16).await;
    let reader = first.reopened().await;
    assert_eq!(reader.numbers().await.len(), 16);
    assert_eq!(reader.gets(), 1, "the next one merged them");
}

#[tokio::test]
async fn heads_are_known_without_the_manifests() {
    let writer = Watched::new().await;
    let names = writer.put_backups(0..32).await;
    let reader = writer.reopened().await;
    let catalog = reader.repository.catalog(None, Scope::Confirmed).await.unwrap();
    let all: HashSet<_> = names.iter().map(|name| name.hash).collect();
    // The heads that these manifests name exist nowhere, so each is a head.
    assert_eq!(catalog.heads().iter().map(|head| head.0).collect::<HashSet<_>>(), all);
    assert!(catalog.heads().is_sorted_by_key(|head| head.0));
    assert_eq!(reader.gets(), 1);
}
