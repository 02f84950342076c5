//! What the file system says about a path.

use backup_core::engine::{EntryKind, Metadata, Timestamp};
use rustix::fs::{FileType, Statx, StatxTimestamp, makedev};

/// One look at a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed {
    /// What is kept of it. `link` is not set yet.
    pub(super) metadata: Metadata,
    /// How many names the file has.
    pub(super) names: u32,
    /// Bytes that it takes in its file system.
    pub(super) allocated: u64,
}

impl Observed {
    /// `None` for what cannot be kept: sockets.
    pub(super) fn new(stat: &Statx) -> Option<Self> {
        let mode = u32::from(stat.stx_mode);
        let kind = kind(FileType::from_raw_mode(mode))?;
        let is_device = matches!(kind, EntryKind::CharacterDevice | EntryKind::BlockDevice);
        let metadata = Metadata {
            kind,
            mode: mode & 0o7777,
            uid: stat.stx_uid,
            gid: stat.stx_gid,
            mtime: timestamp(stat.stx_mtime),
            ctime: timestamp(stat.stx_ctime),
            size: if kind == EntryKind::File { stat.stx_size } else { 0 },
            inode: stat.stx_ino,
            device: makedev(stat.stx_dev_major, stat.stx_dev_minor),
            special: if is_device { number(stat.stx_rdev_major, stat.stx_rdev_minor) } else { 0 },
            link: 0,
        };
        Some(Self { metadata, names: stat.stx_nlink, allocated: stat.stx_blocks.saturating_mul(512) })
    }

    pub(super) fn is_folder(&self) -> bool {
        self.metadata.kind == EntryKind::Directory
    }

    /// Whether a file takes less space than it has bytes, as files with holes do (and compressed ones).
    pub(super) fn may_have_holes(&self) -> bool {
        self.allocated < self.metadata.size
    }

    /// Whether nothing happened between an earlier look and this one.
    pub(super) fn is_same(&self, earlier: &Self) -> bool {
        self.metadata.is_unchanged_since(&earlier.metadata)
    }
}

fn kind(file_type: FileType) -> Option<EntryKind> {
    Some(match file_type {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        FileType::Fifo => EntryKind::Fifo,
        FileType::CharacterDevice => EntryKind::CharacterDevice,
        FileType::BlockDevice => EntryKind::BlockDevice,
        FileType::Socket | FileType::Unknown => return None,
    })
}

fn number(major: u32, minor: u32) -> u64 {
    u64::from(major) << 32 | u64::from(minor)
}

fn timestamp(time: StatxTimestamp) -> Timestamp {
    Timestamp { seconds: time.tv_sec, nanoseconds: time.tv_nsec }
}
