//! What is synced when, seen from outside; and disks that fail to sync or to link.

use std::fs;
use std::path::Path;

use backup_storage::{Bytes, Created, ErrorKind, Storage, StorageExt};

use crate::child;

#[test]
fn nothing_is_acknowledged_before_it_is_synced() {
    if let Some(directory) = child::directory() {
        return child::in_order(acknowledges(&directory));
    }
    if !child::has_strace("the order of syncs") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    // Made by somebody who has not synced it.
    fs::create_dir_all(home.path().join("r/packs/found")).unwrap();
    let test = "synced::nothing_is_acknowledged_before_it_is_synced";
    let log = traced(test, home.path(), &["-e", "trace=fsync,link,linkat,unlink,unlinkat,statx"]);
    let events = events(&log, home.path());
    let steps: Vec<&[String]> = events.split(|event| event == "acknowledged").collect();
    let put = |folder: &str, object: &str| {
        let path = format!("{folder}/{object}");
        [
            format!("sync {path}#1"),
            format!("link {path}"),
            format!("sync {folder}"),
            format!("unlink {path}#1"),
        ]
    };
    let chain = |folder: &str| [folder, "r/packs", "r", "."].map(|above| format!("sync {above}"));
    let right = [
        vec![],
        [chain("r/packs/found"), put("r/packs/found", "x")].concat(),
        put("r/packs/found", "y").to_vec(),
        ["sync r/packs/made", "sync r/packs"]
            .map(str::to_owned)
            .into_iter()
            .chain(put("r/packs/made", "z"))
            .collect(),
        // An object that exists may be of a writer that has not come to its last sync.
        ["sync r/packs/found/y#1", "link r/packs/found/y", "unlink r/packs/found/y#1"]
            .into_iter()
            .chain(["sync r/packs/found/y", "sync r/packs/found"])
            .map(str::to_owned)
            .collect(),
        ["unlink r/packs/found/x", "sync r/packs/found"].map(str::to_owned).to_vec(),
        vec!["sync r/packs/found".to_owned()],
        vec![],
    ];
    assert_eq!(steps, right, "{log}");
    home.close().unwrap();
}

async fn acknowledges(directory: &Path) {
    let storage = child::storage(directory);
    // Seen in the trace.
    let acknowledge = || assert!(!Path::new("/acknowledged").exists());
    acknowledge();
    for text in ["packs/found/x", "packs/found/y", "packs/made/z"] {
        storage.put_new(&child::name(text), Bytes::from("content")).await.unwrap();
        acknowledge();
    }
    let again = storage.put_new(&child::name("packs/found/y"), Bytes::from("content")).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    acknowledge();
    for _ in 0..2 {
        storage.delete(&child::name("packs/found/x")).await.unwrap();
        acknowledge();
    }
}

/// One test for each moment at which a folder cannot be synced: before the put, after it once, after it for good.
#[test]
fn a_folder_that_cannot_be_synced_before_the_put_is_tried_again() {
    let test = "synced::a_folder_that_cannot_be_synced_before_the_put_is_tried_again";
    folder_fails(test, "when=1", Ok(Created::New));
}

#[test]
fn a_folder_that_cannot_be_synced_once_after_the_put_is_synced_again() {
    let test = "synced::a_folder_that_cannot_be_synced_once_after_the_put_is_synced_again";
    folder_fails(test, "when=2", Ok(Created::Found));
}

#[test]
fn a_folder_that_cannot_be_synced_after_the_put_makes_it_unknown() {
    let test = "synced::a_folder_that_cannot_be_synced_after_the_put_makes_it_unknown";
    folder_fails(test, "when=2+", Err(ErrorKind::Unknown));
}

fn folder_fails(test: &str, when: &str, right: Result<Created, ErrorKind>) {
    if let Some(directory) = child::directory() {
        let storage = child::storage(&directory);
        let created = child::in_order(storage.create(&child::name("packs/x"), Bytes::from("content")));
        return assert_eq!(created.map_err(|error| error.kind()), right);
    }
    if !child::has_strace(test) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("r/packs");
    fs::create_dir_all(&folder).unwrap();
    let inject = format!("inject=fsync:error=EIO:{when}");
    let log =
        traced(test, home.path(), &["-P", folder.to_str().unwrap(), "-e", "trace=fsync", "-e", &inject]);
    assert!(log.contains("(INJECTED)"), "{log}");
    assert!(child::leftovers(home.path()).is_empty());
    home.close().unwrap();
}

#[test]
fn a_file_system_without_hard_links_is_named_as_such() {
    let test = "synced::a_file_system_without_hard_links_is_named_as_such";
    if let Some(directory) = child::directory() {
        let storage = child::storage(&directory);
        let created = child::in_order(storage.create(&child::name("packs/x"), Bytes::from("content")));
        let error = created.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        return assert!(error.to_string().contains("hard links"), "{error}");
    }
    if !child::has_strace(test) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    for error in ["EPERM", "EOPNOTSUPP"] {
        let inject = format!("inject=link,linkat:error={error}");
        let log = traced(test, home.path(), &["-e", "trace=link,linkat", "-e", &inject]);
        assert!(log.contains("(INJECTED)"), "{log}");
        assert_eq!(fs::read_dir(home.path().join("r/packs")).unwrap().count(), 0);
    }
    home.close().unwrap();
}

/// Runs `test` in a child under strace with `options`; what strace saw.
fn traced(test: &str, home: &Path, options: &[&str]) -> String {
    let log = home.join("log");
    let strace = ["strace", "-f", "-y", "-s", "4096", "-o", log.to_str().unwrap()];
    child::succeeds(child::command(test, home, &[&strace, options].concat()));
    fs::read_to_string(log).unwrap()
}

/// The calls in `log` that are about something below `home`, as a verb and a path relative to it.
fn events(log: &str, home: &Path) -> Vec<String> {
    log.lines().filter_map(|line| event(line, home)).collect()
}

fn event(line: &str, home: &Path) -> Option<String> {
    if line.contains("\"/acknowledged\"") {
        return Some("acknowledged".to_owned());
    }
    let (call, arguments) = line.split_once(' ')?.1.trim_start().split_once('(')?;
    let opened = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| path);
    let quoted = arguments.rsplit('"').nth(1);
    let (verb, path) = match call {
        "fsync" => ("sync", Path::new(opened?).to_owned()),
        "link" | "linkat" => ("link", Path::new(quoted?).to_owned()),
        // An absolute path replaces the folder that it would be relative to.
        "unlink" | "unlinkat" => ("unlink", Path::new(opened.unwrap_or("/")).join(quoted?)),
        _ => return None,
    };
    let below = path.strip_prefix(home).ok()?.to_str()?;
    Some(format!("{verb} {}", if below.is_empty() { "." } else { below }))
}
