//! Which owners this process can give to a file.

use rustix::process::{getegid, geteuid, getgroups};

use crate::engine::Metadata;

/// The rights of this process over owners.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    root: bool,
    uid: u32,
    groups: Vec<u32>,
}

impl Owner {
    /// Those of the running process.
    pub(super) fn current() -> Self {
        let uid = geteuid();
        let mut groups: Vec<u32> = getgroups().unwrap_or_default().iter().map(|gid| gid.as_raw()).collect();
        groups.push(getegid().as_raw());
        Self { root: uid.is_root(), uid: uid.as_raw(), groups }
    }

    pub(super) fn is_root(&self) -> bool {
        self.root
    }

    /// The owner and group nearest to the wanted ones that a file of `uid` and `gid` can get.
    pub(super) fn attainable(&self, uid: u32, gid: u32, wanted: &Metadata) -> (u32, u32) {
        if self.root {
            return (wanted.uid, wanted.gid);
        }
        let own_group = self.uid == uid && self.groups.contains(&wanted.gid);
        (uid, if own_group { wanted.gid } else { gid })
    }

    /// The mode for a file that belongs to `uid` and `gid`: it runs as somebody else only where it did so in the source.
    pub(super) fn mode_with(&self, uid: u32, gid: u32, wanted: &Metadata) -> u32 {
        if (uid, gid) == (wanted.uid, wanted.gid) { wanted.mode & 0o7777 } else { wanted.mode & 0o1777 }
    }
}
