//! Restoring a service into a directory, whatever its engine.
//!
//! The only tree of a service lands directly in the directory, further trees in folders of their artifacts' names, streams as files of
//! their artifacts' names (a `/` makes folders). [`plan`] says what would happen and changes nothing; [`restore`] does it.
//!
//! What holds, whatever the names and links in the backup or in the directory say:
//!
//! * Nothing outside of the directory is touched: everything is opened below a handle of it, one name after the other, and no symbolic link
//!   is followed but the directory itself. A stored name that could lead elsewhere is
//!   [`Damaged`](crate::ErrorKind::Damaged).
//! * A name never stands for half a file: contents, owner, extended attributes, mode and time are set under a
//!   temporary name (`.backup-restore-...`), which is then renamed. Only a process that is killed leaves such a file.
//! * Folders and files come first, then links, pipes and devices, then deletions, then the attributes of folders,
//!   deepest first.
//! * On existing files only what differs is written; contents are compared by their hashes.
//! * No more is deleted than was planned, and nothing is overwritten where the plan found nothing to overwrite but contents.
//! * What looks like a SQLite database in use is never opened, replaced or deleted, and nothing directly in a folder on which
//!   another file system is mounted is deleted: a backup may have left both out.
//! * What other services of the environment keep to themselves ([`Context::reserved`]), with the logs and journals that belong to it, is
//!   never opened, written, replaced or deleted.
//! * The stream of a database never replaces anything: what is there may be open, and only its engine can tell.
//! * When a restore ends, what it wrote to the directory's file system is on the disk.
//! * A file runs as another user only if its owner could be restored.

mod allowance;
mod attributes;
mod decide;
mod draft;
mod extras;
mod fetch;
mod fill;
mod finish;
mod found;
mod handles;
mod in_use;
mod lend;
mod lineage;
mod links;
mod owner;
mod place;
mod placement;
mod planning;
mod pour;
mod remove;
mod reserved;
mod root;
mod selected;
mod streams;
mod survey;
mod temporary;
mod writer;
mod xattrs;

use std::path::Path;
use std::sync::Arc;

use self::fill::fill;
use self::finish::finish;
use self::found::is_empty;
use self::lend::lend;
use self::place::Place;
use self::placement::{Placement, beside, placements};
use self::planning::{Ground, plan_all};
use self::reserved::Reserved;
use self::root::{Opened, Root, open_root};
use self::selected::Selected;
use self::streams::restore_stream;
use self::writer::Writer;
use crate::engine::{Context, Existing, RestorePlan, RestoreSummary, Selection, ServiceReader, Target};
use crate::{Error, ErrorKind, Result};

/// Says what a restore of a service into a directory would do.
///
/// Existing files are judged by kind, size, time, mode, owner and link target, not by their contents; a file whose content
/// differs nevertheless is found and written by [`restore`]. [`Existing::Mirror`] deletes only inside of trees: what lies beside the files of
/// streams stays.
///
/// A directory that cannot be used, or is not empty and may not be changed, is a
/// [`Deny`](crate::engine::VerdictLevel::Deny) verdict, as is a file that looks like a SQLite database in use and would have to be
/// opened or replaced. So is what other services of the environment keep to themselves ([`Context::reserved`]), where the backup has
/// something of that name or mirroring would delete it, and anything that is where a stream of a
/// [database](crate::engine::Role::Database) would come. Files that look like databases in use, and folders on which another file system is mounted, are
/// [`Warn`](crate::engine::VerdictLevel::Warn) verdicts where mirroring leaves in place what the backup does not have.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) when the service has none of a selected path, [`Damaged`](ErrorKind::Damaged) when stored
/// names cannot be restored, and what reading the backup or the directory says.
pub async fn plan(
    context: &Context,
    from: &Arc<dyn ServiceReader>,
    directory: &Path,
    existing: Existing,
    selection: &Selection,
) -> Result<RestorePlan> {
    let placements = placements(from.as_ref(), selection)?;
    let target = Target::Directory { path: directory.to_owned(), existing };
    let plan = RestorePlan::new(target, selection.clone());
    let (looked_at, others) = (directory.to_owned(), context.clone());
    let look = move |reserved: &mut Reserved| {
        *reserved = Reserved::new(&looked_at, others.reserved());
        root::look(&looked_at, existing)
    };
    let (reserved, root) = lend(Reserved::default(), look).await?;
    let reserved = Arc::new(reserved);
    let ground = Ground { context, place: None, reserved: &reserved };
    let mut plan = match root {
        Root::Unusable(verdict) => RestorePlan { verdicts: vec![verdict], ..plan },
        Root::New => plan_all(ground, from, &placements, plan).await?,
        Root::Filled(root) => {
            let place = Place::new(Arc::new(root), &root::label(directory), existing, false, context)
                .sparing(Arc::clone(&reserved));
            let _give_up = place.stop().clone().drop_guard();
            plan_all(Ground { place: Some(&place), ..ground }, from, &placements, plan).await?
        }
    };
    plan.verdicts.extend(root::space_verdict(directory, plan.write_bytes));
    Ok(plan)
}

/// Carries out a plan for a directory: `plan` says what may happen to what is there and what is selected, `directory` where.
///
/// The directory and those above it are made if they are missing. What was restored before an error stays.
///
/// # Errors
/// [`Exists`](ErrorKind::Exists) when the plan is denied, something may not be replaced or more would be destroyed than was planned, [`Damaged`](ErrorKind::Damaged) when
/// stored names or contents cannot be restored, [`Full`](ErrorKind::Full) and others as writing says; the message names the
/// path.
pub async fn restore(
    context: &Context,
    from: &Arc<dyn ServiceReader>,
    plan: &RestorePlan,
    directory: &Path,
) -> Result<RestoreSummary> {
    if let Some(denied) = plan.denied() {
        return Err(Error::new(ErrorKind::Exists, format!("{}: {}", denied.subject, denied.reason))
            .with_remedy(denied.remedy.clone()));
    }
    context.check()?;
    let selection = &plan.selection;
    let placements = placements(from.as_ref(), selection)?;
    let existing = plan.target.existing();
    let (opened, others) = (directory.to_owned(), context.clone());
    let open = move |reserved: &mut Reserved| {
        let root = open_root(&opened, existing)?;
        *reserved = Reserved::new(&opened, others.reserved());
        Ok(root)
    };
    let (reserved, Opened { root, empty, made }) = lend(Reserved::default(), open).await?;
    let place = Place::new(Arc::new(root), &root::label(directory), existing, empty, context)
        .allowing(plan)
        .sparing(Arc::new(reserved));
    let _give_up = place.stop().clone().drop_guard();
    context.expect(plan.create + plan.overwrite + plan.delete, plan.write_bytes);

    let mut writer = Writer::new(&place, selection)?;
    for placement in placements.iter().filter(|placement| !placement.is_tree()) {
        writer = restore_stream(from, writer, placement).await?;
    }
    let mut summary = writer.report();
    for placement in placements.iter().filter(|placement| placement.is_tree()) {
        let beside = if placement.path.is_empty() { beside(&placements) } else { Vec::new() };
        add(&mut summary, &restore_tree(from, &place, placement, selection, beside).await?);
    }
    let (directory, root) = (directory.to_owned(), Arc::clone(place.root()));
    lend((), move |()| root::sync(&directory, &root, made)).await?;
    Ok(summary)
}

/// Restores a tree in its two passes.
async fn restore_tree(
    from: &Arc<dyn ServiceReader>,
    place: &Place,
    placement: &Placement,
    selection: &Selection,
    beside: Vec<Vec<u8>>,
) -> Result<RestoreSummary> {
    let place = tree_place(place, placement, selection).await?;
    let select = || Selected::new(from, &placement.artifact.name, selection);
    let writer = fill(from, select(), Writer::new(&place, selection)?).await?;
    let writer = finish(from, select(), writer, beside).await?;
    Ok(writer.report())
}

/// The place of a tree: the directory itself, or a folder made below it.
async fn tree_place(place: &Place, placement: &Placement, selection: &Selection) -> Result<Place> {
    if placement.path.is_empty() {
        return Ok(place.clone());
    }
    let (outer, path) = (place.clone(), placement.path.clone());
    let work = move |writer: &mut Writer| {
        writer.make_folders(&path)?;
        let opened = outer.handles().folder(&path);
        let root = opened.map_err(|errno| outer.failed("open", &path, errno))?;
        let empty = is_empty(&root).map_err(|errno| outer.failed("list", &path, errno))?;
        Ok(outer.below(&path, root, empty))
    };
    Ok(lend(Writer::new(place, selection)?, work).await?.1)
}

fn add(summary: &mut RestoreSummary, more: &RestoreSummary) {
    summary.written += more.written;
    summary.unchanged += more.unchanged;
    summary.deleted += more.deleted;
    summary.skipped += more.skipped;
    summary.written_bytes += more.written_bytes;
}
