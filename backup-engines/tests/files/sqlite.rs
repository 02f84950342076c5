//! SQLite databases in use are not touched; nothing else is opened without need. Proved by what the kernel
//! was asked.

use std::path::Path;

use backup_core::NoticeLevel;
use backup_engines::Files;

use super::child;
use super::recording::{back_up, request};
use super::scratch::{Scratch, noise, not_run};

const IN_USE: &[&str] = &[
    "wal/shop.db",
    "wal/shop.db-wal",
    "wal/shop.db-shm",
    "journal/jobs",
    "journal/jobs-journal",
    "excluded.db",
    "excluded.db-shm",
];

fn application() -> Scratch {
    let scratch = Scratch::with(IN_USE);
    for (name, content) in [("idle.db", "x"), ("lone-wal", "y"), ("wal/text", "z")] {
        scratch.write(name, content);
    }
    scratch.write("large", noise(900_000, 1));
    scratch
}

#[tokio::test]
async fn databases_in_use_are_left_out_and_named() {
    let scratch = application();
    let backup = back_up(&scratch.engine().exclude("excluded.db")).await;
    assert_eq!(backup.paths(), ["", "idle.db", "journal", "large", "lone-wal", "wal", "wal/text"]);
    for database in ["wal/shop.db", "journal/jobs"] {
        let told = backup.told(NoticeLevel::Warning, database);
        assert!(told.len() == 1 && told[0].contains("SQLite"), "{:?}", backup.notices);
    }
    assert_eq!(backup.notices.len(), 2);
}

#[test]
fn neither_databases_in_use_nor_unchanged_files_are_opened() {
    let scratch = application();
    let trace = scratch.root().with_extension("trace");
    let strace =
        ["strace", "-f", "-qq", "-y", "-e", "trace=open,openat,openat2,creat", "-o", trace.to_str().unwrap()];
    let Ok(output) = child::run(&strace, "sqlite::child_backs_up_twice", scratch.root()) else {
        return not_run("which files are opened: strace is missing");
    };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.contains("ptrace") || text.contains("PTRACE") {
        return not_run("which files are opened: strace may not trace here");
    }
    child::passed(&output);
    let trace_text = std::fs::read_to_string(&trace).unwrap();
    std::fs::remove_file(&trace).unwrap();
    let (first, second) = trace_text.split_once(MARKER).expect("the second backup is marked");
    let (first, second) = (opened(first, scratch.root()), opened(second, scratch.root()));
    for name in ["idle.db", "lone-wal", "wal/text", "large"] {
        assert!(first.iter().any(|path| path == name), "{name} is read by the first backup: {first:?}");
    }
    for path in first.iter().chain(&second) {
        assert!(!IN_USE.contains(&path.as_str()), "{path} was opened");
    }
    let files: Vec<_> = second.iter().filter(|path| scratch.path(path).is_file()).collect();
    assert!(files.is_empty(), "opened although unchanged: {files:?}");
    assert!(second.iter().any(|path| path == "wal"), "folders are opened: {second:?}");
}

/// The paths below a folder that were opened, from lines like `7 openat(3</tmp/x>, "a", ...) = 4</tmp/x/a>`.
fn opened(trace: &str, folder: &Path) -> Vec<String> {
    let prefix = format!("<{}", folder.display());
    let opened = trace.lines().filter_map(|line| {
        let (_, result) = line.rsplit_once(" = ")?;
        let (_, path) = result.split_once(&prefix)?;
        Some(path.trim_end().trim_end_matches('>').trim_start_matches('/').to_owned())
    });
    opened.collect()
}

const MARKER: &str = "/second-backup-begins-here";

#[tokio::test]
#[ignore = "run by neither_databases_in_use_nor_unchanged_files_are_opened"]
async fn child_backs_up_twice() {
    let engine = Files::tree(child::folder());
    let first = back_up(&engine).await.long_after_the_files();
    assert!(std::fs::File::open(MARKER).is_err());
    let second = request(&engine).parent(&first).run().await.unwrap();
    assert_eq!(second.kept(), ["idle.db", "large", "lone-wal", "wal/text"]);
}
