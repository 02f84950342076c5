//! Making folders, files, links, pipes and devices in a target.

mod link;
mod node;

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, mkdirat, openat, unlinkat};
use rustix::io::Errno;

pub(super) use self::link::Linked;
use super::attributes::{Attributes, Subject};
use super::draft::{Draft, Refused};
use super::found::{Found, Inode, names};
use super::handles::Handles;
use super::in_use::{has_companion, looks_in_use};
use super::lineage::split;
use super::place::{Place, stays};
use super::remove::{Removal, Removed};
use super::temporary::{Temporary, TemporaryNames};
use crate::engine::{
    Entry, EntryKind, Existing, Metadata, Piece, RestoreSummary, Role, Selection, printable_path,
};
use crate::{Error, Result};

/// Writes to one place. Everything but folders is made under a temporary name first.
#[derive(Debug)]
pub(super) struct Writer {
    place: Place,
    handles: Handles,
    first_handles: Handles,
    temporary_names: TemporaryNames,
    attributes: Attributes,
    selection: Selection,
    firsts: HashMap<u64, First>,
    made_on_the_way: HashSet<Vec<u8>>,
    pub(super) summary: RestoreSummary,
}

/// The name under which a file with several names came first.
#[derive(Debug)]
struct First {
    path: Box<[u8]>,
    inode: Inode,
    kind: EntryKind,
    special: u64,
    target: Box<[u8]>,
}

impl First {
    /// Whether another entry can be of the same file; contents are compared before.
    fn is_same(&self, entry: &Entry<'_>) -> bool {
        let metadata = &entry.metadata;
        (self.kind, self.special, &*self.target) == (metadata.kind, metadata.special, entry.target)
    }
}

impl Writer {
    pub(super) fn new(place: &Place, selection: &Selection) -> Result<Self> {
        Ok(Self {
            place: place.clone(),
            handles: place.handles(),
            first_handles: place.handles(),
            temporary_names: TemporaryNames::new()?,
            attributes: Attributes::new(place),
            selection: selection.clone(),
            firsts: HashMap::new(),
            made_on_the_way: HashSet::new(),
            summary: RestoreSummary::default(),
        })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Tells what could not be restored as it was, and what was done.
    pub(super) fn report(self) -> RestoreSummary {
        self.attributes.report();
        self.summary
    }

    /// Makes a folder, or uses the one that is there; its attributes come last.
    pub(super) fn folder(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.place.check_reserved(entry.path, EntryKind::Directory)?;
        let held = self.selection.holds(entry.path);
        let (made, found) = self.make_folder(entry.path)?;
        let made = made || (entry.path.is_empty() && held && self.place.is_fresh());
        if let Some(found) = found.filter(|_| held) {
            self.open_up(entry.path, &found)?;
        }
        if made && !held {
            self.made_on_the_way.insert(entry.path.to_vec());
        }
        let as_it_was = found.is_some_and(|found| found.is_dressed_as(&entry.metadata, self.place.owner()));
        if made || (held && !as_it_was) {
            self.summary.written += 1;
            self.place.context().advance(1, 0);
        } else if held {
            self.summary.unchanged += 1;
        }
        Ok(())
    }

    /// Lets this process make things in an existing folder, until it gets its attributes.
    fn open_up(&mut self, path: &[u8], found: &Found) -> Result<()> {
        if found.mode() & 0o700 == 0o700 || self.place.owner().is_root() {
            return Ok(());
        }
        let opened = self.handles.folder(path).and_then(|folder| fchmod(&*folder, Mode::RWXU));
        opened.map_err(|errno| self.place.failed("open", path, errno))
    }

    /// Makes sure that a folder exists: whether it is new, and what was there if it is not.
    pub(super) fn make_folder(&mut self, path: &[u8]) -> Result<(bool, Option<Found>)> {
        let root = path.is_empty();
        let found = match (root, self.place.is_fresh()) {
            (true, _) => Found::of(self.place.root()).map(Some),
            (false, true) => Ok(None),
            (false, false) => self.handles.parent(path).and_then(|(folder, name)| Found::at(&folder, name)),
        };
        let found = found.map_err(|errno| self.place.failed("look at", path, errno))?;
        if found.is_some_and(|found| found.is_folder()) {
            return Ok((false, found));
        }
        let (folder, name) = self.parent(path)?;
        if found.is_some() {
            if self.place.existing() == Existing::Refuse {
                return Err(self.place.in_the_way(path));
            }
            self.place.check_reserved(path, EntryKind::File)?;
            self.check_in_use(&folder, path)?;
            self.place.check_overwrite(path)?;
            unlinkat(&*folder, name, AtFlags::empty())
                .map_err(|errno| self.place.failed("replace", path, errno))?;
        }
        self.place.check_reserved(path, EntryKind::Directory)?;
        mkdirat(&*folder, name, Mode::RWXU).map_err(|errno| self.place.failed("make", path, errno))?;
        Ok((true, None))
    }

    /// Makes sure that a folder and those above it exist.
    pub(super) fn make_folders(&mut self, path: &[u8]) -> Result<()> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain(std::iter::once(path.len())).filter(|end| *end > 0) {
            if self.handles.folder(&path[..end]).is_err() {
                self.make_folder(&path[..end])?;
            }
        }
        Ok(())
    }

    /// Whether a folder was made only to get to something below it.
    pub(super) fn made_on_the_way(&self, path: &[u8]) -> bool {
        self.made_on_the_way.contains(path)
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, path: &[u8], size: u64) -> Result<Draft> {
        self.place.check_reserved(path, EntryKind::File)?;
        let (folder, _) = self.parent(path)?;
        let made = self.temporary_names.file(&folder);
        let (temporary, file) = made.map_err(|errno| self.place.failed("write", path, errno))?;
        Ok(Draft::new(temporary, file, size))
    }

    /// Adds a piece to a file. How long it is.
    pub(super) fn append(&self, draft: &mut Draft, path: &[u8], piece: &Piece) -> Result<u64> {
        draft.append(piece).map_err(|refused| self.refused(path, refused))
    }

    /// Ends a file: attributes, then its name.
    pub(super) fn finish(&mut self, mut draft: Draft, entry: &Entry<'_>, xattrs: &[u8]) -> Result<()> {
        let written = draft.complete().map_err(|refused| self.refused(entry.path, refused))?;
        let subject = Subject::Open(draft.file.as_fd());
        self.attributes.give(subject, entry.path, &entry.metadata, Some(xattrs), true)?;
        if entry.metadata.link != 0 {
            let found = Found::of(&draft.file);
            let found = found.map_err(|errno| self.place.failed("look at", entry.path, errno))?;
            self.note_first(entry, found.inode());
        }
        self.put(&mut draft.temporary, entry.path)?;
        self.summary.written_bytes += written;
        Ok(())
    }

    /// Ends a stream's file, which nobody but its owner may read.
    pub(super) fn finish_stream(&mut self, mut draft: Draft, path: &[u8], role: Role) -> Result<()> {
        if role == Role::Database && self.is_taken(draft.temporary.folder(), path)? {
            return Err(self.place.standing(path));
        }
        let written = draft.complete().map_err(|refused| self.refused(path, refused))?;
        self.put(&mut draft.temporary, path)?;
        self.summary.written_bytes += written;
        Ok(())
    }

    /// Uses an existing file as it is.
    pub(super) fn keep(&mut self, entry: &Entry<'_>, inode: Inode) {
        self.note_first(entry, inode);
        self.summary.unchanged += 1;
    }

    /// Uses an existing file whose content is right, and gives it the attributes of an entry. Whether any was different.
    pub(super) fn mend(&mut self, entry: &Entry<'_>, inode: Inode, xattrs: Option<&[u8]>) -> Result<bool> {
        self.place.check_reserved(entry.path, EntryKind::File)?;
        let (folder, name) = self.parent(entry.path)?;
        self.check_in_use(&folder, entry.path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&*folder, name, flags, Mode::empty()).and_then(|file| {
            let found = Found::of(&file)?;
            if found.inode() == inode { Ok((file, found)) } else { Err(Errno::STALE) }
        });
        let (file, found) = opened.map_err(|errno| self.place.failed("open", entry.path, errno))?;
        if !found.is_dressed_as(&entry.metadata, self.place.owner()) {
            self.place.check_overwrite(entry.path)?;
        }
        let subject = Subject::Open(file.as_fd());
        let changed = self.attributes.give(subject, entry.path, &entry.metadata, xattrs, false)?;
        self.note_first(entry, inode);
        if changed {
            self.summary.written += 1;
        } else {
            self.summary.unchanged += 1;
        }
        Ok(changed)
    }

    /// Gives a folder its attributes, when nothing in it changes any more.
    pub(super) fn finish_folder(&mut self, path: &[u8], metadata: &Metadata, xattrs: &[u8]) -> Result<()> {
        let opened = self.handles.folder(path);
        let folder = opened.map_err(|errno| self.place.failed("open", path, errno))?;
        let new = self.place.is_fresh() && !path.is_empty();
        self.attributes.give(Subject::Open(folder.as_fd()), path, metadata, Some(xattrs), new)?;
        Ok(())
    }

    /// Deletes something that the backup does not have, except databases in use.
    pub(super) fn delete(&mut self, path: &[u8]) -> Result<()> {
        self.place.check_reserved(path, EntryKind::File)?;
        let (folder, name) = self.parent(path)?;
        let in_use = looks_in_use(&folder, name);
        if in_use.map_err(|errno| self.place.failed("look at", path, errno))? {
            self.place.context().warn(&self.place.path(path), stays());
            return Ok(());
        }
        let planned = Removal::Count.apply(&self.place, &folder, path)?;
        self.place.take_deletions(path, planned.count)?;
        let Removed { count, in_use } = Removal::Remove.apply(&self.place, &folder, path)?;
        for in_use in &in_use {
            self.place.context().warn(&self.place.path(in_use), stays());
        }
        self.summary.deleted += count;
        self.place.context().advance(count, 0);
        Ok(())
    }

    /// Whether another file system is mounted at a folder.
    pub(super) fn is_mount(&mut self, path: &[u8]) -> Result<bool> {
        self.handles.is_mount(path).map_err(|errno| self.place.failed("look at", path, errno))
    }

    /// The names in a folder.
    pub(super) fn list(&mut self, path: &[u8]) -> Result<Vec<Box<[u8]>>> {
        let listed = self.handles.folder(path).and_then(|folder| names(&folder));
        listed.map_err(|errno| self.place.failed("list", path, errno))
    }

    /// Gives something its final name, in place of what has it now.
    fn put(&mut self, temporary: &mut Temporary, path: &[u8]) -> Result<()> {
        let name = split(path).1;
        self.check_put_reserved(temporary, path)?;
        self.check_put(temporary, path)?;
        let put = match temporary.put(name) {
            Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                self.clear(&Arc::clone(temporary.folder()), path)?;
                temporary.put(name)
            }
            put => put,
        };
        put.map_err(|errno| self.place.failed("write", path, errno))?;
        self.summary.written += 1;
        Ok(())
    }

    /// Fails if another service keeps a path to itself; only a symbolic link may come there, where nothing is.
    fn check_put_reserved(&self, temporary: &Temporary, path: &[u8]) -> Result<()> {
        let Err(forbidden) = self.place.check_reserved(path, EntryKind::File) else { return Ok(()) };
        let new = Found::at(temporary.folder(), temporary.name());
        let is_link = new.is_ok_and(|new| new.is_some_and(|new| new.kind() == Some(EntryKind::Symlink)));
        let is_free = matches!(Found::at(temporary.folder(), split(path).1), Ok(None));
        if is_link && is_free { self.place.check_reserved(path, EntryKind::Symlink) } else { Err(forbidden) }
    }

    /// Fails if what has a name now must not be replaced.
    fn check_put(&self, temporary: &Temporary, path: &[u8]) -> Result<()> {
        if self.place.is_fresh() {
            return Ok(());
        }
        let (folder, name) = (temporary.folder(), split(path).1);
        let look =
            |name: &[u8]| Found::at(folder, name).map_err(|errno| self.place.failed("look at", path, errno));
        let new = look(temporary.name())?;
        let in_the_way = look(name)?.filter(|found| !found.is_folder());
        if in_the_way.is_some() {
            self.check_in_use(folder, path)?;
        }
        if new.is_some_and(|new| new.kind() == Some(EntryKind::File)) {
            let left = has_companion(folder, name);
            if left.map_err(|errno| self.place.failed("look at", path, errno))? {
                return Err(self.place.in_use(path));
            }
        }
        // The plan cannot see that only the content differs.
        let looks = |found: Found| (found.kind(), found.size(), found.mtime());
        if in_the_way.is_some_and(|found| new.is_none_or(|new| looks(found) != looks(new))) {
            self.place.check_overwrite(path)?;
        }
        Ok(())
    }

    /// Whether something but a folder is at a path.
    fn is_taken(&self, folder: &OwnedFd, path: &[u8]) -> Result<bool> {
        let found = Found::at(folder, split(path).1);
        let found = found.map_err(|errno| self.place.failed("look at", path, errno))?;
        Ok(found.is_some_and(|found| !found.is_folder()))
    }

    /// Fails if a file belongs to a database in use, or another service keeps it to itself.
    fn check_in_use(&self, folder: &OwnedFd, path: &[u8]) -> Result<()> {
        if let Ok(Some(found)) = Found::at(folder, split(path).1) {
            self.place.check_reserved_found(path, &found)?;
        }
        match looks_in_use(folder, split(path).1) {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.place.in_use(path)),
            Err(errno) => Err(self.place.failed("look at", path, errno)),
        }
    }

    /// Removes a folder that stands where something else has to be.
    fn clear(&mut self, folder: &Arc<OwnedFd>, path: &[u8]) -> Result<()> {
        if self.place.existing() == Existing::Refuse {
            return Err(self.place.in_the_way(path));
        }
        self.place.check_overwrite(path)?;
        match unlinkat(&**folder, split(path).1, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) if self.place.existing() == Existing::Mirror => {
                let planned = Removal::Count.apply(&self.place, folder, path)?;
                if let Some(in_use) = planned.in_use.first() {
                    return Err(self.place.in_use(in_use));
                }
                self.place.take_deletions(path, planned.count.saturating_sub(1))?;
                let removed = Removal::Remove.apply(&self.place, folder, path)?;
                if let Some(in_use) = removed.in_use.first() {
                    return Err(self.place.in_use(in_use));
                }
                let deleted = removed.count.saturating_sub(1);
                self.summary.deleted += deleted;
                self.place.context().advance(deleted, 0);
                Ok(())
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) => Err(self.place.in_the_way(path)),
            Err(errno) => Err(self.place.failed("replace", path, errno)),
        }
    }

    fn note_first(&mut self, entry: &Entry<'_>, inode: Inode) {
        if entry.metadata.link != 0 {
            let Metadata { kind, special, link, .. } = entry.metadata;
            let (path, target) = (Box::from(entry.path), Box::from(entry.target));
            self.firsts.insert(link, First { path, inode, kind, special, target });
        }
    }

    /// The folder of a path in which something is about to be changed.
    fn parent<'a>(&mut self, path: &'a [u8]) -> Result<(Arc<OwnedFd>, &'a [u8])> {
        self.place.check_reserved(path, EntryKind::Symlink)?;
        self.handles.parent(path).map_err(|errno| self.place.failed("open the folder of", path, errno))
    }

    fn refused(&self, path: &[u8], refused: Refused) -> Error {
        match refused {
            Refused::System(errno) => self.place.failed("write", path, errno),
            Refused::Length => Error::damaged(format!(
                "\"{}\" in the backup cannot be restored: its content is not as long as the backup says",
                printable_path(&self.place.path(path))
            )),
        }
    }
}
