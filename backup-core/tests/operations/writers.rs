//! The steps of a writer, and what it does when others write or prune meanwhile.

use std::sync::Arc;

use backup_core::storage::testing::{Call, Operation, Recording};
use backup_core::storage::{Bytes, Name, Storage, StorageExt as _};
use backup_core::{Environment, Error, ErrorKind, Repository, RunStatus};
use futures_util::FutureExt as _;

use crate::home::{builder, create, expect_backup, expect_sound, files, memory, open, shop};
use crate::tree::{Data, Tree};

/// A repository with one backup of the tree, which then changed, opened through a recording storage.
async fn prepared(tree: &Tree) -> (Repository, Arc<Recording>, Arc<dyn Storage>) {
    let storage = memory();
    create(&storage).await.backup(&shop(tree)).await.unwrap();
    tree.write("a/second", Data::Noise(77, 300));
    let recording = Arc::new(Recording::new(storage.clone()));
    let shared: Arc<dyn Storage> = recording.clone();
    let repository = builder(&shared).open().await.unwrap();
    recording.clear();
    (repository, recording, storage)
}

/// The calls as words like `list index`, equal neighbours once.
fn steps(recording: &Recording) -> Vec<String> {
    let mut steps: Vec<String> =
        recording.calls().iter().map(|call| step(call.operation, &call.subject)).collect();
    steps.dedup();
    steps
}

fn step(operation: Operation, subject: &str) -> String {
    let verb = match operation {
        Operation::PutNew => "put",
        Operation::Get | Operation::GetRange => "read",
        Operation::Head => "look up",
        Operation::List => "list",
        Operation::Delete => "delete",
    };
    let folder = subject.split('/').next().unwrap();
    let what = if subject.ends_with("-ok") { "confirmation" } else { folder };
    format!("{verb} {what}")
}

/// Which call of a backup, from 1, is the first to do this; the last, if it has to come `after` another.
async fn call(operation: Operation, folder: &str, after: Option<&str>) -> usize {
    let tree = Tree::small();
    let (repository, recording, _) = prepared(&tree).await;
    repository.backup(&shop(&tree)).await.unwrap();
    let calls = recording.calls();
    let from = after.map_or(0, |after| {
        calls.iter().position(|call| step(call.operation, &call.subject) == after).unwrap()
    });
    let wanted = |call: &Call| call.operation == operation && call.subject.split('/').next() == Some(folder);
    from + calls[from..].iter().position(wanted).unwrap() + 1
}

/// The error of a backup with which something interferes before a call, after making sure that the backup is not listed.
async fn interfered(
    n: usize,
    act: impl FnOnce(&dyn Storage, &Recording) + Send + 'static,
) -> (Error, Arc<dyn Storage>, Tree) {
    let tree = Tree::small();
    let (repository, recording, storage) = prepared(&tree).await;
    let (below, seen) = (storage.clone(), Arc::downgrade(&recording));
    recording.before(n, move || act(&*below, &seen.upgrade().unwrap()));
    let error = repository.backup(&shop(&tree)).await.unwrap_err();
    assert_eq!(open(&storage).await.backups().await.unwrap().len(), 1, "{}", error.chain());
    (error, storage, tree)
}

fn put(storage: &dyn Storage, name: &str) {
    let name: Name = name.parse().unwrap();
    storage.put_new(&name, Bytes::from_static(b"from the future")).now_or_never().unwrap().unwrap();
}

fn delete_all(storage: &dyn Storage, prefix: &str, size: impl Fn(u64) -> bool) {
    for object in storage.list_all(prefix).now_or_never().unwrap().unwrap() {
        if size(object.size) {
            storage.delete(&object.name).now_or_never().unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_writer_announces_then_looks_in_this_order() {
    let tree = Tree::small();
    let (repository, recording, _) = prepared(&tree).await;
    repository.backup(&shop(&tree)).await.unwrap();
    let expected = [
        // W0
        "put runs",
        "look up runs",
        "list backups",
        "read backups",
        // W1
        "list marks",
        "list sweeps",
        "list index",
        "read index",
        "list index",
        "list packs",
        // The parent's tree
        "read packs",
        // W2
        "put packs",
        "put index",
        // W3
        "put backups",
        // W4
        "list marks",
        "list sweeps",
        "list index",
        "read index",
        "list index",
        "list packs",
        // W6
        "put confirmation",
        "list notes",
        // How the run ended
        "put runs",
    ];
    let mut found = steps(&recording);
    // What the catalog reads besides manifests before, and writes after, is no step of the protocol.
    let first = found.iter().position(|step| step == "list marks").unwrap();
    let last = found.iter().rposition(|step| step == "put runs").unwrap();
    found.truncate(last + 1);
    let protocol = found.split_off(first);
    found.retain(|step| !(step.ends_with(" notes") || step.ends_with(" catalog")));
    found.dedup();
    found.extend(protocol);
    assert_eq!(found, expected);
    assert_eq!(recording.count(Operation::Delete), 0);
}

#[tokio::test]
async fn a_pack_that_goes_away_before_the_check_fails_the_backup_as_retryable() {
    // The pack that this run put, and one of an earlier run that it relies on.
    for new in [true, false] {
        let manifest = call(Operation::PutNew, "backups", None).await;
        let (error, storage, tree) = interfered(manifest, move |storage, recording| {
            let calls = recording.calls();
            let puts_pack =
                |call: &&Call| call.operation == Operation::PutNew && call.subject.starts_with("packs");
            let own = calls.iter().find(puts_pack).unwrap().subject.clone();
            for object in storage.list_all("packs").now_or_never().unwrap().unwrap() {
                if (object.name.as_str() == own) == new {
                    storage.delete(&object.name).now_or_never().unwrap().unwrap();
                }
            }
        })
        .await;
        assert!(error.is_retryable() && error.kind() == ErrorKind::Unavailable, "{}", error.chain());
        assert!(error.chain().contains("packs/") && error.chain().contains("went away"), "{}", error.chain());
        let repository = open(&storage).await;
        let report = repository.check().await.unwrap();
        // Nobody misses what only the backup needs that was not made.
        assert_eq!((report.unconfirmed, report.problems.is_empty()), (1, new));
        // The next run stores again what is missing.
        let backup = repository.backup(&shop(&tree)).await.unwrap();
        assert_eq!(files(&repository, backup.id).await, tree.files());
        let verified = repository.verify(backup.id).read_data(true).await.unwrap();
        assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    }
}

#[tokio::test]
async fn an_index_segment_that_goes_away_before_the_check_fails_the_backup_as_retryable() {
    let manifest = call(Operation::PutNew, "backups", None).await;
    let (error, storage, tree) =
        interfered(manifest, |storage, _| delete_all(storage, "index", |_| true)).await;
    assert!(error.is_retryable(), "{}", error.chain());
    let repository = open(&storage).await;
    let backup = repository.backup(&shop(&tree)).await.unwrap();
    assert_eq!(files(&repository, backup.id).await, tree.files());
}

#[tokio::test]
async fn where_somebody_prunes_nothing_is_written_but_that_it_was_tried() {
    for (folder, kind) in [("marks", ErrorKind::Unsupported), ("sweeps", ErrorKind::Unavailable)] {
        let name = format!("{folder}/{}", "ab".repeat(32));
        let tree = Tree::small();
        let (repository, recording, storage) = prepared(&tree).await;
        put(&*storage, &name);
        let error = repository.backup(&shop(&tree)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, folder == "sweeps"));
        assert!(error.chain().contains(&name), "{}", error.chain());
        assert_eq!(error.remedy().contains("prune again"), folder == "sweeps", "{}", error.remedy());
        let calls = recording.calls();
        let mut puts = calls.iter().filter(|call| call.operation == Operation::PutNew);
        assert!(puts.all(|call| call.subject.starts_with("runs/")), "{calls:?}");
        assert_eq!(repository.runs().take(1).await.unwrap()[0].status, RunStatus::Failed);
        // Reading goes on.
        let latest = repository.find("latest").await.unwrap();
        assert!(repository.verify(latest.id).read_data(true).await.unwrap().problems.is_empty());

        // Announced while the backup was made: seen before it is confirmed.
        let manifest = call(Operation::PutNew, "backups", None).await;
        let (error, storage, _) = interfered(manifest, move |storage, _| put(storage, &name)).await;
        assert_eq!(error.kind(), kind);
        assert_eq!(open(&storage).await.check().await.unwrap().unconfirmed, 1);
    }
}

#[tokio::test]
async fn a_note_about_the_backup_that_came_first_fails_it() {
    let tree = Tree::small();
    let (repository, recording, storage) = prepared(&tree).await;
    let last = call(Operation::List, "notes", Some("put confirmation")).await;
    let (below, seen) = (storage.clone(), Arc::downgrade(&recording));
    recording.before(last, move || {
        let calls = seen.upgrade().unwrap().calls();
        let manifest = calls.iter().rev().find(|call| call.subject.starts_with("backups/") && call.bytes > 0);
        let name = manifest.unwrap().subject.replace("backups/", "notes/");
        put(&*below, &name);
    });
    let error = repository.backup(&shop(&tree)).await.unwrap_err();
    assert!(error.chain().contains("notes/") && error.chain().contains("not known"), "{}", error.chain());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_at_the_same_time_do_not_disturb_each_other() {
    let storage = memory();
    create(&storage).await;
    let trees = [Tree::small(), Tree::many(500), Tree::many(700)];
    let environments =
        [shop(&trees[0]), shop(&trees[1]), Environment::new("other").service("files", trees[2].clone())];
    let mut runs = tokio::task::JoinSet::new();
    for environment in environments {
        let repository = open(&storage).await;
        runs.spawn(async move { repository.backup(&environment).await.unwrap() });
    }
    let reports = runs.join_all().await;
    let repository = open(&storage).await;
    assert_eq!(repository.backups().await.unwrap().len(), 3);
    expect_sound(&repository, "after three writers").await;
    for report in reports {
        let count = usize::try_from(report.entries).unwrap();
        let tree =
            trees.iter().find(|tree| tree.files().len() < count && count < tree.files().len() + 20).unwrap();
        assert_eq!(files(&repository, report.id).await, tree.files());
    }
    expect_backup(&repository, &trees[1], "after three writers").await;
}

#[tokio::test]
async fn one_writer_may_back_up_twice_at_once_from_one_handle() {
    let repository = create(&memory()).await;
    let tree = Tree::many(300);
    let environment = shop(&tree);
    let (first, second) = tokio::join!(repository.backup(&environment), repository.backup(&environment));
    assert_ne!(first.unwrap().id, second.unwrap().id);
    expect_sound(&repository, "after two runs at once").await;
    expect_backup(&repository, &tree, "after two runs at once").await;
}
