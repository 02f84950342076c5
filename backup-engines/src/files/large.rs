//! Reading large and sparse files, piece by piece.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use backup_core::Result;
use backup_core::engine::{Content, FileWriter, Metadata, TreeWriter};
use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::fs::{SeekFrom, seek};
use rustix::io::{self, Errno};

use super::batch::{Batch, Found};
use super::blocking;
use super::directory::observe;
use super::metadata::Observed;
use super::notices::Notices;
use super::read::{self, ATTEMPTS, Opened};
use super::tally::Tally;
use super::xattrs::Xattrs;

/// Stores one file.
pub(super) async fn store(
    batch: Arc<Batch>,
    position: usize,
    writer: &mut dyn TreeWriter,
    notices: &Notices,
    tally: &mut Tally,
) -> Result<()> {
    let Some(found) = batch.get(position) else { return Ok(()) };
    for attempt in 1..=ATTEMPTS {
        let file = match open(&batch, position, notices).await? {
            Attempt::Read(file) => file,
            Attempt::Entries(entries) => {
                tally.add_entries(&entries);
                return writer.put(&entries).await;
            }
            Attempt::Missing => return Ok(()),
        };
        let mut out = writer.file(found.path).await?;
        let reading = Reading { file: file.file, before: file.before, offset: 0, data_end: 0 };
        let (size, end) = copy(reading, &mut *out, notices).await?;
        let is_still = match end {
            Ok(is_still) => is_still,
            Err(errno) => return read::missing(&found, errno, notices),
        };
        if is_still || attempt == ATTEMPTS {
            if !is_still {
                notices.changed(found.path);
            }
            let metadata = Metadata { size, ..file.metadata };
            let xattrs = if file.xattrs.is_empty() { Content::None } else { Content::Data(&file.xattrs) };
            out.commit(&metadata, xattrs).await?;
            tally.add(&metadata);
            break;
        }
    }
    Ok(())
}

enum Attempt {
    Read(Ready),
    Entries(backup_core::engine::Entries),
    Missing,
}

struct Ready {
    file: OwnedFd,
    before: Observed,
    /// What is recorded of it.
    metadata: Metadata,
    xattrs: Vec<u8>,
}

async fn open(batch: &Arc<Batch>, position: usize, notices: &Notices) -> Result<Attempt> {
    let (batch, notices) = (Arc::clone(batch), notices.clone());
    blocking::run(move || {
        let Some(found) = batch.get(position) else { return Ok(Attempt::Missing) };
        open_now(&found, &notices)
    })
    .await
}

fn open_now(found: &Found<'_>, notices: &Notices) -> Result<Attempt> {
    Ok(match read::open(found, notices)? {
        Opened::File(file, before) => {
            let mut buffers = Xattrs::default();
            let mut metadata = before.metadata;
            let xattrs = match read::attributes(&mut buffers, &file, found.path, &mut metadata, notices) {
                Content::Data(block) => block.to_vec(),
                _ => Vec::new(),
            };
            Attempt::Read(Ready { file, before, metadata, xattrs })
        }
        Opened::Other => Attempt::Entries(read::read_again(found, notices)?),
        Opened::Missing => Attempt::Missing,
    })
}

/// Writes the pieces of a file, reading one ahead. Yields the bytes written, holes included, and how it
/// ended: whether the file held still, or why it cannot be read.
async fn copy(
    reading: Reading,
    out: &mut dyn FileWriter,
    notices: &Notices,
) -> Result<(u64, io::Result<bool>)> {
    let mut size = 0;
    let mut ahead = blocking::start(move || Ok(reading.next()));
    loop {
        let (reading, next) = blocking::finish_unless_cancelled(ahead, &notices.context).await?;
        let piece = match next {
            Ok(Next::Piece(piece)) => piece,
            Ok(Next::End { is_still }) => return Ok((size, Ok(is_still))),
            Err(errno) => return Ok((size, Err(errno))),
        };
        ahead = blocking::start(move || Ok(reading.next()));
        match piece {
            Piece::Data(bytes) => {
                size += bytes.len() as u64;
                out.write(bytes).await?;
            }
            Piece::Hole(length) => {
                size += length;
                out.hole(length).await?;
            }
        }
    }
}

/// A file being read, up to the size that it had when it was opened.
struct Reading {
    file: OwnedFd,
    before: Observed,
    offset: u64,
    /// Where the data at `offset` ends and the next hole may begin.
    data_end: u64,
}

impl Reading {
    /// Reads on.
    fn next(mut self) -> (Self, io::Result<Next>) {
        let piece = self.advance();
        (self, piece)
    }

    fn advance(&mut self) -> io::Result<Next> {
        if self.offset >= self.data_end && self.offset < self.before.metadata.size {
            let (data, end) = next_data(&self.file, &self.before, self.offset)?;
            let hole = data - self.offset;
            (self.offset, self.data_end) = (data, end);
            if hole > 0 {
                return Ok(Next::Piece(Piece::Hole(hole)));
            }
        }
        let bytes = read_piece(&self.file, self.offset, self.data_end)?;
        self.offset += bytes.len() as u64;
        if bytes.is_empty() {
            let is_whole = self.offset == self.before.metadata.size;
            return Ok(Next::End { is_still: is_whole && read::is_still(&self.file, &self.before) });
        }
        Ok(Next::Piece(Piece::Data(bytes)))
    }
}

enum Next {
    Piece(Piece),
    End { is_still: bool },
}

enum Piece {
    Data(Bytes),
    Hole(u64),
}

/// Where the next data begins and ends; what is before it is a hole.
fn next_data(file: &OwnedFd, before: &Observed, offset: u64) -> io::Result<(u64, u64)> {
    let size = before.metadata.size;
    if !before.may_have_holes() {
        return Ok((offset, size));
    }
    match seek(file, SeekFrom::Data(offset)) {
        Ok(data) if data >= size => Ok((size, size)),
        Ok(data) => Ok((data, seek(file, SeekFrom::Hole(data))?.clamp(data + 1, size))),
        // No data behind the offset: a hole up to the end, wherever that is by now.
        Err(Errno::NXIO) => {
            let now = observe(file)?.map_or(0, |now| now.metadata.size);
            Ok(if now >= size { (size, size) } else { (now.max(offset), size) })
        }
        // The file system tells nothing about holes.
        Err(Errno::INVAL | Errno::NOTSUP) => Ok((offset, size)),
        Err(errno) => Err(errno),
    }
}

fn read_piece(file: &OwnedFd, offset: u64, end: u64) -> io::Result<Bytes> {
    let wanted =
        usize::try_from(end.saturating_sub(offset)).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
    let mut piece = Vec::with_capacity(wanted);
    while piece.len() < wanted {
        let from = offset + piece.len() as u64;
        if io::retry_on_intr(|| io::pread(file, spare_capacity(&mut piece), from))? == 0 {
            break;
        }
    }
    piece.truncate(wanted);
    Ok(piece.into())
}

const PIECE_BYTES: usize = 1 << 20;
