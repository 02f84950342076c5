//! `backup hold`, `tag`, `comment`, `convert`: what is said about a backup later.

use backup_core::{BackupInfo, Hold as Held, NoteRequest, Result as Said};

use super::Outcome;
use super::list::kinds;
use super::show;
use crate::arguments::{Choice, Comment, Convert, Hold, Tag};
use crate::failure::Failure;
use crate::output::{plain, time};
use crate::session::Session;

pub(super) async fn hold(arguments: &Hold, session: &Session) -> Result<Outcome, Failure> {
    let name = &arguments.name;
    let say = async |note: NoteRequest| match (arguments.release, arguments.until) {
        (true, _) => note.release(name).await,
        (false, Some(until)) => note.hold(Held::until(name, until)).await,
        (false, None) => note.hold(Held::open(name)).await,
    };
    let text = |backup: &BackupInfo| match (arguments.release, arguments.until) {
        (true, _) => format!("released the hold \"{}\" of backup {}\n", plain(name), backup.id),
        (false, Some(until)) => {
            format!("backup {} is held as \"{}\" until {}\n", backup.id, plain(name), time::local(until))
        }
        (false, None) => format!("backup {} is held as \"{}\"\n", backup.id, plain(name)),
    };
    note(&arguments.backup, arguments.by.name(), session, say, text).await
}

pub(super) async fn tag(arguments: &Tag, session: &Session) -> Result<Outcome, Failure> {
    let say = async |note: NoteRequest| note.tag(&arguments.change.add, &arguments.change.remove).await;
    let text = |backup: &BackupInfo| match show::tags(backup) {
        tags if tags.is_empty() => format!("backup {} has no tags\n", backup.id),
        tags => format!("the tags of backup {} are: {tags}\n", backup.id),
    };
    note(&arguments.backup, arguments.by.name(), session, say, text).await
}

pub(super) async fn comment(arguments: &Comment, session: &Session) -> Result<Outcome, Failure> {
    let say = async |note: NoteRequest| note.comment(&arguments.text).await;
    let text = |backup: &BackupInfo| match backup.comment.as_str() {
        "" => format!("backup {} has no comment\n", backup.id),
        comment => format!("the comment of backup {} is: {}\n", backup.id, plain(comment)),
    };
    note(&arguments.backup, arguments.by.name(), session, say, text).await
}

pub(super) async fn convert(arguments: &Convert, session: &Session) -> Result<Outcome, Failure> {
    let say = async |note: NoteRequest| note.convert(arguments.kind.iter().cloned()).await;
    let text = |backup: &BackupInfo| format!("backup {} is: {}\n", backup.id, kinds(backup));
    note(&arguments.backup, arguments.by.name(), session, say, text).await
}

/// Says something, and prints the backup as it is from then on.
async fn note(
    choice: &Choice,
    by: Option<&str>,
    session: &Session,
    say: impl AsyncFnOnce(NoteRequest) -> Said<()>,
    text: impl FnOnce(&BackupInfo) -> String,
) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let backup = session.find(&repository, choice).await?;
    let note = repository.note(&backup.id);
    let note = by.into_iter().fold(note, NoteRequest::by);
    session.interrupt.ends(say(note)).await??;
    let backup = session.interrupt.ends(repository.find(&backup.id.to_string())).await??;
    show::result(&backup, &repository, session, |_| text(&backup)).await
}
