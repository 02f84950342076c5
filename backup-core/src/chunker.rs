//! Cutting a stream into chunks.
//!
//! [`Chunker`] takes the bytes of one stream in pieces of any size and gives back its chunks. Where it cuts depends
//! on the bytes and on the layout alone, never on the pieces:
//!
//! | layout | chunks |
//! |---|---|
//! | content-defined | end where the content says, see [`Gear`] |
//! | paged | all pages that fit into 1 MiB |
//! | opaque | 1 MiB |
//!
//! The last chunk of a stream is what is left, of any length from 1 byte on. A stream without bytes has no chunks.

mod begun;
mod fixed;
mod gear;
mod sizes;
#[cfg(test)]
mod tests;

use std::mem;

use bytes::Bytes;

use self::begun::Begun;
use self::fixed::Fixed;
pub use self::gear::Gear;
use self::gear::Search;
pub use self::sizes::Sizes;
use crate::engine::Layout;

/// Cuts streams into chunks, one stream after another.
///
/// A chunk that lies within one piece is a slice of it; any other is copied once, into memory of exactly its length
/// (what comes in pieces of less than 16 KiB, twice). Between calls a chunker holds the pieces of one chunk.
#[derive(Debug)]
pub struct Chunker {
    cutter: Cutter,
    begun: Begun,
}

#[derive(Debug)]
enum Cutter {
    ContentDefined { gear: Gear, search: Search },
    Fixed(Fixed),
}

impl Chunker {
    /// A chunker for artifacts of a layout. `gear` is used by the content-defined layout only.
    #[must_use]
    pub fn for_layout(layout: Layout, gear: &Gear) -> Self {
        let cutter = match layout {
            Layout::ContentDefined => {
                Cutter::ContentDefined { gear: gear.clone(), search: Search::default() }
            }
            Layout::Paged { page_size } => Cutter::Fixed(Fixed::pages(page_size)),
            Layout::Opaque => Cutter::Fixed(Fixed::opaque()),
        };
        Self { cutter, begun: Begun::default() }
    }

    /// Takes from `piece` up to the end of the current chunk and returns that chunk; takes all and returns `None` if
    /// the chunk goes on. Call it until then, for each piece in turn.
    pub fn next_chunk(&mut self, piece: &mut Bytes) -> Option<Bytes> {
        if let Some(end) = self.cutter.find_end(piece) {
            return Some(self.begun.complete(piece.split_to(end)));
        }
        self.begun.push(mem::take(piece));
        None
    }

    /// Ends the stream and returns its last chunk, if bytes are left. The next piece begins another stream.
    pub fn finish(&mut self) -> Option<Bytes> {
        self.cutter.restart();
        let chunk = self.begun.complete(Bytes::new());
        (!chunk.is_empty()).then_some(chunk)
    }
}

impl Cutter {
    /// How many bytes of `piece` belong to the current chunk if it ends there; the next chunk is then the current one.
    fn find_end(&mut self, piece: &[u8]) -> Option<usize> {
        match self {
            Self::ContentDefined { gear, search } => search.find_end(gear, piece),
            Self::Fixed(fixed) => fixed.find_end(piece),
        }
    }

    /// Begins another stream.
    fn restart(&mut self) {
        match self {
            Self::ContentDefined { search, .. } => *search = Search::default(),
            Self::Fixed(fixed) => fixed.restart(),
        }
    }
}
