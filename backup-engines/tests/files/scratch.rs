//! Folders to back up.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use backup_engines::Files;

/// A folder that is deleted at the end, however deep it is.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With these files, each holding its own name; a name that ends in `/` makes a folder, `NAME -> TARGET`
    /// a link.
    pub(crate) fn with(names: &[&str]) -> Self {
        let scratch = Self::new();
        for name in names {
            if let Some((name, target)) = name.split_once(" -> ") {
                fs::create_dir_all(scratch.path(name).parent().unwrap()).unwrap();
                symlink(target, scratch.path(name)).unwrap();
            } else if name.ends_with('/') {
                fs::create_dir_all(scratch.path(name)).unwrap();
            } else {
                scratch.write(name, name);
            }
        }
        scratch
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn engine(&self) -> Files {
        Files::tree(self.root())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Unlike remove_dir_all it does not run out of descriptors in a deep tree.
        let deleted = std::process::Command::new("rm").arg("-rf").arg(self.root()).status();
        assert!(
            deleted.is_ok_and(|status| status.success()) || std::thread::panicking(),
            "cannot delete {:?}",
            self.root()
        );
    }
}

/// Bytes that look different everywhere.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says that something could not be tested on this machine.
#[allow(clippy::print_stdout, reason = "the test script lists these lines")]
pub(crate) fn not_run(what: &str) {
    println!("NOT RUN: {what}");
}
