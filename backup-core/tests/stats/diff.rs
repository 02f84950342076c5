//! Comparing two backups: order, services, streams, what is read, and what goes wrong.

use std::sync::Arc;

use backup_core::engine::{Layout, printable_path};
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation, Recording};
use backup_core::storage::{ErrorKind as StorageErrorKind, Storage};
use backup_core::{CancellationToken, Change, DiffKind, Difference, Environment, ErrorKind, Repository};
use futures_util::FutureExt as _;

use crate::changes::{all, back_up};
use crate::home::{builder, create, memory};
use crate::memory::{Item, Memory, Part};
use crate::random::large;
use crate::tree::noise;

fn stream(name: &str, layout: Layout, bytes: &[u8]) -> (String, Layout, Vec<u8>) {
    (name.to_owned(), layout, bytes.to_vec())
}

fn words(changes: &[Change]) -> Vec<String> {
    let word = |change: &Change| {
        let what = match change.difference {
            Difference::Added => "added",
            Difference::Removed => "removed",
            _ => "modified",
        };
        format!("{what} {}/{}/{}", change.service, change.artifact, printable_path(&change.path))
    };
    changes.iter().map(word).collect()
}

#[tokio::test]
async fn services_artifacts_and_paths_come_in_order() {
    let repository = create(&memory()).await;
    let plain = Layout::ContentDefined;
    let old = Memory {
        items: vec![Item::folder(""), Item::file("a", b"1"), Item::file("b", b"2")],
        streams: vec![
            stream("dump", plain, b"one"),
            stream("gone", plain, b"abc"),
            stream("same", plain, b"s"),
        ],
    };
    let new = Memory {
        items: vec![Item::folder(""), Item::file("a", b"1"), Item::file("b", b"3"), Item::file("c", b"")],
        streams: vec![
            stream("dump", plain, b"other"),
            stream("same", plain, b"s"),
            stream("zoo", plain, b""),
        ],
    };
    let other = Memory { items: vec![Item::folder(""), Item::file("x", b"xyz")], streams: Vec::new() };
    let before = Environment::new("shop").service("m", old).service("left", other.clone());
    let after = Environment::new("shop").service("m", new).service("came", other);
    let old = repository.backup(&before).await.unwrap().id;
    let new = repository.backup(&after).await.unwrap().id;
    let (changes, summary) = all(repository.diff(old, new)).await;
    let expected = [
        "added came//",
        "removed left//",
        "modified m/dump/",
        "removed m/gone/",
        "modified m/tree/b",
        "added m/tree/c",
        "added m/zoo/",
    ];
    assert_eq!(words(&changes), expected);
    let service = changes[0].new.unwrap();
    assert_eq!((service.kind, service.entries, service.bytes), (DiffKind::Service, 2, 3));
    assert_eq!((changes[2].changed_bytes, changes[4].changed_bytes), (Some(5), Some(1)));
    assert_eq!((summary.added, summary.removed, summary.modified), (4, 3, 2));
    assert_eq!((summary.added_bytes, summary.removed_bytes, summary.changed_bytes), (3, 6, 6));

    let (changes, _) = all(repository.diff(old, new).service("left").service("came")).await;
    assert_eq!(words(&changes), ["added came//", "removed left//"]);
    let (changes, _) = all(repository.diff(old, new).service("m").paths(["b"])).await;
    assert_eq!(words(&changes), ["modified m/tree/b"]);
    let error = repository.diff(old, new).service("typo").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.remedy().contains("came, left, m"), "{}", error.remedy());
    assert_eq!(all(repository.diff(new, new)).await.0, []);
}

#[tokio::test]
async fn a_change_is_one_line_of_json() {
    let repository = create(&memory()).await;
    let old = back_up(&repository, &[Item::folder(""), Item::file("a", b"1")]).await;
    let odd = Item { path: b"\xff".to_vec(), ..Item::file("", b"new") };
    let new = back_up(&repository, &[Item::folder(""), Item::link("a", "b"), odd]).await;
    let (changes, summary) = all(repository.diff(old, new)).await;
    let lines: Vec<String> = changes.iter().map(|change| serde_json::to_string(change).unwrap()).collect();
    assert_eq!(
        lines,
        [
            concat!(
                r#"{"service":"files","artifact":"tree","path":"a","change":"modified","content":true,"metadata":false,"kind":true,"#,
                r#""old":{"kind":"file","entries":1,"bytes":1},"new":{"kind":"symlink","entries":1,"bytes":0},"changed_bytes":0}"#
            ),
            concat!(
                r#"{"service":"files","artifact":"tree","path":"\\xff","change":"added","#,
                r#""old":null,"new":{"kind":"file","entries":1,"bytes":3},"changed_bytes":null}"#
            ),
        ]
    );
    assert_eq!((summary.added, summary.modified), (1, 1));
}

/// Of a large content that was changed in one place, about one chunk is new; of pages, the pages.
#[tokio::test]
async fn changed_bytes_are_those_of_new_chunks() {
    const PAGE: usize = 4096;
    const SIZE: usize = 90 << 20;
    let repository = create(&memory()).await;
    let bytes = noise(1, SIZE).to_vec();
    let mut edited = bytes.clone();
    for page in [3, 7000, 7002] {
        edited[page * PAGE] ^= 1;
    }
    let paged = Layout::Paged { page_size: 4096 };
    let ids = {
        let mut ids = Vec::new();
        for bytes in [bytes, edited] {
            let file = Item::sparse("file", vec![Part::Data(bytes.clone()), Part::Hole(1 << 30)]);
            let items = vec![Item::folder(""), file];
            let engine = Memory { items, streams: vec![stream("pages", paged, &bytes)] };
            let made = repository.backup(&Environment::new("shop").service("m", engine)).await.unwrap();
            ids.push(made.id);
        }
        ids
    };
    let (changes, _) = all(repository.diff(ids[0], ids[1])).await;
    assert_eq!(words(&changes), ["modified m/pages/", "modified m/tree/file"]);
    for change in &changes {
        let changed = change.changed_bytes.unwrap();
        assert!((1..=3 * 4 * 1024 * 1024).contains(&changed), "{change:?}");
    }
}

async fn watched(storage: &Arc<dyn Storage>) -> (Repository, Arc<Recording>) {
    let recording = Arc::new(Recording::new(storage.clone()));
    let inner: Arc<dyn Storage> = recording.clone();
    (builder(&inner).memory(1).open().await.unwrap(), recording)
}

#[tokio::test]
async fn what_both_have_is_not_read() {
    let storage = memory();
    let repository = create(&storage).await;
    let mut items = large(40_000);
    let old = back_up(&repository, &items).await;
    items[31_000].metadata.mode = 0o700;
    items.remove(20_000);
    let new = back_up(&repository, &items).await;

    let (repository, recording) = watched(&storage).await;
    repository.verify(old).await.unwrap();
    let whole = recording.bytes(Operation::GetRange);
    recording.clear();
    let (changes, _) = all(repository.diff(old, new)).await;
    assert_eq!(changes.len(), 2);
    let read = recording.bytes(Operation::GetRange);
    assert!(read < whole / 10, "{read} of {whole} bytes");

    recording.clear();
    let same = back_up(&create(&memory()).await, &items).await;
    assert_ne!(same, new);
    assert_eq!(all(repository.diff(new, new)).await.0, []);
    assert_eq!(recording.bytes(Operation::GetRange), 0);
}

/// Calls that are dropped or fail lose nothing and give nothing twice.
#[tokio::test]
async fn interrupted_calls_lose_no_change() {
    const FAILURES: u64 = 3;
    let faulty = Arc::new(Faulty::new(memory()));
    let storage: Arc<dyn Storage> = faulty.clone();
    let repository = create(&storage).await;
    let old = back_up(&repository, &large(5000)).await;
    let mut items = large(6000);
    items.retain(|item| item.path.last() != Some(&b'7'));
    items.iter_mut().step_by(3).for_each(|item| item.metadata.uid += 1);
    let new = back_up(&repository, &items).await;
    let (expected, summary) = all(repository.diff(old, new)).await;
    assert!(expected.len() > 2000);

    let repository = builder(&storage).open().await.unwrap();
    let mut diff = repository.diff(old, new).await.unwrap();
    for call in 1..=FAILURES {
        let fault = Fault::new(Harm::FailBefore(StorageErrorKind::Unavailable));
        faulty.plan(fault.on(Operation::GetRange).nth(2 * call));
    }
    let (mut changes, mut failures) = (Vec::new(), 0);
    loop {
        let dropped = diff.next().now_or_never();
        let called = match dropped {
            Some(called) => called,
            None => diff.next().await,
        };
        match called {
            Ok(Some(change)) => changes.push(change),
            Ok(None) => break,
            Err(error) => {
                assert!(error.is_retryable(), "{}", error.chain());
                failures += 1;
            }
        }
    }
    assert_eq!(failures, FAILURES);
    assert_eq!(changes, expected);
    assert_eq!(diff.summary(), summary);
}

#[tokio::test]
async fn a_cancelled_comparison_ends() {
    let repository = create(&memory()).await;
    let old = back_up(&repository, &large(1)).await;
    let new = back_up(&repository, &large(5)).await;
    let token = CancellationToken::new();
    let mut diff = repository.diff(old, new).cancel(token.clone()).await.unwrap();
    // In a task of its own, as hosts do it.
    let told = tokio::spawn(async move { (diff.next().await.unwrap(), diff) });
    let (change, mut diff) = told.await.unwrap();
    assert!(change.is_some());
    token.cancel();
    assert_eq!(diff.next().await.unwrap_err().kind(), ErrorKind::Cancelled);
    let error = repository.diff(old, new).cancel(token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}
