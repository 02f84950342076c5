//! Files that change, move and vanish while they are read.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use backup_core::engine::EntryKind;
use backup_core::{CancellationToken, ErrorKind, NoticeLevel};

use super::recording::{back_up, request};
use super::scratch::{Scratch, noise};

/// More than is read ahead.
const LARGE: usize = 8 << 20;

#[tokio::test]
async fn a_file_that_keeps_changing_is_stored_whole_and_named() {
    let scratch = Scratch::new();
    let path = scratch.write("log", noise(LARGE, 1));
    let append =
        move |_: &str| OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    let backup = request(&scratch.engine()).on_write(append).run().await.unwrap();
    // Up to the size that it had when it was opened for the second time.
    let stored = backup.get("log");
    let written = fs::read(scratch.path("log")).unwrap();
    assert!(stored.content.len() > LARGE && stored.content.len() < written.len());
    assert!(written.starts_with(&stored.content));
    assert_eq!(backup.told(NoticeLevel::Warning, "log").len(), 1);
    // The next backup does not take it for unchanged.
    let next = request(&scratch.engine()).parent(&backup.long_after_the_files()).run().await.unwrap();
    assert!(next.get("log").content == written && !next.get("log").kept);
}

#[tokio::test]
async fn a_file_that_changes_once_is_read_again_in_silence() {
    let scratch = Scratch::new();
    let path = scratch.write("data", noise(LARGE, 1));
    let changed = AtomicBool::new(false);
    let change = move |_: &str| {
        if !changed.swap(true, Ordering::SeqCst) {
            fs::write(&path, noise(LARGE - 5, 2)).unwrap();
        }
    };
    let backup = request(&scratch.engine()).on_write(change).run().await.unwrap();
    assert!(backup.get("data").content == noise(LARGE - 5, 2));
    assert!(backup.notices.is_empty(), "{:?}", backup.notices);
}

#[tokio::test]
async fn a_file_that_keeps_shrinking_is_stored_at_the_size_that_was_read() {
    let scratch = Scratch::new();
    let path = scratch.write("data", noise(4 * LARGE, 1));
    let length = AtomicU64::new(4 * LARGE as u64);
    let shrink = move |_: &str| {
        let length = length.fetch_sub(1 << 20, Ordering::SeqCst) - (1 << 20);
        File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
    };
    let backup = request(&scratch.engine()).on_write(shrink).run().await.unwrap();
    let stored = backup.get("data");
    assert!(stored.content.len() < 4 * LARGE && noise(4 * LARGE, 1).starts_with(&stored.content));
    assert_eq!(backup.told(NoticeLevel::Warning, "data").len(), 1);
}

#[tokio::test]
async fn a_small_file_that_keeps_changing_is_named() {
    let scratch = Scratch::new();
    let path = scratch.write("small", noise(200_000, 1));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let mut file = OpenOptions::new().write(true).open(path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                std::io::Seek::rewind(&mut file).unwrap();
                file.write_all(&[7; 4096]).unwrap();
            }
        }
    });
    let mut named = false;
    for _ in 0..2000 {
        let backup = back_up(&scratch.engine()).await;
        assert_eq!(backup.get("small").content.len(), 200_000);
        named = !backup.told(NoticeLevel::Warning, "small").is_empty();
        if named {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(named, "the file was never caught changing");
}

/// Backs up while something happens as soon as the first file, a large one, is being read. Large files after
/// it are opened later.
async fn while_reading(
    scratch: &Scratch,
    happening: impl Fn() + Send + Sync + 'static,
) -> super::recording::Backup {
    scratch.write("0", noise(LARGE, 9));
    let happened = AtomicBool::new(false);
    let hook = move |path: &str| {
        if path == "0" && !happened.swap(true, Ordering::SeqCst) {
            happening();
        }
    };
    request(&scratch.engine()).on_write(hook).run().await.unwrap()
}

#[tokio::test]
async fn a_file_that_vanishes_is_named() {
    let scratch = Scratch::new();
    let path = scratch.write("z", noise(LARGE, 1));
    let backup = while_reading(&scratch, move || fs::remove_file(&path).unwrap()).await;
    assert_eq!(backup.paths(), ["", "0"]);
    assert_eq!(backup.told(NoticeLevel::Info, "z").len(), 1);
    assert!(backup.warnings().is_empty());
}

#[tokio::test]
async fn a_file_replaced_by_a_link_is_stored_as_the_link() {
    let outside = Scratch::with(&["secret"]);
    let scratch = Scratch::new();
    let path = scratch.write("z", noise(LARGE, 1));
    let target = outside.path("secret");
    let backup = while_reading(&scratch, {
        let target = target.clone();
        move || {
            fs::remove_file(&path).unwrap();
            symlink(&target, &path).unwrap();
        }
    })
    .await;
    let stored = backup.get("z");
    assert_eq!(stored.metadata.kind, EntryKind::Symlink);
    assert!(stored.content.is_empty() && stored.target == target.as_os_str().as_encoded_bytes());
}

#[tokio::test]
async fn a_file_replaced_by_a_folder_or_a_pipe_does_not_stop_the_backup() {
    let scratch = Scratch::new();
    let (pipe, folder) = (scratch.write("y", noise(LARGE, 1)), scratch.write("z", noise(LARGE, 1)));
    let backup = while_reading(&scratch, move || {
        for path in [&pipe, &folder] {
            fs::remove_file(path).unwrap();
        }
        fs::create_dir(&folder).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    })
    .await;
    assert_eq!(backup.paths(), ["", "0", "y"]);
    assert_eq!(backup.get("y").metadata.kind, EntryKind::Fifo);
    assert_eq!(backup.told(NoticeLevel::Warning, "z").len(), 1);
}

#[tokio::test]
async fn a_large_file_that_became_small_is_stored_as_it_is_then() {
    let scratch = Scratch::new();
    let path = scratch.write("z", noise(LARGE, 1));
    let backup = while_reading(&scratch, move || fs::write(&path, "tiny").unwrap()).await;
    assert_eq!(backup.get("z").content, b"tiny");
    assert!(backup.notices.is_empty(), "{:?}", backup.notices);
}

#[tokio::test]
async fn a_cancelled_backup_commits_nothing() {
    let scratch = Scratch::with(&["a"]);
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let error = request(&scratch.engine()).cancel(cancelled).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);

    scratch.write("large", noise(4 * LARGE, 1));
    let cancel = CancellationToken::new();
    let hook = {
        let cancel = cancel.clone();
        move |_: &str| cancel.cancel()
    };
    let error = request(&scratch.engine()).cancel(cancel).on_write(hook).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}
