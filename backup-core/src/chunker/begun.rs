//! The beginning of a chunk whose end is not there yet.

use std::{fmt, mem};

use bytes::Bytes;

/// The pieces of a chunk so far. They are kept as they came, so that the chunk can be made in one go and in memory of
/// its length; small ones are gathered first, because keeping each would take more than it holds.
#[derive(Default)]
pub(super) struct Begun {
    pieces: Vec<Bytes>,
    /// Small pieces after those.
    small: Vec<u8>,
}

impl Begun {
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.len() >= SMALL {
            self.gather();
            self.pieces.push(piece);
            return;
        }
        self.small.extend_from_slice(&piece);
        if self.small.len() >= SMALL {
            self.gather();
        }
    }

    /// The chunk that begins with these pieces and ends with `end`; nothing is begun then.
    pub(super) fn complete(&mut self, end: Bytes) -> Bytes {
        self.gather();
        let mut pieces = mem::take(&mut self.pieces);
        if !end.is_empty() {
            pieces.push(end);
        }
        if pieces.len() <= 1 {
            return pieces.pop().unwrap_or_default();
        }
        let mut chunk = Vec::with_capacity(pieces.iter().map(Bytes::len).sum());
        pieces.iter().for_each(|piece| chunk.extend_from_slice(piece));
        Bytes::from(chunk)
    }

    fn gather(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(Bytes::from(mem::take(&mut self.small)));
        }
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.pieces.iter().map(Bytes::len).sum::<usize>() + self.small.len();
        f.debug_struct("Begun").field("length", &length).finish_non_exhaustive()
    }
}

/// Pieces of fewer bytes are small.
const SMALL: usize = 16 << 10;
