//! `backup cat`: one file of a backup, on stdout.

use std::sync::Arc;

use backup_core::engine::{
    Content, Entries, Entry, EntryKind, Piece, ServiceReader, StoredContent, printable_path,
};
use backup_core::{Error, ErrorKind, Notice};
use futures_util::TryStreamExt as _;
use serde::Serialize;

use super::Outcome;
use crate::arguments::Cat;
use crate::failure::Failure;
use crate::output::{Output, PathDocument, Reader, print_document, write};
use crate::session::{Session, tree_of};

pub(super) async fn run(arguments: &Cat, session: &Session) -> Result<Outcome, Failure> {
    let repository = session.open().await?;
    let backup = session.find(&repository, &arguments.backup).await?;
    let (service, reader) = session.service(&repository, &backup, arguments.service.as_deref()).await?;
    let batch = session.interrupt.ends(locate(&service, &reader, &arguments.path.0)).await??;
    let entry = file(&batch, &arguments.path.0)?;
    match session.output {
        Output::Text => session.interrupt.ends(print(&reader, entry.content)).await??,
        Output::Json => {
            let id = backup.id.to_string();
            let (content, content_bytes) = session.interrupt.ends(text_or_bytes(&reader, &entry)).await??;
            let (size, notices) = (entry.metadata.size, session.progress.notices());
            let path = entry.path.into();
            print_document(&FileDocument { id, service, path, size, content, content_bytes, notices })?;
        }
    }
    Ok(Outcome::Done)
}

/// The first batch at a path: the entry of the path itself comes before all that is below it.
async fn locate(service: &str, reader: &Arc<dyn ServiceReader>, path: &[u8]) -> Result<Entries, Failure> {
    let tree = tree_of(service, reader.as_ref())?;
    Ok(reader.tree(&tree, path).await?.next().await?.unwrap_or_default())
}

fn file<'a>(batch: &'a Entries, path: &[u8]) -> Result<Entry<'a>, Failure> {
    let shown = printable_path(path);
    let entry = batch.iter().next().filter(|entry| entry.path == path).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("the backup has no \"{shown}\""))
            .with_remedy("look at what it has with `backup ls`")
    })?;
    let what = match entry.metadata.kind {
        EntryKind::File => return Ok(entry),
        EntryKind::Directory => "a folder".to_owned(),
        EntryKind::Symlink => format!("a symbolic link to \"{}\"", printable_path(entry.target)),
        EntryKind::Fifo => "a named pipe".to_owned(),
        EntryKind::CharacterDevice | EntryKind::BlockDevice => "a device".to_owned(),
    };
    Err(Failure::usage(format!("\"{shown}\" is {what} and has no content"), "name a regular file"))
}

async fn print(reader: &Arc<dyn ServiceReader>, content: Content<'_>) -> Result<(), Failure> {
    match content {
        Content::None => Ok(()),
        Content::Data(bytes) => write(bytes).map(drop),
        Content::Stored(stored) => print_stored(reader, stored).await,
    }
}

async fn print_stored(reader: &Arc<dyn ServiceReader>, stored: StoredContent<'_>) -> Result<(), Failure> {
    let zeros = vec![0; 64 * 1024];
    let mut pieces = reader.content(stored).await?;
    while let Some(piece) = pieces.try_next().await? {
        let heard = match piece {
            Piece::Data(bytes) => write(&bytes)?,
            Piece::Hole(length) => write_hole(length, &zeros)?,
        };
        if heard == Reader::Gone {
            break;
        }
    }
    Ok(())
}

fn write_hole(mut length: u64, zeros: &[u8]) -> Result<Reader, Failure> {
    while length > 0 {
        let part = usize::try_from(length).unwrap_or(usize::MAX).min(zeros.len());
        if write(&zeros[..part])? == Reader::Gone {
            return Ok(Reader::Gone);
        }
        length -= part as u64;
    }
    Ok(Reader::Listening)
}

/// A file as a document: its text, or its bytes in hexadecimal if it is not UTF-8.
#[derive(Debug, Serialize)]
struct FileDocument {
    id: String,
    service: String,
    #[serde(flatten)]
    path: PathDocument,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_bytes: Option<String>,
    notices: Vec<Notice>,
}

/// What a document may hold: it is made in memory.
const LARGEST_DOCUMENT: u64 = 16 << 20;

async fn text_or_bytes(
    reader: &Arc<dyn ServiceReader>,
    entry: &Entry<'_>,
) -> Result<(Option<String>, Option<String>), Failure> {
    let size = entry.metadata.size;
    if size > LARGEST_DOCUMENT {
        return Err(Failure::usage(
            format!("\"{}\" has {size} bytes, too many for a JSON document", printable_path(entry.path)),
            "print it without --json (BACKUP_OUTPUT=text)",
        ));
    }
    Ok(match String::from_utf8(whole(reader, entry.content).await?) {
        Ok(text) => (Some(text), None),
        Err(bytes) => (None, Some(hex::encode(bytes.as_bytes()))),
    })
}

/// A small content in memory.
async fn whole(reader: &Arc<dyn ServiceReader>, content: Content<'_>) -> Result<Vec<u8>, Failure> {
    match content {
        Content::None => Ok(Vec::new()),
        Content::Data(bytes) => Ok(bytes.to_vec()),
        Content::Stored(stored) => Ok(reader.contents(&[stored]).await?.concat()),
    }
}
