//! `backup ls`: the files of a backup.

use std::fmt::Write as _;
use std::sync::Arc;

use backup_core::engine::{Entry, EntryKind, Metadata, ServiceReader, Timestamp, printable_path};
use backup_core::{Error, ErrorKind, Notice};
use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use super::Outcome;
use crate::arguments::Ls;
use crate::failure::Failure;
use crate::output::size::size;
use crate::output::{Output, PathDocument, Reader, print_document, time, write};
use crate::session::{Session, tree_of};

pub(super) async fn run(arguments: &Ls, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let backup = session.find(&repository, &arguments.backup).await?;
    let (service, reader) = session.service(&repository, &backup, arguments.service.as_deref()).await?;
    let tree = tree_of(&service, reader.as_ref())?;
    let folder = arguments.path.as_ref().map_or(&[][..], |path| &path.0);
    let level = if arguments.recursive { Level::All } else { Level::Next };
    match session.output {
        Output::Text => {
            let work = each(&reader, &tree, folder, level, |entries| {
                write(entries.iter().map(line).collect::<String>().as_bytes())
            });
            session.interrupt.ends(work).await??;
        }
        Output::Json => {
            let mut listed = Vec::new();
            let work = each(&reader, &tree, folder, level, |entries| {
                listed.extend(entries.iter().map(EntryDocument::from));
                Ok(Reader::Listening)
            });
            session.interrupt.ends(work).await??;
            let (id, notices) = (backup.id.to_string(), session.progress.notices());
            print_document(&ListDocument { id, service, path: folder.into(), entries: listed, notices })?;
        }
    }
    Ok(Outcome::Done)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Next,
    All,
}

/// Hands on what is listed of a folder, in batches: what is in it, not the folder itself. A file lists itself.
async fn each(
    reader: &Arc<dyn ServiceReader>,
    tree: &str,
    folder: &[u8],
    level: Level,
    mut take: impl FnMut(&[Entry<'_>]) -> Result<Reader, Failure>,
) -> Result<(), Failure> {
    let mut entries = reader.tree(tree, folder).await?;
    let mut found = false;
    while let Some(batch) = entries.next().await? {
        found |= !batch.is_empty();
        let listed: Vec<Entry<'_>> = batch.iter().filter(|entry| is_listed(entry, folder, level)).collect();
        if !listed.is_empty() && take(&listed)? == Reader::Gone {
            return Ok(());
        }
    }
    if found {
        return Ok(());
    }
    let message = format!("the backup has no \"{}\"", printable_path(folder));
    Err(Error::new(ErrorKind::NotFound, message).with_remedy("list the folder above it").into())
}

fn is_listed(entry: &Entry<'_>, folder: &[u8], level: Level) -> bool {
    let below = entry.path.get(folder.len()..).unwrap_or_default();
    let below = below.strip_prefix(b"/").unwrap_or(below);
    match (below.is_empty(), level) {
        (true, _) => entry.metadata.kind != EntryKind::Directory,
        (false, Level::All) => true,
        (false, Level::Next) => !below.contains(&b'/'),
    }
}

/// An entry for people.
fn line(entry: &Entry<'_>) -> String {
    let Metadata { uid, gid, mtime, .. } = entry.metadata;
    let size = match entry.metadata.kind {
        EntryKind::File => size(entry.metadata.size),
        EntryKind::CharacterDevice | EntryKind::BlockDevice => {
            format!("{}, {}", entry.metadata.special >> 32, entry.metadata.special & 0xffff_ffff)
        }
        _ => "-".into(),
    };
    let time = DateTime::from_timestamp(mtime.seconds, mtime.nanoseconds).map_or("-".into(), time::local);
    let mut line = format!(
        "{}  {uid:>6} {gid:>6}  {size:>10}  {time:<26}  {}",
        permissions(&entry.metadata),
        printable_path(entry.path)
    );
    if !entry.target.is_empty() {
        let _ = write!(line, " -> {}", printable_path(entry.target));
    }
    line.push('\n');
    line
}

/// Kind and mode as `ls -l` shows them: `-rw-r--r--`.
fn permissions(metadata: &Metadata) -> String {
    let kind = match metadata.kind {
        EntryKind::File => '-',
        EntryKind::Directory => 'd',
        EntryKind::Symlink => 'l',
        EntryKind::Fifo => 'p',
        EntryKind::CharacterDevice => 'c',
        EntryKind::BlockDevice => 'b',
    };
    let mut text = String::from(kind);
    for (shift, special, set, unset) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')]
    {
        let bits = metadata.mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (metadata.mode & special != 0, bits & 1 != 0) {
            (true, true) => set,
            (true, false) => unset,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[derive(Debug, Serialize)]
struct ListDocument {
    id: String,
    service: String,
    #[serde(flatten)]
    path: PathDocument,
    entries: Vec<EntryDocument>,
    notices: Vec<Notice>,
}

#[derive(Debug, Serialize)]
struct EntryDocument {
    #[serde(flatten)]
    path: PathDocument,
    kind: &'static str,
    mode: String,
    uid: u32,
    gid: u32,
    size: u64,
    mtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_bytes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<u64>,
}

impl From<&Entry<'_>> for EntryDocument {
    fn from(entry: &Entry<'_>) -> Self {
        let Metadata { kind, mode, uid, gid, size, mtime, link, .. } = entry.metadata;
        let target = (!entry.target.is_empty()).then(|| PathDocument::from(entry.target));
        let (target, target_bytes) = target.map(|target| (target.path, target.path_bytes)).unzip();
        Self {
            path: entry.path.into(),
            kind: kind_name(kind),
            mode: format!("{mode:04o}"),
            uid,
            gid,
            size,
            mtime: rfc3339(mtime),
            target,
            target_bytes: target_bytes.flatten(),
            link: (link != 0).then_some(link),
        }
    }
}

fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::Fifo => "fifo",
        EntryKind::CharacterDevice => "character_device",
        EntryKind::BlockDevice => "block_device",
    }
}

/// None for times that no calendar has; file systems do.
fn rfc3339(time: Timestamp) -> Option<String> {
    let time = DateTime::from_timestamp(time.seconds, time.nanoseconds)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Nanos, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_shown_as_ls_shows_them() {
        let metadata = |kind, mode| Metadata {
            kind,
            mode,
            uid: 0,
            gid: 0,
            mtime: Timestamp::default(),
            ctime: Timestamp::default(),
            size: 0,
            inode: 0,
            device: 0,
            special: 0,
            link: 0,
        };
        assert_eq!(permissions(&metadata(EntryKind::File, 0o644)), "-rw-r--r--");
        assert_eq!(permissions(&metadata(EntryKind::Directory, 0o1777)), "drwxrwxrwt");
        assert_eq!(permissions(&metadata(EntryKind::File, 0o6654)), "-rwSr-sr--");
    }
}
