//! What other services of the environment keep to themselves is left out, unopened.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;

use backup_core::engine::{Context, Engine, Existing, Selection, Target};
use backup_core::{CancellationToken, ErrorKind, NoticeLevel, Silent, SystemClock};
use backup_engines::Files;

use super::child;
use super::recording::{back_up, request};
use super::scratch::{Scratch, not_run};

fn application() -> Scratch {
    Scratch::with(&[
        "data/shop.db",
        "data/shop.db-wal",
        "data/shop.db2",
        "data/link.db -> shop.db",
        "cluster/base/1",
        "a",
    ])
}

fn reserved(scratch: &Scratch) -> Vec<PathBuf> {
    vec![
        scratch.path("data/shop.db"),
        scratch.path("data/link.db"),
        scratch.path("cluster"),
        "/no/such/file".into(),
    ]
}

#[tokio::test]
async fn reserved_files_and_folders_are_left_out_and_named() {
    let scratch = application();
    let outside = tempfile::tempdir().unwrap();
    let link = outside.path().join("link");
    symlink(scratch.root(), &link).unwrap();
    for engine in [scratch.engine(), Files::tree(&link)] {
        for paths in [reserved(&scratch), vec![link.join("data/shop.db"), link.join("cluster")]] {
            let backup = request(&engine).reserved(paths).run().await.unwrap();
            assert_eq!(backup.paths(), ["", "a", "data", "data/link.db", "data/shop.db2"]);
            for path in ["data/shop.db", "cluster"] {
                let told = backup.told(NoticeLevel::Info, path);
                assert!(told.len() == 1 && told[0].contains("another service"), "{:?}", backup.notices);
            }
            assert_eq!(backup.notices.len(), 2, "{:?}", backup.notices);
        }
    }
    assert!(back_up(&scratch.engine()).await.find("cluster/base/1").is_some());
}

#[tokio::test]
async fn they_are_known_under_other_names() {
    let scratch = application();
    let outside = Scratch::with(&["db/shop.db", "cluster/1"]);
    fs::hard_link(scratch.path("data/shop.db"), scratch.path("hard.db")).unwrap();
    fs::hard_link(scratch.path("data/shop.db-wal"), scratch.path("hard.log")).unwrap();
    fs::hard_link(outside.path("db/shop.db"), scratch.path("outside.db")).unwrap();
    let mut paths = reserved(&scratch);
    paths.extend([outside.path("db/shop.db"), outside.path("cluster")]);
    let backup = request(&scratch.engine()).reserved(paths).run().await.unwrap();
    assert_eq!(backup.paths(), ["", "a", "data", "data/link.db", "data/shop.db2"]);
    for path in ["hard.db", "hard.log", "outside.db"] {
        let told = backup.told(NoticeLevel::Info, path);
        assert!(told.len() == 1 && told[0].contains("another service"), "{:?}", backup.notices);
    }
}

#[tokio::test]
async fn folders_mounted_a_second_time_are_known() {
    let scratch = Scratch::with(&["mounted/", "a"]);
    let outside = Scratch::with(&["cluster/1"]);
    let mount = |arguments: &[&std::ffi::OsStr]| {
        let done = std::process::Command::new(arguments[0]).args(&arguments[1..]).output();
        done.is_ok_and(|done| done.status.success())
    };
    let (from, to) = (outside.path("cluster"), scratch.path("mounted"));
    if !mount(&["mount".as_ref(), "--bind".as_ref(), from.as_ref(), to.as_ref()]) {
        return not_run("reserved folders that are mounted a second time: mounting is not permitted");
    }
    let backup = request(&scratch.engine()).reserved(vec![from]).run().await;
    assert!(mount(&["umount".as_ref(), to.as_ref()]));
    let backup = backup.unwrap();
    assert_eq!(backup.paths(), ["", "a"]);
    assert_eq!(backup.told(NoticeLevel::Info, "mounted").len(), 1, "{:?}", backup.notices);
}

#[tokio::test]
async fn what_is_excluded_is_not_named() {
    let scratch = application();
    let engine = scratch.engine().exclude("data").exclude("cluster");
    let backup = request(&engine).reserved(reserved(&scratch)).run().await.unwrap();
    assert!(backup.notices.is_empty(), "{:?}", backup.notices);
}

#[tokio::test]
async fn a_tree_that_is_reserved_as_a_whole_is_an_error() {
    let scratch = application();
    let engine = Files::tree(scratch.path("cluster/base"));
    let error = request(&engine).reserved(reserved(&scratch)).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn mirroring_onto_reserved_files_is_denied() {
    let scratch = application();
    let backup = request(&scratch.engine()).reserved(reserved(&scratch)).run().await.unwrap();
    let context = Context::new(CancellationToken::new(), Arc::new(SystemClock::default()), Arc::new(Silent));
    let selection = Selection::default();
    for (paths, existing, denied) in [
        (reserved(&scratch), Existing::Mirror, true),
        (reserved(&scratch), Existing::Update, false),
        (vec!["/elsewhere".into()], Existing::Mirror, false),
    ] {
        let (context, target) = (context.with_reserved(paths), Target::InPlace { existing });
        let plan =
            scratch.engine().plan_restore(&context, backup.reader(), &target, &selection).await.unwrap();
        assert_eq!(plan.denied().is_some(), denied, "{existing:?} {:?}", plan.verdicts);
    }
}

#[test]
fn reserved_files_are_not_opened() {
    let scratch = application();
    let trace = scratch.root().with_extension("reserved-trace");
    let strace =
        ["strace", "-f", "-qq", "-y", "-e", "trace=open,openat,openat2,creat", "-o", trace.to_str().unwrap()];
    let Ok(output) = child::run(&strace, "reserved::child_backs_up", scratch.root()) else {
        return not_run("which files are opened: strace is missing");
    };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.contains("ptrace") || text.contains("PTRACE") {
        return not_run("which files are opened: strace may not trace here");
    }
    child::passed(&output);
    let opened = fs::read_to_string(&trace).unwrap();
    fs::remove_file(&trace).unwrap();
    assert!(opened.contains("/data/shop.db2>"), "{opened}");
    for path in ["/data/shop.db>", "/data/shop.db-wal>", "/cluster>", "/cluster/base>"] {
        assert!(
            !opened.contains(&format!("{}{path}", scratch.root().display())),
            "{path} was opened: {opened}"
        );
    }
}

#[tokio::test]
#[ignore = "run by reserved_files_are_not_opened"]
async fn child_backs_up() {
    let folder = child::folder();
    let engine = Files::tree(&folder);
    request(&engine).reserved(vec![folder.join("data/shop.db"), folder.join("cluster")]).run().await.unwrap();
}
