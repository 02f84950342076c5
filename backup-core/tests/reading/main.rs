//! What reading does with damage, and how much of it there is.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

mod damage;
mod shared;

#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/home.rs"]
mod home;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/stream.rs"]
mod stream;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/tree.rs"]
mod tree;

use backup_core::engine::{Content, Entry, EntryKind, Metadata, Timestamp};

/// A folder as an entry.
fn folder(path: &str) -> Entry<'_> {
    let time = Timestamp { seconds: 1_700_000_000, nanoseconds: 0 };
    let metadata = Metadata {
        kind: EntryKind::Directory,
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: time,
        ctime: time,
        size: 0,
        inode: 1,
        device: 1,
        special: 0,
        link: 0,
    };
    Entry { path: path.as_bytes(), metadata, target: b"", content: Content::None, xattrs: Content::None }
}
