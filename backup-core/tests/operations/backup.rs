//! What a backup holds and what it reports.

use std::time::Duration;

use backup_core::engine::{Artifact, ArtifactKind, Layout, Role};
use backup_core::testing::{RecordingObserver, SeededRandom, SteppingClock};
use backup_core::{Consistency, Contents, Environment, Kind, Phase, Share};
use chrono::DateTime;
use futures_util::TryStreamExt as _;
use std::sync::Arc;

use crate::home::{builder, create, expect_backup, files, memory, open, shop, stored};
use crate::stream::Scripted;
use crate::tree::{Data, Tree, noise};

#[tokio::test]
async fn a_tree_comes_back_and_the_report_says_what_it_cost() {
    let storage = memory();
    let observer = RecordingObserver::new();
    let repository = builder(&storage).observer(Arc::new(observer.clone())).create().await.unwrap();
    let tree = Tree::small();
    let before = stored(&storage, "").await;
    let report = repository
        .backup(&shop(&tree))
        .kind(Kind::Nightly)
        .kind(Kind::Weekly)
        .created_by("alice")
        .comment("first")
        .tag("blue")
        .await
        .unwrap();
    assert_eq!(files(&repository, report.id).await, tree.files());
    assert_eq!((report.entries, report.unchanged_entries, report.parent), (7, 0, None));
    assert_eq!(report.logical_bytes, 5_000 + 100 + 600_000 + 1_000_020);
    assert_eq!(report.read_bytes, 5_000 + 100 + 600_000 + 20);
    let runs = stored(&storage, "runs").await;
    assert_eq!(report.stored_bytes, stored(&storage, "").await - before - runs);
    assert_eq!((report.notices.len(), report.pause), (0, Duration::ZERO));
    let phases = [Phase::Prepare, Phase::Index, Phase::Prepare, Phase::Freeze, Phase::Stream, Phase::Commit];
    assert_eq!(observer.phases(), phases);
    let progress = observer.progress().unwrap();
    assert_eq!((progress.items, progress.bytes), (report.entries, report.logical_bytes));
    assert_eq!(progress.total_bytes, Some(report.logical_bytes));

    let info = open(&storage).await.find("latest").await.unwrap();
    assert_eq!(
        (info.id, info.environment.as_str(), info.kinds),
        (report.id, "shop", [Kind::Nightly, Kind::Weekly].into())
    );
    assert_eq!((info.comment.as_str(), info.tags), ("first", ["blue".to_owned()].into()));
    assert_eq!(info.created_by.as_deref(), Some("alice"));
    assert_eq!((info.entries, info.files, info.logical_bytes), (report.entries, 5, report.logical_bytes));
    assert_eq!(
        (info.changed_bytes, report.changed_bytes, report.files),
        (report.read_bytes, report.read_bytes, 5)
    );
    assert_eq!((info.consistency, info.warnings, info.gap), (Consistency::Ordered, 0, Duration::ZERO));
    assert_eq!((info.contents, info.restorable, info.left_out), (Contents::Full, true, vec![]));
    let service = &info.services[0];
    assert_eq!((service.engine.as_str(), service.role, service.files), ("tree", Role::Files, 5));
}

#[tokio::test]
async fn the_second_backup_knows_unchanged_files_and_reads_the_others() {
    let storage = memory();
    let repository = create(&storage).await;
    let tree = Tree::small();
    let first = repository.backup(&shop(&tree)).await.unwrap();
    tree.write("a/second", Data::Noise(9, 200));
    let second = repository.backup(&shop(&tree)).await.unwrap();
    assert_eq!(second.parent, Some(first.id));
    assert_eq!((second.unchanged_entries, second.read_bytes, second.changed_bytes), (3, 200, 200));
    assert_eq!(files(&repository, second.id).await, tree.files());
    assert_ne!(files(&repository, first.id).await, tree.files());
    expect_backup(&open(&storage).await, &tree, "from another process").await;
}

#[tokio::test]
async fn streams_of_every_layout_come_back_and_their_second_backup_costs_nothing() {
    let storage = memory();
    let repository = create(&storage).await;
    let layouts = [Layout::ContentDefined, Layout::Paged { page_size: 4096 }, Layout::Opaque];
    let engine = Scripted::new(move |sink| async move {
        for (number, layout) in layouts.into_iter().enumerate() {
            let artifact = Artifact::new(format!("dump/{number}")).layout(layout);
            let mut writer = sink.stream(artifact).await?;
            let bytes = noise(number as u64, 3_000_001);
            for at in (0..bytes.len()).step_by(70_000) {
                writer.write(bytes.slice(at..bytes.len().min(at + 70_000))).await?;
            }
            let info = writer.commit().await?;
            assert_eq!((info.kind, info.bytes), (ArtifactKind::Stream, 3_000_001));
        }
        sink.stream(Artifact::new("empty")).await?.commit().await.map(drop)
    });
    let environment = Environment::new("shop").service("database", engine);
    let report = repository.backup(&environment).await.unwrap();
    assert_eq!((report.entries, report.read_bytes), (4, 9_000_003));
    let service = repository.service(&report.id, "database").await.unwrap();
    let names: Vec<_> = service.artifacts().iter().map(|artifact| artifact.name.as_str()).collect();
    assert_eq!(names, ["dump/0", "dump/1", "dump/2", "empty"]);
    assert_eq!(service.facts()["scripted.fact"], "yes");
    for number in 0..3 {
        let pieces: Vec<_> =
            service.stream(&format!("dump/{number}")).await.unwrap().try_collect().await.unwrap();
        assert!(pieces.concat() == noise(number, 3_000_001), "stream {number} differs");
    }
    assert!(service.stream("empty").await.unwrap().try_next().await.unwrap().is_none());
    let second = repository.backup(&environment).await.unwrap();
    assert_eq!((report.changed_bytes, second.changed_bytes, second.files), (9_000_003, 0, 0));
    assert!(second.stored_bytes < 9_000, "{} bytes were stored again", second.stored_bytes);
    let verified = repository.verify(second.id).read_data(true).await.unwrap();
    assert_eq!((verified.entries, verified.bytes, verified.problems), (4, 9_000_003, vec![]));
}

#[tokio::test]
async fn equal_seeds_clocks_and_content_make_equal_repositories() {
    let mut listings = Vec::new();
    for _ in 0..2 {
        let storage = memory();
        let repository = builder(&storage)
            .random(Arc::new(SeededRandom::new(7)))
            .clock(Arc::new(SteppingClock::stepping(DateTime::UNIX_EPOCH, Duration::from_secs(1))))
            .create()
            .await
            .unwrap();
        repository.backup(&shop(&Tree::small())).await.unwrap();
        let mut names = Vec::new();
        for object in backup_core::storage::StorageExt::list_all(&*storage, "").await.unwrap() {
            names.push((object.name.to_string(), object.size));
        }
        names.retain(|(name, _)| {
            name.starts_with("keys/") || name.starts_with("config/") || name == "repository.json"
        });
        listings.push((repository.id(), names));
    }
    assert_eq!(listings[0], listings[1]);
}

#[tokio::test]
async fn progress_ends_at_its_totals_whatever_the_operation() {
    let storage = memory();
    let id = create(&storage).await.backup(&shop(&Tree::small())).await.unwrap().id;
    let home = tempfile::tempdir().unwrap();
    for operation in ["verify", "check", "restore"] {
        let observer = RecordingObserver::new();
        let repository = open(&storage).await.observed_by(Arc::new(observer.clone()));
        match operation {
            "verify" => drop(repository.verify(id).read_data(true).await.unwrap()),
            "check" => drop(repository.check().read_data(Share::ALL).await.unwrap()),
            _ => drop(repository.restore(id).to_directory(home.path().join("target")).await.unwrap()),
        }
        let last = observer.progress().unwrap();
        assert_eq!((Some(last.items), Some(last.bytes)), (last.total_items, last.total_bytes), "{operation}");
    }
}

#[tokio::test]
async fn a_service_of_another_kind_under_an_old_name_has_no_parent() {
    let repository = create(&memory()).await;
    let first = repository.backup(&shop(&Tree::small())).await.unwrap();
    let engine =
        Scripted::new(
            |sink| async move { sink.stream(Artifact::new("tree")).await?.commit().await.map(drop) },
        );
    let environment = Environment::new("shop").service("files", engine).service("more", Tree::small());
    let second = repository.backup(&environment).await.unwrap();
    assert_eq!((second.parent, second.unchanged_entries), (Some(first.id), 0));
    let third = repository.backup(&environment).await.unwrap();
    assert_eq!(third.unchanged_entries, 4);
    let info = repository.find("latest").await.unwrap();
    let services: Vec<_> = info.services.iter().map(|service| (&*service.name, &*service.engine)).collect();
    assert_eq!(services, [("files", "scripted"), ("more", "tree")]);
}

#[tokio::test]
async fn a_random_share_reads_so_many_packs_and_no_more() {
    let storage = memory();
    let repository = create(&storage).await;
    let tree = Tree::default();
    for number in 0..4 {
        tree.write("file", Data::Noise(number, 1_000));
        repository.backup(&shop(&tree)).await.unwrap();
    }
    let report = repository.check().read_data(Share::parse("50%").unwrap()).await.unwrap();
    assert_eq!((report.packs, report.packs_read, report.backups), (4, 2, 4));
    assert!(report.problems.is_empty());
}
