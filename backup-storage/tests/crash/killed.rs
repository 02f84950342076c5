//! `kill -9` in the middle of puts.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use backup_storage::{Bytes, Storage, StorageExt};
use futures_util::stream::{self, StreamExt};

use crate::child;

const SIZE: usize = 512 << 10;

#[test]
fn killed_puts_leave_whole_objects_and_what_is_swept() {
    if let Some(directory) = child::directory() {
        return child_puts(&directory);
    }
    let home = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut round = 0;
    while round < 3 || child::leftovers(home.path()).is_empty() {
        round += 1;
        assert!(round < 60, "no put was killed halfway in {round} rounds");
        acknowledged.extend(kill_after(home.path(), round));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let storage = child::storage(home.path());
        let listed = storage.list_all("").await.unwrap();
        let names: BTreeSet<String> = listed.iter().map(|object| object.name.to_string()).collect();
        assert!(acknowledged.is_subset(&names), "lost: {:?}", acknowledged.difference(&names));
        for object in listed {
            assert_eq!(
                storage.get(&object.name).await.unwrap(),
                content(object.name.as_str()),
                "{}",
                object.name
            );
        }
        for path in child::leftovers(home.path()) {
            let yesterday = SystemTime::now() - Duration::from_hours(25);
            File::options().write(true).open(path).unwrap().set_modified(yesterday).unwrap();
        }
        storage.create(&child::name("packs/0/last"), content("packs/0/last")).await.unwrap();
        assert_eq!(child::leftovers(home.path()), Vec::<std::path::PathBuf>::new());
        // A leftover can be a second link of an object, which stays.
        assert_eq!(storage.list_all("").await.unwrap().len(), names.len() + 1);
    });
    drop(runtime);
    home.close().unwrap();
}

/// Puts objects forever, and says so of each after it is done.
#[allow(clippy::print_stdout, reason = "the parent reads it")]
fn child_puts(directory: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let storage = child::storage(directory);
    let process = std::process::id();
    runtime.block_on(
        stream::iter(0..)
            .map(|number: u64| {
                let name = format!("packs/{}/{process}-{number}", number % 3);
                let storage = &storage;
                async move {
                    storage.put_new(&child::name(&name), content(&name)).await.unwrap();
                    println!("\nput {name}");
                }
            })
            .buffer_unordered(8)
            .collect::<()>(),
    );
}

/// Kills a child after it has put `count` objects; their names.
fn kill_after(directory: &Path, count: usize) -> Vec<String> {
    let test = "killed::killed_puts_leave_whole_objects_and_what_is_swept";
    let mut running = child::command(test, directory, &[]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    let put = lines.filter_map(|line| line.strip_prefix("put ").map(str::to_owned)).take(count).collect();
    running.kill().unwrap();
    running.wait().unwrap();
    put
}

fn content(name: &str) -> Bytes {
    name.bytes().cycle().take(SIZE).collect()
}
