//! Comparing a tree with its target, by what can be seen without reading contents.

use std::os::fd::OwnedFd;

use backup_crypto::ContentHasher;
use rustix::io::Errno;

use super::extras::Extras;
use super::found::{Found, is_empty, names};
use super::handles::Handles;
use super::in_use::{has_companion, looks_in_use};
use super::lineage::is_above;
use super::links::Links;
use super::place::{
    IN_USE, IN_USE_REMEDY, MOUNTED, NOT_EMPTY, NOT_EMPTY_REMEDY, Place, STANDING, STANDING_REMEDY, stays,
};
use super::remove::Removal;
use crate::Result;
use crate::engine::{
    Entries, Entry, EntryKind, Existing, RestorePlan, Role, Selection, Verdict, VerdictLevel, printable_path,
};

/// Walks a tree and its target side by side and counts what a restore would do.
#[derive(Debug)]
pub(super) struct Survey {
    place: Place,
    handles: Handles,
    plan: RestorePlan,
    beside: Vec<Vec<u8>>,
    /// A folder of the backup that the target does not have, so that all below it is new.
    new_folder: Option<Vec<u8>>,
    links: Links,
    extras: Extras,
}

impl Survey {
    /// A survey of a place that adds to a plan; the `beside` names in its root belong to other artifacts.
    pub(super) fn new(place: &Place, hasher: ContentHasher, plan: RestorePlan, beside: Vec<Vec<u8>>) -> Self {
        Self {
            place: place.clone(),
            handles: place.handles(),
            plan,
            beside,
            new_folder: None,
            links: Links::new(hasher),
            extras: Extras::default(),
        }
    }

    /// Takes the next entries of the tree.
    pub(super) fn take(&mut self, entries: &Entries) -> Result<()> {
        for entry in entries.iter() {
            self.place.check()?;
            for extra in self.extras.before(entry.path) {
                self.delete(&extra)?;
            }
            if is_wanted(&self.plan.selection, entry.metadata.kind) {
                self.entry(&entry)?;
            }
        }
        Ok(())
    }

    /// Takes what is left in the target when the tree has no more entries.
    pub(super) fn end(&mut self) -> Result<()> {
        for extra in self.extras.rest() {
            self.delete(&extra)?;
        }
        Ok(())
    }

    /// Takes a stream that becomes a file directly in the place.
    pub(super) fn stream(&mut self, name: &[u8], size: u64, role: Role) -> Result<()> {
        let root = self.place.root();
        let found = Found::at(root, name).map_err(|errno| self.place.failed("look at", name, errno))?;
        if self.is_forbidden(name, EntryKind::File, found.as_ref()) {
            return Ok(());
        }
        self.check_companion(name, found.as_ref())?;
        match found {
            None => {
                self.plan.create += 1;
                self.plan.write_bytes = self.plan.write_bytes.saturating_add(size);
                Ok(())
            }
            Some(found) if found.is_folder() => self.folder_in_the_way(name, size),
            Some(_) => {
                if role == Role::Database {
                    self.judge(VerdictLevel::Deny, name, STANDING, STANDING_REMEDY);
                }
                self.overwrite(name, size)
            }
        }
    }

    /// The plan with all that was found.
    pub(super) fn into_plan(self) -> RestorePlan {
        self.plan
    }

    fn entry(&mut self, entry: &Entry<'_>) -> Result<()> {
        let kind = entry.metadata.kind;
        if self
            .new_folder
            .as_deref()
            .is_some_and(|folder| is_above(folder.len(), shared(folder, entry.path), entry.path))
        {
            if !self.is_forbidden(entry.path, kind, None) {
                create(&mut self.plan, entry);
            }
            return Ok(());
        }
        if self.is_forbidden(entry.path, kind, None) {
            return Ok(());
        }
        let found = self.look(entry)?;
        if found.is_some() && self.is_forbidden(entry.path, kind, found.as_ref()) {
            return Ok(());
        }
        if kind == EntryKind::File {
            self.check_companion(entry.path, found.as_ref())?;
        }
        match found {
            None => {
                create(&mut self.plan, entry);
                if kind == EntryKind::Directory {
                    self.new_folder = Some(entry.path.to_vec());
                }
            }
            Some(found) if kind == EntryKind::Directory => self.folder(entry, &found)?,
            Some(found) if found.is_folder() => self.folder_in_the_way(entry.path, entry.metadata.size)?,
            Some(found) => self.other(entry, &found)?,
        }
        Ok(())
    }

    fn look(&mut self, entry: &Entry<'_>) -> Result<Option<Found>> {
        let found = if entry.path.is_empty() {
            Found::of(self.place.root()).map(Some)
        } else {
            self.handles.parent(entry.path).and_then(|(folder, name)| Found::at(&folder, name))
        };
        found.map_err(|errno| self.place.failed("look at", entry.path, errno))
    }

    fn folder(&mut self, entry: &Entry<'_>, found: &Found) -> Result<()> {
        let held = self.plan.selection.holds(entry.path);
        if !found.is_folder() {
            self.new_folder = Some(entry.path.to_vec());
            if !self.is_forbidden(entry.path, EntryKind::File, None) {
                self.overwrite(entry.path, 0)?;
            }
        } else if held && !found.is_dressed_as(&entry.metadata, self.place.owner()) {
            self.overwrite(entry.path, 0)?;
        }
        if held && found.is_folder() && self.place.existing() == Existing::Mirror {
            let mount = self.handles.is_mount(entry.path);
            if mount.map_err(|errno| self.place.failed("look at", entry.path, errno))? {
                self.judge(VerdictLevel::Warn, entry.path, MOUNTED, "");
                return Ok(());
            }
            let listed = self.handles.folder(entry.path).and_then(|folder| names(&folder));
            let mut listed = listed.map_err(|errno| self.place.failed("list", entry.path, errno))?;
            if entry.path.is_empty() {
                listed.retain(|name| !self.beside.iter().any(|beside| **beside == **name));
            }
            self.extras.enter(entry.path, listed);
        }
        Ok(())
    }

    fn folder_in_the_way(&mut self, path: &[u8], size: u64) -> Result<()> {
        if self.is_forbidden(path, EntryKind::File, None) {
            return Ok(());
        }
        let (parent, _) = self.parent(path)?;
        let empty = self.handles.folder(path).and_then(|folder| is_empty(&folder));
        let empty = empty.map_err(|errno| self.place.failed("list", path, errno))?;
        if !empty && self.place.existing() != Existing::Mirror {
            self.judge(VerdictLevel::Deny, path, NOT_EMPTY, NOT_EMPTY_REMEDY);
            return Ok(());
        }
        let removed = Removal::Count.apply(&self.place, &parent, path)?;
        if let Some(in_use) = removed.in_use.first() {
            self.judge(VerdictLevel::Deny, in_use, IN_USE, IN_USE_REMEDY);
            return Ok(());
        }
        self.plan.delete += removed.count.saturating_sub(1);
        self.overwrite(path, size)
    }

    fn other(&mut self, entry: &Entry<'_>, found: &Found) -> Result<()> {
        let metadata = &entry.metadata;
        if let Some(first) = self.links.first(entry) {
            if first != Some(found.inode()) && !self.is_forbidden(entry.path, EntryKind::File, None) {
                self.overwrite(entry.path, metadata.size)?;
            }
            return Ok(());
        }
        let (folder, name) = self.parent(entry.path)?;
        let same = found.is_same_thing(&folder, name, entry);
        let same = same.map_err(|errno| self.place.failed("look at", entry.path, errno))?;
        let dressed = found.is_dressed_as(metadata, self.place.owner());
        let stays = same && self.links.may_stay(metadata.link, found, dressed);
        self.links.note(entry, stays.then(|| found.inode()));
        if !stays && self.is_forbidden(entry.path, EntryKind::File, None) {
            return Ok(());
        }
        if !stays || found.mtime() != metadata.mtime {
            self.overwrite(entry.path, metadata.size)?;
        } else if !dressed {
            self.overwrite(entry.path, 0)?;
        }
        Ok(())
    }

    fn parent<'a>(&mut self, path: &'a [u8]) -> Result<(std::sync::Arc<OwnedFd>, &'a [u8])> {
        self.handles.parent(path).map_err(|errno| self.place.failed("open the folder of", path, errno))
    }

    fn overwrite(&mut self, path: &[u8], bytes: u64) -> Result<()> {
        self.plan.overwrite += 1;
        self.plan.write_bytes = self.plan.write_bytes.saturating_add(bytes);
        self.example("overwrite", path);
        if !path.is_empty() && self.asks(path, looks_in_use)? {
            self.judge(VerdictLevel::Deny, path, IN_USE, IN_USE_REMEDY);
        }
        Ok(())
    }

    /// Forbids a file where none is beside what is left of a database of its name.
    fn check_companion(&mut self, path: &[u8], found: Option<&Found>) -> Result<()> {
        let new = found.is_none_or(|found| found.kind() != Some(EntryKind::File));
        if new && self.asks(path, has_companion)? {
            self.judge(VerdictLevel::Deny, path, IN_USE, IN_USE_REMEDY);
        }
        Ok(())
    }

    fn asks(&mut self, path: &[u8], ask: impl Fn(&OwnedFd, &[u8]) -> Result<bool, Errno>) -> Result<bool> {
        let (folder, name) = self.parent(path)?;
        ask(&folder, name).map_err(|errno| self.place.failed("look at", path, errno))
    }

    fn delete(&mut self, path: &[u8]) -> Result<()> {
        if self.is_forbidden(path, EntryKind::File, None) {
            return Ok(());
        }
        if self.asks(path, looks_in_use)? {
            self.judge(VerdictLevel::Warn, path, &stays(), IN_USE_REMEDY);
            return Ok(());
        }
        let (folder, _) = self.parent(path)?;
        let removed = Removal::Count.apply(&self.place, &folder, path)?;
        for in_use in &removed.in_use {
            self.judge(VerdictLevel::Warn, in_use, &stays(), IN_USE_REMEDY);
        }
        self.plan.delete += removed.count;
        if removed.count > 0 {
            self.example("delete", path);
        }
        Ok(())
    }

    /// Whether other services keep to themselves what is at a path or would have to go from it; if so the plan is denied.
    fn is_forbidden(&mut self, path: &[u8], kind: EntryKind, found: Option<&Found>) -> bool {
        let by_name = self.place.forbids(path, kind);
        let forbidden = by_name.or_else(|| found.and_then(|found| self.place.forbids_found(path, found)));
        forbidden.map(|verdict| judge(&mut self.plan, verdict)).is_some()
    }

    fn judge(&mut self, level: VerdictLevel, path: &[u8], reason: &str, remedy: &str) {
        judge(&mut self.plan, Verdict::new(level, self.place.show(path), reason, remedy));
    }

    fn example(&mut self, what: &str, path: &[u8]) {
        if self.plan.examples.len() < MAX_EXAMPLES {
            let path = self.place.path(path);
            let path = if path.is_empty() { ".".to_owned() } else { printable_path(&path) };
            self.plan.examples.push(format!("{what} {path}"));
        }
    }
}

/// Adds a verdict that is not there yet; the first that forbids the restore is never lost for want of room.
pub(super) fn judge(plan: &mut RestorePlan, verdict: Verdict) {
    let missed = verdict.level == VerdictLevel::Deny && plan.denied().is_none();
    if missed || (plan.verdicts.len() < MAX_VERDICTS && !plan.verdicts.contains(&verdict)) {
        plan.verdicts.push(verdict);
    }
}

/// Adds the entries of a tree, none of which exists yet, to a plan.
pub(super) fn create_all(plan: &mut RestorePlan, entries: &Entries) {
    let selection = plan.selection.clone();
    for entry in entries.iter().filter(|entry| is_wanted(&selection, entry.metadata.kind)) {
        create(plan, &entry);
    }
}

/// Whether a selection restores entries of a kind.
pub(super) fn is_wanted(selection: &Selection, kind: EntryKind) -> bool {
    selection.devices || !matches!(kind, EntryKind::CharacterDevice | EntryKind::BlockDevice)
}

fn create(plan: &mut RestorePlan, entry: &Entry<'_>) {
    plan.create += 1;
    plan.write_bytes = plan.write_bytes.saturating_add(entry.metadata.size);
}

fn shared(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(a, b)| a == b).count()
}

const MAX_EXAMPLES: usize = 100;
const MAX_VERDICTS: usize = 100;
