//! Compressing chunks.
//!
//! A compressed chunk is one byte, the codec, and what the codec made of the content:
//!
//! | codec | what follows |
//! |---|---|
//! | 0 | the content as it is |
//! | 1 | exactly one Zstandard frame (RFC 8878) that states its content size, without a dictionary, with a window of at most 8 MiB |
//!
//! The length of the content is known from the record that leads to the chunk and is not repeated for codec 0.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io;

use backup_crypto::PackKey;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe;

use crate::chunker::Sizes;
use crate::{Error, Result};

/// Compresses the content of a chunk, of at most 4 MiB.
///
/// `level` is a level of Zstandard, from about -7 (fast) over 3 (usual) to 22 (small); what lies beyond counts as the
/// nearest one. What does not get at least 2 % shorter is stored as it is. The result has room for the tag that
/// sealing adds.
#[must_use]
pub fn compress(content: &[u8], level: i32) -> Vec<u8> {
    debug_assert!(content.len() <= Sizes::LIMIT, "a chunk has at most 4 MiB");
    ENCODER.with_borrow_mut(|encoder| match encoder.frame(content, level) {
        Some(frame) => record(ZSTD, frame),
        None => record(STORED, content),
    })
}

/// The content of `expected_len` bytes that [`compress`] made `record` of.
///
/// It does not vouch for the content: sealing does. Memory for the content is allocated once, after its length was
/// checked.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a codec that this version does not know;
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) for anything but a record of exactly so many bytes, or for more
/// than 4 MiB.
pub fn decompress(record: &[u8], expected_len: usize) -> Result<Vec<u8>> {
    if expected_len > Sizes::LIMIT {
        return Err(Error::damaged(format!(
            "a chunk should have {expected_len} bytes, which is more than the {} that a chunk may have",
            Sizes::LIMIT
        )));
    }
    match record.split_first() {
        Some((&STORED, content)) => {
            check_length(content.len(), expected_len)?;
            Ok(content.to_vec())
        }
        Some((&ZSTD, frame)) => decode(frame, expected_len),
        Some((codec, _)) => Err(Error::unsupported(format!(
            "a chunk is compressed with codec {codec}, which this version does not know"
        ))),
        None => Err(Error::damaged("a chunk is empty where it should begin with its codec")),
    }
}

/// What one thread needs to compress: zstd's memory and a buffer for frames, both used again for each chunk.
struct Encoder {
    compressor: Compressor<'static>,
    /// The level that the compressor is set to.
    level: Option<i32>,
    frame: Vec<u8>,
}

impl Encoder {
    fn new() -> Self {
        Self { compressor: Compressor::default(), level: None, frame: Vec::new() }
    }

    /// The content as a frame; `None` if that does not gain enough, or if zstd finds no memory.
    fn frame(&mut self, content: &[u8], level: i32) -> Option<&[u8]> {
        // Up to here zstd passes over what does not compress at a gigabyte a second or more. Above it tries every
        // byte, which takes up to a hundred times as long: level 1 tells cheaply whether that has a point.
        let promising = level <= LAST_FAST_LEVEL || self.encode(content, 1);
        (promising && self.encode(content, level)).then_some(&self.frame)
    }

    /// Whether the content makes a frame that gains enough; `self.frame` is that frame then.
    fn encode(&mut self, content: &[u8], level: i32) -> bool {
        let longest = content.len() - content.len().div_ceil(LEAST_GAIN);
        let length = self.try_encode(content, level).unwrap_or_else(|_| {
            // A context that failed stays in the middle of its frame.
            *self = Self::new();
            usize::MAX
        });
        length <= longest
    }

    fn try_encode(&mut self, content: &[u8], level: i32) -> io::Result<usize> {
        if self.level != Some(level) {
            self.compressor.set_compression_level(level)?;
            self.level = Some(level);
        }
        self.frame.clear();
        self.frame.reserve_exact(zstd_safe::compress_bound(content.len()));
        self.compressor.compress_to_buffer(content, &mut self.frame)
    }
}

fn record(codec: u8, content: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(1 + content.len() + PackKey::OVERHEAD);
    record.push(codec);
    record.extend_from_slice(content);
    record
}

fn decode(frame: &[u8], expected_len: usize) -> Result<Vec<u8>> {
    let stated = zstd_safe::get_frame_content_size(frame).ok().flatten();
    let stated = stated.ok_or_else(|| {
        Error::damaged("a compressed chunk does not begin with a frame that states its length")
    })?;
    check_length(usize::try_from(stated).unwrap_or(usize::MAX), expected_len)?;
    if zstd_safe::find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err(Error::damaged("a compressed chunk is not exactly one frame"));
    }
    let mut content = Vec::with_capacity(expected_len);
    DECODER
        .with_borrow_mut(|decoder| decoder.decompress_to_buffer(frame, &mut content))
        .map_err(|error| Error::damaged("a compressed chunk cannot be decompressed").with_source(error))?;
    check_length(content.len(), expected_len)?;
    Ok(content)
}

fn check_length(found: usize, expected: usize) -> Result<()> {
    if found != expected {
        return Err(Error::damaged(format!("a chunk has {found} bytes where {expected} should be")));
    }
    Ok(())
}

thread_local! {
    static ENCODER: RefCell<Encoder> = RefCell::new(Encoder::new());
    static DECODER: RefCell<Decompressor<'static>> = RefCell::new(Decompressor::default());
}

const STORED: u8 = 0;
const ZSTD: u8 = 1;

/// A frame has to save at least one byte in so many: 2 %.
const LEAST_GAIN: usize = 50;

/// The last level at which content that does not compress costs next to nothing.
const LAST_FAST_LEVEL: i32 = 12;
