//! Two passes, the second inside the pause.

use std::fs;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use backup_core::{ErrorKind, NoticeLevel};

use super::recording::{back_up, request};
use super::scratch::{Scratch, noise};

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn the_pass_within_the_pause_counts() {
    let scratch = Scratch::with(&["changed", "deleted", "same"]);
    scratch.write("large", noise(700_000, 1));
    let _listener = UnixListener::bind(scratch.path("socket")).unwrap();
    let between = || {
        scratch.write("changed", "after the first pass");
        fs::remove_file(scratch.path("deleted")).unwrap();
        scratch.write("new", "new");
    };
    let backup = request(&scratch.engine()).paused(LONG, between).run().await.unwrap();
    assert_eq!(backup.paths(), ["", "changed", "large", "new", "same"]);
    assert_eq!(backup.get("changed").content, b"after the first pass");
    assert!(backup.get("large").content == noise(700_000, 1));
    // Told once, not by each pass.
    assert_eq!(backup.told(NoticeLevel::Info, "socket").len(), 1);
    assert_eq!(backup.notices.len(), 1);
    assert_eq!(backup.fact("files.count"), "4");
    assert_eq!(backup.fact("files.unchanged"), "0");
}

#[tokio::test]
async fn what_the_first_pass_stored_is_not_read_in_the_pause() {
    let scratch = Scratch::with(&["a", "b"]);
    let earlier = back_up(&scratch.engine()).await.long_after_the_files();
    let old = chrono::DateTime::from_timestamp(earlier.get("a").metadata.ctime.seconds, 0).unwrap();
    assert!(old <= earlier.started_at);
    // The files are as old as this process: the first pass may not trust them, and neither may the second.
    let fresh = request(&scratch.engine()).paused(LONG, || ()).run().await.unwrap();
    assert!(fresh.kept().is_empty());
    // With a clock an hour ahead they are old.
    let aged =
        request(&scratch.engine()).hour_ahead().parent(&earlier).paused(LONG, || ()).run().await.unwrap();
    assert_eq!(aged.kept(), ["a", "b"]);
    assert_eq!(aged.fact("files.unchanged"), "2");
}

#[tokio::test]
async fn a_pause_that_is_too_short_fails_the_backup() {
    let scratch = Scratch::with(&["a"]);
    let error = request(&scratch.engine()).paused(Duration::ZERO, || ()).run().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("pause"), "{error}");
}
