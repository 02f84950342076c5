//! The new database takes the place of the old one.
//!
//! SQLite finds the log and the journal of a database by its name, and plays into the file what it finds. So nothing of the old database may
//! lie beside the new one, at no moment and after no crash:
//!
//! 1. The old database is locked, and all that its log or journal say is brought into the file. *Killed here:* the old one is whole.
//! 2. Log, index and journal are set aside under other names, and that is brought to the disk. *Killed here:* the old one is whole without them;
//!    one that SQLite cannot read, and of which nothing was brought into the file, has them under the other names.
//! 3. The new file, which is on the disk already, is renamed. If that fails, they get their names back. *Killed here:* the name stands for the
//!    old or the new file, and in both cases nothing lies beside it under a name that SQLite looks for.
//! 4. That is brought to the disk, what was set aside is removed, and the lock, which is on the old file, is dropped.
//!
//! Until the rename, whoever opens the database waits at the lock. Who opened the old file and still waits when it has lost its name goes on with
//! a file that nobody else sees; so it is looked for once more, and told.

use std::fs::{File, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use backup_core::engine::{Context, RestorePlan};
use backup_core::{Error, ErrorKind, Result};

use super::super::database::{companions, found, label};
use super::aside::Aside;
use super::draft::{Draft, folder};
use super::openers;
use super::seize::{in_use, seize};

/// Puts a new file in its place, as planned.
pub(super) fn switch(draft: Draft, place: &Path, plan: &RestorePlan, context: &Context) -> Result<()> {
    let failed = |error| Error::io(format!("cannot look at \"{}\"", label(place)), error);
    let Some(old) = found(place).map_err(failed)? else {
        return put(draft, place, false, plan.delete > 0);
    };
    if plan.overwrite == 0 {
        return Err(appeared(place));
    }
    if openers::opener(place, &old).is_some() {
        return Err(in_use(place));
    }
    let seized = seize(place)?;
    keep_owner(&draft, &old, context)?;
    put(draft, place, true, true)?;
    drop(seized);
    if let Some(process) = openers::opener(place, &old) {
        let process = openers::label(process);
        context.warn(
            b"",
            format!("{process} opened the old database while it was replaced: restart it before it writes"),
        );
    }
    Ok(())
}

/// Gives the new file its name. What belongs to an old database goes, if it may.
fn put(draft: Draft, place: &Path, replace: bool, clear: bool) -> Result<()> {
    let aside = if clear {
        Aside::take(place)?
    } else {
        nothing_beside(place)?;
        Aside::default()
    };
    if !aside.is_empty()
        && let Err(error) = sync(&folder(place))
    {
        return Err(aside.put_back(error));
    }
    if let Err(error) = draft.put(place, replace) {
        return Err(aside.put_back(error));
    }
    sync(&folder(place))?;
    aside.remove()
}

fn nothing_beside(place: &Path) -> Result<()> {
    for companion in companions(place) {
        let there = found(&companion)
            .map_err(|error| Error::io(format!("cannot look at \"{}\"", label(&companion)), error))?;
        if there.is_some() {
            return Err(appeared(&companion));
        }
    }
    Ok(())
}

/// Gives the new file the owner and the mode of the old one. Rights of a group are not given to another one.
fn keep_owner(draft: &Draft, old: &Metadata, context: &Context) -> Result<()> {
    let failed = |error| Error::io("cannot give the new database the owner and mode of the old one", error);
    let look = || draft.as_file().metadata().map_err(failed);
    let new = look()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid())
        && fchown(draft.as_file(), Some(old.uid()), Some(old.gid())).is_err()
    {
        // The group alone may be possible; what came of it is looked at.
        let _ = fchown(draft.as_file(), None, Some(old.gid()));
    }
    let new = look()?;
    if new.uid() != old.uid() {
        let (now, before) = (new.uid(), old.uid());
        context.warn(b"", format!("the database now belongs to user {now}, not to {before} as before"));
    }
    let mut mode = old.mode() & 0o7777;
    if new.gid() != old.gid() {
        mode &= !GROUP_RIGHTS;
        let (now, before) = (new.gid(), old.gid());
        context.warn(
            b"",
            format!("the database now belongs to group {now}, which has no rights to it, not to {before} as before"),
        );
    }
    let mode = Permissions::from_mode(mode);
    draft.as_file().set_permissions(mode).and_then(|()| draft.as_file().sync_all()).map_err(failed)
}

fn sync(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| {
        Error::io(format!("cannot bring the folder \"{}\" to the disk", label(folder)), error)
    })
}

fn appeared(path: &Path) -> Error {
    Error::new(ErrorKind::Exists, format!("\"{}\" appeared since the restore was planned", label(path)))
        .with_remedy("plan the restore again")
}

/// What members of the group may do, and that programs run as the group.
const GROUP_RIGHTS: u32 = 0o2070;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gets_its_name_back_when_the_new_file_does_not_get_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("shop.db");
        let [log, ..] = companions(&place);
        std::fs::write(&place, "appeared").unwrap();
        std::fs::write(&log, "precious").unwrap();
        let names = || std::fs::read_dir(folder.path()).unwrap().count();
        let draft = Draft::begin(&place).unwrap();
        assert!(put(draft, &place, false, true).is_err());
        assert_eq!(std::fs::read(&log).unwrap(), b"precious");
        assert_eq!((std::fs::read(&place).unwrap(), names()), (b"appeared".to_vec(), 2));
        let draft = Draft::begin(&place).unwrap().write(b"new").unwrap();
        put(draft, &place, true, true).unwrap();
        assert_eq!((std::fs::read(&place).unwrap(), names()), (b"new".to_vec(), 1));
    }
}
