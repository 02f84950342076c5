//! Removal of what killed processes left of their puts: `name#1`, which `object_store` neither lists nor deletes.

use std::os::fd::AsFd;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::{AtFlags, FileType, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, fstat, futimens, unlinkat};

use super::folder::{self, Entry, Facts};
use crate::name::is_segment;

/// How old a leftover must be. A put that is still alive has ended long before; should one not have, it fails without
/// harm when its file is gone.
const AGE: TimeDelta = TimeDelta::days(1);

/// Removes old leftovers in the folders below `root` (in `root` itself may lie files of others), as far as possible: nothing depends on it, and the next process tries again.
pub(super) fn sweep(root: &Path) {
    let Some(now) = folder::open_root(root).ok().and_then(now) else { return };
    let mut pending = vec![String::new()];
    while let Some(path) = pending.pop() {
        let Ok(Some(folder)) = folder::open_path(root, &path) else { continue };
        let Ok(entries) = folder::read(&folder) else { continue };
        for (segment, kind) in entries {
            if is_segment(&segment) {
                if is_folder(&folder, &segment, kind) {
                    pending.push(if path.is_empty() { segment } else { format!("{path}/{segment}") });
                }
            } else if !path.is_empty()
                && is_leftover(&segment)
                && let Ok(Some(Entry::File(facts))) = folder::look(&folder, &segment)
                && facts.stamp < now - AGE
            {
                let _ = unlinkat(&folder, &segment, AtFlags::empty());
            }
        }
    }
}

/// The time by the clock of the file system, which stamps its files, not by ours.
fn now(root: impl AsFd) -> Option<DateTime<Utc>> {
    let time = |nanoseconds| Timespec { tv_sec: 0, tv_nsec: nanoseconds };
    let now = Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
    futimens(&root, &now).ok()?;
    Facts::new(fstat(&root).ok()?).ok().map(|facts| facts.stamp)
}

fn is_folder(folder: impl AsFd, segment: &str, kind: FileType) -> bool {
    match kind {
        FileType::Directory => true,
        FileType::Unknown => matches!(folder::look(folder, segment), Ok(Some(Entry::Folder))),
        _ => false,
    }
}

/// Whether this is how `object_store` calls the unfinished file of an object.
fn is_leftover(segment: &str) -> bool {
    segment.split_once('#').is_some_and(|(object, attempt)| {
        is_segment(object) && !attempt.is_empty() && attempt.bytes().all(|byte| byte.is_ascii_digit())
    })
}
