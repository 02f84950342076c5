//! Reading what has changed: small files whole, everything else as metadata.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use backup_core::crypto::ContentHasher;
use backup_core::engine::{Content, Entries, Entry, EntryKind, Metadata, Timestamp};
use backup_core::{BUNDLE_LIMIT, Result};
use rustix::buffer::spare_capacity;
use rustix::fs::SeekFrom;
use rustix::io::{self, Errno};

use super::batch::{Batch, Found};
use super::directory::observe;
use super::failure;
use super::metadata::Observed;
use super::notices::Notices;
use super::plan::Job;
use super::sqlite;
use super::xattrs::Xattrs;

/// A part of a tree, next in order.
#[derive(Debug)]
pub(super) enum Part {
    /// Entries with all that belongs to them.
    Entries(Entries),
    /// A file to be read piece by piece: its position in a batch.
    Large(Arc<Batch>, usize),
}

/// Makes entries of a job's paths.
pub(super) fn read(job: &Job, notices: &Notices) -> Result<Vec<Part>> {
    let mut reader = Reader::new(notices);
    let mut kept = job.kept.iter().peekable();
    let mut maybe_equal = job.maybe_equal.iter().peekable();
    let mut parts = Vec::new();
    for position in job.range.clone() {
        let Some(found) = job.batch.get(position) else { break };
        if let Some(entry) = kept.next_if(|entry| entry.path == found.path) {
            reader.entries.push(&Entry { metadata: found.observed.metadata, ..entry });
            continue;
        }
        reader.earlier = maybe_equal.next_if(|entry| entry.path == found.path).zip(job.hasher.as_ref());
        if !reader.add(&found)? {
            parts.extend(reader.take_entries());
            parts.push(Part::Large(Arc::clone(&job.batch), position));
        }
    }
    parts.extend(reader.take_entries());
    Ok(parts)
}

/// Entries for what a large file turned out to be when it was opened.
pub(super) fn read_again(found: &Found<'_>, notices: &Notices) -> Result<Entries> {
    let mut reader = Reader::new(notices);
    reader.add_other(found)?;
    Ok(reader.entries)
}

/// An attempt to open a regular file.
pub(super) enum Opened {
    /// It is open, and what it is like before it is read.
    File(OwnedFd, Observed),
    /// It is not a regular file any more.
    Other,
    /// It cannot be had, which was told.
    Missing,
}

/// Opens what the walk saw as a regular file.
pub(super) fn open(found: &Found<'_>, notices: &Notices) -> Result<Opened> {
    // The walk looked too, but that may be a while ago.
    if sqlite::is_in_use(found.folder, found.name) {
        notices.warn(found.path, sqlite::IN_USE);
        return Ok(Opened::Missing);
    }
    let opened = found.folder.open_file(found.name).and_then(|file| Ok((observe(&file)?, file)));
    match opened {
        Ok((Some(mut observed), file)) if observed.metadata.kind == EntryKind::File => {
            observed.metadata.link = link(found, &observed);
            Ok(Opened::File(file, observed))
        }
        Ok(_) => Ok(Opened::Other),
        Err(errno) if failure::is_other_kind(errno) => Ok(Opened::Other),
        Err(errno) => missing(found, errno, notices).map(|()| Opened::Missing),
    }
}

/// Reads the attributes of an open file; those that cannot be read are told and left out, and the entry will never
/// count as unchanged, so that the next backup tries again.
pub(super) fn attributes<'a>(
    xattrs: &'a mut Xattrs,
    file: &OwnedFd,
    path: &[u8],
    metadata: &mut Metadata,
    notices: &Notices,
) -> Content<'a> {
    block(xattrs.of_file(file), path, metadata, notices)
}

/// Whether nothing happened to a file since it was opened.
pub(super) fn is_still(file: &OwnedFd, before: &Observed) -> bool {
    observe(file).is_ok_and(|now| now.is_some_and(|now| now.is_same(before)))
}

/// Tells that a path cannot be had, unless the reason concerns the whole backup.
pub(super) fn missing(found: &Found<'_>, errno: Errno, notices: &Notices) -> Result<()> {
    if let Some(error) = failure::fatal(errno) {
        return Err(error);
    }
    if failure::is_gone(errno) {
        notices.vanished(found.path);
    } else {
        notices.unreadable(found.path, failure::reason(errno));
    }
    Ok(())
}

/// Times that a file is read until it holds still.
pub(super) const ATTEMPTS: u32 = 2;

struct Reader<'a> {
    notices: &'a Notices,
    entries: Entries,
    xattrs: Xattrs,
    content: Vec<u8>,
    /// The parent's entry of the file being read, if it may have the same content, and what tells.
    earlier: Option<(Entry<'a>, &'a ContentHasher)>,
}

impl<'a> Reader<'a> {
    fn new(notices: &'a Notices) -> Self {
        let (entries, xattrs) = (Entries::new(), Xattrs::default());
        Self { notices, entries, xattrs, content: Vec::new(), earlier: None }
    }

    fn take_entries(&mut self) -> Option<Part> {
        (!self.entries.is_empty()).then(|| Part::Entries(std::mem::take(&mut self.entries)))
    }

    /// Adds an entry; `false` if it is to be read piece by piece.
    fn add(&mut self, found: &Found<'_>) -> Result<bool> {
        let metadata = &found.observed.metadata;
        if metadata.kind != EntryKind::File {
            self.add_plain(found, metadata)?;
            return Ok(true);
        }
        if metadata.size >= BUNDLE_LIMIT {
            return Ok(false);
        }
        self.add_file(found)
    }

    /// Adds a small file; `false` if it is not small, or has holes.
    fn add_file(&mut self, found: &Found<'_>) -> Result<bool> {
        for attempt in 1..=ATTEMPTS {
            let (file, before) = match open(found, self.notices)? {
                Opened::File(file, before) if is_large(&file, &before) => return Ok(false),
                Opened::File(file, before) => (file, before),
                Opened::Other => return self.add_other(found).map(|()| true),
                Opened::Missing => return Ok(true),
            };
            if let Err(errno) = read_whole(&file, &before, &mut self.content) {
                return missing(found, errno, self.notices).map(|()| true);
            }
            let mut metadata = before.metadata;
            let xattrs = attributes(&mut self.xattrs, &file, found.path, &mut metadata, self.notices);
            let size = self.content.len() as u64;
            let is_still = size == before.metadata.size && is_still(&file, &before);
            if is_still || attempt == ATTEMPTS {
                if !is_still {
                    self.notices.changed(found.path);
                }
                let metadata = Metadata { size, ..metadata };
                let content = content(&self.content, self.earlier);
                self.entries.push(&Entry { path: found.path, metadata, target: b"", content, xattrs });
                break;
            }
        }
        Ok(true)
    }

    /// Adds what is there now in place of a regular file.
    fn add_other(&mut self, found: &Found<'_>) -> Result<()> {
        match found.folder.observe_child(found.name) {
            Ok(Some(now)) if matches!(now.metadata.kind, EntryKind::File | EntryKind::Directory) => {
                self.notices
                    .warn(found.path, "left out: it became another kind of file while the backup ran");
                Ok(())
            }
            Ok(Some(now)) => self.add_plain(found, &now.metadata),
            Ok(None) => {
                self.notices.inform(found.path, "left out: a socket has no content");
                Ok(())
            }
            Err(errno) => missing(found, errno, self.notices),
        }
    }

    /// Adds what has no content.
    fn add_plain(&mut self, found: &Found<'_>, metadata: &Metadata) -> Result<()> {
        let target = match metadata.kind {
            EntryKind::Symlink => found.folder.read_link(found.name),
            _ => Ok(Vec::new()),
        };
        let target = match target {
            Ok(target) => target,
            Err(Errno::INVAL) => {
                self.notices
                    .warn(found.path, "left out: it became another kind of file while the backup ran");
                return Ok(());
            }
            Err(errno) => return missing(found, errno, self.notices),
        };
        let mut metadata = *metadata;
        let read = self.xattrs.of_child(found.folder, found.name);
        let xattrs = block(read, found.path, &mut metadata, self.notices);
        self.entries.push(&Entry {
            path: found.path,
            metadata,
            target: &target,
            content: Content::None,
            xattrs,
        });
        Ok(())
    }
}

/// A content that was read: as what the parent stores if that is the same, so that it is not stored again among other neighbours.
fn content<'a>(read: &'a [u8], earlier: Option<(Entry<'a>, &ContentHasher)>) -> Content<'a> {
    let hash = |hasher: &ContentHasher| {
        let mut hasher = hasher.clone();
        hasher.update(read);
        hasher.finalize()
    };
    match earlier {
        _ if read.is_empty() => Content::None,
        Some((Entry { content: Content::Stored(stored), .. }, hasher))
            if stored.size == read.len() as u64 && hash(hasher) == stored.hash =>
        {
            Content::Stored(stored)
        }
        _ => Content::Data(read),
    }
}

fn block<'a>(
    read: io::Result<&'a [u8]>,
    path: &[u8],
    metadata: &mut Metadata,
    notices: &Notices,
) -> Content<'a> {
    match read {
        Ok([]) => Content::None,
        Ok(block) => Content::Data(block),
        // It vanished after it was seen: as if it had no attributes.
        Err(errno) if failure::is_gone(errno) => Content::None,
        Err(errno) => {
            let reason = failure::reason(errno);
            metadata.ctime = Timestamp::default();
            notices
                .warn(path, format!("stored without its extended attributes: they cannot be read: {reason}"));
            Content::None
        }
    }
}

/// The number that the walk gave to the file, if it is still the same file.
fn link(found: &Found<'_>, now: &Observed) -> u64 {
    let seen = &found.observed.metadata;
    let is_same_file = (seen.inode, seen.device) == (now.metadata.inode, now.metadata.device);
    if is_same_file { seen.link } else { 0 }
}

fn is_large(file: &OwnedFd, observed: &Observed) -> bool {
    let size = observed.metadata.size;
    let has_hole = || rustix::fs::seek(file, SeekFrom::Hole(0)).is_ok_and(|hole| hole < size);
    size >= BUNDLE_LIMIT || (observed.may_have_holes() && has_hole())
}

/// Reads a small file up to the size that it had when it was opened.
fn read_whole(file: &OwnedFd, before: &Observed, content: &mut Vec<u8>) -> io::Result<()> {
    let size = usize::try_from(before.metadata.size.min(BUNDLE_LIMIT)).map_err(|_| Errno::FBIG)?;
    content.clear();
    content.reserve_exact(size);
    while content.len() < size {
        let offset = content.len() as u64;
        let read = io::retry_on_intr(|| io::pread(file, spare_capacity(content), offset))?;
        if read == 0 {
            break;
        }
    }
    content.truncate(size);
    Ok(())
}
