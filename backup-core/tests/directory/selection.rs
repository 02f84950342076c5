//! Parts of a service, and services of several artifacts.

use backup_core::ErrorKind;
use backup_core::engine::{Existing, Selection};

use crate::service::{Item, Service};
use crate::target::{Seen, Target};

fn sample() -> Vec<Item> {
    vec![
        Item::folder("").mode(0o711),
        Item::folder("a").mode(0o710),
        Item::folder("a/b").mode(0o750),
        Item::file("a/b/x", "x"),
        Item::file("a/b/y", "y"),
        Item::file("a/c", "c"),
        Item::file("a.b", "not in a"),
        Item::folder("d"),
        Item::file("d/e", "e"),
    ]
}

fn select(paths: &[&str]) -> Selection {
    Selection { paths: paths.iter().map(|path| path.as_bytes().to_vec()).collect(), devices: false }
}

#[tokio::test]
async fn selected_paths_come_with_the_folders_above_them() {
    let from = Service::of(&sample()).shared();
    let target = Target::new();
    let selection = select(&["d/e", "a/b/x", "a/b/x", "a/c"]);
    target.restore_selected(&from, Existing::Refuse, &selection).await.unwrap();
    assert_eq!(target.seen().paths(), ["", "a", "a/b", "a/b/x", "a/c", "d", "d/e"]);
    let wanted = Seen::of(&sample());
    for (path, entry) in target.seen().0.into_iter().filter(|(path, _)| !path.is_empty()) {
        assert_eq!(entry, wanted.0[&path], "{path:?}");
    }

    let target = Target::new();
    target.restore_selected(&from, Existing::Refuse, &select(&["a/b", "a"])).await.unwrap();
    assert_eq!(target.seen().paths(), ["", "a", "a/b", "a/b/x", "a/b/y", "a/c"]);
}

#[tokio::test]
async fn folders_above_selected_paths_and_their_other_names_stay_as_they_are() {
    let from = Service::of(&sample()).shared();
    let target = Target::new();
    std::fs::create_dir_all(target.at("a/b")).unwrap();
    std::fs::write(target.at("a/mine"), "mine").unwrap();
    std::fs::write(target.at("a/b/mine"), "mine").unwrap();
    let mode =
        |name: &str| std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(target.at(name)).unwrap());
    let (root, a) = (mode(""), mode("a"));
    let plan = target.plan_selected(&from, Existing::Mirror, &select(&["a/b"])).await.unwrap();
    assert_eq!((plan.create, plan.overwrite, plan.delete), (2, 1, 1), "{:?}", plan.examples);
    target.restore_selected(&from, Existing::Mirror, &select(&["a/b"])).await.unwrap();
    assert_eq!(target.seen().paths(), ["", "a", "a/b", "a/b/x", "a/b/y", "a/mine"]);
    assert_eq!((mode(""), mode("a"), mode("a/b") & 0o777), (root, a, 0o750));
}

#[tokio::test]
async fn selected_paths_that_do_not_exist_are_named() {
    let from = Service::of(&sample()).shared();
    let target = Target::new();
    for existing in [Existing::Refuse, Existing::Update] {
        let selection = select(&["a/b/x", "a/z", "nope"]);
        let error = target.restore_selected(&from, existing, &selection).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "the backup does not have \"a/z\", \"nope\"");
        std::fs::create_dir_all(target.at("a")).unwrap();
    }
    assert_eq!(target.seen().paths(), ["", "a"]);
}

#[tokio::test]
async fn streams_become_files_and_further_trees_folders() {
    let items = [Item::folder("").mode(0o750), Item::file("x", "x")];
    let dump = vec![9; 5_500];
    let from = || {
        let service = Service::new().tree("logs", &items).tree("uploads/all", &items);
        service
            .stream_of("schema.sql", &dump)
            .stream_of("table/public.a", b"")
            .stream_of("table/public.users", b"")
            .shared()
    };
    let target = Target::new();
    let plan = target.plan(&from(), Existing::Refuse).await.unwrap();
    assert_eq!((plan.create, plan.write_bytes), (7, 5_502));
    let summary = target.restore(&from(), Existing::Refuse).await.unwrap();
    let paths = [
        "",
        "logs",
        "logs/x",
        "schema.sql",
        "table",
        "table/public.a",
        "table/public.users",
        "uploads",
        "uploads/all",
        "uploads/all/x",
    ];
    assert_eq!(target.seen().paths(), paths);
    assert_eq!(std::fs::read(target.at("schema.sql")).unwrap(), dump);
    assert_eq!(Seen::at(&target.at("uploads/all")), Seen::of(&items));
    assert_eq!((summary.written, summary.written_bytes), (7, 5_502));

    std::fs::write(target.at("logs/extra"), "mine").unwrap();
    std::fs::remove_dir_all(target.at("uploads")).unwrap();
    std::fs::write(target.at("uploads"), "in the way").unwrap();
    let plan = target.plan(&from(), Existing::Mirror).await.unwrap();
    assert_eq!((plan.create, plan.overwrite, plan.delete), (2, 5, 1), "{:?}", plan.examples);
    assert!(plan.examples.contains(&"delete logs/extra".to_owned()));
    assert!(plan.examples.contains(&"overwrite table/public.users".to_owned()));
    target.restore(&from(), Existing::Mirror).await.unwrap();
    assert_eq!(target.seen().paths(), paths);
}

#[tokio::test]
async fn a_stream_beside_the_only_tree_is_not_taken_for_an_extra() {
    let items = [Item::folder(""), Item::file("x", "x")];
    let from = Service::new().tree("tree", &items).stream_of("meta/facts", b"facts").shared();
    let target = Target::new();
    target.restore(&from, Existing::Refuse).await.unwrap();
    let summary = target.restore(&from, Existing::Mirror).await.unwrap();
    assert_eq!(summary.deleted, 0);
    assert_eq!(target.seen().paths(), ["", "meta", "meta/facts", "x"]);

    let target = Target::new();
    target.restore_selected(&from, Existing::Refuse, &select(&["meta"])).await.unwrap();
    assert_eq!(target.seen().paths(), ["", "meta", "meta/facts"]);
}
