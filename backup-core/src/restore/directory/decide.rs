//! Deciding what has to be done for each entry, by comparing contents with what is already there.

use std::os::fd::OwnedFd;

use backup_crypto::{ContentHash, ContentHasher};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, pread};

use super::found::{Found, Inode};
use super::handles::Handles;
use super::in_use::looks_in_use;
use super::links::Links;
use super::place::{IN_USE, Place};
use super::xattrs::{Bearer, encode};
use crate::Result;
use crate::engine::{Content, Entries, Entry, EntryKind};

/// What is to be done for one folder or file of a batch of entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Its position in the batch.
    pub(super) index: usize,
    pub(super) action: Action,
    /// Whether its extended attributes have to be set.
    pub(super) sets_xattrs: bool,
}

/// What is to be done for a folder or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Make the folder, or use the one that is there.
    Folder,
    /// Nothing: the file is as it should be.
    Keep(Inode),
    /// Give the file other attributes; its content is right.
    Mend(Inode),
    /// Write the file.
    Write,
    /// Make another name of a file that came before.
    Link,
}

/// Looks at a target, changing nothing.
#[derive(Debug)]
pub(super) struct Decider {
    place: Place,
    handles: Handles,
    hasher: ContentHasher,
    links: Links,
    buffer: Vec<u8>,
}

impl Decider {
    pub(super) fn new(place: &Place, hasher: ContentHasher) -> Self {
        Self {
            place: place.clone(),
            handles: place.handles(),
            links: Links::new(hasher.clone()),
            hasher,
            buffer: Vec::new(),
        }
    }

    /// The steps for the folders and files among some entries; links, pipes and devices come later.
    pub(super) fn decide(&mut self, entries: &Entries) -> Result<Vec<Step>> {
        let mut steps = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            self.place.check()?;
            self.place.check_reserved(entry.path, entry.metadata.kind)?;
            match entry.metadata.kind {
                EntryKind::Directory => {
                    steps.push(Step { index, action: Action::Folder, sets_xattrs: false })
                }
                EntryKind::File => {
                    let (action, sets_xattrs) = self.file(&entry)?;
                    steps.push(Step { index, action, sets_xattrs });
                }
                _ => {}
            }
        }
        Ok(steps)
    }

    fn file(&mut self, entry: &Entry<'_>) -> Result<(Action, bool)> {
        if self.links.first(entry).is_some() {
            return Ok((Action::Link, false));
        }
        let (action, sets_xattrs) = match self.standing(entry)? {
            Some((found, true)) if self.is_dressed(entry, &found) => (Action::Keep(found.inode()), false),
            Some((found, same_xattrs)) => (Action::Mend(found.inode()), !same_xattrs),
            None => (Action::Write, true),
        };
        self.links.note(
            entry,
            match action {
                Action::Keep(inode) | Action::Mend(inode) => Some(inode),
                _ => None,
            },
        );
        Ok((action, sets_xattrs))
    }

    /// The existing file that has the content of an entry and may stay, and whether its extended attributes are right.
    fn standing(&mut self, entry: &Entry<'_>) -> Result<Option<(Found, bool)>> {
        if self.place.is_fresh() {
            return Ok(None);
        }
        let path = entry.path;
        let (folder, name) = match self.handles.parent(path) {
            Ok(parent) => parent,
            // It is made, or put in place of something else, when its turn comes.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(errno) => return Err(self.place.failed("open the folder of", path, errno)),
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let looks_right =
            |found: &Found| found.kind() == Some(EntryKind::File) && found.size() == entry.metadata.size;
        let Some(seen) = Found::at(&folder, name).ok().flatten().filter(looks_right) else {
            return Ok(None);
        };
        self.place.check_reserved_found(path, &seen)?;
        if looks_in_use(&folder, name).map_err(|errno| self.place.failed("look at", path, errno))? {
            return self.standing_in_use(&folder, name, entry);
        }
        // What cannot be read is written anew.
        let Ok(file) = openat(&*folder, name, flags, Mode::empty()) else { return Ok(None) };
        let Ok(found) = Found::of(&file) else { return Ok(None) };
        if !looks_right(&found) {
            return Ok(None);
        }
        let same_xattrs = self.has_xattrs(&file, entry);
        let dressed = same_xattrs && self.is_dressed(entry, &found);
        if !self.links.may_stay(entry.metadata.link, &found, dressed) || !self.has_content(&file, entry)? {
            return Ok(None);
        }
        Ok(Some((found, same_xattrs)))
    }

    /// The same for a file that must not be opened: only if it looks as it should be can it stay.
    fn standing_in_use(
        &mut self,
        folder: &OwnedFd,
        name: &[u8],
        entry: &Entry<'_>,
    ) -> Result<Option<(Found, bool)>> {
        let found = Found::at(folder, name);
        let found = found.map_err(|errno| self.place.failed("look at", entry.path, errno))?;
        let looks_right = |found: &Found| {
            found.kind() == Some(EntryKind::File)
                && found.size() == entry.metadata.size
                && found.is_dressed_as(&entry.metadata, self.place.owner())
        };
        let found = found.filter(looks_right).ok_or_else(|| self.place.in_use(entry.path))?;
        if !self.links.may_stay(entry.metadata.link, &found, true) {
            return Err(self.place.in_use(entry.path));
        }
        let message = format!("{IN_USE} and was not opened: by its size and time it is as in the backup");
        self.place.context().inform(&self.place.path(entry.path), message);
        Ok(Some((found, true)))
    }

    fn is_dressed(&self, entry: &Entry<'_>, found: &Found) -> bool {
        found.is_dressed_as(&entry.metadata, self.place.owner())
    }

    fn has_xattrs(&self, file: &OwnedFd, entry: &Entry<'_>) -> bool {
        let Ok(attributes) = Bearer::open(file).attributes() else { return false };
        match (entry.xattrs, encode(&attributes)) {
            (Content::None, block) => block.is_empty(),
            (Content::Data(wanted), block) => wanted == block,
            (Content::Stored(wanted), block) => wanted.hash == self.hash(&block),
        }
    }

    fn has_content(&mut self, file: &OwnedFd, entry: &Entry<'_>) -> Result<bool> {
        let wanted = match entry.content {
            Content::None => return Ok(true),
            Content::Data(bytes) => self.hash(bytes),
            Content::Stored(stored) => stored.hash,
        };
        self.buffer.resize(READ_SIZE, 0);
        let mut hasher = self.hasher.clone();
        let mut offset = 0;
        loop {
            self.place.check()?;
            match pread(file, &mut self.buffer[..], offset) {
                Ok(0) => return Ok(hasher.finalize() == wanted),
                Ok(length) => {
                    hasher.update(&self.buffer[..length]);
                    offset += length as u64;
                }
                Err(Errno::INTR) => {}
                Err(_) => return Ok(false),
            }
        }
    }

    fn hash(&self, bytes: &[u8]) -> ContentHash {
        let mut hasher = self.hasher.clone();
        hasher.update(bytes);
        hasher.finalize()
    }
}

const READ_SIZE: usize = 256 * 1024;
