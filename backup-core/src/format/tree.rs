//! Leaves of trees: entries.

use std::cmp::Ordering;

use super::cursor::{Cursor, put_length, put_signed, put_varint};
use super::node::{Segment, SegmentKind, decode_key, encode_key, expect_keys};
use super::references::{ReferenceBuilder, References};
use super::{content, limit};
use crate::engine::{Content, Entries, Entry, EntryKind, Metadata, StoredContent, Timestamp, path_order};
use crate::{Error, Result};

/// Writes one entry after the one with the path `previous`. Its contents must be stored ones.
pub(crate) fn encode_entry(
    out: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    references: &mut ReferenceBuilder,
    previous: &[u8],
    entry: &Entry<'_>,
) -> Result<()> {
    encode_key(out, previous, entry.path);
    scratch.clear();
    let metadata = &entry.metadata;
    scratch.push(metadata.kind as u8);
    put_varint(scratch, metadata.mode.into());
    put_varint(scratch, metadata.uid.into());
    put_varint(scratch, metadata.gid.into());
    for time in [metadata.mtime, metadata.ctime] {
        put_signed(scratch, time.seconds);
        put_varint(scratch, time.nanoseconds.into());
    }
    put_varint(scratch, metadata.inode);
    put_varint(scratch, metadata.device);
    put_varint(scratch, metadata.link);
    match metadata.kind {
        EntryKind::File => {
            put_varint(scratch, metadata.size);
            content::encode(scratch, references, stored(entry.content)?);
        }
        EntryKind::Symlink => {
            put_length(scratch, entry.target.len());
            scratch.extend_from_slice(entry.target);
        }
        EntryKind::CharacterDevice | EntryKind::BlockDevice => put_varint(scratch, metadata.special),
        EntryKind::Directory | EntryKind::Fifo => {}
    }
    let xattrs = stored(entry.xattrs)?;
    put_varint(scratch, xattrs.map_or(0, |content| content.size));
    if xattrs.is_some() {
        content::encode(scratch, references, xattrs);
    }
    put_length(out, scratch.len());
    out.extend_from_slice(scratch);
    Ok(())
}

/// Reads the entries of a leaf.
pub(crate) fn decode_entries(mut segment: Segment<'_>) -> Result<Entries> {
    if segment.kind != SegmentKind::TreeLeaf {
        return Err(Error::damaged("a segment is not a leaf of a tree"));
    }
    let mut entries = Entries::new();
    let (mut path, mut previous) = (Vec::new(), Vec::new());
    let mut keys = 0;
    for position in 0..segment.count {
        decode_key(&mut segment.items, &mut path)?;
        if position > 0 && path_order(&previous, &path) != Ordering::Less {
            return Err(Error::damaged("the entries of a tree are not sorted"));
        }
        expect_path(&path)?;
        keys += path.len();
        expect_keys(keys)?;
        let length = segment.items.length(limit::SEGMENT)?;
        let mut body = Cursor::new(segment.items.take(length)?);
        decode_body(&mut body, &segment.references, &path, &mut entries)?;
        body.finish()?;
        previous.clone_from(&path);
    }
    segment.items.finish()?;
    if entries.is_empty() { Err(Error::damaged("a leaf has no entries")) } else { Ok(entries) }
}

fn decode_body(
    body: &mut Cursor<'_>,
    references: &References,
    path: &[u8],
    entries: &mut Entries,
) -> Result<()> {
    let mut metadata = decode_metadata(body)?;
    let (mut target, mut file): (&[u8], _) = (&[], None);
    match metadata.kind {
        EntryKind::File => {
            metadata.size = body.varint()?;
            file = content::decode(body, references, metadata.size)?;
        }
        EntryKind::Symlink => {
            let length = body.length(limit::PATH)?;
            target = body.take(length)?;
        }
        EntryKind::CharacterDevice | EntryKind::BlockDevice => metadata.special = body.varint()?,
        EntryKind::Directory | EntryKind::Fifo => {}
    }
    let size = body.varint()?;
    if size > limit::XATTRS {
        return Err(Error::damaged("the extended attributes of an entry are too large"));
    }
    let xattrs = if size > 0 { content::decode(body, references, size)? } else { None };
    entries.push(&Entry {
        path,
        metadata,
        target,
        content: file.as_ref().map_or(Content::None, |owned| Content::Stored(owned.as_stored())),
        xattrs: xattrs.as_ref().map_or(Content::None, |owned| Content::Stored(owned.as_stored())),
    });
    Ok(())
}

fn decode_metadata(body: &mut Cursor<'_>) -> Result<Metadata> {
    let kind = body.u8()?;
    let kind = EntryKind::from_number(kind)
        .ok_or_else(|| Error::unsupported(format!("an entry is of the unknown kind {kind}")))?;
    let mode = body.varint_u32()?;
    if mode > 0o7777 {
        return Err(Error::damaged("an entry has mode bits that there are not"));
    }
    Ok(Metadata {
        kind,
        mode,
        uid: body.varint_u32()?,
        gid: body.varint_u32()?,
        mtime: decode_time(body)?,
        ctime: decode_time(body)?,
        inode: body.varint()?,
        device: body.varint()?,
        link: body.varint()?,
        size: 0,
        special: 0,
    })
}

fn decode_time(body: &mut Cursor<'_>) -> Result<Timestamp> {
    let time = Timestamp { seconds: body.signed()?, nanoseconds: body.varint_u32()? };
    if time.nanoseconds < 1_000_000_000 {
        Ok(time)
    } else {
        Err(Error::damaged("a time has too many nanoseconds"))
    }
}

fn stored(content: Content<'_>) -> Result<Option<StoredContent<'_>>> {
    match content {
        Content::None => Ok(None),
        Content::Stored(content) => Ok(Some(content)),
        Content::Data(_) => Err(Error::invalid("an entry's content was not stored before the entry")),
    }
}

/// Fails when a path could not be one below the root of a tree.
pub(crate) fn expect_path(path: &[u8]) -> Result<()> {
    if path.is_empty() {
        return Ok(());
    }
    let valid = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && name.len() <= limit::COMPONENT;
    if path.len() <= limit::PATH && !path.contains(&0) && path.split(|byte| *byte == b'/').all(valid) {
        return Ok(());
    }
    let text = crate::engine::printable_path(&path[..path.len().min(200)]);
    Err(Error::damaged(format!("the path \"{text}\" cannot be one within a tree")))
}
