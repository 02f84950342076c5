//! What the kind of a file system lets a local directory promise.

use std::path::Path;
use std::time::Duration;

use crate::{Capabilities, Listing};

/// How long after a change a network file system may still list the old state: NFS keeps a folder for at most
/// 60 seconds by default.
const NETWORK_SETTLE: Duration = Duration::from_secs(90);

/// What objects in `directory`, which need not exist yet, can be promised.
pub(super) fn capabilities(directory: &Path) -> Capabilities {
    let kind = directory.ancestors().find_map(kind);
    match kind {
        Some(Kind::Disk) => Capabilities::new(true, Listing::Immediate),
        Some(Kind::Network) => Capabilities::new(true, Listing::Settles(NETWORK_SETTLE)),
        None | Some(Kind::Unknown) => Capabilities::new(false, Listing::Unknown),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    /// One kernel sees it all.
    Disk,
    /// Other machines change it too.
    Network,
    Unknown,
}

/// The kind of the file system at `path`, if anything is there.
#[cfg(target_os = "linux")]
fn kind(path: &Path) -> Option<Kind> {
    let magic = u32::try_from(rustix::fs::statfs(path).ok()?.f_type & 0xffff_ffff).ok()?;
    Some(match magic {
        // ext2 to ext4, XFS, Btrfs, ZFS, F2FS, bcachefs, tmpfs, ramfs, overlayfs, JFS, NILFS.
        0xef53 | 0x5846_5342 | 0x9123_683e | 0x2fc1_2fc1 | 0xf2f5_2010 | 0xca45_1a4e | 0x0102_1994
        | 0x8584_58f6 | 0x794c_7630 | 0x3153_464a | 0x3434 => Kind::Disk,
        // NFS, SMB, CIFS, SMB2, CephFS.
        0x6969 | 0x517b | 0xff53_4d42 | 0xfe53_4d42 | 0x00c3_6400 => Kind::Network,
        _ => Kind::Unknown,
    })
}

#[cfg(not(target_os = "linux"))]
fn kind(path: &Path) -> Option<Kind> {
    path.exists().then_some(Kind::Unknown)
}
