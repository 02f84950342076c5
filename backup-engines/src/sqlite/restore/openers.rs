//! Who has a file open, as far as this process may see it. Nothing is opened to find out.

use std::ffi::OsStr;
use std::fs::{Metadata, ReadDir};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What could be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The number of a process that has the file open; this one counts.
    Open(u32),
    /// No process that could be looked into has it open; so many could not.
    NotOpen { hidden: usize },
    /// Processes cannot be looked at here.
    Nothing,
}

/// Looks for processes that have a file open. `name` is a name of the file.
pub(super) fn look(name: &Path, file: &Metadata) -> Seen {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Seen::Nothing };
    let mut hidden = 0;
    let numbered = processes.flatten().filter_map(|process| {
        let number: u32 = process.file_name().to_str()?.parse().ok()?;
        Some((number, process.path().join("fd")))
    });
    for (number, descriptors) in numbered {
        match std::fs::read_dir(descriptors) {
            Ok(descriptors) => {
                if has_open(descriptors, name, file) {
                    return Seen::Open(number);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => hidden += 1,
            // It has ended.
            Err(_) => {}
        }
    }
    Seen::NotOpen { hidden }
}

/// The number of a process that has a file open, if one can be seen.
pub(super) fn opener(name: &Path, file: &Metadata) -> Option<u32> {
    match look(name, file) {
        Seen::Open(process) => Some(process),
        _ => None,
    }
}

fn has_open(descriptors: ReadDir, name: &Path, file: &Metadata) -> bool {
    descriptors.flatten().any(|descriptor| {
        let descriptor = descriptor.path();
        // Only what has the name is looked at: looking at a file on a mount that hangs would hang.
        std::fs::read_link(&descriptor).is_ok_and(|target| is_called(&target, name))
            && std::fs::metadata(&descriptor)
                .is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
    })
}

/// Whether a descriptor is of a file with such a name, in whatever folder; it may have lost the name since.
fn is_called(target: &Path, name: &Path) -> bool {
    let last = |path: &Path| path.file_name().map(|name| name.as_bytes().to_vec());
    let Some(found) = last(target) else { return false };
    let found = found.strip_suffix(b" (deleted)").unwrap_or(&found);
    name.file_name().map(OsStr::as_bytes) == Some(found)
}

/// A process as text for people.
pub(super) fn label(process: u32) -> String {
    if process == std::process::id() { "this process".to_owned() } else { format!("process {process}") }
}
